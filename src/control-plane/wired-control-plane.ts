/** The control plane with its certificates, wired to whoever serves. */
import type { RunOptions } from "../config/run-options.ts";
import { certificateFolder, statePath } from "../config/paths.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { SystemResolver } from "../net/resolver/resolver.ts";
import { SystemConnector } from "../net/system-connector.ts";
import type { CertificateChange } from "../seam/certificates.ts";
import type { DataPlaneQuestions } from "../seam/data-plane.ts";
import { systemDnsChallenge } from "./certificates/acme/dns/system-dns-challenge.ts";
import { sharedStorage } from "./certificates/storage/shared-storage.ts";
import { CertificateFeed } from "./certificates/certificate-feed.ts";
import { CertificateManager } from "./certificates/certificate-manager.ts";
import { probeThrough } from "./health/health-probe.ts";
import { askAppThrough } from "./settings-layers/ask-app.ts";
import { ControlPlane, type UpgradeHandler } from "./control-plane.ts";
import { preflightWays } from "./preflight-ways.ts";
import { ProxyHeaderLog } from "./proxy-header-log.ts";
import { proxyStatus } from "./proxy-status.ts";
import type { ProxyStatus } from "./socket/status-protocol.ts";
import type { EventJournal } from "./status/event-journal.ts";
import type { ServiceFiles } from "./service-check.ts";
import type { Handover } from "./upgrade/handover.ts";
import type { Serving } from "./workers/serving.ts";

export interface WiringContext<S extends Serving> {
  clock: Clock;
  logger: Logger;
  /** Of what happens. */
  journal: EventJournal;
  version: string;
  pid: number;
  loadErrorPages: ServiceFiles["loadErrorPages"];
  /** What the executable before has left; null: this is a start. */
  handover: Handover | null;
  /** Puts the executable at the path, or the one that was started, in the place of this one. */
  upgrade: UpgradeHandler;
  /** Who serves, and asks. */
  serve(questions: DataPlaneQuestions, pushed: () => CertificateChange | null): S;
}

export interface WiredControlPlane<S extends Serving> {
  controlPlane: ControlPlane;
  certificates: CertificateManager;
  serving: S;
  /** For `top` and the status page. */
  describeProxy(): Promise<ProxyStatus>;
  /** Serves what was saved, or handed over; until then no question is answered. */
  restore(): Promise<void>;
}

export function wireControlPlane<S extends Serving>(
  options: RunOptions,
  {
    clock,
    logger,
    journal,
    version,
    pid,
    loadErrorPages,
    handover,
    upgrade,
    serve,
  }: WiringContext<S>,
): WiredControlPlane<S> {
  const cachePath = certificateFolder(options.dataPath);
  const dns =
    options.acme.dns === null
      ? null
      : systemDnsChallenge(options.acme.dns, { clock, logger, folder: cachePath });
  void dns?.cleanUp();
  const resolver = new SystemResolver({ clock });
  const connector = new SystemConnector(resolver, clock);
  const certificates = new CertificateManager({
    clock,
    logger,
    acme: options.acme,
    dns,
    preflight:
      options.acme.preflight === null
        ? null
        : preflightWays(options.acme.preflight, { clock, resolver, connector }),
    sharedStorage:
      options.certificateStore === null
        ? null
        : sharedStorage(options.certificateStore, { clock, logger, copyFolder: cachePath }),
    defaultCachePath: cachePath,
    // Sent to certificate authorities.
    userAgent: `kamal-proxy/${version}`,
    askTarget: (service, pathAndQuery, host, signal) =>
      serving.plane.askTarget({ service, pathAndQuery, host }, signal),
    challengesChanged: () => feed.push(),
    restoring: true,
  });
  const feed = new CertificateFeed({
    served: () => certificates.served(),
    send: (change) => serving.plane.certificates(change),
  });
  certificates.onChange = () => void feed.push();
  const restored = Promise.withResolvers<void>();
  const proxyHeaders = new ProxyHeaderLog(clock, logger);
  const questions: DataPlaneQuestions = {
    async certificate(name) {
      await restored.promise;
      return certificates.forName(name);
    },
    async rsaWanted(name) {
      await restored.promise;
      await certificates.wantRsa(name);
    },
    async challenge({ hostName, path }) {
      await restored.promise;
      return certificates.challengeResponse(hostName, path);
    },
    async proxyHeaderFaults(faults) {
      for (const fault of faults) proxyHeaders.report(fault);
    },
  };
  const serving = serve(questions, () => feed.whole());
  const describeProxy = async (): Promise<ProxyStatus> => {
    const metrics = await serving.plane.metrics();
    const workers = (await serving.describe()).filter((worker) => "worker" in worker);
    const { events } = journal;
    return proxyStatus({ options, version, pid, nowMs: clock.now(), workers, metrics, events });
  };
  const controlPlane = new ControlPlane({
    dataPlane: {
      async apply(snapshot) {
        const applied = serving.plane.apply(snapshot);
        certificates.update(snapshot.services);
        await Promise.all([applied, feed.push()]);
      },
      drain: (targetIds, timeoutMs) => serving.plane.drain(targetIds, timeoutMs),
      samples: () => serving.plane.samples(),
      metrics: () => serving.plane.metrics(),
    },
    logger,
    clock,
    statePath: statePath(options.dataPath),
    socketPath: options.socketPath,
    settingsFolder: options.settingsFolder,
    probe: probeThrough(connector, clock),
    ...(options.appSettings && { askApp: askAppThrough(connector, clock) }),
    loadErrorPages,
    checkCertificate: (service) => certificates.checkCertificate(service),
    canOrderWildcard: (host) => certificates.canOrder(host),
    certificates: {
      outlook: (service) => certificates.outlook(service),
      describe: (service) => certificates.describe(service).certificates,
      details: async () => certificates.details(),
      renew: (name) => certificates.renew(name),
      forget: (name) => certificates.forget(name),
    },
    handover,
    upgrade,
    describeWorkers: () => serving.describe(),
    describeProxy,
    journal,
  });
  return {
    controlPlane,
    certificates,
    serving,
    describeProxy,
    async restore() {
      await controlPlane.restore();
      certificates.restored();
      restored.resolve();
    },
  };
}
