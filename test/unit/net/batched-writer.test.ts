import { describe, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatchedWriter, type BatchedWriterOptions } from "../../../src/net/batched-writer.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const defaults: BatchedWriterOptions = {
  flushIntervalMs: 50,
  flushBytes: 1_000,
  droppedText: (lines) => `${lines} dropped\n`,
};

/** A descriptor that takes what it is told to. */
class Output {
  text = "";
  calls = 0;
  /** Bytes that it still takes, then EAGAIN. */
  room = Number.POSITIVE_INFINITY;
  /** Most bytes in one call. */
  chunk = Number.POSITIVE_INFINITY;
  error: string | null = null;

  readonly write = (bytes: Uint8Array, offset: number, length: number): number => {
    this.calls++;
    if (this.error !== null) throw Object.assign(new Error(this.error), { code: this.error });
    const taken = Math.min(length, this.room, this.chunk);
    if (taken === 0) throw Object.assign(new Error("EAGAIN"), { code: "EAGAIN" });
    this.room -= taken;
    this.text += Buffer.from(bytes.subarray(offset, offset + taken)).toString("latin1");
    return taken;
  };

  get lines(): string[] {
    return Buffer.from(this.text, "latin1").toString().split("\n").slice(0, -1);
  }
}

function writerTo(output: Output, options: Partial<BatchedWriterOptions> = {}) {
  const clock = new ManualClock();
  return { clock, writer: new BatchedWriter(-1, clock, { ...defaults, ...options }, output.write) };
}

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => `line ${from + i}`);

