/** Reads tar archives, independently of what writes them. */

export interface ReadEntry {
  path: string;
  type: "file" | "folder" | "other";
  mode: number;
  uid: number;
  gid: number;
  modifiedAt: number;
  content: Buffer<ArrayBuffer>;
}

const blockBytes = 512;

export function readTar(archive: Buffer<ArrayBuffer>): ReadEntry[] {
  const entries: ReadEntry[] = [];
  let at = 0;
  while (archive[at] !== 0) {
    const header = archive.subarray(at, at + blockBytes);
    checkSum(header);
    const number = (start: number, length: number) =>
      Number.parseInt(text(header, start, length), 8);
    const size = number(124, 12);
    const type = text(header, 156, 1);
    entries.push({
      path: text(header, 0, 100),
      type: type === "0" ? "file" : type === "5" ? "folder" : "other",
      mode: number(100, 8),
      uid: number(108, 8),
      gid: number(116, 8),
      modifiedAt: number(136, 12),
      content: archive.subarray(at + blockBytes, at + blockBytes + size),
    });
    at += blockBytes + Math.ceil(size / blockBytes) * blockBytes;
  }
  return entries;
}

function checkSum(header: Buffer): void {
  const given = Number.parseInt(text(header, 148, 8), 8);
  const blank = Buffer.from(header).fill(" ", 148, 156);
  if (blank.reduce((sum, byte) => sum + byte, 0) !== given) throw new Error("bad tar header");
}

function text(header: Buffer, start: number, length: number): string {
  return header.toString("latin1", start, start + length).split("\u0000", 1)[0]!;
}
