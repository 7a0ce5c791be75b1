/** The control plane with its certificates, wired to whoever serves. */
import type { RunOptions } from "../config/run-options.ts";
import { certificateFolder, statePath } from "../config/paths.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { SystemResolver } from "../net/resolver/resolver.ts";
import { SystemConnector } from "../net/system-connector.ts";
import type { DataPlane, DataPlaneQuestions } from "../seam/data-plane.ts";
import { systemDnsChallenge } from "./certificates/acme/dns/system-dns-challenge.ts";
import { sharedStorage } from "./certificates/storage/shared-storage.ts";
import { CertificateFeed } from "./certificates/certificate-feed.ts";
import { CertificateManager } from "./certificates/certificate-manager.ts";
import { probeThrough } from "./health/health-probe.ts";
import { ControlPlane } from "./control-plane.ts";
import type { ServiceFiles } from "./service-check.ts";

export interface WiringContext<T extends DataPlane> {
  clock: Clock;
  logger: Logger;
  /** Sent to certificate authorities. */
  userAgent: string;
  loadErrorPages: ServiceFiles["loadErrorPages"];
  /** Who serves, and asks. */
  connect(questions: DataPlaneQuestions): T;
}

export interface WiredControlPlane<T extends DataPlane> {
  controlPlane: ControlPlane;
  certificates: CertificateManager;
  feed: CertificateFeed;
  dataPlane: T;
}

export function wireControlPlane<T extends DataPlane>(
  options: RunOptions,
  { clock, logger, userAgent, loadErrorPages, connect }: WiringContext<T>,
): WiredControlPlane<T> {
  const cachePath = certificateFolder(options.dataPath);
  const dns =
    options.acme.dns === null
      ? null
      : systemDnsChallenge(options.acme.dns, { clock, logger, folder: cachePath });
  void dns?.cleanUp();
  const certificates = new CertificateManager({
    clock,
    logger,
    acme: options.acme,
    dns,
    sharedStorage:
      options.certificateStore === null
        ? null
        : sharedStorage(options.certificateStore, { clock, logger, copyFolder: cachePath }),
    defaultCachePath: cachePath,
    userAgent,
    askTarget: (service, pathAndQuery, host, signal) =>
      dataPlane.askTarget({ service, pathAndQuery, host }, signal),
    challengesChanged: () => feed.push(),
    restoring: true,
  });
  const feed = new CertificateFeed({
    served: () => certificates.served(),
    send: (change) => dataPlane.certificates(change),
  });
  certificates.onChange = () => void feed.push();
  const dataPlane = connect({
    certificate: async (name) => certificates.forName(name),
    challenge: async ({ hostName, path }) => certificates.challengeResponse(hostName, path),
  });
  const controlPlane = new ControlPlane({
    dataPlane: {
      async apply(snapshot) {
        const applied = dataPlane.apply(snapshot);
        certificates.update(snapshot.services);
        await Promise.all([applied, feed.push()]);
      },
      drain: (targetIds, timeoutMs) => dataPlane.drain(targetIds, timeoutMs),
      samples: () => dataPlane.samples(),
    },
    logger,
    clock,
    statePath: statePath(options.dataPath),
    socketPath: options.socketPath,
    probe: probeThrough(new SystemConnector(new SystemResolver({ clock }), clock), clock),
    loadErrorPages,
    checkCertificate: (service) => certificates.checkCertificate(service),
    canOrderWildcard: (host) => certificates.canOrder(host),
    certificates: {
      describe: (service) => certificates.describe(service).certificates,
      details: async () => certificates.details(),
      renew: (name) => certificates.renew(name),
      forget: (name) => certificates.forget(name),
    },
  });
  return { controlPlane, certificates, feed, dataPlane };
}
