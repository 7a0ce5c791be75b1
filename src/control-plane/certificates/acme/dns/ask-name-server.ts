/** One DNS message over TCP and the answer to it (RFC 7766). */
import { connect } from "node:net";
import { dnsApiTimeoutMs } from "../../../../config/limits.ts";
import type { Clock } from "../../../../lib/clock.ts";

export function askNameServer(
  clock: Clock,
  { host, port }: { host: string; port: number },
  message: Buffer,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect({ host, port });
  let received = Buffer.alloc(0);
  const timer = clock.after(dnsApiTimeoutMs, () => {
    socket.destroy(new Error(`no answer within ${dnsApiTimeoutMs / 1_000} s`));
  });
  socket.on("connect", () => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.write(Buffer.concat([length, message]));
  });
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
    socket.destroy();
  });
  socket.on("error", reject);
  socket.on("close", () => {
    timer.cancel();
    reject(new Error("the connection was closed without an answer"));
  });
  return promise;
}
