/** Hashes of a text, by a secret: nobody can look for texts that fall together, or tell a text by its hash. */
import { createHmac, randomBytes } from "node:crypto";

/** 32 bits. */
export function keyedHash(text: string, secret: number): number {
  return Bun.hash.xxHash32(text, secret);
}

/** Differs for most texts that share the other one. */
export function secondHash(text: string, secret: number): number {
  return Bun.hash.xxHash32(text, (secret ^ 0x9e3779b9) >>> 0);
}

/** By a secret of its own, which nobody else has. */
export function keyedDigest(): (text: string) => string {
  const key = randomBytes(32);
  return (text) => createHmac("sha256", key).update(text).digest("base64");
}
