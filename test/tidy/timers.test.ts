/** Who waits for somebody else waits with the clock, which judges nobody before it has read. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const source = join(import.meta.dir, "..", "..", "src");
/** The clock itself. */
const mayUseTimers = new Set(["lib/clock.ts", "lib/running-time.ts"]);
const timers = /\b(setTimeout|setInterval|AbortSignal\.timeout|Bun\.sleep|timers\/promises)\b/;

test("no module but the clock sets a timer", () => {
  const offenders = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !mayUseTimers.has(file))
    .filter((file) => timers.test(readFileSync(join(source, file), "utf8")));
  expect(offenders).toEqual([]);
});
