/** The root of the primary: makes the control plane and who serves for it, wires them, and stops them. */
import { randomBytes } from "node:crypto";
import { closeSync, readFileSync } from "node:fs";
import { productVersion } from "../cli/version.ts";
import { CommandError } from "../config/command-error.ts";
import { logFlushBytes, logFlushIntervalMs, shutdownTimeoutMs } from "../config/limits.ts";
import {
  acceptedGraceMs,
  idleGraceMs,
  leavingIntervalMs,
  leavingTimeoutMs,
} from "../config/worker-limits.ts";
import type { RunOptions } from "../config/run-options.ts";
import { loadErrorPages } from "../data-plane/proxy/answers/error-page-files.ts";
import {
  handoverVariable,
  ownArguments,
  ownCommand,
  rehearsalCommand,
  scriptAndArguments,
  workerCommand,
} from "../engine-environment.ts";
import { messageOf } from "../lib/error-text.ts";
import { ignoreSignals } from "../lib/ignored-signals.ts";
import { systemClock as clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { logStrayErrors } from "../lib/stray-errors.ts";
import { BatchedWriter } from "../net/batched-writer.ts";
import { keepAcross } from "../net/execute-in-place.ts";
import { openLibc } from "../net/libc.ts";
import { listeningPort } from "../net/listening-sockets.ts";
import { nextSignal, SignalGate } from "../net/signal-gate.ts";
import { ServiceManager } from "../net/service-manager.ts";
import type { DataPlane } from "../seam/data-plane.ts";
import { DistantDataPlane } from "../seam/distant-data-plane.ts";
import { dataPlaneOptions } from "../seam/plane-calls.ts";
import { createLogger, formatMessage } from "../seam/process-log.ts";
import { joinedEnds } from "../seam/seam-end.ts";
import type { CertificateManager } from "./certificates/certificate-manager.ts";
import { wireControlPlane, type WiringContext } from "./wired-control-plane.ts";
import { type ControlPlane, refuseUpgrade, type UpgradeHandler } from "./control-plane.ts";
import type { Reply } from "./socket/protocol.ts";
import { EventJournal } from "./status/event-journal.ts";
import { notingLogger } from "./status/noting-logger.ts";
import { listenForFigures } from "./figures-listener.ts";
import { openStatusPage } from "./status/status-page.ts";
import { TrafficRecord } from "./status/traffic-record.ts";
import { type Handover, parseHandover } from "./upgrade/handover.ts";
import { descriptorsOf, Upgrade } from "./upgrade/upgrade.ts";
import {
  openWorkerSockets,
  serveWithWorkers,
  type WorkerServing,
  type WorkerSockets,
} from "./workers/launch-workers.ts";
import {
  type HandedSockets,
  noHandedSockets,
  takeHandedSockets,
} from "./workers/handed-sockets.ts";
import { type Serving, serveInOneProcess } from "./workers/serving.ts";

/** Runs the proxy until a signal stops it; resolves with the exit code. Throws when it can't start. */
export async function runServer(options: RunOptions): Promise<number> {
  const stopSignal = nextSignal();
  const started = Promise.withResolvers<void>();
  process.on("SIGHUP", () => {
    void started.promise
      .then(() => upgrade(null, -1))
      .catch((error: unknown) => {
        logger.error("Unable to upgrade", { error: messageOf(error) });
      });
  });
  ignoreSignals();
  const libc = openLibc();
  const signals = libc === null ? null : new SignalGate(libc);
  // The start and the executable before have held them back.
  signals?.open();
  const output = createOutput();
  process.on("exit", () => output.flushSync());
  const journal = new EventJournal(() => clock.wallMs());
  const logger = notingLogger(createLogger(output, clock, options.debug), journal);
  logStrayErrors(process, logger);
  const manager = ServiceManager.find(libc, process.env, (error) => {
    logger.warn("Unable to tell the service manager how the proxy is", { error });
  });
  const handover = takeHandover();
  journal.takeOver(handover?.events ?? []);
  const traffic = options.statusPort === 0 ? null : new TrafficRecord();
  traffic?.takeOver(handover?.traffic ?? []);
  const chosen = await chooseServing(options, handover, output, logger);
  const { controlPlane, certificates, serving, restore, describeProxy } = wireControlPlane(
    options,
    {
      clock,
      logger,
      journal,
      version: productVersion,
      pid: process.pid,
      loadErrorPages,
      handover,
      upgrade: (path, client) => upgrade(path, client),
      serve: chosen.serve,
    },
  );
  const upgrades =
    chosen.sockets === null
      ? null
      : createUpgrade(
          signals!,
          chosen.sockets,
          serving as WorkerServing,
          controlPlane,
          traffic,
          options,
          output,
          logger,
          manager,
          certificates,
        );
  void stopSignal.then(() => upgrades?.end());
  const upgrade: UpgradeHandler = (path, client) =>
    upgrades === null ? refuseUpgrade() : upgrades.begin(path, client);
  if (handover !== null) await (serving as WorkerServing).adopt(handover.workers);
  await restore();

  const metricsListener = listenForFigures(
    options,
    serving,
    certificates,
    controlPlane,
    output,
    logger,
  );
  const statusPage = await openStatusPage(options, {
    clock,
    logger,
    version: productVersion,
    journal,
    record: traffic,
    serving,
    services: () => controlPlane.describe(),
    certificates: async () => certificates.details(),
    processes: async () => (await describeProxy()).processes,
  });
  const ports = await serving.open().catch(async (error: unknown) => {
    if (handover === null || handover.failure !== null || upgrades === null) throw error;
    await Promise.all([metricsListener?.close(), statusPage?.close()]);
    return await upgrades.goBack(handover, messageOf(error));
  });
  await controlPlane.listen();
  logger.info("Server started", { http: ports.http, https: ports.https });
  manager?.ready(process.pid, `Version ${productVersion} serves`);
  tellImageVersion(options, logger);
  if (handover !== null) tellUpgrade(handover, options, controlPlane, logger);

  started.resolve();

  await stopSignal;
  manager?.stopping("Finishing requests under way");
  const impatient = nextSignal();
  // Answers tell of the end before the control socket does.
  const finished = serving.plane
    .leave()
    .then(() => Promise.all([controlPlane.close(), finish(serving.plane, chosen.sockets)]));
  const timeUp = Promise.withResolvers<void>();
  const timer = clock.after(shutdownTimeoutMs, () => {
    logger.warn("Closing active connections");
    timeUp.resolve();
  });
  await Promise.race([finished, timeUp.promise, impatient]);
  timer.cancel();
  await serving.end();
  certificates.close();
  await Promise.all([metricsListener?.close(), statusPage?.close()]);
  logger.info("Server stopped");
  output.close();
  return 0;
}

/**
 * Goes on accepting until nothing is under way, or too much time has passed: then finishes. Where ports
 * outlive this process nobody needs to lose anything: kept connections have time to be told of the end.
 */
async function finish(plane: DataPlane, sockets: WorkerSockets | null): Promise<void> {
  const outlives = sockets !== null && (sockets.http.outlives || sockets.https.outlives);
  const beganMs = clock.runningMs();
  const passedMs = (): number => clock.runningMs() - beganMs;
  const waits = async (): Promise<boolean> =>
    (outlives && passedMs() < idleGraceMs) ||
    ((await plane.underWay()) > 0 && passedMs() < leavingTimeoutMs);
  while (await waits()) {
    await new Promise<void>((resolve) => void clock.after(leavingIntervalMs, () => resolve()));
  }
  await plane.finish(outlives ? acceptedGraceMs : 0);
}

/** What the executable before has left; null: this is a start. */
function takeHandover(): Handover | null {
  const libc = openLibc();
  const fd = process.env[handoverVariable];
  if (fd === undefined || libc === null) return null;
  // Not for the workers.
  delete process.env[handoverVariable];
  const handover = parseHandover(readFileSync(Number(fd), "utf8"));
  closeSync(Number(fd));
  for (const kept of descriptorsOf(handover)) keepAcross(libc, kept, false);
  return handover;
}

function createUpgrade(
  signals: SignalGate,
  sockets: WorkerSockets,
  serving: WorkerServing,
  controlPlane: ControlPlane,
  traffic: TrafficRecord | null,
  { dataPath }: RunOptions,
  output: BatchedWriter,
  logger: Logger,
  manager: ServiceManager | null,
  certificates: CertificateManager,
): Upgrade {
  return new Upgrade({
    libc: openLibc()!,
    signals,
    clock,
    logger,
    version: productVersion,
    args: scriptAndArguments(),
    rehearsalArgs: ownArguments(rehearsalCommand),
    environment: process.env,
    handoverVariable,
    folder: dataPath,
    sockets,
    pool: serving.pool,
    controlPlane,
    traffic: () => traffic?.packed() ?? [],
    ordersEnded: (signal) => certificates.orders.ended(signal),
    began: (path) => manager?.reloading(`Upgrading to ${path}`),
    failed: (reason) => manager?.ready(process.pid, `Unable to upgrade: ${reason}`),
    flushLog: () => output.flushSync(),
  });
}

/** A container that was upgraded in place has another version than its image, also after a restart. */
function tellImageVersion({ imageVersion }: RunOptions, logger: Logger): void {
  if (imageVersion === "" || imageVersion === productVersion) return;
  const versions = { image: imageVersion, running: productVersion };
  logger.warn("Running another version than the image's", versions);
}

/** To whoever asked for it, and to the log. */
function tellUpgrade(
  { version, replyFd, executableFd, failure }: Handover,
  { workers }: RunOptions,
  controlPlane: ControlPlane,
  logger: Logger,
): void {
  const upgraded = { from: version, to: productVersion, workers };
  if (failure === null) logger.info("Upgraded", upgraded);
  else logger.error("Unable to upgrade", { error: failure });
  if (executableFd >= 0) closeSync(executableFd);
  if (replyFd < 0) return;
  const reply: Reply = failure === null ? { ok: true, upgraded } : { ok: false, error: failure };
  void controlPlane.answer(replyFd, reply);
}

/** The one way to standard output, of this process and its workers. */
function createOutput(): BatchedWriter {
  return new BatchedWriter(1, clock, {
    flushIntervalMs: logFlushIntervalMs,
    flushBytes: logFlushBytes,
    droppedText: (lines) =>
      formatMessage(clock.wallMs(), "WARN", "Log lines dropped: the reader is too slow", { lines }),
  });
}

interface ChosenServing {
  serve: WiringContext<Serving>["serve"];
  /** Null: in one process. */
  sockets: WorkerSockets | null;
}

/** Opens the ports, so that it fails before anything else is done when one of them is taken. */
async function chooseServing(
  options: RunOptions,
  handover: Handover | null,
  output: BatchedWriter,
  logger: Logger,
): Promise<ChosenServing> {
  const secret = randomBytes(4).readUInt32LE();
  const libc = options.oneProcess ? null : openLibc();
  const handed = handover === null ? handedSockets(options) : noHandedSockets;
  if (libc === null) {
    if (handed.http !== null || handed.https !== null) {
      throw new CommandError("LISTEN_FDS: a proxy in one process takes no sockets from others");
    }
    logger.info("Serving in one process: no workers, no upgrade in place");
    const { startWorker } = await import("../data-plane/worker.ts");
    const [end, workerEnd] = joinedEnds();
    startWorker({ end: workerEnd, output, clock, onEnd() {} });
    const serve: ChosenServing["serve"] = (questions) =>
      serveInOneProcess(
        new DistantDataPlane(end, questions),
        dataPlaneOptions(options, 1, secret),
        clock,
      );
    return { serve, sockets: null };
  }
  const sockets = handover?.sockets ?? openWorkerSockets(libc, options, handed);
  const gone = {
    metrics: handover?.goneMetrics ?? [],
    served: handover?.goneServed ?? [],
    spans: handover?.goneSpans ?? { exported: 0, dropped: 0 },
  };
  return {
    sockets,
    serve: (questions, certificates) =>
      serveWithWorkers({
        options,
        libc,
        sockets,
        secret,
        clock,
        logger,
        questions,
        certificates,
        gone,
        command: ownCommand(workerCommand),
        onLog: (lines) => output.writeBlock(lines),
      }),
  };
}

/** Of systemd. Where there is no C library nobody has any. */
function handedSockets({ httpPort, httpsPort }: RunOptions): HandedSockets {
  const libc = openLibc();
  if (libc === null) return noHandedSockets;
  return takeHandedSockets({
    environment: process.env,
    pid: process.pid,
    httpPort,
    httpsPort,
    portOf: (fd) => listeningPort(libc, fd),
  });
}
