/** Notes in the journal what commands change: what was asked, how it ended, and how long it took. */
import { CommandError } from "../../config/command-error.ts";
import type { CommandHandlers } from "../socket/dispatcher.ts";
import type {
  DeployCommand,
  PauseCommand,
  PlainServiceCommand,
  RolloutDeployCommand,
  RolloutSetCommand,
  SetCommand,
  StopCommand,
  UnsetCommand,
} from "../socket/protocol.ts";
import type { EventJournal } from "./event-journal.ts";

type Recorded =
  | DeployCommand
  | RolloutDeployCommand
  | RolloutSetCommand
  | PauseCommand
  | StopCommand
  | PlainServiceCommand
  | SetCommand
  | UnsetCommand;

interface Words {
  kind: "deploy" | "change";
  /** While it goes on. */
  doing: string;
  done: string;
  failed: string;
}

type Handlers = Pick<CommandHandlers, Recorded["command"]>;

export function recordCommands<H extends Handlers>(handlers: H, journal: EventJournal): H {
  const recorded =
    <C extends Recorded, Rest extends unknown[], T>(
      handler: (command: C, ...rest: Rest) => Promise<T>,
    ) =>
    (command: C, ...rest: Rest): Promise<T> =>
      record(journal, command, () => handler(command, ...rest));
  return {
    ...handlers,
    deploy: recorded(handlers.deploy),
    "rollout-deploy": recorded(handlers["rollout-deploy"]),
    "rollout-set": recorded(handlers["rollout-set"]),
    "rollout-stop": recorded(handlers["rollout-stop"]),
    pause: recorded(handlers.pause),
    stop: recorded(handlers.stop),
    resume: recorded(handlers.resume),
    remove: recorded(handlers.remove),
    set: recorded(handlers.set),
    unset: recorded(handlers.unset),
  };
}

async function record<T>(
  journal: EventJournal,
  command: Recorded,
  perform: () => Promise<T>,
): Promise<T> {
  const { kind, doing, done, failed } = wordsOf(command);
  const end = journal.begin({ kind, service: command.service, text: doing });
  try {
    const result = await perform();
    end({ outcome: "good", text: done });
    return result;
  } catch (error) {
    const reason = error instanceof CommandError ? error.message : "internal error, see the log";
    end({ outcome: "bad", text: `${failed}: ${reason}` });
    throw error;
  }
}

function wordsOf(command: Recorded): Words {
  switch (command.command) {
    case "deploy": {
      const targets = targetsOf(command);
      return deployWords(`Deploying ${targets}`, `Deployed ${targets}`, "Deploy failed");
    }
    case "rollout-deploy": {
      const targets = targetsOf(command);
      return deployWords(
        `Deploying ${targets} for the rollout`,
        `Deployed ${targets} for the rollout`,
        "Deploy for the rollout failed",
      );
    }
    case "rollout-set":
      return changeWords(`Rollout set to ${command.percentage} %`, "Rollout");
    case "rollout-stop":
      return changeWords("Rollout stopped", "Stop of the rollout");
    case "pause":
      return changeWords("Paused", "Pause");
    case "stop":
      return changeWords("Stopped", "Stop");
    case "resume":
      return changeWords("Resumed", "Resume");
    case "remove":
      return changeWords("Removed", "Removal");
    case "set":
      return changeWords(`Set ${Object.keys(command.values).join(", ")}`, "Setting");
    case "unset":
      return changeWords(`Unset ${command.flags?.join(", ") ?? "all settings"}`, "Unset");
  }
}

function deployWords(doing: string, done: string, failed: string): Words {
  return { kind: "deploy", doing, done, failed };
}

/** Most of them are done at once; those that drain say what is true already. */
function changeWords(done: string, noun: string): Words {
  return { kind: "change", doing: done, done, failed: `${noun} failed` };
}

function targetsOf({ targets, readTargets }: DeployCommand | RolloutDeployCommand): string {
  return [...targets, ...readTargets].join(", ");
}
