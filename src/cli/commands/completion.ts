/** `kamal-proxy completion <shell>` */
import { CommandError } from "../../config/command-error.ts";
import { goQuote } from "../../go/quote.ts";
import { type CliCommand, cliCommand } from "../cli-command.ts";
import type { Group } from "../command-tree.ts";
import { bashScript } from "../completion/bash.ts";
import {
  type CompletionLevel,
  completionLevels,
  type Shell,
  shells,
} from "../completion/completion-levels.ts";
import { fishScript } from "../completion/fish.ts";
import { zshScript } from "../completion/zsh.ts";

const scripts: Record<Shell, (levels: readonly CompletionLevel[]) => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const completion = (root: Group): CliCommand =>
  cliCommand({
    path: "completion",
    operands: "<shell>",
    summary:
      "Prints the script that completes commands, flags and services in bash, zsh or fish:\n\n" +
      "  source <(kamal-proxy completion bash)\n" +
      "  source <(kamal-proxy completion zsh)\n" +
      "  kamal-proxy completion fish | source",
    positionals: "shell",
    flags: () => ({}),
    async run({ service: shell, context }) {
      const script = Object.hasOwn(scripts, shell) ? scripts[shell as Shell] : undefined;
      if (script === undefined) {
        throw new CommandError(`unknown shell ${goQuote(shell)}: use one of ${shells.join(", ")}`);
      }
      await context.write(script(await completionLevels(root)));
      return 0;
    },
  });
