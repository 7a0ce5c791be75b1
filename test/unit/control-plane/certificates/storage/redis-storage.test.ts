/** A certificate store whose server does not do what it should. */
import { expect, test } from "bun:test";
import {
  maxStoredKeys,
  maxStoredValueBytes,
  storeListTimeoutMs,
  storePollIntervalMs,
  storeReconnectPauseMs,
} from "../../../../../src/config/limits.ts";
import { RedisStorage } from "../../../../../src/control-plane/certificates/storage/redis-storage.ts";
import { messageOf } from "../../../../../src/lib/error-text.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";

type Answer = (command: string, args: string[]) => unknown;

function setup(answer: Answer) {
  const clock = new ManualClock();
  const state = { connects: 0, isDown: false, downReason: "refused" };
  const storage = new RedisStorage({
    url: "redis://store.test:6379",
    prefix: "p:",
    ca: null,
    clock,
    connect: () => ({
      async connect() {
        state.connects++;
        if (state.isDown) throw new Error(state.downReason);
      },
      send: async (command, args) => answer(command, args),
      close() {},
    }),
  });
  return { clock, state, storage };
}

test("a value is fetched up to its limit, and not taken beyond", async () => {
  const text = "x".repeat(100_000);
  const stored = new Map([
    ["p:fits", Buffer.from(text).toString("base64")],
    ["p:huge", "A".repeat(50_000_000)],
  ]);
  let fetched = 0;
  const { storage } = setup((command, [key = "", from, to]) => {
    expect(command).toBe("GETRANGE");
    const value = (stored.get(key) ?? "").slice(Number(from), Number(to) + 1);
    fetched = Math.max(fetched, value.length);
    return value;
  });
  expect(String(await storage.read("fits"))).toBe(text);
  expect(await storage.read("none")).toBe(null);
  await expect(storage.read("huge")).rejects.toThrow(
    `huge has more than ${maxStoredValueBytes} bytes`,
  );
  expect(fetched).toBeLessThan(2 * maxStoredValueBytes);
});

test("answers of another kind are told as such", async () => {
  for (const nonsense of [
    null,
    42,
    "text",
    [],
    ["0"],
    ["0", "x"],
    [["0"], []],
    ["0", [7]],
    { a: 1 },
  ]) {
    const { storage } = setup((command) => (command === "SCAN" ? nonsense : [nonsense]));
    await expect(storage.list("x/")).rejects.toThrow(
      "certificate store redis://store.test:6379: SCAN was answered with something else",
    );
    await expect(storage.read("x")).rejects.toThrow("GETRANGE was answered with something else");
    await expect(storage.write("x", Buffer.from("y"))).rejects.toThrow("x was not written");
  }
});

test("a list that never ends, or is too long, is given up", async () => {
  const endless = setup(() => {
    endless.clock.advance(1_000);
    return ["7", ["p:x/a"]];
  });
  const startedMs = endless.clock.now();
  await expect(endless.storage.list("x/")).rejects.toThrow("no end of the list");
  expect(endless.clock.now() - startedMs).toBeLessThan(storeListTimeoutMs + 2_000);

  let round = 0;
  const long = setup(() => [
    "7",
    Array.from({ length: 1_000 }, (_, i) => `p:x/${round}-${i}-${round++}`),
  ]);
  await expect(long.storage.list("x/")).rejects.toThrow(`more than ${maxStoredKeys} keys`);
});

test("a server that can't be connected to is tried again after a pause, whoever asks", async () => {
  const { clock, state, storage } = setup(() => "");
  state.isDown = true;
  for (let i = 0; i < 50; i++) await expect(storage.read("x")).rejects.toThrow("refused");
  expect(state.connects).toBe(1);
  clock.advance(storeReconnectPauseMs);
  state.isDown = false;
  expect(await storage.read("x")).toBe(null);
  expect(state.connects).toBe(2);
});

test("of a server that is not there only as much is said as is known", async () => {
  const { storage, state } = setup(() => null);
  state.isDown = true;
  state.downReason = "Connection closed";
  const reason = await storage.read("x").then(() => "read", messageOf);
  expect(reason).toContain(
    "it can't be reached, or closed the connection: address, user, password",
  );
});

test("whoever watches is told of the next change when it has dealt with the last one", async () => {
  let revision = 0;
  const { clock, storage } = setup(() => String(revision));
  const done = Promise.withResolvers<void>();
  let told = 0;
  using _ = storage.watch(async () => {
    told++;
    await done.promise;
  });
  const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));
  for (let i = 0; i < 10; i++) {
    await settled();
    revision++;
    clock.advance(storePollIntervalMs);
  }
  expect(told).toBe(1);
  done.resolve();
  await settled();
  clock.advance(storePollIntervalMs);
  await settled();
  expect(told).toBe(2);
});
