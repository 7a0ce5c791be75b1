import { describe, expect, test } from "bun:test";
import { SpoolSpace } from "../../../../../src/data-plane/proxy/bodies/spool-space.ts";
import { SpooledBody } from "../../../../../src/data-plane/proxy/bodies/spooled-body.ts";
import { MemoryBudget } from "../../../../../src/net/memory-budget.ts";
import { ScriptedBody } from "../../../../support/scripted-body.ts";
import { tempFolder } from "../../../../support/temp-folder.ts";

const MB = 1024 * 1024;

/** A response of so much, all of it collected. */
async function collect(space: SpoolSpace, bytes: number, connection: object | null): Promise<void> {
  const spool = new SpooledBody(space.responseOptions(4 * MB, 0, connection));
  new ScriptedBody((body) => {
    for (let sent = 0; sent < bytes; sent += MB / 4) body.push(Buffer.alloc(MB / 4));
    body.end();
  }).start(spool);
  expect(await spool.collected).toEqual({ kind: "complete" });
}

describe("SpoolSpace", () => {
  test("keeps in memory what one response may take, however many one connection has asked for", async () => {
    using folder = tempFolder();
    const memory = new MemoryBudget(100 * MB);
    const space = new SpoolSpace(memory, folder.path);
    const connection = {};
    for (let i = 0; i < 20; i++) await collect(space, MB, connection);
    expect(memory.usedBytes).toBeGreaterThan(3 * MB);
    expect(memory.usedBytes).toBeLessThanOrEqual(4 * MB);
  });

  test("counts connections each on their own, and those that carry one response at a time not at all", async () => {
    using folder = tempFolder();
    const memory = new MemoryBudget(100 * MB);
    const space = new SpoolSpace(memory, folder.path);
    for (let i = 0; i < 4; i++) await collect(space, 3 * MB, {});
    expect(memory.usedBytes).toBeGreaterThanOrEqual(12 * MB);
    for (let i = 0; i < 4; i++) await collect(space, 3 * MB, null);
    expect(memory.usedBytes).toBeGreaterThanOrEqual(24 * MB);
  });
});
