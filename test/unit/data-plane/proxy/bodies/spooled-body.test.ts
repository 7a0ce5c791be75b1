import { describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { maxSpoolQueueBytes } from "../../../../../src/config/limits.ts";
import { SpooledBody } from "../../../../../src/data-plane/proxy/bodies/spooled-body.ts";
import { MemoryBudget } from "../../../../../src/net/memory-budget.ts";
import { ScriptedBody } from "../../../../support/scripted-body.ts";
import { tempFolder, type TempFolder } from "../../../../support/temp-folder.ts";
import { waitFor } from "../../../../support/wait-for.ts";

/** A body that is all in the file, and longer than one read of it. */
async function spilledBody(folder: TempFolder): Promise<SpooledBody> {
  const spool = new SpooledBody({
    maxMemoryBytes: 0,
    maxBytes: 0,
    memory: new MemoryBudget(0),
    folder: folder.path,
    maxDirectBytes: 0,
  });
  new ScriptedBody((body) => {
    for (let i = 0; i < 10; i++) body.push(Buffer.alloc(50_000));
    body.end();
  }).start(spool);
  expect(await spool.collected).toEqual({ kind: "complete" });
  return spool;
}

function openFiles(folder: TempFolder): number {
  let count = 0;
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder.path)) count++;
    } catch {
      // Closed in the meantime.
    }
  }
  return count;
}

describe("SpooledBody", () => {
  test("holds its source back when much waits to be written, or all have too much", async () => {
    using folder = tempFolder();
    for (const { totalBytes, takesSmall } of [
      { totalBytes: 1_000_000, takesSmall: true },
      { totalBytes: 0, takesSmall: false },
    ]) {
      const spool = new SpooledBody({
        maxMemoryBytes: 0,
        maxBytes: 0,
        memory: new MemoryBudget(totalBytes),
        folder: folder.path,
        maxDirectBytes: 0,
      });
      new ScriptedBody(() => {}).start(spool);
      expect(spool.write(Buffer.alloc(1_000))).toBe(takesSmall);
      expect(spool.write(Buffer.alloc(maxSpoolQueueBytes))).toBeFalse();
      spool.dispose();
    }
    await waitFor(() => openFiles(folder) === 0, "the files to be closed");
  });

  test("its reader hears nothing more when it is disposed of while the file is read", async () => {
    using folder = tempFolder();
    const spool = await spilledBody(folder);
    const events: string[] = [];
    spool.source().start({
      attach() {},
      write: () => events.push("write") > 0,
      flush() {},
      end: () => void events.push("end"),
      abort: () => void events.push("abort"),
    });
    expect(openFiles(folder)).toBe(1);
    spool.dispose();
    await waitFor(() => openFiles(folder) === 0, "the file to be closed");
    expect(events).toEqual([]);
  });

  test("its reader hands over little until it sees that more is taken", async () => {
    const spool = new SpooledBody({
      maxMemoryBytes: 1_000_000,
      maxBytes: 0,
      memory: new MemoryBudget(1_000_000),
      folder: "/",
      maxDirectBytes: 0,
    });
    new ScriptedBody((body) => {
      body.push(Buffer.alloc(300_000));
      body.end();
    }).start(spool);
    await spool.collected;
    const pieces: number[] = [];
    let takes = false;
    const source = spool.source();
    source.start({
      attach() {},
      write: (chunk) => pieces.push(chunk.length) > 0 && takes,
      flush() {},
      end() {},
      abort() {},
    });
    expect(pieces).toEqual([4_096]);
    takes = true;
    source.resume();
    expect(pieces.slice(0, 3)).toEqual([4_096, 4_096, 16_384]);
    expect(pieces.reduce((sum, length) => sum + length)).toBe(300_000);
  });

  test("its reader, resumed after it was disposed of, reads nothing", async () => {
    using folder = tempFolder();
    const spool = await spilledBody(folder);
    const events: string[] = [];
    const source = spool.source();
    source.start({
      attach() {},
      write: () => events.push("write") === 0,
      flush() {},
      end: () => void events.push("end"),
      abort: () => void events.push("abort"),
    });
    await waitFor(() => events.length === 1, "the first piece, which holds the reader back");
    spool.dispose();
    source.resume();
    expect(openFiles(folder)).toBe(0);
    expect(events).toEqual(["write"]);
  });
});
