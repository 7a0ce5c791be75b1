/**
 * The app behind the proxy under attack, a process of its own: `bun app.ts` prints its port. By path:
 * `/large/N` N bytes with a length, `/chunked/N` the same chunked, `/bytes/SECONDS` one-byte chunks as fast as
 * they are taken, `/slow` an answer after 50 ms, everything else a short answer once the body has been read.
 */
import type { Socket } from "bun";

interface State {
  pending: Buffer[];
  /** Makes more to send; null when the answer is complete. */
  more: (() => Buffer | null) | null;
}

const block = Buffer.alloc(64 * 1024, "x");
const manyChunks = Buffer.from("1\r\nx\r\n".repeat(10_000));
const shortAnswer = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

const server = Bun.listen<State>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { pending: [], more: null };
    },
    data(socket, bytes) {
      const text = bytes.subarray(0, 200).toString("latin1");
      const path = /^[A-Z]+ (\S+) HTTP/.exec(text)?.[1];
      if (path === undefined) return;
      if (/^(POST|PUT)/.test(text) && !path.startsWith("/up")) return;
      answer(socket, path);
    },
    drain(socket) {
      push(socket);
    },
  },
});
process.stdout.write(`${server.port}\n`);

function answer(socket: Socket<State>, path: string): void {
  const [, kind, amount = "0"] = path.split("/");
  if (kind === "slow") {
    setTimeout(() => socket.write(shortAnswer), 50);
    return;
  }
  if (kind === "large" || kind === "chunked") {
    const chunked = kind === "chunked";
    const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${amount}`;
    socket.data.pending.push(Buffer.from(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`));
    let rest = Number(amount);
    socket.data.more = () => {
      if (rest === 0) return null;
      const part = block.subarray(0, Math.min(rest, block.length));
      rest -= part.length;
      if (!chunked) return part;
      const last = rest === 0 ? "0\r\n\r\n" : "";
      return Buffer.concat([
        Buffer.from(`${part.length.toString(16)}\r\n`),
        part,
        Buffer.from(`\r\n${last}`),
      ]);
    };
  } else if (kind === "bytes") {
    const endMs = performance.now() + Number(amount) * 1000;
    socket.data.pending.push(Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    socket.data.more = () => (performance.now() < endMs ? manyChunks : null);
  } else {
    socket.data.pending.push(shortAnswer);
  }
  push(socket);
}

function push(socket: Socket<State>): void {
  const { data } = socket;
  for (;;) {
    const first = data.pending[0];
    if (first === undefined) {
      const next = data.more?.() ?? null;
      if (next === null) {
        data.more = null;
        return;
      }
      data.pending.push(next);
      continue;
    }
    const taken = Math.max(socket.write(first), 0);
    if (taken < first.length) {
      data.pending[0] = first.subarray(taken);
      return;
    }
    data.pending.shift();
  }
}
