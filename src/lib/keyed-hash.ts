/** Two hashes of 32 bits of a text, by a secret: nobody can look for texts that fall together. */

export function keyedHash(text: string, secret: number): number {
  return Bun.hash.xxHash32(text, secret);
}

/** Differs for most texts that share the other one. */
export function secondHash(text: string, secret: number): number {
  return Bun.hash.xxHash32(text, (secret ^ 0x9e3779b9) >>> 0);
}
