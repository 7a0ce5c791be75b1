/** From a message on the control socket to the code that does it, and from its outcome to a reply. */
import type { CertificateDetails } from "../certificates/certificate-details.ts";
import { CommandError } from "../../config/command-error.ts";
import { stackOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import type {
  CertificateCommand,
  CertificatesCommand,
  Command,
  DeployCommand,
  ListCommand,
  PauseCommand,
  PlainServiceCommand,
  ReloadCommand,
  Reply,
  RolloutDeployCommand,
  RolloutSetCommand,
  ServiceDescriptions,
  SetCommand,
  SettingChange,
  StatusCommand,
  StopCommand,
  UnsetCommand,
  UpgradeCommand,
  Warnings,
  WorkerDescription,
} from "./protocol.ts";
import type { ProxyStatus } from "./status-protocol.ts";
import type { RolloutAutoCommand } from "./rollout-protocol.ts";
import type { Report } from "./progress.ts";
import { parseCommand } from "./protocol-schema.ts";

export interface ListReply {
  services: ServiceDescriptions;
  /** Given when not all is well with them. */
  workers?: WorkerDescription[];
}

export interface ReloadReply {
  changes: SettingChange[];
  warnings: Warnings;
}

/** One for each command. What it throws as CommandError is told to the user. */
export interface CommandHandlers {
  deploy: (command: DeployCommand, report?: Report) => Promise<Warnings>;
  "rollout-deploy": (command: RolloutDeployCommand, report?: Report) => Promise<Warnings>;
  "rollout-set": (command: RolloutSetCommand) => Promise<Warnings>;
  "rollout-auto": (command: RolloutAutoCommand, report?: Report) => Promise<Warnings>;
  "rollout-stop": (command: PlainServiceCommand) => Promise<Warnings>;
  pause: (command: PauseCommand, report?: Report) => Promise<Warnings>;
  stop: (command: StopCommand, report?: Report) => Promise<Warnings>;
  resume: (command: PlainServiceCommand) => Promise<Warnings>;
  remove: (command: PlainServiceCommand) => Promise<Warnings>;
  set: (command: SetCommand) => Promise<Warnings>;
  unset: (command: UnsetCommand) => Promise<Warnings>;
  reload: (command: ReloadCommand) => Promise<ReloadReply>;
  /** Does not return when it succeeds: the next executable answers. */
  upgrade: (command: UpgradeCommand) => Promise<never>;
  list: () => Promise<ListReply>;
  status: () => Promise<ProxyStatus>;
  certificates: () => Promise<CertificateDetails[]>;
  "certificate-renew": (command: CertificateCommand) => Promise<Warnings>;
  "certificate-forget": (command: CertificateCommand) => Promise<Warnings>;
}

export async function dispatch(
  payload: unknown,
  handlers: CommandHandlers,
  logger: Logger,
  report?: Report,
): Promise<Reply> {
  try {
    const command = parseCommand(payload);
    logger.debug("Command received", { command: command.command });
    if (command.command === "list") return { ok: true, ...(await handlers.list()) };
    if (command.command === "status") return { ok: true, status: await handlers.status() };
    if (command.command === "certificates") {
      return { ok: true, certificates: await handlers.certificates() };
    }
    if (command.command === "reload") return { ok: true, ...(await handlers.reload(command)) };
    if (command.command === "upgrade") return await handlers.upgrade(command);
    const warnings = await perform(command, handlers, report);
    return warnings.length === 0 ? { ok: true } : { ok: true, warnings };
  } catch (error) {
    if (error instanceof CommandError) return { ok: false, error: error.message };
    logger.error("Command failed unexpectedly", { error: stackOf(error) });
    return { ok: false, error: "internal error, see the log of the proxy" };
  }
}

function perform(
  command: Exclude<
    Command,
    UpgradeCommand | ListCommand | StatusCommand | CertificatesCommand | ReloadCommand
  >,
  handlers: CommandHandlers,
  report: Report | undefined,
): Promise<Warnings> {
  switch (command.command) {
    case "deploy":
      return handlers.deploy(command, report);
    case "rollout-deploy":
      return handlers["rollout-deploy"](command, report);
    case "rollout-set":
      return handlers["rollout-set"](command);
    case "rollout-auto":
      return handlers["rollout-auto"](command, report);
    case "pause":
      return handlers.pause(command, report);
    case "stop":
      return handlers.stop(command, report);
    case "set":
      return handlers.set(command);
    case "unset":
      return handlers.unset(command);
    case "certificate-renew":
    case "certificate-forget":
      return handlers[command.command](command);
    default:
      return handlers[command.command](command);
  }
}
