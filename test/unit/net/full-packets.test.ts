import { describe, expect, test } from "bun:test";
import { fullPacketBytes } from "../../../src/net/full-packets.ts";
import { connectRaw } from "../../support/raw-connection.ts";
import { startRawServer } from "../../support/raw-server.ts";

describe("fullPacketBytes", () => {
  test("is no more than 64 KB, and a good part of it", async () => {
    using server = startRawServer(async () => {});
    const connection = await connectRaw(server.port);
    const { fd } = connection.socket as unknown as { fd: number };
    const bytes = fullPacketBytes(fd);
    expect(bytes).toBeLessThanOrEqual(64 * 1024);
    expect(bytes).toBeGreaterThan(24 * 1024);
    connection.close();
  });

  test("is 64 KB where there is no socket", () => {
    expect(fullPacketBytes(-1)).toBe(64 * 1024);
  });
});
