/** `kamal-proxy version` */
import { cliCommand } from "../cli-command.ts";
import { productVersion } from "../version.ts";

export const version = cliCommand({
  path: "version",
  summary: "Shows the version.",
  positionals: "none",
  flags: () => ({}),
  async run({ context }) {
    await context.write(`${productVersion}\n`);
    return 0;
  },
});
