import { describe, expect, test } from "bun:test";
import { existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { controlReadTimeoutMs, maxControlMessageBytes } from "../../../../src/config/limits.ts";
import { sendCommand } from "../../../../src/control-plane/socket/client.ts";
import { encodeMessage } from "../../../../src/control-plane/socket/framing.ts";
import type { Command, Progress, Reply } from "../../../../src/control-plane/socket/protocol.ts";
import {
  ControlServer,
  type ControlServerSettings,
} from "../../../../src/control-plane/socket/control-server.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { tempFolder } from "../../../support/temp-folder.ts";
import { waitFor, within } from "../../../support/wait-for.ts";

const list: Command = { command: "list" };

async function startServer(
  socketPath: string,
  dispatch: ControlServerSettings["dispatch"] = () => Promise.resolve({ ok: true }),
) {
  const clock = new ManualClock();
  const server = new ControlServer({ socketPath, dispatch, logger: new RecordingLogger(), clock });
  await server.listen();
  return { server, clock, [Symbol.asyncDispose]: () => server.close(0) };
}

/** Sends bytes and resolves to everything that came back until the connection ended. */
async function exchange(path: string, bytes: Uint8Array | string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  await Bun.connect({
    unix: path,
    socket: {
      open: (socket) => void socket.write(bytes),
      data: (_socket, chunk) => void (received += chunk.toString()),
      close: () => resolve(received),
    },
  });
  return within(promise, "the end of the connection");
}

describe("control socket", () => {
  test("a command reaches the dispatcher and its reply the client", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    const seen: unknown[] = [];
    await using _ = await startServer(path, async (payload) => {
      seen.push(payload);
      return { ok: false, error: "service not found" };
    });
    const command: Command = { command: "stop", service: "ü", drainTimeoutMs: 1, message: "\n" };
    expect(await sendCommand(path, command)).toEqual({ ok: false, error: "service not found" });
    expect(seen).toEqual([command]);
  });

  test("a client that asks is told what its command waits for, another one is not", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    const progress: Progress = { waiting_for: "drain", requests: 2, remaining_ms: 5 };
    let reports = 0;
    await using _ = await startServer(path, async (_payload, report) => {
      if (report !== undefined) reports++;
      report?.(progress);
      report?.({ ...progress, requests: 1 });
      return { ok: false, error: "too bad" };
    });
    const told: Progress[] = [];
    const reply = await sendCommand(path, list, (each) => told.push(each));
    expect(reply).toEqual({ ok: false, error: "too bad" });
    expect(told).toEqual([progress, { ...progress, requests: 1 }]);
    expect(await sendCommand(path, list)).toEqual({ ok: false, error: "too bad" });
    expect(reports).toBe(1);
  });

  test("nobody else may use it, whatever the umask", async () => {
    using folder = tempFolder();
    const umask = process.umask(0);
    try {
      await using _ = await startServer(folder.file("sock"));
      expect(statSync(folder.file("sock")).mode & 0o777).toBe(0o600);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(umask);
    }
  });

  test("a long command and a much longer reply pass whole", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    const error = "x".repeat(8 * maxControlMessageBytes);
    let length = 0;
    await using _ = await startServer(path, async (payload) => {
      length = (payload as { message: string }).message.length;
      return { ok: false, error };
    });
    const message = "m".repeat(maxControlMessageBytes - 1_000);
    const command: Command = { command: "stop", service: "a", drainTimeoutMs: 0, message };
    const reply = await within(sendCommand(path, command), "the reply");
    expect(reply).toEqual({ ok: false, error });
    expect(length).toBe(message.length);
  });

  test("nonsense is answered with an error and disturbs nobody", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    await using _ = await startServer(path);
    for (const nonsense of ["GET / HTTP/1.1\r\n\r\n", "\n", "\u0000\u0001\n", '{"protocol":1}\n']) {
      expect(await exchange(path, nonsense)).toContain("malformed command");
    }
    expect(await exchange(path, '{"protocol":9,"payload":{}}\n')).toContain(
      "the proxy speaks protocol version 1, not 9",
    );
    expect(await sendCommand(path, list)).toEqual({ ok: true });
  });

  test("a message over the limit is refused while it is still being sent", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    await using _ = await startServer(path);
    const { promise, resolve } = Promise.withResolvers<string>();
    let received = "";
    const endless = Buffer.alloc(64 * 1024, "x");
    await Bun.connect({
      unix: path,
      socket: {
        open: (socket) => {
          while (socket.write(endless) === endless.length);
        },
        drain: (socket) => {
          while (socket.write(endless) === endless.length);
        },
        data: (_socket, chunk) => void (received += chunk.toString()),
        close: () => resolve(received),
        error: () => {},
      },
    });
    expect(await within(promise, "the refusal")).toContain("command is larger than 1048576 bytes");
    expect(await sendCommand(path, list)).toEqual({ ok: true });
  });

  test("a client that says nothing is cut off, one that waits for its answer is not", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    const gate = Promise.withResolvers<Reply>();
    let asked = false;
    await using running = await startServer(path, () => {
      asked = true;
      return gate.promise;
    });
    const waiting = sendCommand(path, list);
    await waitFor(() => asked, "the command");
    const silent = exchange(path, "{");
    await waitFor(() => running.clock.pendingTimers === 1, "the silent client");
    running.clock.advance(controlReadTimeoutMs);
    expect(await silent).toBe("");
    gate.resolve({ ok: true });
    expect(await waiting).toEqual({ ok: true });
    expect(running.clock.pendingTimers).toBe(0);
  });

  test("a command is carried out although its client has gone", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    const gate = Promise.withResolvers<void>();
    let began = false;
    let finished = false;
    await using _ = await startServer(path, async () => {
      began = true;
      await gate.promise;
      finished = true;
      return { ok: true };
    });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const client = await Bun.connect({
      unix: path,
      socket: { data() {}, close: () => resolve() },
    });
    client.write(encodeMessage(list));
    await waitFor(() => began, "the command");
    client.terminate();
    await closed;
    gate.resolve();
    await waitFor(() => finished, "the command to end");
  });

  test("what a killed proxy left behind is replaced; what answers is not", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    // Binding and moving the file away from its listener leaves a socket nobody listens on.
    const stale = Bun.listen({ unix: folder.file("other"), socket: { data() {} } });
    renameSync(folder.file("other"), path);
    stale.stop(true);
    await expect(sendCommand(path, list)).rejects.toThrow("connection refused");
    await using _ = await startServer(path);
    expect(await sendCommand(path, list)).toEqual({ ok: true });
    await expect(startServer(path)).rejects.toThrow(
      `listen unix ${path}: bind: address already in use`,
    );
    expect(await sendCommand(path, list)).toEqual({ ok: true });
  });

  test("a file that is no socket stays", async () => {
    using folder = tempFolder();
    writeFileSync(folder.file("sock"), "precious");
    await expect(startServer(folder.file("sock"))).rejects.toThrow("address already in use");
    await expect(startServer(folder.file("none/sock"))).rejects.toThrow(
      "bind: no such file or directory",
    );
    expect(existsSync(folder.file("sock"))).toBe(true);
  });

  test("closing removes the socket, but not one that has taken its place", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    const first = await startServer(path);
    renameSync(path, folder.file("moved"));
    await using _ = await startServer(path);
    await first.server.close(0);
    expect(await sendCommand(path, list)).toEqual({ ok: true });

    const own = await startServer(folder.file("own"));
    await own.server.close(0);
    expect(existsSync(folder.file("own"))).toBe(false);
  });

  test("closing lets commands finish, for a while", async () => {
    using folder = tempFolder();
    const path = folder.file("sock");
    const gate = Promise.withResolvers<Reply>();
    let asked = 0;
    const { server, clock } = await startServer(path, () => {
      asked++;
      return asked === 1 ? gate.promise : new Promise(() => {});
    });
    const finishing = sendCommand(path, list);
    await waitFor(() => asked === 1, "the first command");
    const hanging = sendCommand(path, list);
    hanging.catch(() => {});
    await waitFor(() => asked === 2, "the second command");
    const closing = server.close(10_000);
    gate.resolve({ ok: true });
    expect(await finishing).toEqual({ ok: true });
    clock.advance(10_000);
    await within(closing, "the server to close");
    await expect(hanging).rejects.toThrow("unexpected EOF");
    await expect(sendCommand(path, list)).rejects.toThrow(
      `dial unix ${path}: connect: no such file or directory`,
    );
  });
});
