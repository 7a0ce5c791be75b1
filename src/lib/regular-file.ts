/**
 * Reads files whose names come from outside. What is no regular file, or larger than anything that could
 * be meant, is refused before a byte is read: a pipe would be waited for without end, a device has none.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from "node:fs";
import { open, stat } from "node:fs/promises";

/** A pipe that nobody writes to must not hold up its opening either. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK;

export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  // To open a device may already do something.
  refuseOthers(path, await stat(path), maxBytes);
  const file = await open(path, flags);
  try {
    const status = await file.stat();
    refuseOthers(path, status, maxBytes);
    const bytes = Buffer.allocUnsafe(status.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** For the start of the program alone: meanwhile nothing else goes on. */
export function readRegularFileSync(path: string, maxBytes: number): Buffer {
  refuseOthers(path, statSync(path), maxBytes);
  const file = openSync(path, flags);
  try {
    refuseOthers(path, fstatSync(file), maxBytes);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Throws for a folder, a pipe, a device and the like. */
export function refuseIrregular(path: string, status: Stats): void {
  if (status.isDirectory()) throw new Error(`${path}: is a folder`);
  if (!status.isFile()) throw new Error(`${path}: is no regular file`);
}

function refuseOthers(path: string, status: Stats, maxBytes: number): void {
  refuseIrregular(path, status);
  if (status.size > maxBytes) throw new Error(`${path}: larger than ${maxBytes} bytes`);
}
