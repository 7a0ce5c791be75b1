/** Header blocks of tests as lists of fields. */
import type { HpackDecoder } from "../../src/protocols/http2/hpack-decoder.ts";
import type { HpackEncoder } from "../../src/protocols/http2/hpack-encoder.ts";

export type Field = [name: string, value: string];

/** The fields, or why the block can't be read. */
export function decodeBlock(decoder: HpackDecoder, block: Buffer): Field[] | string {
  const fields: Field[] = [];
  const reason = decoder.decode(block, 0, block.length, {
    field({ name, value }) {
      fields.push([name, value]);
      return true;
    },
  });
  return reason ?? fields;
}

/** A block of its own memory. */
export function encodeBlock(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  encoder.begin();
  for (const [name, value] of fields) {
    if (name === ":status") encoder.status(Number(value));
    else encoder.field(name, value);
  }
  return Buffer.from(encoder.block);
}

export function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s+/g, ""), "hex");
}
