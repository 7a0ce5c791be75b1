import { describe, expect, test } from "bun:test";
import { passwordAttempts, passwordMemoryMs } from "../../../src/config/access-limits.ts";
import { credentialFault, credentialFileFault } from "../../../src/config/credentials.ts";
import { givenCredentials } from "../../../src/access/basic-credentials.ts";
import { PasswordChecker, retryAfter } from "../../../src/access/password-checker.ts";
import { rateSlotBytes, RateTable } from "../../../src/access/rate-table.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const encoded = (text: string | Uint8Array): string =>
  `Basic ${Buffer.from(text as string).toString("base64")}`;
const read = (...values: string[]) => {
  const given = givenCredentials(values);
  return given && [given.user, Buffer.from(given.password).toString("utf8")];
};

describe("credentials of a request", () => {
  test("have their first colon between user and password, and may be any UTF-8", () => {
    expect(read(encoded("ann:secret"))).toEqual(["ann", "secret"]);
    expect(read(encoded("ann:a:b:"))).toEqual(["ann", "a:b:"]);
    expect(read(encoded("Zoë:pässwörd ✓"))).toEqual(["Zoë", "pässwörd ✓"]);
    expect(read(encoded("ann:secret").replace("Basic", "bASIC"))).toEqual(["ann", "secret"]);
  });

  test.each([
    ["none", []],
    ["another scheme", ["Bearer YTpi"]],
    ["two fields", [encoded("ann:secret"), encoded("ann:secret")]],
    ["no user", [encoded(":secret")]],
    ["no password", [encoded("ann:")]],
    ["no colon", [encoded("ann")]],
    ["NUL in the password", [encoded("ann:secret\0x")]],
    ["a line end", [encoded("ann:secret\n")]],
    ["no base64", ["Basic ann:secret"]],
    ["a second word", [`${encoded("ann:secret")} x`]],
    ["nothing", ["Basic "]],
  ])("are none with %s", (_what, values) => {
    expect(read(...(values as string[]))).toBe(null);
  });
});

const hash = (text: string) => ({ user: "ann", hash: `hash of ${text}` });

function setUp() {
  const clock = new ManualClock();
  const rates = new RateTable(new ArrayBuffer(rateSlotBytes * 8 * 64), 1);
  let checks = 0;
  const held: (() => void)[] = [];
  let holds = false;
  const passwords = new PasswordChecker({
    clock,
    rates,
    async verify(password, of) {
      checks++;
      if (holds) await new Promise<void>((resolve) => held.push(resolve));
      return of === `hash of ${Buffer.from(password).toString()}`;
    },
    fingerprint: (of, user, password) => `${of} ${user} ${Buffer.from(password).toString()}`,
  });
  const check = (password: string, address = "192.0.2.1", isUser = true) =>
    passwords.check(
      address,
      "ann",
      Buffer.from(password),
      isUser ? hash("secret") : null,
      hash("secret"),
    );
  return {
    clock,
    check,
    checks: () => checks,
    hold: () => void (holds = true),
    release() {
      holds = false;
      for (const resolve of held.splice(0)) resolve();
    },
  };
}

describe("PasswordChecker", () => {
  test("checks a right one once for many requests, at once and later, until it is forgotten", async () => {
    const { clock, check, checks } = setUp();
    expect(await Promise.all(Array.from({ length: 100 }, () => check("secret")))).toEqual(
      Array.from({ length: 100 }, () => "right"),
    );
    expect([check("secret"), check("secret", "192.0.2.2"), checks()]).toEqual([
      "right",
      "right",
      1,
    ]);
    clock.advance(passwordMemoryMs + 1);
    expect([await check("secret"), checks()]).toEqual(["right", 2]);
  });

  test("lets a client guess ten times, and then checks nothing", async () => {
    const { check, checks, clock } = setUp();
    await check("secret", "192.0.2.9");
    const verdicts: unknown[] = [];
    for (let i = 0; i < 20; i++) verdicts.push(await check(`guess ${i}`));
    const limited = { waitMs: passwordAttempts.intervalMs };
    expect(retryAfter(limited)).toEqual(["Retry-After", "6"]);
    const { burst } = passwordAttempts;
    expect(verdicts).toEqual([
      ...Array.from({ length: burst }, () => "wrong"),
      ...Array.from({ length: 20 - burst }, () => limited),
    ]);
    expect(checks()).toBe(1 + burst);
    // The right one is known from another client, whose guesses are its own.
    expect([check("secret"), await check("x", "192.0.2.2")]).toEqual(["right", "wrong"]);
    clock.advance(passwordAttempts.intervalMs);
    expect([await check("y"), await check("z")]).toEqual(["wrong", limited]);
    clock.advance(5_500);
    expect([await check("z"), retryAfter({ waitMs: 500 })]).toEqual([
      { waitMs: 500 },
      ["Retry-After", "1"],
    ]);
  });

  test("takes as long for a user that is not there, and never says right", async () => {
    const { check, checks } = setUp();
    expect([await check("secret", "192.0.2.1", false), checks()]).toEqual(["wrong", 1]);
    await check("secret");
    expect([await check("secret", "192.0.2.1", false), checks()]).toEqual(["wrong", 3]);
  });

  test("turns away what would wait for too long, at no cost for the client", async () => {
    const { check, checks, hold, release } = setUp();
    hold();
    const waiting = Array.from({ length: 66 }, (_, index) => check("secret", `10.0.0.${index}`));
    expect(await check("secret", "10.0.1.1")).toBe("busy");
    release();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["right"]));
    expect(checks()).toBe(66);
  });
});

describe("credentials in settings", () => {
  const bcrypt = `$2y$10$${"a".repeat(53)}`;
  test.each([
    `ann:${bcrypt}`,
    `ann:$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA`,
    `a b:${bcrypt.replace("2y", "2b")}`,
  ])("%s can be meant", (entry) => {
    expect(credentialFault(entry)).toBeUndefined();
  });

  test.each([
    "ann",
    "ann:",
    ":x",
    `:${bcrypt}`,
    "ann:secret",
    "ann:$apr1$x$y",
    "ann:{SHA}x",
    `ann:${bcrypt}x`,
    `ann:$2y$31$${"a".repeat(53)}`,
  ])("%s is refused, and not repeated", (entry) => {
    expect(credentialFault(entry)).toMatch(/^must be user:hash/);
  });

  test("of a file are told by their line", () => {
    expect(credentialFileFault(`# users\n\nann:${bcrypt}\r\n`)).toBeUndefined();
    expect(credentialFileFault(`ann:${bcrypt}\nbob:secret`)).toStartWith("line 2 is no user:hash");
  });
});
