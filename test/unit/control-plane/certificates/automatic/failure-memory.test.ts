import { describe, expect, test } from "bun:test";
import { AcmeError } from "../../../../../src/control-plane/certificates/acme/acme-error.ts";
import { FailureMemory } from "../../../../../src/control-plane/certificates/automatic/failure-memory.ts";
import type { OrderFailure } from "../../../../../src/control-plane/certificates/storage/certificate-cache.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";

const minuteMs = 60_000;

class Setup {
  readonly clock = new ManualClock();
  kept: OrderFailure | null = null;
  memory = this.restart();

  restart(): FailureMemory {
    this.memory = new FailureMemory(this.clock, {
      load: async () => this.kept,
      save: async (failure) => void (this.kept = failure),
      forget: async () => void (this.kept = null),
    });
    return this.memory;
  }

  /** How long the next failure holds, in minutes. */
  failFor(error: AcmeError): number {
    this.memory.remember(error);
    let minutes = 0;
    while (this.memory.holds) {
      this.clock.advance(minuteMs);
      minutes++;
    }
    return minutes;
  }
}

const invalid = (): AcmeError => new AcmeError("invalid", "http-01: connection refused");

describe("FailureMemory", () => {
  test("holds longer with each failed validation, a day at most", () => {
    const setup = new Setup();
    const minutes = Array.from({ length: 8 }, () => setup.failFor(invalid()));
    expect(minutes).toEqual([1, 5, 15, 60, 240, 1440, 1440, 1440]);
  });

  test("of what is no validation holds as long as ever", () => {
    const setup = new Setup();
    const refused = new AcmeError("refused", "rejectedIdentifier");
    expect([setup.failFor(refused), setup.failFor(refused)]).toEqual([1, 1]);
    expect(setup.kept).toBeNull();
  });

  test("counts those who waited together once", () => {
    const setup = new Setup();
    setup.memory.remember(invalid());
    setup.memory.remember(invalid());
    expect(setup.kept?.count).toBe(1);
  });

  test("goes on after a restart where it was, with the reason", async () => {
    const setup = new Setup();
    setup.failFor(invalid());
    setup.memory.remember(invalid());
    setup.clock.advance(minuteMs);
    setup.restart();
    expect(await setup.memory.load()).toBe("http-01: connection refused");
    expect(setup.memory.holds).toBe(true);
    setup.clock.advance(4 * minuteMs);
    expect(setup.memory.holds).toBe(false);
    expect(setup.failFor(invalid())).toBe(15);
  });

  test("holds no longer than a day whatever was kept by a wrong clock", async () => {
    const setup = new Setup();
    setup.kept = { count: 2, untilMs: setup.clock.wallMs() + 1e12, reason: "x" };
    setup.restart();
    await setup.memory.load();
    setup.clock.advance(1440 * minuteMs);
    expect(setup.memory.holds).toBe(false);
  });

  test("lets a deploy order once, and goes on counting", async () => {
    const setup = new Setup();
    setup.failFor(invalid());
    setup.memory.remember(invalid());
    setup.memory.allowOne();
    expect(setup.memory.holds).toBe(false);
    expect(setup.failFor(invalid())).toBe(15);
    setup.memory.remember(invalid());
    setup.restart();
    setup.memory.allowOne();
    await setup.memory.load();
    expect(setup.memory.holds).toBe(false);
  });

  test("keeps a time that the authority named, also over a deploy", () => {
    const setup = new Setup();
    setup.memory.remember(new AcmeError("busy", "rateLimited", { retryAfterMs: 60 * minuteMs }));
    setup.memory.allowOne();
    expect(setup.memory.holds).toBe(true);
    expect(setup.kept?.untilMs).toBe(setup.clock.wallMs() + 60 * minuteMs);
  });

  test("forgets everything when an order succeeds", () => {
    const setup = new Setup();
    setup.failFor(invalid());
    setup.memory.forget();
    expect(setup.kept).toBeNull();
    expect(setup.failFor(invalid())).toBe(1);
  });
});