describe("BatchedWriter", () => {
  test("writes the lines of an interval together", () => {
    const output = new Output();
    const { writer, clock } = writerTo(output);
    writer.write("a\n");
    writer.write("é €\n");
    clock.advance(49);
    expect(output.calls).toBe(0);
    clock.advance(1);
    expect(output.lines).toEqual(["a", "é €"]);
    expect(output.calls).toBe(1);
  });

  test("does not wait when enough is collected", () => {
    const output = new Output();
    const { writer, clock } = writerTo(output, { flushBytes: 10 });
    writer.write("12345\n");
    expect(output.calls).toBe(0);
    writer.write("6789\n");
    expect(output.lines).toEqual(["12345", "6789"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("has no timer while nothing is waiting", () => {
    const { writer, clock } = writerTo(new Output());
    expect(clock.pendingTimers).toBe(0);
    writer.write("a\n");
    writer.write("b\n");
    expect(clock.pendingTimers).toBe(1);
    clock.advance(50);
    expect([clock.pendingTimers, writer.waitingBytes]).toEqual([0, 0]);
  });

  test("goes on where a partial write ended", () => {
    const output = new Output();
    output.chunk = 3;
    const { writer, clock } = writerTo(output);
    for (const line of numbered(0, 20)) writer.write(`${line}\n`);
    clock.advance(50);
    expect(output.lines).toEqual(numbered(0, 20));
  });

  test("comes back for the rest when the reader is behind, and keeps the order", () => {
    const output = new Output();
    output.room = 10;
    const { writer, clock } = writerTo(output, { flushBytes: 40 });
    for (const line of numbered(0, 30)) writer.write(`${line}\n`);
    expect(output.text).toHaveLength(10);
    output.room = 25;
    clock.advance(50);
    expect(output.text).toHaveLength(35);
    output.room = Number.POSITIVE_INFINITY;
    clock.advance(100);
    expect(output.lines).toEqual(numbered(0, 30));
    expect([clock.pendingTimers, writer.waitingBytes]).toEqual([0, 0]);
  });

  test("asks a reader that is stuck no more often than once an interval", () => {
    const output = new Output();
    output.room = 0;
    const { writer, clock } = writerTo(output);
    writer.write("a\n");
    clock.advance(1_000);
    const before = output.calls;
    clock.advance(1_000);
    expect(output.calls - before).toBeWithin(19, 21);
    expect(writer.waitingBytes).toBe(2);
  });

  test("drops lines rather than wait or grow without end, and tells how many in their place", () => {
    const output = new Output();
    output.room = 0;
    const { writer, clock } = writerTo(output, { flushBytes: 10, maxWaitingBytes: 100 });
    for (const line of numbered(10, 40)) writer.write(`${line}\n`);
    expect(writer.waitingBytes).toBeLessThanOrEqual(100);
    expect(writer.droppedLines).toBe(28);
    output.room = Number.POSITIVE_INFINITY;
    clock.advance(100);
    writer.write("later\n");
    clock.advance(100);
    expect(output.lines).toEqual([...numbered(10, 12), "28 dropped", "later"]);
    expect([clock.pendingTimers, writer.droppedLines]).toEqual([0, 28]);
  });

  test("takes lines again when half of the room is free, not one at a time", () => {
    const output = new Output();
    output.room = 0;
    const { writer, clock } = writerTo(output, { flushBytes: 10, maxWaitingBytes: 100 });
    for (const line of numbered(10, 13)) writer.write(`${line}\n`);
    output.room = 16;
    clock.advance(50);
    writer.write("dropped too\n");
    output.room = 40;
    clock.advance(50);
    writer.write("taken\n");
    output.room = Number.POSITIVE_INFINITY;
    clock.advance(100);
    expect(output.lines).toEqual([...numbered(10, 12), "2 dropped", "taken"]);
  });

  test("tells of lost lines also when it is closed before anybody reads again", () => {
    const output = new Output();
    output.room = 0;
    const { writer } = writerTo(output, { flushBytes: 10, maxWaitingBytes: 100 });
    for (const line of numbered(10, 40)) writer.write(`${line}\n`);
    output.room = Number.POSITIVE_INFINITY;
    writer.close();
    expect(output.lines.at(-1)).toBe("28 dropped");
  });

  test("writes everything before an exit", () => {
    const output = new Output();
    output.room = 4;
    let refusals = 0;
    const clock = new ManualClock();
    const writer = new BatchedWriter(-1, clock, defaults, (...args) => {
      if (output.room === 0 && ++refusals % 3 === 0) output.room = 4;
      return output.write(...args);
    });
    for (const line of numbered(0, 5)) writer.write(`${line}\n`);
    writer.flushSync();
    expect(output.lines).toEqual(numbered(0, 5));
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not wait for ever for a reader that takes nothing", () => {
    const output = new Output();
    output.room = 0;
    const { writer } = writerTo(output);
    writer.write("a\n");
    writer.flushSync(3);
    expect(output.calls).toBeWithin(3, 10);
    expect(writer.waitingBytes).toBe(2);
  });

  test("goes on without a log when the reader is gone", () => {
    const output = new Output();
    output.error = "EPIPE";
    const { writer, clock } = writerTo(output);
    writer.write("a\n");
    clock.advance(50);
    output.error = null;
    writer.write("b\n");
    writer.flushSync();
    expect([output.text, writer.waitingBytes, clock.pendingTimers]).toEqual(["", 0, 0]);
  });

  test("keeps lines while a disk is full, but not without end", () => {
    const output = new Output();
    output.error = "ENOSPC";
    const { writer, clock } = writerTo(output, { flushBytes: 10, maxWaitingBytes: 100 });
    for (const line of numbered(0, 5)) writer.write(`${line}\n`);
    output.error = null;
    clock.advance(50);
    expect(output.lines).toEqual(numbered(0, 5));
    output.error = "ENOSPC";
    for (const line of numbered(5, 100)) writer.write(`${line}\n`);
    expect(writer.waitingBytes).toBeLessThan(120);
  });

  test("takes nothing more once it is closed", () => {
    const output = new Output();
    const { writer, clock } = writerTo(output);
    writer.write("a\n");
    writer.close();
    writer.write("b\n");
    writer.flushSync();
    expect([output.text, clock.pendingTimers]).toEqual(["a\n", 0]);
  });

  test("writes to a file", () => {
    const folder = mkdtempSync(join(tmpdir(), "batched-writer-"));
    const file = join(folder, "log");
    const fd = openSync(file, "w");
    try {
      const writer = new BatchedWriter(fd, new ManualClock(), defaults);
      for (const line of numbered(0, 500)) writer.write(`${line}\n`);
      writer.close();
      expect(readFileSync(file, "utf8").split("\n").slice(0, -1)).toEqual(numbered(0, 500));
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  });

  test.skipIf(Bun.which("mkfifo") === null)(
    "loses nothing and stays awake when nobody reads its pipe for a while",
    async () => {
      const count = 40_000;
      const folder = mkdtempSync(join(tmpdir(), "batched-writer-"));
      const path = join(folder, "pipe");
      Bun.spawnSync(["mkfifo", path]);
      const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writing = openSync(path, "w");
      try {
        await using child = Bun.spawn([process.execPath, "-e", pipeProgram(count)], {
          stdout: writing,
          stderr: "pipe",
        });
        closeSync(writing);
        // It can say so only when a full pipe does not hold it up.
        const { value } = await child.stderr.getReader().read();
        expect(new TextDecoder().decode(value)).toBe("awake\n");
        const lines = (await Bun.file(path).text()).split("\n");
        expect(lines.pop()).toBe("");
        expect(lines).toHaveLength(count);
        expect(lines.findIndex((line, i) => line !== `line ${i}`)).toBe(-1);
        expect(await child.exited).toBe(0);
      } finally {
        closeSync(reading);
        rmSync(folder, { recursive: true });
      }
    },
  );
});

function pipeProgram(count: number): string {
  const source = (file: string) => JSON.stringify(join(import.meta.dir, "../../../src", file));
  return `
    const { BatchedWriter } = await import(${source("net/batched-writer.ts")});
    const { systemClock } = await import(${source("lib/clock.ts")});
    const writer = new BatchedWriter(1, systemClock, { flushIntervalMs: 5, flushBytes: 65536, droppedText: String });
    for (let i = 0; i < ${count}; i++) writer.write("line " + i + "\\n");
    process.stderr.write("awake\\n");
  `;
}
