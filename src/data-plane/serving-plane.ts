/** The root of the data plane: builds who serves from its options and the seam alone. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { freshGraceMs, freshIntervalMs, idleGraceMs } from "../config/worker-limits.ts";
import { productVersion } from "../cli/version.ts";
import { CommandError } from "../config/command-error.ts";
import { connectionMemoryBytes, rateMemoryBytes } from "../config/access-limits.ts";
import { CidrFault, CidrList } from "../lib/cidr.ts";
import type { Clock } from "../lib/clock.ts";
import { DeadlineQueues } from "../lib/deadline-queue.ts";
import type { Logger } from "../lib/logger.ts";
import { keyedDigest } from "../lib/keyed-hash.ts";
import { MemoryBudget } from "../net/memory-budget.ts";
import { receivedMemory } from "../net/received-memory.ts";
import { mapSharedMemory } from "../net/shared-memory.ts";
import { SystemResolver } from "../net/resolver/resolver.ts";
import { SystemConnector } from "../net/system-connector.ts";
import type { Exchange } from "../protocols/http/exchange.ts";
import type { Conversation } from "../seam/conversation.ts";
import { askAgain } from "../seam/conversation.ts";
import type {
  ControlPlaneCalls,
  DataPlaneCalls,
  DataPlaneOptions,
  ListeningPorts,
} from "../seam/plane-calls.ts";
import { createLogger, type LineWriter } from "../seam/process-log.ts";
import { ConnectionLimit } from "./listeners/accept/connection-limit.ts";
import type { ConnectionSet } from "./listeners/accept/connection-set.ts";
import { DescriptorGuard } from "./listeners/accept/descriptor-guard.ts";
import { ProxyHeaderFaults, type ProxyPeers } from "./listeners/accept/proxy-header-faults.ts";
import { PushedCertificates } from "./listeners/accept/pushed-certificates.ts";
import { TurnedAway } from "./listeners/accept/turned-away.ts";
import { HttpPort } from "./listeners/http-port.ts";
import { Http3Port } from "./listeners/http3-port.ts";
import { HttpsPort } from "./listeners/https-port.ts";
import { Pipeline } from "./proxy/pipeline.ts";
import { ConnectionTable } from "../access/connection-table.ts";
import { RateTable } from "../access/rate-table.ts";
import { systemPasswords } from "../access/system-passwords.ts";
import { RequestRecorder } from "./proxy/request-record.ts";
import { LiveServices } from "./services/live-services.ts";
import type { TransportFactory } from "./services/target.ts";
import { otlpTracing } from "./telemetry/otlp-tracing.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import { Metrics } from "./telemetry/metrics.ts";
import { ProtocolTransport } from "./upstream/protocol-transport.ts";

interface Listener {
  /** Those that were accepted go on. */
  stopAccepting(): void;
  /** Takes no more connections; resolves when every request under way is answered. */
  finish(): Promise<void>;
  destroy(): void;
}

/** Everything that serves, wired. */
export class ServingPlane {
  readonly services: LiveServices;
  readonly certificates: PushedCertificates;
  readonly metrics = new Metrics();
  readonly #options: DataPlaneOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #pipeline: Pipeline;
  readonly tracing: Tracing;
  readonly #trusted: CidrList | null;
  readonly #proxyPeers: ProxyPeers | null;
  readonly #connections: ConnectionSet[] = [];
  readonly #tcpPorts: Listener[] = [];
  #listeners: Listener[] = [];

