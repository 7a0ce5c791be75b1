/** `user:hash`, in settings and in the lines of a file as htpasswd makes it. Texts never show the hash. */

const bcrypt = /^\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const argon2 = /^\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;
/** One check with more takes minutes. */
const maxBcryptCost = 16;

export interface Credential {
  user: string;
  /** As Bun.password takes it. */
  hash: string;
}

/** Parts as they stand; null without a colon or without a user. */
export function splitCredential(entry: string): { user: string; secret: string } | null {
  const colon = entry.indexOf(":");
  return colon < 1 ? null : { user: entry.slice(0, colon), secret: entry.slice(colon + 1) };
}

/** Whether a secret is a hash that can be checked, and no plain password. */
export function isPasswordHash(secret: string): boolean {
  const cost = bcrypt.exec(secret)?.[1];
  return cost === undefined ? argon2.test(secret) : Number(cost) <= maxBcryptCost;
}

export function credentialFault(entry: string): string | undefined {
  const parts = splitCredential(entry);
  return parts !== null && isPasswordHash(parts.secret)
    ? undefined
    : "must be user:hash, with a hash of bcrypt or argon2id as `kamal-proxy hash-password` prints it";
}

export function credentialFileFault(text: string): string | undefined {
  for (const [index, line] of text.split("\n").entries()) {
    if (!isEmpty(line) && credentialFault(line.trim()) !== undefined) {
      return `line ${index + 1} is no user:hash of bcrypt or argon2id, as \`htpasswd -B\` makes it`;
    }
  }
  return undefined;
}

export function credentialLines(text: string): string[] {
  return text.split("\n").flatMap((line) => (isEmpty(line) ? [] : [line.trim()]));
}

/** Of several with the same user the last counts. */
export function readCredentials(entries: readonly string[]): Credential[] | null {
  const credentials: Credential[] = [];
  for (const entry of entries) {
    const parts = splitCredential(entry);
    if (parts === null || !isPasswordHash(parts.secret)) return null;
    credentials.push({ user: parts.user, hash: parts.secret });
  }
  return credentials;
}

function isEmpty(line: string): boolean {
  const text = line.trim();
  return text === "" || text.startsWith("#");
}

/** A hash of another kind is a mistake and no password. */
const anyHash = /^\$[^$]+\$|^\{[A-Z0-9]+\}/;
const standIn = `$2b$10$${"a".repeat(53)}`;

/** The user and the password of an entry that has no hash; null when it is none of that kind. */
export function plainCredential(entry: string): { user: string; secret: string } | null {
  const parts = splitCredential(entry);
  if (parts === null || parts.secret === "") return null;
  return isPasswordHash(parts.secret) || anyHash.test(parts.secret) ? null : parts;
}

/** Plain passwords as if they were hashed already, for checks ahead of that. */
export function hashedLike(entries: readonly string[]): string[] {
  return entries.map((entry) => {
    const plain = plainCredential(entry);
    return plain === null ? entry : `${plain.user}:${standIn}`;
  });
}

/** The user and the kind of the hash, for everybody to see. */
export function shownCredential(entry: string): string {
  const parts = splitCredential(entry);
  if (parts === null) return "…";
  return `${parts.user}:${bcrypt.test(parts.secret) ? "bcrypt" : argon2.test(parts.secret) ? "argon2id" : "…"}`;
}
