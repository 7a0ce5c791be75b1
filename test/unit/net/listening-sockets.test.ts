import { describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { openLibc } from "../../../src/net/libc.ts";
import { listenTcp } from "../../../src/net/listening-sockets.ts";
import { connectRaw } from "../../support/raw-connection.ts";

const libc = openLibc();

describe.skipIf(libc === null)("listening sockets", () => {
  test("are one a slot on one port, and a connection waits until somebody serves", async () => {
    const { fds, port } = listenTcp(libc!, "", 0, 3);
    expect(new Set(fds).size).toBe(3);
    expect(port).toBeGreaterThan(0);
    using waiting = await connectRaw(port);
    void waiting;
    const served: unknown[] = [];
    const listeners = fds.map((fd) =>
      Bun.listen({
        ...({ fd } as unknown as { hostname: string; port: number }),
        socket: { open: (socket) => void served.push(socket), data() {} },
      }),
    );
    try {
      for (let i = 0; i < 100 && served.length === 0; i++) {
        await new Promise((resolve) => void setImmediate(resolve));
      }
      expect(served).toHaveLength(1);
    } finally {
      for (const listener of listeners) listener.stop(true);
    }
  });

  test("of another program keep the port, also when they would share it", () => {
    const { fds, port } = listenTcp(libc!, "127.0.0.1", 0, 1);
    expect(() => listenTcp(libc!, "127.0.0.1", port, 1)).toThrow(
      `listen tcp 127.0.0.1:${port}: bind: address already in use`,
    );
    for (const fd of fds) closeSync(fd);
    for (const fd of listenTcp(libc!, "127.0.0.1", port, 1).fds) closeSync(fd);
  });

  test("can't have an address that is not the machine's", () => {
    expect(() => listenTcp(libc!, "203.0.113.1", 0, 1)).toThrow("cannot assign requested address");
  });
});
