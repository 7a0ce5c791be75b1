import { describe, expect, test } from "bun:test";
import { AcmeError } from "../../../../../src/control-plane/certificates/acme/acme-error.ts";
import type { IssueRequest } from "../../../../../src/control-plane/certificates/acme/issuer.ts";
import { Authorities } from "../../../../../src/control-plane/certificates/automatic/authorities.ts";
import { FolderStorage } from "../../../../../src/control-plane/certificates/storage/folder-storage.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../../support/recording-logger.ts";
import { tempFolder } from "../../../../support/temp-folder.ts";
import { waitFor } from "../../../../support/wait-for.ts";

const urls = ["https://first.test/dir", "https://second.test/dir"];
const issued = { certificate: "PEM", challenge: "http-01" as const };

class Setup implements Disposable {
  readonly folder = tempFolder();
  readonly clock = new ManualClock();
  readonly logger = new RecordingLogger();
  readonly asked: IssueRequest[] = [];
  readonly postponed: AcmeError[] = [];
  /** By directory: what its next orders fail with. */
  readonly errors = new Map<string, AcmeError>();
  readonly authorities = this.start();

  /** As after a restart, or another proxy with the same storage. */
  start(): Authorities {
    return new Authorities({
      authorities: urls.map((url) => ({ key: url, url, externalAccount: null })),
      storage: new FolderStorage(this.folder.path),
      logger: this.logger,
      clock: this.clock,
      issuer: {
        issue: async (request) => {
          this.asked.push(request);
          const error = this.errors.get(request.directoryUrl);
          if (error !== undefined) throw error;
          return issued;
        },
        renewalWindow: async (url) =>
          url === urls[1] ? { startMs: 1, endMs: 2, holdsMs: 3 } : null,
      },
    });
  }

  issue(name = "app.test", authorities = this.authorities): ReturnType<Authorities["issue"]> {
    return authorities.issue({
      name,
      privateKey: "key",
      profile: "",
      replaces: "id",
      firstChallenge: "http-01",
      signal: new AbortController().signal,
      postponed: (error) => void this.postponed.push(error),
    });
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

describe("Authorities", () => {
  test("ask the first as long as it issues, always by the same account", async () => {
    using setup = new Setup();
    expect(await setup.issue()).toBe(issued);
    await setup.issue("other.test");
    expect(setup.asked.map(({ directoryUrl }) => directoryUrl)).toEqual([urls[0]!, urls[0]!]);
    expect(new Set(setup.asked.map(({ accountKey }) => accountKey)).size).toBe(1);
    expect(setup.asked[0]!.replaces).toBe("id");
  });

  test("ask the next, by another account, where one fails; it knows nothing of the old certificate", async () => {
    using setup = new Setup();
    setup.errors.set(urls[0]!, new AcmeError("invalid", "no"));
    expect(await setup.issue()).toBe(issued);
    const [first, second] = setup.asked;
    expect(second!.directoryUrl).toBe(urls[1]!);
    expect(second!.accountKey).not.toBe(first!.accountKey);
    expect(second!.replaces).toBeNull();
    const fields = { host: "app.test", error: "no", next: urls[1]! };
    expect(setup.logger.entries).toEqual([
      { level: "warn", message: "Certificate authority failed, asking the next one", fields },
    ]);
  });

  test("tell the reasons of all of them, and count a name that one could not validate", async () => {
    using setup = new Setup();
    setup.errors.set(urls[0]!, new AcmeError("unreachable", "no answer"));
    setup.errors.set(urls[1]!, new AcmeError("invalid", "http-01: wrong server"));
    const error = await setup.issue().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AcmeError);
    expect((error as AcmeError).kind).toBe("invalid");
    expect((error as AcmeError).message).toBe(
      "first.test: no answer; second.test: http-01: wrong server",
    );
  });

  test("leave an account alone that has had enough requests, whatever the name", async () => {
    using setup = new Setup();
    const details = { problem: "rateLimited", retryAfterMs: 60_000 };
    setup.errors.set(urls[0]!, new AcmeError("busy", "too many orders", details));
    await setup.issue();
    setup.errors.clear();
    await setup.issue("other.test");
    expect(setup.asked.map(({ directoryUrl }) => directoryUrl)).toEqual([
      urls[0]!,
      urls[1]!,
      urls[1]!,
    ]);
    setup.clock.advance(60_001);
    await setup.issue("third.test");
    expect(setup.asked.at(-1)!.directoryUrl).toBe(urls[0]!);
  });

  test("leave it alone after a restart as well, and at other proxies of the same storage", async () => {
    using setup = new Setup();
    const other = setup.start();
    await setup.issue("first.test", other);
    const details = { problem: "rateLimited", retryAfterMs: 60_000 };
    setup.errors.set(urls[0]!, new AcmeError("busy", "too many orders", details));
    await setup.issue();
    setup.errors.clear();
    for (const authorities of [setup.start(), other]) {
      await setup.issue("other.test", authorities);
      expect(setup.asked.at(-1)!.directoryUrl).toBe(urls[1]!);
    }
    setup.clock.advance(60_001);
    await setup.issue("third.test", setup.start());
    expect(setup.asked.at(-1)!.directoryUrl).toBe(urls[0]!);
  });

  test("let other names wait where an order has to come again later, or fail when that is too long", async () => {
    using setup = new Setup();
    const limited = (retryAfterMs: number) =>
      new AcmeError("busy", "too many", { problem: "rateLimited", retryAfterMs });
    setup.errors.set(urls[0]!, new AcmeError("unreachable", "no answer"));
    await setup.issue("first.test");
    // The order is under way, and the issuer itself waits.
    setup.asked.at(-1)!.postponed(limited(10_000), 10_000);
    const second = setup.issue("second.test");
    await waitFor(() => setup.postponed.length === 2, "the second name to wait");
    const asked = () => setup.asked.filter(({ directoryUrl }) => directoryUrl === urls[1]!).length;
    expect(asked()).toBe(1);
    setup.clock.advance(9_999);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    expect(asked()).toBe(1);
    setup.clock.advance(1);
    expect(await second).toBe(issued);

    setup.asked.at(-1)!.postponed(limited(3_600_000), 3_600_000);
    await expect(setup.issue("third.test")).rejects.toThrow("too many");
    expect(asked()).toBe(2);
  });

  test("take the word of whoever knows when a certificate is to be renewed", async () => {
    using setup = new Setup();
    const { signal } = new AbortController();
    expect(await setup.authorities.renewalWindow("PEM", signal)).toEqual({
      startMs: 1,
      endMs: 2,
      holdsMs: 3,
    });
  });
});
