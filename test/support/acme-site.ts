/** The proxy with an authority of its own: Pebble validates at the proxy's ports. */
import { type Pebble, type PebbleOptions, startPebble } from "./pebble.ts";
import { ProxyProcess, severalWorkers } from "./proxy-process.ts";

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
    const env: Record<string, string> = {
      // Validations come to any of the workers.
      ...severalWorkers,
      // Names lead to this machine in Pebble's view alone, unless a test says how to see it.
      KAMAL_PROXY_ACME_PREFLIGHT: "off",
    };
    const proxy = ProxyProcess.prepare({ env });
    try {
      const pebble = await startPebble(binaries, {
        ...(ports.http ? { httpPort: proxy.httpPort } : {}),
        ...(ports.tls ? { tlsPort: proxy.httpsPort } : {}),
        ...options,
      });
      env["KAMAL_PROXY_ACME_DIRECTORY"] = pebble.directoryUrl;
      env["KAMAL_PROXY_ACME_CA_FILE"] = pebble.caFile;
      Object.assign(env, more(pebble, proxy));
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
