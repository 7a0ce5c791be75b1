import { describe, expect, test } from "bun:test";
import { Retry, type RetryRules } from "../../../../src/data-plane/proxy/retry.ts";
import type { Exchange } from "../../../../src/protocols/http/exchange.ts";
import type { Target } from "../../../../src/data-plane/services/target.ts";
import {
  ExchangeError,
  type ExchangeErrorCode,
} from "../../../../src/protocols/http/exchange-error.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const target = { address: "web-1:80" } as Target;
const error = (code: ExchangeErrorCode): ExchangeError => new ExchangeError(code, code);
const client = (): Exchange => ({ onAbort: null, aborted: false }) as unknown as Exchange;

const rules = (changes: Partial<RetryRules> = {}): RetryRules => ({
  retries: 0,
  retryOn: ["connect", "reset", "503"],
  retryMethods: ["GET"],
  retryWithinMs: 0,
  ...changes,
});

describe("Retry", () => {
  test("takes nothing but refused connections", () => {
    const retry = new Retry(new ManualClock(), 1_000, rules());
    for (const code of ["connection-lost", "response-timeout", "draining"] as const) {
      expect(retry.takes(error(code), target, "POST", true)).toBeFalse();
    }
    expect(retry.mayWait).toBeFalse();
    expect(retry.takes(error("connect-failed"), target, "POST", true)).toBeTrue();
    expect(retry.tried).toEqual([target]);
    expect(retry.mayWait).toBeTrue();
  });

  test("is over with its time", () => {
    const clock = new ManualClock();
    const retry = new Retry(clock, 1_000, rules());
    retry.takes(error("connect-failed"), target, "POST", true);
    clock.advance(1_000);
    expect(retry.mayWait).toBeFalse();
    expect(retry.failure?.code).toBe("connect-failed");
  });

  test("does not wait when it has no time", () => {
    const retry = new Retry(new ManualClock(), 0, rules());
    expect(retry.failure).toBeNull();
    expect(retry.takes(error("connect-failed"), target, "POST", true)).toBeTrue();
    expect([retry.mayWait, retry.tried]).toEqual([false, [target]]);
  });

  test("offers the request to all targets again after a pause", async () => {
    const clock = new ManualClock();
    const retry = new Retry(clock, 1_000, rules());
    retry.takes(error("connect-failed"), target, "POST", true);
    const exchange = client();
    const paused = retry.pause(exchange);
    clock.advance(100);
    expect(await paused).toBeTrue();
    expect(retry.tried).toEqual([]);
    expect(exchange.onAbort).toBeNull();
  });

  test("ends a pause when the client leaves", async () => {
    const clock = new ManualClock();
    const retry = new Retry(clock, 1_000, rules());
    const exchange = client();
    const paused = retry.pause(exchange);
    exchange.onAbort!();
    expect(await paused).toBeFalse();
    expect(clock.pendingTimers).toBe(0);
    expect(await retry.pause({ ...exchange, aborted: true })).toBeFalse();
  });
});

describe("Retry, with --retry", () => {
  test("sends what was reset or refused by its status again, so many times", () => {
    const retry = new Retry(new ManualClock(), 0, rules({ retries: 2 }));
    expect(retry.takes(error("connection-lost"), target, "GET", false)).toBeTrue();
    expect(retry.refusesStatus(503, "GET", false)).toBeTrue();
    expect(retry.takes(error("status-refused"), target, "GET", false)).toBeTrue();
    expect(retry.refusesStatus(503, "GET", false)).toBeFalse();
    expect(retry.takes(error("connection-lost"), target, "GET", false)).toBeFalse();
    expect(retry.mayWait).toBeTrue();
  });

  test.each([
    ["another method", "POST", false, 503],
    ["a body that is gone", "GET", true, 503],
    ["another status", "GET", false, 502],
    ["an ordinary answer", "GET", false, 404],
  ])("sends nothing again after %s", (_what, method, hasBody, status) => {
    const retry = new Retry(new ManualClock(), 0, rules({ retries: 2, retryOn: ["503"] }));
    expect(retry.refusesStatus(status, method, hasBody)).toBeFalse();
    expect(retry.takes(error("connection-lost"), target, method, hasBody)).toBeFalse();
  });

  test("ends with its time, which also counts for refused connections", () => {
    const clock = new ManualClock();
    const retry = new Retry(clock, 60_000, rules({ retries: 2, retryWithinMs: 500 }));
    retry.takes(error("connect-failed"), target, "GET", false);
    expect(retry.mayWait).toBeTrue();
    clock.advance(500);
    expect(retry.mayWait).toBeFalse();
    expect(retry.refusesStatus(503, "GET", false)).toBeFalse();
  });
});
