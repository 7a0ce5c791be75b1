/** A checker of passwords with the hashes of this machine. */
import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { PasswordChecker, type PasswordCheckerContext } from "./password-checker.ts";
import type { RateTable } from "./rate-table.ts";

/** Of bcrypt: a check takes about 50 ms. */
const passwordHashCost = 10;

export function systemPasswords(clock: Clock, rates: RateTable): PasswordChecker {
  return new PasswordChecker({
    clock,
    rates,
    verify: verifyPassword,
    fingerprint: passwordFingerprint(),
  });
}

/** Beside the event loop, as `verifyPassword` is. */
export function hashOfPassword(password: string): Promise<string> {
  return Bun.password.hash(password, { algorithm: "bcrypt", cost: passwordHashCost });
}

export function verifyPassword(password: Uint8Array, hash: string): Promise<boolean> {
  return Bun.password.verify(password, hash);
}

function passwordFingerprint(): PasswordCheckerContext["fingerprint"] {
  const key = randomBytes(32);
  return (hash, user, password) =>
    // Neither a hash nor a user has a line end.
    createHmac("sha256", key).update(`${hash}\n${user}\n`).update(password).digest("base64");
}
