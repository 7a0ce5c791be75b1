/** Puts the control plane together: what the proxy's `run` starts, stops, and knows of it. */
import { CommandError } from "../config/command-error.ts";
import { degradedRetryIntervalMs, shutdownTimeoutMs } from "../config/limits.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { ServedServices } from "../seam/data-plane.ts";
import { type DeploymentContext, deployRollout, deployService } from "./deployment.ts";
import { type DescribeCertificates, describeServices } from "./describe.ts";
import { type CommandHandlers, dispatch } from "./socket/dispatcher.ts";
import type { Probe } from "./health/health-probe.ts";
import { restoreServices, retryDegraded } from "./restore.ts";
import type { Libc } from "../net/libc.ts";
import type { CertificateDetails } from "./certificates/certificate-details.ts";
import type { Reply, ServiceDescriptions, WorkerDescription } from "./socket/protocol.ts";
import type { ProxyStatus } from "./socket/status-protocol.ts";
import { decodeState, encodeState } from "./state/state-file.ts";
import type { Handover } from "./upgrade/handover.ts";
import { type ControlClient, ControlServer } from "./socket/control-server.ts";
import { AutomaticRollouts } from "./rollout/automatic-rollouts.ts";
import { groupsOf } from "./deployed-service.ts";
import type { ServiceFiles } from "./service-check.ts";
import {
  pauseService,
  removeService,
  resumeService,
  setRolloutSplit,
  stopRollout,
  stopService,
} from "./service-commands.ts";
import { reloadSettings, setSettings, unsetSettings } from "./service-settings.ts";
import { readSettingsFolder } from "./settings-layers/settings-folder.ts";
import { NamedFileWatch } from "./named-file-watch.ts";
import { EventJournal } from "./status/event-journal.ts";
import { healthEvent } from "./status/health-event.ts";
import { recordCommands } from "./status/recorded-commands.ts";
import type { TargetGroup } from "./health/target-group.ts";
import type { TargetHealth } from "./telemetry/target-figures.ts";
import { ServiceRegistry } from "./service-registry.ts";
import { StateStore } from "./state/state-store.ts";

export interface ControlPlaneSettings extends ServiceFiles {
  dataPlane: ServedServices;
  logger: Logger;
  clock: Clock;
  statePath: string;
  socketPath: string;
  /** How a target is asked for its health. */
  probe: Probe;
  certificates?: CertificateOperations;
  /** Where files of settings are. */
  settingsFolder?: string | undefined;
  /** Given when apps may have settings of their own. */
  askApp?: DeploymentContext["askApp"];
  /** For `top` and `doctor`. */
  describeProxy: () => Promise<ProxyStatus>;
  /** Hears of what changes. */
  journal?: EventJournal;
  describeWorkers?: () => Promise<WorkerDescription[]>;
  /** What the executable before has left; null or not given: this is a start. */
  handover?: Handover | null;
  upgrade?: UpgradeHandler;
}

/**
 * Puts the executable at the path, or the one that was started, in the place of this one. Rejects with the
 * reason when it can't be done. `client` is the descriptor of the connection that waits for it.
 */
export type UpgradeHandler = (path: string | null, client: number) => Promise<never>;

/** What the control plane hands over to the next executable. */
export type HandedServices = Pick<Handover, "targets" | "state" | "lastTargetId" | "events">;

/** What commands say and do about certificates. */
export interface CertificateOperations {
  /** What may keep the missing certificates of a service that was deployed from being issued. */
  outlook(service: string): Promise<string[]>;
  /** For `list`. */
  describe: DescribeCertificates;
  details(): Promise<CertificateDetails[]>;
  /** Resolves when a new one is served; rejects with the reason when it can't be had. */
  renew(name: string): Promise<void>;
  /** Resolves when nothing is kept for the name. */
  forget(name: string): Promise<void>;
}

const noCertificates: CertificateOperations = {
  outlook: async () => [],
  describe: () => [],
  details: async () => [],
  renew: async () => {},
  forget: async () => {},
};

