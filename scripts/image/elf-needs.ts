/** Reads from an ELF executable (64 bit, little endian) what the dynamic loader will ask for. */

export interface ElfNeeds {
  /** Path of the dynamic loader. */
  interpreter: string;
  /** Names of shared libraries, such as `libc.so.6`. */
  libraries: string[];
}

interface Segment {
  type: number;
  offset: number;
  address: number;
  bytes: number;
}

const loadType = 1;
const dynamicType = 2;
const interpreterType = 3;
const neededTag = 1;
const stringTableTag = 5;

export function elfNeeds(file: Buffer): ElfNeeds {
  if (file.toString("latin1", 0, 6) !== "\u007fELF\u0002\u0001") {
    throw new Error("not a 64-bit little-endian ELF executable");
  }
  const segments = programHeaders(file);
  const interpreter = segments.find(({ type }) => type === interpreterType);
  const dynamic = segments.find(({ type }) => type === dynamicType);
  if (interpreter === undefined || dynamic === undefined) {
    throw new Error("the executable is not linked dynamically");
  }
  const entries = dynamicEntries(file, dynamic);
  const tableAddress = entries.find(([tag]) => tag === stringTableTag)?.[1] ?? 0;
  const table = fileOffset(segments, tableAddress);
  return {
    interpreter: text(file, interpreter.offset),
    libraries: entries
      .filter(([tag]) => tag === neededTag)
      .map(([, nameOffset]) => text(file, table + nameOffset)),
  };
}

function programHeaders(file: Buffer): Segment[] {
  const start = Number(file.readBigUInt64LE(32));
  const size = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = start + index * size;
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: Number(file.readBigUInt64LE(at + 16)),
      bytes: Number(file.readBigUInt64LE(at + 32)),
    };
  });
}

function dynamicEntries(file: Buffer, { offset, bytes }: Segment): [number, number][] {
  return Array.from({ length: bytes / 16 }, (_, index) => {
    const at = offset + index * 16;
    return [Number(file.readBigUInt64LE(at)), Number(file.readBigUInt64LE(at + 8))];
  });
}

function fileOffset(segments: readonly Segment[], address: number): number {
  const segment = segments.find(
    (each) =>
      each.type === loadType && address >= each.address && address < each.address + each.bytes,
  );
  if (segment === undefined) throw new Error("the executable's string table is not loaded");
  return address - segment.address + segment.offset;
}

function text(file: Buffer, start: number): string {
  return file.toString("latin1", start, file.indexOf(0, start));
}
