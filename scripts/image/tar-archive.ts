/** Writes tar archives (ustar) whose bytes depend on nothing but the entries. */

export interface TarEntry {
  /** Relative, without a slash at either end. */
  path: string;
  type: "file" | "folder";
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Empty for a folder. */
  content: Uint8Array;
}

const blockBytes = 512;
const maxNameBytes = 100;
const maxSize = 0o77777777777;

/** In the order of the entries. `modifiedAt` is in seconds since 1970, the same for all. */
export function tarArchive(entries: readonly TarEntry[], modifiedAt: number): Buffer<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    parts.push(header(entry, modifiedAt), entry.content);
    const rest = entry.content.length % blockBytes;
    if (rest > 0) parts.push(new Uint8Array(blockBytes - rest));
  }
  parts.push(new Uint8Array(2 * blockBytes));
  return Buffer.concat(parts);
}

function header(entry: TarEntry, modifiedAt: number): Buffer {
  const name = entry.type === "folder" ? `${entry.path}/` : entry.path;
  if (Buffer.byteLength(name) > maxNameBytes) throw new Error(`${name}: name too long for tar`);
  if (entry.content.length > maxSize) throw new Error(`${name}: too large for tar`);
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0);
  block.write(octal(entry.mode, 7), 100);
  block.write(octal(entry.uid, 7), 108);
  block.write(octal(entry.gid, 7), 116);
  block.write(octal(entry.content.length, 11), 124);
  block.write(octal(modifiedAt, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write(entry.type === "folder" ? "5" : "0", 156);
  block.write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return Math.trunc(value).toString(8).padStart(digits, "0");
}