export class ControlPlane {
  readonly #context: DeploymentContext;
  readonly #server: ControlServer;
  readonly #clock: Clock;
  readonly #namedFiles: NamedFileWatch;
  readonly #rollouts: AutomaticRollouts;
  readonly #shutdown = new AbortController();
  readonly #certificates: CertificateOperations;
  readonly #journal: EventJournal;
  #lastTargetId: number;
  #retryTimer: Timer | null = null;

  constructor(settings: ControlPlaneSettings) {
    const { dataPlane, logger, clock, statePath, socketPath, probe } = settings;
    const registry = new ServiceRegistry(dataPlane);
    const { handover = null, journal = new EventJournal(() => clock.wallMs()) } = settings;
    this.#journal = journal;
    this.#lastTargetId = handover?.lastTargetId ?? 0;
    this.#clock = clock;
    this.#namedFiles = new NamedFileWatch({ registry, clock, logger });
    this.#context = {
      registry,
      dataPlane,
      clock,
      logger,
      store: new StateStore({ path: statePath, logger }),
      files: settings,
      readSettingsFiles: async () =>
        settings.settingsFolder === undefined ? [] : readSettingsFolder(settings.settingsFolder),
      certificateOutlook: (service) => (settings.certificates ?? noCertificates).outlook(service),
      askApp: settings.askApp ?? (async () => ({})),
      handover,
      shutdown: this.#shutdown.signal,
      groups: {
        clock,
        logger,
        probe,
        nextTargetId: () => `t${++this.#lastTargetId}`,
        healthChanged: (group, target, was) => {
          const service = registry.serviceOf(group);
          if (service === undefined) return null;
          registry.publish();
          journal.note(healthEvent(service.name, target, was));
          return registry.published;
        },
      },
    };
    const { upgrade = refuseUpgrade } = settings;
    this.#rollouts = new AutomaticRollouts({
      ...this.#context,
      metrics: () => dataPlane.metrics(),
    });
    this.#certificates = settings.certificates ?? noCertificates;
    const handlers = recordCommands(
      this.#createHandlers(settings.describeWorkers ?? (async () => []), settings.describeProxy),
      journal,
    );
    this.#server = new ControlServer({
      socketPath,
      logger,
      clock,
      dispatch: (payload, report, client) =>
        dispatch(payload, this.#handlersFor(handlers, upgrade, client), logger, report),
    });
  }

  /** Serves what was saved last. To be called before anything listens. */
  async restore(): Promise<void> {
    const { store, registry, handover } = this.#context;
    const entries = handover === null ? await store.load() : decodeState(handover.state);
    await restoreServices(entries, this.#context);
    await registry.published;
    if (registry.all().some((service) => service.degraded !== null)) this.#scheduleRetry();
    this.#namedFiles.schedule();
  }

  /** Takes commands. Throws a CommandError when another proxy listens on the socket. */
  async listen(): Promise<void> {
    const { handover } = this.#context;
    if (handover === null) await this.#server.listen();
    else this.#server.listenOn(handover.controlFd);
  }

  /**
   * Carries out the commands that have come, but for the one of this client; whoever comes later waits for
   * the next executable in the socket that is given back. Then nothing changes any more.
   */
  async hold(libc: Libc, client: number): Promise<number> {
    this.#rollouts.freeze(
      "the proxy is upgraded: the rollout stays at its step, --continue goes on",
    );
    const controlFd = await this.#server.hold(libc, client);
    const { registry, store } = this.#context;
    await registry.published;
    await store.flush();
    return controlFd;
  }

  /** Takes commands again after all. */
  listenOn(controlFd: number): void {
    this.#server.listenOn(controlFd);
  }

  /** What the next executable has to know of the services. */
  services(): HandedServices {
    const { registry } = this.#context;
    const targets: Handover["targets"] = {};
    for (const { name, active, rollout } of registry.all()) {
      targets[name] = { active: active.handOver(), rollout: rollout?.handOver() ?? null };
    }
    const state = encodeState(registry.stateEntries());
    const events = [...this.#journal.events];
    return { targets, state, lastTargetId: this.#lastTargetId, events };
  }

  /** Of every target that is served. */
  targetHealth(): TargetHealth[] {
    return this.#context.registry.all().flatMap(({ name, active, rollout }) => {
      const healthOf = (group: TargetGroup | null): TargetHealth[] =>
        (group?.targets ?? []).map(({ address, state }) => {
          const healthy = state === "healthy";
          return { service: name, target: address.address, rollout: group === rollout, healthy };
        });
      return [...healthOf(active), ...healthOf(rollout)];
    });
  }

  /** Every service as it is. */
  async describe(): Promise<ServiceDescriptions> {
    const { registry, dataPlane } = this.#context;
    const samples = await dataPlane.samples();
    return describeServices(registry, samples, {
      certificatesOf: this.#certificates.describe,
      isFollowed: (service) => this.#rollouts.isFollowed(service),
    });
  }

  /** Answers the command that led to this executable. */
  async answer(fd: number, reply: Reply): Promise<void> {
    await this.#server.answer(fd, reply);
  }

  /**
   * Deploys that wait for their targets fail at once; commands that drain are given the time that
   * requests have at a shutdown, so this has to run beside the shutdown of the listeners.
   */
  async close(): Promise<void> {
    this.#retryTimer?.cancel();
    this.#retryTimer = null;
    this.#namedFiles.close();
    this.#shutdown.abort(new CommandError("the proxy is shutting down"));
    await this.#server.close(shutdownTimeoutMs);
    const { registry, store } = this.#context;
    for (const service of registry.all()) {
      for (const group of groupsOf(service)) group.stop();
    }
    await store.flush();
  }

  #scheduleRetry(): void {
    this.#retryTimer = this.#clock.after(degradedRetryIntervalMs, async () => {
      const { registry } = this.#context;
      await retryDegraded(this.#context);
      this.#namedFiles.schedule();
      const left = registry.all().some((service) => service.degraded !== null);
      if (left && !this.#shutdown.signal.aborted) this.#scheduleRetry();
    });
  }

  /** Some end with their client. */
  #handlersFor(
    handlers: ServiceHandlers,
    upgrade: UpgradeHandler,
    { fd, gone }: ControlClient,
  ): CommandHandlers {
    return {
      ...handlers,
      upgrade: (command) => upgrade(command.path, fd),
      "rollout-auto": (command, report) => this.#rollouts.follow(command, gone, report),
    };
  }

  #createHandlers(
    describeWorkers: () => Promise<WorkerDescription[]>,
    describeProxy: () => Promise<ProxyStatus>,
  ): ServiceHandlers {
    const context = this.#context;
    const certificates = this.#certificates;
    return {
      deploy: async (command, report) => {
        const warnings = await deployService(command, context, report);
        this.#namedFiles.schedule();
        return warnings;
      },
      "rollout-deploy": (command, report) => deployRollout(command, context, report),
      "rollout-set": (command) => setRolloutSplit(command, context),
      "rollout-stop": ({ service }) => stopRollout(service, context),
      pause: (command, report) => pauseService(command, context, report),
      stop: (command, report) => stopService(command, context, report),
      resume: ({ service }) => resumeService(service, context),
      remove: ({ service }) => removeService(service, context),
      status: describeProxy,
      certificates: () => certificates.details(),
      "certificate-renew": async ({ name }) => {
        await certificates.renew(name);
        return [];
      },
      "certificate-forget": async ({ name }) => {
        await certificates.forget(name);
        return [];
      },
      set: async (command) => {
        const warnings = await setSettings(command, context);
        this.#namedFiles.schedule();
        return warnings;
      },
      unset: async (command) => {
        const warnings = await unsetSettings(command, context);
        this.#namedFiles.schedule();
        return warnings;
      },
      reload: async (command) => {
        const reply = await reloadSettings(command, context);
        this.#namedFiles.schedule();
        return reply;
      },
      list: async () => {
        const services = await this.describe();
        const workers = await describeWorkers();
        return {
          services,
          ...(workers.some(({ state }) => state !== "serving") && { workers }),
        };
      },
    };
  }
}

/** What does not depend on the client. */
type ServiceHandlers = Omit<CommandHandlers, "upgrade" | "rollout-auto">;

export async function refuseUpgrade(): Promise<never> {
  throw new CommandError("the proxy runs in one process: it can't be upgraded in place");
}
