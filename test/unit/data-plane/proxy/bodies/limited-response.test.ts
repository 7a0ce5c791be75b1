import { describe, expect, test } from "bun:test";
import { maxSpoolQueueBytes, responseQuietMs } from "../../../../../src/config/limits.ts";
import type { BodySink, BodySource } from "../../../../../src/protocols/http/body.ts";
import { pipe } from "../../../../../src/protocols/http/body.ts";
import { DeadlineQueue } from "../../../../../src/lib/deadline-queue.ts";
import { LimitedResponse } from "../../../../../src/data-plane/proxy/bodies/limited-response.ts";
import { MemoryBudget } from "../../../../../src/net/memory-budget.ts";
import type { ExchangeError } from "../../../../../src/protocols/http/exchange-error.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { ScriptedBody } from "../../../../support/scripted-body.ts";
import { tempFolder, type TempFolder } from "../../../../support/temp-folder.ts";
import { waitFor } from "../../../../support/wait-for.ts";

const pauseMs = 2 * responseQuietMs;

/** The client: what it was sent, in order. */
class Client implements BodySink {
  readonly events: string[] = [];
  source: BodySource | null = null;
  takesMore = true;

  attach(source: BodySource): void {
    this.source = source;
  }
  write(chunk: Uint8Array): boolean {
    this.events.push(Buffer.from(chunk).toString());
    return this.takesMore;
  }
  flush(): void {}
  end(): void {
    this.events.push("end");
  }
  abort(): void {
    this.events.push("abort");
  }
}

function setUp(folder: TempFolder, { maxMemoryBytes = 1_000, maxBytes = 10 } = {}) {
  const clock = new ManualClock();
  const client = new Client();
  const memory = new MemoryBudget(1_000_000);
  const target = new ScriptedBody();
  const outcomes: (ExchangeError | null)[] = [];
  const response = new LimitedResponse(
    () => {
      client.events.push("200");
      return client;
    },
    { maxMemoryBytes, maxBytes, memory, folder: folder.path, maxDirectBytes: 0 },
    new DeadlineQueue(clock, responseQuietMs),
    (error) => outcomes.push(error),
  );
  pipe(target, response);
  return { clock, client, memory, target, outcomes, response };
}

describe("LimitedResponse", () => {
  test("keeps everything while bytes keep coming", async () => {
    using folder = tempFolder();
    const { clock, client, target, outcomes, memory } = setUp(folder);
    for (const piece of ["a", "b", "c"]) {
      target.push(piece);
      clock.advance(pauseMs - 1);
    }
    expect(client.events).toEqual([]);
    target.end();
    await waitFor(() => outcomes.length === 1, "the end");
    expect(client.events).toEqual(["200", "abc", "end"]);
    expect(outcomes).toEqual([null]);
    expect(memory.usedBytes).toBe(0);
    clock.advance(pauseMs);
    expect(clock.pendingTimers).toBe(0);
  });

  test("passes on what it has when the target pauses, and then what comes", () => {
    using folder = tempFolder();
    const { clock, client, target, outcomes, memory } = setUp(folder);
    target.push("ab");
    clock.advance(pauseMs);
    expect(client.events).toEqual(["200", "ab"]);
    expect([target.paused, memory.usedBytes]).toEqual([false, 0]);
    target.push("cd");
    target.end();
    expect(client.events).toEqual(["200", "ab", "cd", "end"]);
    expect(outcomes).toEqual([null]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("one quiet interval alone is no pause", () => {
    using folder = tempFolder();
    const { clock, client, target } = setUp(folder);
    target.push("a");
    clock.advance(responseQuietMs);
    target.push("b");
    clock.advance(responseQuietMs);
    expect(client.events).toEqual([]);
    clock.advance(responseQuietMs);
    expect(client.events).toEqual(["200", "ab"]);
  });

  test("the first byte may come later: a head alone is no answer yet", () => {
    using folder = tempFolder();
    const { clock, client, target } = setUp(folder);
    clock.advance(40);
    target.push("a");
    clock.advance(responseQuietMs);
    expect(client.events).toEqual([]);
    const silent = setUp(folder);
    silent.clock.advance(5 * responseQuietMs);
    expect(silent.client.events).toEqual(["200"]);
  });

  test("gives up a quick one that is too large before the client has anything", async () => {
    using folder = tempFolder();
    const { client, target, outcomes, memory } = setUp(folder);
    target.push("12345");
    target.push("678901");
    await waitFor(() => outcomes.length === 1, "the end");
    expect(outcomes[0]?.code).toBe("response-too-large");
    expect([client.events, target.cancelled, memory.usedBytes]).toEqual([[], true, 0]);
  });

  test("counts what came before the pause as well", () => {
    using folder = tempFolder();
    const { clock, client, target, outcomes } = setUp(folder);
    target.push("12345");
    clock.advance(pauseMs);
    target.push("67890");
    expect(outcomes).toEqual([]);
    target.push("!");
    expect(outcomes[0]?.code).toBe("response-too-large");
    expect(target.cancelled).toBe(true);
    expect(client.events).toEqual(["200", "12345", "67890"]);
  });

  test("the target waits until the client has taken what was collected", () => {
    using folder = tempFolder();
    const { clock, client, target } = setUp(folder);
    client.takesMore = false;
    target.push("ab");
    target.push("cd");
    clock.advance(pauseMs);
    expect(client.events).toEqual(["200", "abcd"]);
    expect(target.paused).toBe(true);
    client.source!.resume();
    expect(client.events).toEqual(["200", "abcd"]);
    expect(target.paused).toBe(false);
    target.push("ef");
    expect(target.paused).toBe(true);
    client.source!.resume();
    expect(target.paused).toBe(false);
  });

  test("a target held back by the disk has not paused", async () => {
    using folder = tempFolder();
    const { clock, client, target } = setUp(folder, { maxMemoryBytes: 2, maxBytes: 1e6 });
    target.push("ab");
    target.push("c".repeat(maxSpoolQueueBytes));
    expect(target.paused).toBe(true);
    clock.advance(10 * pauseMs);
    expect(client.events).toEqual([]);
    await waitFor(() => !target.paused, "the file to be written");
    clock.advance(pauseMs);
    const collectedBytes = (): number => client.events.slice(1).join("").length;
    await waitFor(() => collectedBytes() === 2 + maxSpoolQueueBytes, "what was collected");
    expect(client.events.slice(0, 2)).toEqual(["200", "ab"]);
  });

  test("a break is passed on only when the client has the head", () => {
    using folder = tempFolder();
    const early = setUp(folder);
    early.target.push("ab");
    early.target.sink!.abort(new Error("gone"));
    early.clock.advance(pauseMs);
    expect([early.client.events, early.memory.usedBytes]).toEqual([[], 0]);
    const late = setUp(folder);
    late.target.push("ab");
    late.clock.advance(pauseMs);
    late.target.sink!.abort(new Error("gone"));
    expect(late.client.events).toEqual(["200", "ab", "abort"]);
    expect([...early.outcomes, ...late.outcomes]).toEqual([]);
  });

  test("nothing is left of one that is given up", () => {
    using folder = tempFolder();
    const { clock, client, target, memory, response } = setUp(folder);
    target.push("ab");
    response.dispose();
    clock.advance(pauseMs);
    expect([client.events, memory.usedBytes, clock.pendingTimers]).toEqual([[], 0, 0]);
  });
});
