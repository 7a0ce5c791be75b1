import { expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { AcmeError } from "../../../../../src/control-plane/certificates/acme/acme-error.ts";
import { OrdersUnderWay } from "../../../../../src/control-plane/certificates/automatic/orders-under-way.ts";
import { AutomaticCertificate } from "../../../../../src/control-plane/certificates/automatic/automatic-certificate.ts";
import type { PreflightReport } from "../../../../../src/control-plane/certificates/automatic/preflight-report.ts";
import { certificateSavePatienceMs } from "../../../../../src/config/limits.ts";
import type { OrderFailure } from "../../../../../src/control-plane/certificates/storage/certificate-cache.ts";
import type { RenewalWindow } from "../../../../../src/control-plane/certificates/acme/renewal-info.ts";
import type { CertificateKeyPair } from "../../../../../src/seam/handshake-certificates.ts";
import {
  type KeyPair,
  readKeyPair,
} from "../../../../../src/control-plane/certificates/key-pair.ts";
import { createCertificate } from "../../../../support/certificates.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../../support/recording-logger.ts";
import { ScriptedIssuer } from "../../../../support/scripted-issuer.ts";
import { waitFor } from "../../../../support/wait-for.ts";

const hourMs = 3_600_000;
const minuteMs = 60_000;
const dayMs = 24 * hourMs;

class Setup {
  readonly clock = new ManualClock();
  readonly logger = new RecordingLogger();
  readonly issuer = new ScriptedIssuer();
  readonly saved: KeyPair[] = [];
  loads = 0;
  failures = 0;
  report: PreflightReport = { verdict: "arrives", text: null };
  changes = 0;
  onDisk: KeyPair | null = null;
  saveError: Error | null = null;
  /** How long it takes. */
  saving: Promise<void> = Promise.resolve();
  window: RenewalWindow | null = null;
  keptFailure: OrderFailure | null = null;
  readonly certificate = new AutomaticCertificate("app.test", {
    clock: this.clock,
    logger: this.logger,
    random: () => 0,
    changed: () => void this.changes++,
    failed: () => void this.failures++,
    ordering: () => new OrdersUnderWay().begin(),
    load: async () => {
      this.loads++;
      return this.onDisk;
    },
    save: async (keyPair) => {
      await this.saving;
      if (this.saveError !== null) throw this.saveError;
      this.saved.push(keyPair);
    },
    lock: async () => null,
    failures: {
      load: async () => this.keptFailure,
      save: async (failure) => void (this.keptFailure = failure),
      forget: async () => void (this.keptFailure = null),
    },
    issue: (request) =>
      this.issuer.issue({
        ...request,
        name: "app.test",
        directoryUrl: "",
        accountKey: "",
        externalAccount: null,
        profile: "",
      }),
    renewalWindow: async () => this.window,
    preflight: async () => this.report,
    keyType: "ec",
  });

  get(): Promise<CertificateKeyPair | null> {
    return Promise.resolve(this.certificate.get());
  }

  async ordered(count: number): Promise<void> {
    await waitFor(() => this.issuer.issues.length === count, `${count} orders`);
  }

  /** Answers the last order with a certificate from now on. */
  issue(lifetimeMs: number, challenge: "http-01" | "tls-alpn-01" = "http-01"): void {
    const nowMs = this.clock.wallMs();
    this.issuer.last.issue({ notBeforeMs: nowMs, notAfterMs: nowMs + lifetimeMs, challenge });
  }

  /** A certificate that is there, obtained now. */
  async obtain(lifetimeMs: number): Promise<CertificateKeyPair> {
    const pair = this.get();
    await this.ordered(1);
    this.issue(lifetimeMs);
    return (await pair)!;
  }

  keyPair(fromMs: number, toMs: number): KeyPair {
    const nowMs = this.clock.wallMs();
    const { certificate, privateKey } = createCertificate(["app.test"], {
      notBefore: new Date(nowMs + fromMs),
      notAfter: new Date(nowMs + toMs),
    });
    return readKeyPair(certificate, privateKey);
  }
}

test("an automatic certificate is ordered once for all handshakes that wait", async () => {
  const setup = new Setup();
  const waiting = Array.from({ length: 20 }, () => setup.get());
  await setup.ordered(1);
  setup.issue(90 * dayMs);
  const pairs = await Promise.all(waiting);
  expect(pairs[0]).not.toBeNull();
  expect(new Set(pairs).size).toBe(1);
  expect(setup.certificate.get()).toBe(pairs[0]!);
  expect(setup.issuer.issues).toHaveLength(1);
  expect(setup.saved.map(({ pair }) => pair)).toEqual([pairs[0]!]);
  expect(setup.changes).toBe(1);
});

test("an automatic certificate whose authority is busy says so while it waits", async () => {
  const setup = new Setup();
  const pair = setup.get();
  await setup.ordered(1);
  const busy = new AcmeError("busy", "newOrder: try later", { retryAfterMs: 60_000 });
  setup.issuer.last.request.postponed(busy, 60_000);
  expect(setup.certificate.lastError).toBe("newOrder: try later");
  expect(setup.logger.find("Certificate is postponed")).toEqual({
    level: "warn",
    message: "Certificate is postponed",
    fields: { host: "app.test", error: "newOrder: try later", retry_ms: 60_000 },
  });
  setup.issue(90 * dayMs);
  expect(await pair).not.toBeNull();
  expect(setup.certificate.lastError).toBeNull();
});

test("an automatic certificate on the disk needs no order", async () => {
  const setup = new Setup();
  setup.onDisk = setup.keyPair(-dayMs, 60 * dayMs);
  expect(await setup.get()).toBe(setup.onDisk.pair);
  expect(setup.issuer.issues).toHaveLength(0);
  expect(setup.loads).toBe(1);
});

test.each([
  ["has expired", -2 * dayMs, -dayMs],
  ["is not valid yet", dayMs, 2 * dayMs],
])("an automatic certificate on the disk that %s is ordered anew", async (_, fromMs, toMs) => {
  const setup = new Setup();
  setup.onDisk = setup.keyPair(fromMs, toMs);
  const pair = await setup.obtain(90 * dayMs);
  expect(pair).not.toBe(setup.onDisk.pair);
});

test("an automatic certificate that the disk does not take is served nevertheless", async () => {
  const setup = new Setup();
  setup.saveError = new Error("no space left");
  expect(await setup.obtain(90 * dayMs)).not.toBeNull();
  await waitFor(() => setup.logger.find("Unable to save certificate"), "the log line");
});

test("a refused order is remembered for a minute, then tried again", async () => {
  const setup = new Setup();
  const waiting = [setup.get(), setup.get()];
  await setup.ordered(1);
  setup.issuer.last.fail(new AcmeError("refused", "not you"));
  expect(await Promise.all(waiting)).toEqual([null, null]);
  expect(setup.certificate.lastError).toBe("not you");
  expect(setup.logger.find("Unable to obtain certificate")?.fields).toEqual({
    host: "app.test",
    error: "not you",
  });

  setup.clock.advance(59_999);
  expect(setup.certificate.get()).toBeNull();
  setup.clock.advance(1);
  const again = setup.get();
  await setup.ordered(2);
  setup.issue(90 * dayMs);
  expect(await again).not.toBeNull();
  expect(setup.certificate.lastError).toBeNull();
});

test("a refused order is forgotten by a redeploy", async () => {
  const setup = new Setup();
  const refused = setup.get();
  await setup.ordered(1);
  setup.issuer.last.fail(new AcmeError("refused", "not you"));
  await refused;
  setup.certificate.forgetFailure();
  void setup.get();
  await setup.ordered(2);
});

test("a time that the authority named is kept, also by a redeploy", async () => {
  const setup = new Setup();
  const refused = setup.get();
  await setup.ordered(1);
  setup.issuer.last.fail(new AcmeError("busy", "later", { retryAfterMs: hourMs }));
  expect(await refused).toBeNull();
  setup.certificate.forgetFailure();
  setup.clock.advance(hourMs - 1);
  expect(setup.certificate.get()).toBeNull();
  setup.clock.advance(1);
  void setup.get();
  await setup.ordered(2);
});

test("an automatic certificate is kept before it is served, unless that takes too long", async () => {
  for (const isQuick of [true, false]) {
    const setup = new Setup();
    const { promise, resolve } = Promise.withResolvers<void>();
    setup.saving = promise;
    const pair = setup.get();
    await setup.ordered(1);
    setup.issue(90 * dayMs);
    await waitFor(() => setup.clock.pendingTimers > 0, "the disk to be waited for");
    setup.clock.advance(certificateSavePatienceMs - 1);
    await new Promise<void>((next) => void setImmediate(next));
    expect(setup.certificate.current).toBeNull();
    if (isQuick) resolve();
    else setup.clock.advance(1);
    expect(await pair).not.toBeNull();
    expect(setup.saved).toHaveLength(isQuick ? 1 : 0);
    resolve();
    await waitFor(() => setup.saved.length === 1, "the certificate to be kept");
  }
});

test("a validation that failed in the background counts for handshakes as well", async () => {
  const setup = new Setup();
  const background = setup.certificate.fetchInBackground();
  await setup.ordered(1);
  setup.issuer.last.fail(new AcmeError("invalid", "wrong record"));
  await background;
  expect(setup.certificate.get()).toBeNull();
  setup.clock.advance(59_999);
  expect(setup.certificate.get()).toBeNull();
  setup.clock.advance(1);
  void setup.get();
  await setup.ordered(2);
});

test("a refusal in the background is left to the next handshake", async () => {
  const setup = new Setup();
  const background = setup.certificate.fetchInBackground();
  await setup.ordered(1);
  setup.issuer.last.fail(new AcmeError("refused", "not yet"));
  await background;
  const pair = setup.get();
  await setup.ordered(2);
  setup.issue(90 * dayMs);
  expect(await pair).not.toBeNull();
});

test("a fetch in the background does nothing when the certificate is there", async () => {
  const setup = new Setup();
  await setup.obtain(90 * dayMs);
  await setup.certificate.fetchInBackground();
  expect(setup.issuer.issues).toHaveLength(1);
});

test("an automatic certificate for another name is not taken", async () => {
  const setup = new Setup();
  const pair = setup.get();
  await setup.ordered(1);
  const nowMs = setup.clock.wallMs();
  setup.issuer.last.issue({ notBeforeMs: nowMs, notAfterMs: nowMs + dayMs, name: "evil.test" });
  expect(await pair).toBeNull();
  expect(setup.certificate.lastError).toContain("another name");
});

test("renewal replaces the certificate in place, with the same key", async () => {
  const setup = new Setup();
  const old = await setup.obtain(90 * dayMs);
  for (let half = 0; half < 119; half++) setup.clock.advance(12 * hourMs);
  expect(setup.issuer.issues).toHaveLength(1);
  setup.clock.advance(12 * hourMs);
  await setup.ordered(2);
  expect(setup.certificate.get()).toBe(old);
  setup.issue(90 * dayMs);
  await waitFor(() => setup.certificate.get() !== old, "the new certificate");
  const next = (await setup.get())!;
  expect(next.certificate).not.toBe(old.certificate);
  expect(next.privateKey).toBe(old.privateKey);
  expect(setup.saved).toHaveLength(2);
  expect(setup.changes).toBe(2);
});

test("renewal of an RSA certificate takes an EC key", async () => {
  const setup = new Setup();
  const nowMs = setup.clock.wallMs();
  const { certificate, privateKey } = createCertificate(["app.test"], {
    kind: "rsa",
    notBefore: new Date(nowMs - 80 * dayMs),
    notAfter: new Date(nowMs + 10 * dayMs),
  });
  setup.onDisk = readKeyPair(certificate, privateKey);
  expect((await setup.get())?.certificate).toBe(certificate);
  setup.clock.advance(0);
  await setup.ordered(1);
  const key = createPrivateKey(setup.issuer.last.request.privateKey);
  expect(key.asymmetricKeyType).toBe("ec");
});

test("renewal that fails keeps the old certificate and is tried again after half an hour", async () => {
  const setup = new Setup();
  const old = await setup.obtain(90 * dayMs);
  for (let half = 0; half < 120; half++) setup.clock.advance(12 * hourMs);
  await setup.ordered(2);
  setup.issuer.last.fail(new AcmeError("unreachable", "no answer"));
  await waitFor(() => setup.clock.pendingTimers === 1, "the next timer");
  expect(setup.certificate.get()).toBe(old);
  setup.clock.advance(30 * 60_000 - 1);
  expect(setup.issuer.issues).toHaveLength(2);
  setup.clock.advance(1);
  await setup.ordered(3);
  setup.issue(90 * dayMs);
  await waitFor(() => setup.certificate.get() !== old, "the new certificate");
});

test("renewal starts with the challenge that worked the last time", async () => {
  const setup = new Setup();
  const pair = setup.get();
  await setup.ordered(1);
  expect(setup.issuer.last.request.firstChallenge).toBe("http-01");
  setup.issue(15_000, "tls-alpn-01");
  await pair;
  setup.clock.advance(10_000);
  await setup.ordered(2);
  expect(setup.issuer.last.request.firstChallenge).toBe("tls-alpn-01");
});

test("certificates of 15 seconds are kept fresh", async () => {
  const setup = new Setup();
  await setup.obtain(15_000);
  for (let renewal = 2; renewal < 6; renewal++) {
    setup.clock.advance(10_000);
    await setup.ordered(renewal);
    const before = setup.certificate.current;
    // A promise here would mean a handshake that has to wait.
    expect(setup.certificate.get()).not.toBeInstanceOf(Promise);
    setup.issue(15_000);
    await waitFor(() => setup.certificate.current !== before, "the new certificate");
  }
});

test("an expired certificate is served only when there is no newer one to be had", async () => {
  const late = new Setup();
  const expired = await late.obtain(15_000);
  late.clock.advance(20_000);
  await late.ordered(2);
  const handshake = late.get();
  late.issuer.last.fail(new AcmeError("refused", "no"));
  expect(await handshake).toBe(expired);
});

test("a name that no service has any more is neither ordered nor renewed", async () => {
  const setup = new Setup();
  const waiting = setup.get();
  await setup.ordered(1);
  setup.certificate.close();
  expect(await waiting).toBeNull();
  expect(setup.logger.messages("error")).toEqual([]);

  const renewing = new Setup();
  await renewing.obtain(90 * dayMs);
  renewing.certificate.close();
  expect(renewing.clock.pendingTimers).toBe(0);
});

test("an automatic certificate is renewed in the window that its authority names, and says what it replaces", async () => {
  const setup = new Setup();
  const nowMs = setup.clock.wallMs();
  setup.window = { startMs: nowMs + dayMs, endMs: nowMs + 2 * dayMs, holdsMs: 6 * hourMs };
  await setup.obtain(90 * dayMs);
  await waitFor(() => setup.certificate.renewAtMs === nowMs + dayMs, "the time of renewal");
  expect(setup.issuer.last.request.replaces).toBeNull();
  setup.clock.advance(dayMs - hourMs);
  expect(setup.issuer.issues).toHaveLength(1);
  setup.clock.advance(2 * hourMs);
  await setup.ordered(2);
});

test("an automatic certificate whose authority wants it back at once is renewed at once", async () => {
  const setup = new Setup();
  await setup.obtain(90 * dayMs);
  const nowMs = setup.clock.wallMs();
  setup.window = { startMs: nowMs - 2 * dayMs, endMs: nowMs - dayMs, holdsMs: hourMs };
  const other = new Setup();
  other.window = setup.window;
  await other.obtain(90 * dayMs);
  await waitFor(() => {
    other.clock.advance(1);
    return other.issuer.issues.length === 2;
  }, "the renewal");
});

test("an authority whose windows are all in the past is asked for one certificate an hour", async () => {
  const setup = new Setup();
  const startedMs = setup.clock.wallMs();
  setup.window = { startMs: 1, endMs: 2, holdsMs: hourMs };
  await setup.obtain(90 * dayMs);
  const minutes = (count: number) =>
    waitFor(() => {
      setup.clock.advance(minuteMs);
      return setup.issuer.issues.length === count;
    }, `${count} orders`);
  await minutes(2);
  for (let count = 3; count < 6; count++) {
    const orderedMs = setup.clock.wallMs();
    setup.issue(90 * dayMs);
    await minutes(count);
    expect(setup.clock.wallMs() - orderedMs).toBeGreaterThanOrEqual(hourMs - 2 * minuteMs);
  }
  expect(setup.clock.wallMs() - startedMs).toBeLessThan(dayMs);
});

test("a name that does not lead here is not ordered, and is when it does", async () => {
  const setup = new Setup();
  setup.report = { verdict: "nowhere", text: "app.test has no address" };
  expect(await setup.get()).toBeNull();
  const { certificate } = setup;
  expect(certificate.lastError).toBe("nothing was ordered: app.test has no address");
  expect(certificate.preflight).toBe("app.test has no address");
  expect([setup.issuer.issues.length, setup.failures]).toEqual([0, 0]);
  setup.clock.advance(20_000);
  setup.report = { verdict: "closed", text: "port 80 of app.test does not lead here" };
  const pair = setup.get();
  await setup.ordered(1);
  expect(setup.issuer.last.request.firstChallenge).toBe("tls-alpn-01");
  setup.issue(dayMs, "tls-alpn-01");
  expect(await pair).not.toBeNull();
  expect([certificate.lastError, certificate.preflight]).toEqual([null, null]);
});
