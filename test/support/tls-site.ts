/** An https port with a handler in place of the pipeline. */
import { clientLimits, type ClientLimits } from "../../src/config/defaults.ts";
import { CidrFault, CidrList } from "../../src/lib/cidr.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { DescriptorGuard } from "../../src/data-plane/listeners/accept/descriptor-guard.ts";
import {
  ProxyHeaderFaults,
  type ProxyPeers,
} from "../../src/data-plane/listeners/accept/proxy-header-faults.ts";
import type { ClientAuthorities } from "../../src/config/client-authorities.ts";
import { HttpsPort } from "../../src/data-plane/listeners/https-port.ts";
import type { ProxyHeaderFault } from "../../src/seam/data-plane.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { FakeCertificates, keyPair } from "./fake-certificates.ts";
import { RecordingLogger } from "./recording-logger.ts";

export interface TlsSiteOptions {
  limits?: Partial<ClientLimits>;
  clock?: Clock;
  altSvc?: string | null;
  /** Addresses of load balancers that send PROXY headers. */
  proxyPeers?: string[];
}

function peers(addresses: string[], faults: ProxyHeaderFault[]): ProxyPeers {
  const list = CidrList.parse(addresses);
  if (list instanceof CidrFault) throw new Error(list.message);
  return { addresses: list, faults: new ProxyHeaderFaults(async (told) => faults.push(...told)) };
}

export class TlsSite implements Disposable {
  readonly certificates = new FakeCertificates("app.test");
  /** Whose certificates clients are asked for, by name. */
  readonly authorities = new Map<string, ClientAuthorities>();
  readonly logger = new RecordingLogger();
  /** What was told of peers without a PROXY header. */
  readonly proxyHeaderFaults: ProxyHeaderFault[] = [];
  readonly listener: HttpsPort;
  /** What was handed to the handler. */
  readonly exchanges: Exchange[] = [];

  constructor(handle: (exchange: Exchange) => void, options: TlsSiteOptions = {}) {
    this.certificates.default = keyPair("default.test");
    this.listener = new HttpsPort({
      bind: "127.0.0.1",
      port: 0,
      showsErrorCodes: true,
      limits: { ...clientLimits, ...options.limits },
      clock: options.clock ?? systemClock,
      descriptors: new DescriptorGuard(systemClock, this.logger),
      logger: this.logger,
      certificates: this.certificates,
      clientAuthorities: (name) => this.authorities.get(name) ?? null,
      minTlsVersion: "1.2",
      altSvc: options.altSvc ?? null,
      proxyPeers:
        options.proxyPeers === undefined ? null : peers(options.proxyPeers, this.proxyHeaderFaults),
      handle: (exchange) => {
        this.exchanges.push(exchange);
        handle(exchange);
      },
    });
  }

  get port(): number {
    return this.listener.port;
  }

  [Symbol.dispose](): void {
    this.listener.destroy();
  }
}
