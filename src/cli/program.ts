/** The command line as a whole: from arguments to an exit code. */
import { type CommandDef, defineCommand, runCommand, type SubCommandsDef } from "citty";
import { CommandError } from "../config/command-error.ts";
import { goQuote } from "../go/quote.ts";
import { catalogue } from "./catalogue.ts";
import type { Group } from "./command-tree.ts";
import type { CliContext } from "./context.ts";
import { findCommand, type Found } from "./find-command.ts";
import { flagsOfGroup, groupHelp, groupPath } from "./group-help.ts";
import { parseFlags } from "./flags/parse-flags.ts";
import { suggestionsFor } from "./suggestions.ts";
import { productVersion } from "./version.ts";

export async function runProgram(args: readonly string[], context: CliContext): Promise<number> {
  try {
    return await dispatch(args, context);
  } catch (error) {
    await context.writeError(`Error: ${errorText(error)}\n`);
    return 1;
  }
}

async function dispatch(args: readonly string[], context: CliContext): Promise<number> {
  const found = findCommand(catalogue, args);
  if (found.path.length === 0 && found.unknown !== undefined) {
    throw unknownCommand(catalogue, found.unknown);
  }
  const last = found.path.at(-1) ?? catalogue;
  return last.kind === "group" ? showGroup(last, found, context) : runLeaf(found, context);
}

async function showGroup(group: Group, found: Found, context: CliContext): Promise<number> {
  const { values, help } = parseFlags(flagsOfGroup(catalogue, group), found.rest);
  if (!help && "version" in values && values["version"] === true) {
    await context.write(`${productVersion}\n`);
    return 0;
  }
  if (!help && found.unknown !== undefined) throw unknownCommand(group, found.unknown);
  await context.write(groupHelp(catalogue, group));
  return 0;
}

async function runLeaf(found: Found, context: CliContext): Promise<number> {
  let exitCode = 0;
  const tree = cittyGroup(catalogue, context, (code) => {
    exitCode = code;
  });
  const names = found.path.map((entry) => entry.name);
  await runCommand(tree, { rawArgs: [...names, ...found.rest] });
  return exitCode;
}

/** Citty chooses the command; its arguments are read by `parseFlags`, which citty cannot do. */
function cittyGroup(
  group: Group,
  context: CliContext,
  finish: (exitCode: number) => void,
): CommandDef {
  const subCommands: SubCommandsDef = {};
  for (const entry of group.entries) {
    const { name, summary: description } = entry;
    subCommands[name] =
      entry.kind === "group"
        ? cittyGroup(entry, context, finish)
        : defineCommand({
            meta: { name, description },
            async run({ rawArgs }) {
              const command = await entry.load();
              finish(await command.execute(rawArgs, context));
            },
          });
  }
  return defineCommand({ meta: { name: group.name, description: group.summary }, subCommands });
}

function unknownCommand(group: Group, name: string): CommandError {
  const path = groupPath(catalogue, group);
  const candidates = group.entries.filter((entry) => entry.kind === "group" || !entry.auxiliary);
  const names = suggestionsFor(
    name,
    candidates.map((entry) => entry.name),
  );
  const suggestions =
    names.length === 0
      ? ""
      : `\n\nDid you mean this?\n${names.map((each) => `\t${each}\n`).join("")}`;
  return new CommandError(
    `unknown command ${goQuote(name)} for ${goQuote(path)}${suggestions}\nRun '${path} --help' for usage.`,
  );
}

function errorText(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}
