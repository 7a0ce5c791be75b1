/** `kamal-proxy certificates forget <name>` */
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const certificatesForget = cliCommand({
  path: "certificates forget",
  operands: "<name>",
  summary: "Forgets a certificate and why it could not be had; the next handshake orders anew.",
  positionals: "name",
  flags: () => ({}),
  run: ({ service: name, context }) =>
    sendQuietly(context, { command: "certificate-forget", name }),
});
