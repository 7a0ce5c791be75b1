import { describe, expect, test } from "bun:test";
import { ConnectRetry } from "../../../../src/data-plane/proxy/connect-retry.ts";
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

describe("ConnectRetry", () => {
  test("takes nothing but refused connections", () => {
    const retry = new ConnectRetry(new ManualClock(), 1_000);
    for (const code of ["connection-lost", "response-timeout", "draining"] as const) {
      expect(retry.takes(error(code), target)).toBeFalse();
    }
    expect(retry.mayWait).toBeFalse();
    expect(retry.takes(error("connect-failed"), target)).toBeTrue();
    expect(retry.tried).toEqual([target]);
    expect(retry.mayWait).toBeTrue();
  });

  test("is over with its time", () => {
    const clock = new ManualClock();
    const retry = new ConnectRetry(clock, 1_000);
    retry.takes(error("connect-failed"), target);
    clock.advance(1_000);
    expect(retry.mayWait).toBeFalse();
    expect(retry.refusal?.code).toBe("connect-failed");
  });

  test("does not wait when it has no time", () => {
    const retry = new ConnectRetry(new ManualClock(), 0);
    expect(retry.refusal).toBeNull();
    expect(retry.takes(error("connect-failed"), target)).toBeTrue();
    expect([retry.mayWait, retry.tried]).toEqual([false, [target]]);
  });

  test("offers the request to all targets again after a pause", async () => {
    const clock = new ManualClock();
    const retry = new ConnectRetry(clock, 1_000);
    retry.takes(error("connect-failed"), target);
    const exchange = client();
    const paused = retry.pause(exchange);
    clock.advance(100);
    expect(await paused).toBeTrue();
    expect(retry.tried).toEqual([]);
    expect(exchange.onAbort).toBeNull();
  });

  test("ends a pause when the client leaves", async () => {
    const clock = new ManualClock();
    const retry = new ConnectRetry(clock, 1_000);
    const exchange = client();
    const paused = retry.pause(exchange);
    exchange.onAbort!();
    expect(await paused).toBeFalse();
    expect(clock.pendingTimers).toBe(0);
    expect(await retry.pause({ ...exchange, aborted: true })).toBeFalse();
  });
});
