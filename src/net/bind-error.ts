/** A port that can't be bound, in the words of Go's net package. */
import { CommandError } from "../config/command-error.ts";
import { maxPort } from "../config/limits.ts";
import { codeOf, messageOf } from "../lib/error-text.ts";

export function checkPort(port: number): void {
  if (port < 0 || port > maxPort) {
    throw new CommandError(`listen tcp: address ${port}: invalid port`);
  }
}

export function bindError(
  network: "tcp" | "udp",
  bind: string,
  port: number,
  error: unknown,
): CommandError {
  return new CommandError(`listen ${network} ${bind}:${port}: bind: ${bindReason(error)}`);
}

function bindReason(error: unknown): string {
  const code = codeOf(error);
  if (code === "EADDRINUSE") return "address already in use";
  if (code === "EACCES") return "permission denied";
  if (code === "EADDRNOTAVAIL") return "cannot assign requested address";
  return messageOf(error);
}