  constructor(
    options: DataPlaneOptions,
    control: Conversation<ControlPlaneCalls, DataPlaneCalls>,
    output: LineWriter,
    clock: Clock,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = createLogger(output, clock, options.debug);
    this.#trusted = trustedProxies(options);
    const ended = new TurnedAway(clock, (connections) => {
      const limit_bytes = Math.round(receivedMemory.budget.limitBytes);
      this.#logger.warn("Too much waits in memory: connections that kept most were closed", {
        connections,
        limit_bytes,
      });
    });
    receivedMemory.onEnded = () => ended.add();
    const connector = new SystemConnector(new SystemResolver({ clock }), clock);
    const deadlines = new DeadlineQueues(clock);
    const createTransport: TransportFactory = (host, port, secure = false) =>
      new ProtocolTransport({ host, port, secure, clock, deadlines, connector });
    this.services = new LiveServices({
      clock,
      createTransport,
      maxHeld: options.maxHeldRequests,
    });
    this.certificates = new PushedCertificates({
      clock,
      ask: (name) => askAgain(() => control.call("certificate", name)),
      askForRsa: (name) => askAgain(() => control.call("rsaWanted", name)),
    });
    const faults = new ProxyHeaderFaults((told) =>
      askAgain(() => control.call("proxyHeaderFaults", told)),
    );
    this.#proxyPeers =
      options.proxyProtocol && this.#trusted !== null ? { addresses: this.#trusted, faults } : null;
    this.tracing = otlpTracing(options.tracing, productVersion, clock, this.#logger);
    const rates = rateTable(options);
    this.#pipeline = new Pipeline({
      services: this.services,
      rates,
      workers: options.workers,
      passwords: systemPasswords(clock, rates),
      recorder: new RequestRecorder({
        metrics: this.metrics,
        clock,
        httpPort: options.httpPort,
        httpsPort: options.httpsPort,
        writeLine: (line) => output.write(line),
      }),
      logger: this.#logger,
      clock,
      newRequestId: randomUUID,
      createTransport,
      countEvent: (service, event) => this.metrics.countEvent(service, event),
      digest: keyedDigest(),
      trustedProxies: this.#trusted,
      challengeResponse: (hostName, path) =>
        askAgain(() => control.call("challenge", { hostName, path })),
      spoolMemory: new MemoryBudget(options.bufferMemoryTotalBytes),
      spoolFolder: tmpdir(),
      targetRetryMs: options.targetRetryMs,
      showsErrorCodes: options.errorCodes,
      appSettings: options.appSettings,
      publishesHealth: options.publishesHealth,
      tracing: this.tracing,
    });
  }

  /** Throws a CommandError when a port can't be had. */
  listen(): ListeningPorts {
    const { bind, limits, http3, httpsPort, sockets } = this.#options;
    const context = {
      bind,
      limits,
      clock: this.#clock,
      logger: this.#logger,
      descriptors: new DescriptorGuard(this.#clock, this.#logger),
      perClient: this.#connectionLimit(),
      certificates: this.certificates,
      proxyPeers: this.#proxyPeers,
      altSvc: http3 ? `h3=":${httpsPort}"; ma=2592000` : null,
      minTlsVersion: this.#options.minTlsVersion,
      showsErrorCodes: this.#options.errorCodes,
      handle: (exchange: Exchange): void => this.#pipeline.handle(exchange),
    };
    const http = new HttpPort({
      ...context,
      port: this.#options.httpPort,
      fd: sockets?.http ?? null,
    });
    this.#listeners.push(http);
    const https = new HttpsPort({
      ...context,
      port: httpsPort,
      fd: sockets?.https ?? null,
      clientAuthorities: (name) => this.services.clientCertificatesOf(name)?.authorities ?? null,
    });
    this.#listeners.push(https);
    this.#connections.push(http.connections, https.connections);
    this.#tcpPorts.push(http, https);
    if (this.#options.servesHttp3) {
      this.#listeners.push(new Http3Port({ ...context, port: https.port }));
    }
    return { http: http.port, https: https.port };
  }

  #connectionLimit(): ConnectionLimit | null {
    const { maxConnectionsPerIp, connectionMemory, rateMemory } = this.#options;
    if (maxConnectionsPerIp === 0) return null;
    const memory =
      connectionMemory === null
        ? new ArrayBuffer(connectionMemoryBytes)
        : mapSharedMemory(connectionMemory.descriptor);
    return new ConnectionLimit({
      table: new ConnectionTable(memory, rateMemory.secret, connectionMemory?.column ?? 0),
      maxPerClient: maxConnectionsPerIp,
      exempt: this.#trusted,
      clock: this.#clock,
      logger: this.#logger,
      onTurnedAway: () => this.metrics.countAnsweredBy("", "max-connections-per-ip"),
    });
  }

  async finish(graceMs: number): Promise<void> {
    if (graceMs > 0) {
      for (const port of this.#tcpPorts) port.stopAccepting();
      await this.#freshServed(graceMs);
    }
    await Promise.all(this.#listeners.map((listener) => listener.finish()));
  }

  /** Resolves when everybody who has connected has asked something, or the time is over. */
  async #freshServed(withinMs: number): Promise<void> {
    const untilMs = this.#clock.runningMs() + withinMs;
    const isAnyFresh = (): boolean => this.#connections.some(({ freshCount }) => freshCount > 0);
    while (isAnyFresh() && this.#clock.runningMs() < untilMs) await this.#wait(freshIntervalMs);
  }

  #wait(durationMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(durationMs, () => resolve()));
  }

  get connections(): number {
    return this.#connections.reduce((sum, { size }) => sum + size, 0);
  }

  /** Whoever is answered from now on is told to come on another connection. */
  leave(): void {
    for (const connections of this.#connections) connections.retire();
  }

  /** Requests that are not answered to their end; tunnels have none. */
  get underWay(): number {
    const tunnels = this.#connections.reduce((sum, { tunnelCount }) => sum + tunnelCount, 0);
    return Math.max(0, this.#pipeline.underWay - tunnels);
  }

  /**
   * Accepts no more. Who is connected may ask once more, on connections without a request for a moment
   * only; resolves when all are gone, tunnels as well, or `withinMs` after those moments.
   */
  async retire(withinMs: number): Promise<void> {
    this.leave();
    for (const listener of this.#listeners) listener.stopAccepting();
    await this.#wait(idleGraceMs);
    for (const connections of this.#connections) connections.finishServed();
    await this.#freshServed(freshGraceMs);
    await this.windUp(withinMs);
  }

  /** Accepts no more; resolves as soon as nothing is under way, tunnels included, or after `withinMs`. */
  async windUp(withinMs: number): Promise<void> {
    const timeUp = Promise.withResolvers<void>();
    const timer = this.#clock.after(withinMs, () => timeUp.resolve());
    const gone = this.finish(0).then(() =>
      Promise.all(this.#connections.map((set) => set.allGone())),
    );
    await Promise.race([gone, timeUp.promise]);
    timer.cancel();
    await this.tracing.close();
  }

  /** How long connections live on here when it was replaced. */
  get finishTimeoutMs(): number {
    return this.#options.finishTimeoutMs;
  }

  destroy(): void {
    for (const listener of this.#listeners) listener.destroy();
    this.#listeners = [];
    this.services.close();
  }
}

/** Without workers nobody shares it. */
function rateTable({ rateMemory }: DataPlaneOptions): RateTable {
  const { descriptor, secret } = rateMemory;
  const memory =
    descriptor === null ? new ArrayBuffer(rateMemoryBytes) : mapSharedMemory(descriptor);
  return new RateTable(memory, secret);
}

/** They were checked when the command line was read. */
function trustedProxies({ trustedProxies }: DataPlaneOptions): CidrList | null {
  if (trustedProxies === null) return null;
  const list = CidrList.parse(trustedProxies);
  if (list instanceof CidrFault) throw new CommandError(`trusted-proxies: ${list.message}`);
  return list;
}
