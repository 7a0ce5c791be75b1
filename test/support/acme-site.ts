/** The proxy with an authority of its own: Pebble validates at the proxy's ports. */
import { type Pebble, type PebbleOptions, startPebble } from "./pebble.ts";
import { ProxyProcess } from "./proxy-process.ts";

/** Where Pebble looks for the proxy. */
export interface ValidationPorts {
  http: boolean;
  tls: boolean;
}

export class AcmeSite implements AsyncDisposable {
  readonly proxy: ProxyProcess;
  readonly pebble: Pebble;

  private constructor(proxy: ProxyProcess, pebble: Pebble) {
    this.proxy = proxy;
    this.pebble = pebble;
  }

  static async start(
    binaries: Parameters<typeof startPebble>[0],
    ports: ValidationPorts = { http: true, tls: true },
    options: PebbleOptions = {},
    /** More environment, which may need Pebble's addresses. */
    more: (pebble: Pebble, proxy: ProxyProcess) => Record<string, string> = () => ({}),
  ): Promise<AcmeSite> {
    // Names lead to this machine in Pebble's view alone, unless a test says how to see it.
    const env: Record<string, string> = { KAMAL_PROXY_ACME_PREFLIGHT: "off" };
    const proxy = await ProxyProcess.start({ env });
    try {
      const pebble = await startPebble(binaries, {
        ...(ports.http ? { httpPort: proxy.httpPort } : {}),
        ...(ports.tls ? { tlsPort: proxy.httpsPort } : {}),
        ...options,
      });
      // Each needs the other's ports: the proxy, which keeps its own, starts again with Pebble's.
      env["KAMAL_PROXY_ACME_DIRECTORY"] = pebble.directoryUrl;
      env["KAMAL_PROXY_ACME_CA_FILE"] = pebble.caFile;
      Object.assign(env, more(pebble, proxy));
      await proxy.stop();
      await proxy.startAgain();
      return new AcmeSite(proxy, pebble);
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.pebble[Symbol.asyncDispose]();
  }
}
