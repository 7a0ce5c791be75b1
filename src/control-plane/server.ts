/** The composition root of `run`: makes the two planes, wires them, and stops them. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { CertificateManager } from "./certificates/certificate-manager.ts";
import { productVersion } from "../cli/version.ts";
import { CommandError } from "../config/command-error.ts";
import { logFlushBytes, logFlushIntervalMs, shutdownTimeoutMs } from "../config/defaults.ts";
import { certificateFolder, statePath } from "../config/paths.ts";
import type { RunOptions } from "../config/run-options.ts";
import { ControlPlane } from "./control-plane.ts";
import { CidrError, CidrList } from "../lib/cidr.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { logStrayErrors } from "../lib/stray-errors.ts";
import { DescriptorGuard } from "../data-plane/listeners/accept/descriptor-guard.ts";
import { Http3Listener } from "../data-plane/listeners/http3-port.ts";
import { HttpListener } from "../data-plane/listeners/http-port.ts";
import { TlsListener } from "../data-plane/listeners/https-port.ts";
import { askTarget } from "../data-plane/proxy/ask-target.ts";
import type { Exchange } from "../protocols/http/exchange.ts";
import { loadErrorPages } from "../data-plane/proxy/answers/error-page-files.ts";
import { Pipeline } from "../data-plane/proxy/pipeline.ts";
import { RequestRecorder } from "../data-plane/proxy/request-record.ts";
import { MemoryBudget } from "../net/memory-budget.ts";
import { LiveServices } from "../data-plane/services/live-services.ts";
import { BatchedWriter } from "./telemetry/batched-writer.ts";
import { expositionType, formatMetrics } from "./telemetry/exposition.ts";
import { createLogger, formatMessage } from "./telemetry/logger.ts";
import { Metrics } from "../data-plane/telemetry/metrics.ts";
import { listenForMetrics } from "./telemetry/metrics-listener.ts";
import { logFigure, processFigures } from "./telemetry/process-figures.ts";
import { Http1Transport } from "../data-plane/upstream/http1/http1-transport.ts";
import type { Transport } from "../data-plane/upstream/transport.ts";

/** Runs the proxy until a signal stops it; resolves with the exit code. Throws when it can't start. */
export async function runServer(options: RunOptions): Promise<number> {
  const trusted = trustedProxies(options);
  const stopSignal = nextSignal();
  const output = new BatchedWriter(1, clock, {
    flushIntervalMs: logFlushIntervalMs,
    flushBytes: logFlushBytes,
    droppedText: (lines) =>
      formatMessage(clock.wallMs(), "WARN", "Log lines dropped: the reader is too slow", { lines }),
  });
  process.on("exit", () => output.flushSync());
  const logger = createLogger(output, clock, options.debug);
  logStrayErrors(process, logger);
  const metrics = new Metrics();

  const services = new LiveServices<Transport>({
    clock,
    createTransport: (host, port) => new Http1Transport({ host, port, clock }),
  });
  const certificates = new CertificateManager({
    clock,
    logger,
    acme: options.acme,
    defaultCachePath: certificateFolder(options.dataPath),
    userAgent: `kamal-proxy/${productVersion}`,
    askTarget: (service, pathAndQuery, host, signal) =>
      askTarget(services, service, pathAndQuery, host, signal),
    restoring: true,
  });
  const controlPlane = new ControlPlane({
    dataPlane: {
      apply(snapshot) {
        services.apply(snapshot);
        certificates.update(snapshot.services);
      },
      drain: (targetIds, timeoutMs) => services.drain(targetIds, timeoutMs),
      samples: () => services.samples(),
    },
    logger,
    clock,
    statePath: statePath(options.dataPath),
    socketPath: options.socketPath,
    loadErrorPages,
    checkCertificate: (service) => certificates.checkCertificate(service),
    describeCertificates: (service) => certificates.describe(service).certificates,
  });
  await controlPlane.restore();
  certificates.restored();

  const pipeline = new Pipeline({
    services,
    recorder: new RequestRecorder({
      metrics,
      clock,
      httpPort: options.httpPort,
      httpsPort: options.httpsPort,
      writeLine: (line) => output.write(line),
    }),
    logger,
    clock,
    newRequestId: randomUUID,
    trustedProxies: trusted,
    challengeResponse: (hostName, path) => certificates.challengeResponse(hostName, path),
    spoolMemory: new MemoryBudget(options.bufferMemoryTotalBytes),
    spoolFolder: tmpdir(),
    targetRetryMs: options.targetRetryMs,
  });

  const metricsListener =
    options.metricsPort === 0
      ? null
      : listenForMetrics(
          { hostname: options.bind, port: options.metricsPort },
          expositionType,
          () =>
            formatMetrics(metrics.snapshot(), [
              logFigure(output.droppedLines),
              ...processFigures(),
            ]),
        );
  if (metricsListener !== null) {
    logger.info("Metrics enabled", { address: `${options.bind}:${metricsListener.port}` });
  }
  const { bind, limits } = options;
  const handle = (exchange: Exchange): void => void pipeline.handle(exchange);
  const proxyPeers = options.proxyProtocol ? trusted : null;
  const altSvc = options.http3 ? `h3=":${options.httpsPort}"; ma=2592000` : null;
  const descriptors = new DescriptorGuard(clock, logger);
  const listeners: Listener[] = [];
  const http = new HttpListener({
    bind,
    port: options.httpPort,
    limits,
    clock,
    logger,
    descriptors,
    proxyPeers,
    handle,
  });
  listeners.push(http);
  const https = new TlsListener({
    bind,
    port: options.httpsPort,
    limits,
    clock,
    logger,
    descriptors,
    certificates,
    minTlsVersion: options.minTlsVersion,
    altSvc,
    proxyPeers,
    handle,
  });
  listeners.push(https);
  if (options.http3) {
    const { port } = https;
    listeners.push(
      new Http3Listener({ bind, port, limits, clock, logger, certificates, altSvc, handle }),
    );
  }
  await controlPlane.listen();
  logger.info("Server started", { http: http.port, https: https.port });

  await stopSignal;
  const impatient = nextSignal();
  const finished = Promise.all([
    controlPlane.close(),
    ...listeners.map((listener) => listener.finish()),
  ]);
  const timeUp = Promise.withResolvers<void>();
  const timer = clock.after(shutdownTimeoutMs, () => {
    logger.warn("Closing active connections");
    timeUp.resolve();
  });
  await Promise.race([finished, timeUp.promise, impatient]);
  timer.cancel();
  for (const listener of listeners) listener.destroy();
  certificates.close();
  services.close();
  await metricsListener?.close();
  // What was cut just now still gets its log line.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  logger.info("Server stopped");
  output.close();
  return 0;
}

interface Listener {
  /** Takes no more connections; resolves when every request under way is answered. */
  finish(): Promise<void>;
  destroy(): void;
}

/** Resolves at the next SIGTERM or SIGINT. */
function nextSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", resolve);
  process.once("SIGINT", resolve);
  return promise;
}

function trustedProxies({ trustedProxies }: RunOptions): CidrList | null {
  if (trustedProxies === null) return null;
  const list = CidrList.parse(trustedProxies);
  if (list instanceof CidrError) throw new CommandError(`trusted-proxies: ${list.message}`);
  return list;
}
