/** A checker of passwords with the hashes of this machine. */
import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { PasswordChecker, type PasswordCheckerContext } from "./password-checker.ts";
import type { RateTable } from "./rate-table.ts";

export function systemPasswords(clock: Clock, rates: RateTable): PasswordChecker {
  return new PasswordChecker({
    clock,
    rates,
    verify: (password, hash) => Bun.password.verify(password, hash),
    fingerprint: passwordFingerprint(),
  });
}

function passwordFingerprint(): PasswordCheckerContext["fingerprint"] {
  const key = randomBytes(32);
  return (hash, user, password) =>
    // Neither a hash nor a user has a line end.
    createHmac("sha256", key).update(`${hash}\n${user}\n`).update(password).digest("base64");
}
