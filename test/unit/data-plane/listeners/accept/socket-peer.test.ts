import { expect, test } from "bun:test";
import { peerOf } from "../../../../../src/data-plane/listeners/accept/socket-peer.ts";

test("the peer of a socket is its address, IPv4 not mapped, and its port", () => {
  expect(peerOf({ remoteAddress: "::ffff:192.0.2.1", remotePort: 7 })).toEqual({
    address: "192.0.2.1",
    port: 7,
  });
});

test("a client that was reset before it was accepted is nobody", () => {
  const socket = { remoteAddress: undefined as unknown as string, remotePort: 0 };
  expect(peerOf(socket)).toBeNull();
});
