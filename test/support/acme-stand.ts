/** A certificate manager between real ports for validations and handshakes and a certificate authority. */
import { acmeSettings } from "./acme-settings.ts";
import { connect } from "node:tls";
import {
  CertificateManager,
  type CertificateManagerSettings,
} from "../../src/control-plane/certificates/certificate-manager.ts";
import type { AcmeSettings } from "../../src/config/acme-settings.ts";
import { clientLimits } from "../../src/config/defaults.ts";
import type { ServiceOptions } from "../../src/config/options.ts";
import type { ServiceSnapshot } from "../../src/seam/snapshot.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { DescriptorGuard } from "../../src/data-plane/listeners/accept/descriptor-guard.ts";
import { HttpsPort } from "../../src/data-plane/listeners/https-port.ts";
import { RecordingLogger } from "./recording-logger.ts";
import { poolSnapshot, serviceSnapshot } from "./service-snapshots.ts";
import { tempFolder, type TempFolder } from "./temp-folder.ts";

export interface HandshakeResult {
  /** Serial number of the certificate that was shown; null: the handshake was refused. */
  serial: string | null;
  names: string | undefined;
  /** Code of the error, as an alert gives it. */
  error: string | null;
}

export class AcmeStand implements AsyncDisposable {
  readonly folder: TempFolder = tempFolder();
  logger = new RecordingLogger();
  #manager: CertificateManager | null = null;
  readonly #http: Bun.Server<undefined>;
  #tls: HttpsPort | null = null;
  #tlsPort = 0;

  constructor() {
    this.#http = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        const { hostname, pathname } = new URL(request.url);
        const answer = await this.#manager?.challengeResponse(hostname, pathname);
        if (!answer) return new Response("the app");
        return new Response(answer.body, { status: answer.status });
      },
    });
    this.start();
  }

  get manager(): CertificateManager {
    return this.#manager!;
  }

  /** Where HTTP-01 is answered. */
  get httpPort(): number {
    return this.#http.port ?? 0;
  }

  /** Where handshakes and TLS-ALPN-01 are answered. */
  get tlsPort(): number {
    return this.#tlsPort;
  }

  /** A new manager, as after a restart; the ports and the disk stay. */
  start(acme: Partial<AcmeSettings> = {}, more: Partial<CertificateManagerSettings> = {}): void {
    this.#manager?.close();
    this.#tls?.destroy();
    this.logger = new RecordingLogger();
    this.#manager = new CertificateManager({
      clock: systemClock,
      logger: this.logger,
      acme: acmeSettings(acme.directory, acme),
      defaultCachePath: this.folder.path,
      userAgent: "kamal-proxy/test",
      askTarget: async () => ({ status: 404, body: "" }),
      ...more,
    });
    this.#tls = new HttpsPort({
      bind: "127.0.0.1",
      port: this.#tlsPort,
      showsErrorCodes: true,
      limits: clientLimits,
      clock: systemClock,
      descriptors: new DescriptorGuard(systemClock, this.logger),
      logger: this.logger,
      certificates: Object.assign(this.#manager, { lackRsa: false }),
      clientAuthorities: () => null,
      minTlsVersion: "1.2",
      altSvc: null,
      proxyPeers: null,
      handle: () => {},
    });
    this.#tlsPort = this.#tls.port;
  }

  /** One service with automatic TLS and these hosts. */
  service(hosts: string[], deployment = 1, options: Partial<ServiceOptions> = {}): ServiceSnapshot {
    return serviceSnapshot("web", {
      options: { hosts, tlsEnabled: true, acmeCachePath: "", ...options },
      active: poolSnapshot([`web-${deployment}`]),
    });
  }

  /** Shows what a client with that server name gets. */
  handshake(name: string): Promise<HandshakeResult> {
    const { promise, resolve } = Promise.withResolvers<HandshakeResult>();
    const options = {
      host: "127.0.0.1",
      port: this.#tlsPort,
      servername: name,
      rejectUnauthorized: false,
    };
    const socket = connect(options, () => {
      const { serialNumber, subjectaltname } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ serial: serialNumber, names: subjectaltname, error: null });
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      resolve({ serial: null, names: undefined, error: error.code ?? error.message });
    });
    socket.on("close", () => resolve({ serial: null, names: undefined, error: "closed" }));
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#manager?.close();
    this.#tls?.destroy();
    await this.#http.stop(true);
    this.folder[Symbol.dispose]();
  }
}
