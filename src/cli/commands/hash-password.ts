/** `kamal-proxy hash-password` */
import { CommandError } from "../../config/command-error.ts";
import { cliCommand } from "../cli-command.ts";

export const hashPassword = cliCommand({
  path: "hash-password",
  summary:
    "Prints the hash of a password for `--basic-auth user:hash`.\n" +
    "The password is read from a prompt that does not show it, or from standard input.",
  positionals: "none",
  flags: () => ({}),
  async run({ context }) {
    const password = await context.readSecret("Password: ");
    if (password === "") throw new CommandError("the password must not be empty");
    await context.write(`${await context.hashPassword(password)}\n`);
    return 0;
  },
});
