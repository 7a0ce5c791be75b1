import { describe, expect, test } from "bun:test";
import { channelHeader, ChannelReader } from "../../../src/net/channel-reader.ts";

function frame(kind: number, text: string): Buffer {
  return Buffer.concat([channelHeader(kind, Buffer.byteLength(text)), Buffer.from(text)]);
}

describe("ChannelReader", () => {
  const stream = Buffer.concat([frame(0, "one"), frame(1, ""), frame(0, "drei".repeat(100))]);

  test.each([1, 2, 3, 5, 7, 64, 1_000])("finds every message in pieces of %d bytes", (size) => {
    const reader = new ChannelReader(1_000);
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const { kind, bytes } of reader.push(stream.subarray(at, at + size))!) {
        found.push(`${kind} ${bytes}`);
      }
    }
    expect(found).toEqual(["0 one", "1 ", `0 ${"drei".repeat(100)}`]);
  });

  test("gives up at a message that is too large", () => {
    const reader = new ChannelReader(10);
    expect(reader.push(channelHeader(0, 10))).toEqual([]);
    expect(new ChannelReader(10).push(channelHeader(0, 11))).toBeNull();
  });
});
