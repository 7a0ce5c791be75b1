/** `kamal-proxy certificates renew <name>` */
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const certificatesRenew = cliCommand({
  path: "certificates renew",
  operands: "<name>",
  summary: "Obtains a certificate anew, and waits until it is served.",
  positionals: "name",
  flags: () => ({}),
  run: ({ service: name, context }) => sendQuietly(context, { command: "certificate-renew", name }),
});
