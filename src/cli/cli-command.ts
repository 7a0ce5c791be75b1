/** One command: its flags and rules around what it does. */
import { CommandError } from "../config/command-error.ts";
import { type Environment, socketPath } from "../config/paths.ts";
import type { Command, Reply, Warnings } from "../control-plane/socket/protocol.ts";
import {
  checkFlagRules,
  checkPositionals,
  type FlagRules,
  type PositionalRule,
} from "./flags/argument-rules.ts";
import type { CliContext } from "./context.ts";
import type { FlagTable, FlagValues } from "./flags/flags.ts";
import { commandHelp } from "./help.ts";
import { parseFlags } from "./flags/parse-flags.ts";
import { ProgressLine } from "./progress-line.ts";

export interface Input<T extends FlagTable> {
  values: FlagValues<T>;
  given: ReadonlySet<string>;
  /** The first positional, "" when there is none. */
  service: string;
  context: CliContext;
}

export interface CommandSpec<T extends FlagTable> {
  /** Below `kamal-proxy`: `rollout set`. */
  path: string;
  /** Positionals as the help shows them. */
  operands?: string;
  summary: string;
  aliases?: readonly string[];
  /** Further text of the help. */
  notes?: string;
  positionals: PositionalRule;
  rules?: FlagRules;
  flags(environment: Environment): T;
  /** Throws what must be reported before missing flags. */
  check?(input: Input<T>): void;
  run(input: Input<T>): Promise<number>;
}

/** A command without the types of its flags. */
export interface CliCommand {
  readonly positionals: PositionalRule;
  flags(environment: Environment): FlagTable;
  help(environment: Environment): string;
  execute(args: readonly string[], context: CliContext): Promise<number>;
}

export function cliCommand<T extends FlagTable>(spec: CommandSpec<T>): CliCommand {
  const help = (environment: Environment): string => commandHelp(spec, spec.flags(environment));
  return {
    positionals: spec.positionals,
    flags: (environment) => spec.flags(environment),
    help,
    async execute(args, context) {
      const parsed = parseFlags(spec.flags(context.environment), args);
      if (parsed.help) {
        await context.write(help(context.environment));
        return 0;
      }
      checkPositionals(spec.positionals, parsed.positionals, `kamal-proxy ${spec.path}`);
      const input: Input<T> = {
        values: parsed.values,
        given: parsed.given,
        service: parsed.positionals[0] ?? "",
        context,
      };
      spec.check?.(input);
      checkFlagRules(spec.rules ?? {}, parsed.given);
      return spec.run(input);
    },
  };
}

/** Sends a command and throws the error of its reply. On a terminal it shows what it waits for. */
export async function send(
  context: CliContext,
  command: Command,
): Promise<Extract<Reply, { ok: true }>> {
  const reply = await exchange(context, command);
  if (!reply.ok) throw new CommandError(reply.error);
  return reply;
}

async function exchange(context: CliContext, command: Command): Promise<Reply> {
  const { terminal, environment } = context;
  const path = socketPath(environment);
  if (terminal === null) return context.send(path, command);
  const line = new ProgressLine(terminal, environment);
  try {
    return await context.send(path, command, (progress) => {
      if (progress.waiting_for !== "rollout") line.show(progress);
    });
  } finally {
    line.clear();
  }
}

/** For commands that print nothing but what went wrong beside them. */
export async function sendQuietly(context: CliContext, command: Command): Promise<number> {
  const { warnings } = await send(context, command);
  await warn(context, warnings);
  return 0;
}

export async function warn(context: CliContext, warnings: Warnings = []): Promise<void> {
  for (const warning of warnings) await context.writeError(`Warning: ${warning}\n`);
}
