import { acmeSettings } from "../../../support/acme-settings.ts";
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { AcmeError } from "../../../../src/control-plane/certificates/acme/acme-error.ts";
import { hasCertificateFiles } from "../../../../src/control-plane/certificates/tls-services.ts";
import { CertificateManager } from "../../../../src/control-plane/certificates/certificate-manager.ts";
import { CertificateCache } from "../../../../src/control-plane/certificates/storage/certificate-cache.ts";
import { FolderStorage } from "../../../../src/control-plane/certificates/storage/folder-storage.ts";
import type { CertificateKeyPair } from "../../../../src/seam/handshake-certificates.ts";
import { readKeyPair } from "../../../../src/control-plane/certificates/key-pair.ts";
import type { OnDemandAnswer } from "../../../../src/control-plane/certificates/automatic/on-demand.ts";
import {
  acmeBackgroundDelayMs,
  certificatePollIntervalMs,
  maxBackgroundOrders,
} from "../../../../src/config/limits.ts";
import type { ServiceOptions } from "../../../../src/config/options.ts";
import type { ServiceSnapshot } from "../../../../src/seam/snapshot.ts";
import { createCertificate } from "../../../support/certificates.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { ScriptedIssuer } from "../../../support/scripted-issuer.ts";
import { poolSnapshot, serviceSnapshot } from "../../../support/service-snapshots.ts";
import { tempFolder, type TempFolder } from "../../../support/temp-folder.ts";
import { waitFor } from "../../../support/wait-for.ts";

const dayMs = 86_400_000;

class Setup implements Disposable {
  readonly folder: TempFolder = tempFolder();
  readonly clock = new ManualClock();
  readonly logger = new RecordingLogger();
  readonly issuer = new ScriptedIssuer();
  readonly questions: string[] = [];
  answer: OnDemandAnswer = { status: 200, body: "" };
  changes = 0;
  readonly manager: CertificateManager;

  constructor(directory = "", restoring = false) {
    this.manager = new CertificateManager({
      clock: this.clock,
      logger: this.logger,
      acme: acmeSettings(directory),
      defaultCachePath: this.folder.path,
      userAgent: "test/1",
      issuer: this.issuer,
      restoring,
      random: () => 0,
      askTarget: async (service, path, host) => {
        this.questions.push(`${service} ${path} ${host}`);
        return this.answer;
      },
    });
    this.manager.onChange = () => void this.changes++;
  }

  /** As a deploy does it: certificate files are read by the check. */
  async publish(...services: ServiceSnapshot[]): Promise<void> {
    for (const { options } of services) {
      if (!hasCertificateFiles(options)) continue;
      await this.manager.checkCertificate(options).catch(() => {});
    }
    this.manager.update(services);
  }

  /** Lets fetches in the background begin. */
  startBackground(): void {
    this.clock.advance(acmeBackgroundDelayMs);
  }

  async ordered(...names: string[]): Promise<void> {
    await waitFor(() => this.issuer.issues.length >= names.length, `orders for ${names}`);
    expect(this.issuer.names).toEqual(names);
  }

  issueAll(): void {
    const nowMs = this.clock.wallMs();
    for (const each of this.issuer.issues) {
      each.issue({ notBeforeMs: nowMs, notAfterMs: nowMs + 90 * dayMs });
    }
  }

  /** What a handshake gets that never causes an order of its own. */
  forName(name: string): Promise<CertificateKeyPair | null> {
    return Promise.resolve(this.manager.forName(name));
  }

  /** Files with a certificate for these names; its options. */
  files(name: string, ...hosts: string[]): Partial<ServiceOptions> {
    const { certificate, privateKey } = createCertificate(hosts, {
      notBefore: new Date("2020-01-01"),
      notAfter: new Date("2049-01-01"),
    });
    const tlsCertificatePath = this.folder.file(`${name}.crt`);
    const tlsPrivateKeyPath = this.folder.file(`${name}.key`);
    writeFileSync(tlsCertificatePath, certificate);
    writeFileSync(tlsPrivateKeyPath, privateKey);
    return { tlsCertificatePath, tlsPrivateKeyPath };
  }

  [Symbol.dispose](): void {
    this.manager.close();
    this.folder[Symbol.dispose]();
  }
}

function tls(
  name: string,
  hosts: string[],
  options: Partial<ServiceOptions> = {},
  deployment = 1,
): ServiceSnapshot {
  return serviceSnapshot(name, {
    options: { hosts, tlsEnabled: true, acmeCachePath: "", ...options },
    active: poolSnapshot([`${name}-${deployment}`]),
  });
}

const onDemand = (url = "/check"): ServiceSnapshot => tls("any", [""], { tlsOnDemandUrl: url });

describe("the choice by server name", () => {
  test("names without a service, without TLS, below the host or unfit for an order get nothing and cause nothing", async () => {
    using setup = new Setup();
    setup.manager.update([
      tls("web", ["app.test", "localhost", "*.w.test"]),
      serviceSnapshot("plain", { options: { hosts: ["plain.test"] } }),
    ]);
    for (const name of ["other.test", "sub.app.test", "plain.test", "localhost", "x.w.test", ""]) {
      expect(await setup.forName(name)).toBeNull();
    }
    expect(setup.issuer.issues).toHaveLength(0);
    expect(setup.manager.describe("web").certificates.map(({ error }) => error)).toEqual([
      null,
      "it can't have an automatic certificate",
      "it can't have an automatic certificate",
    ]);
  });

  test("a service with files serves all its names with one certificate, and never orders", async () => {
    using setup = new Setup();
    const files = setup.files("web", "app.test");
    await setup.publish(tls("web", ["app.test", "*.w.test", "other.test"], files));
    const pair = setup.manager.forName("app.test") as CertificateKeyPair;
    expect(pair.certificate).toContain("CERTIFICATE");
    expect(setup.manager.forName("x.w.test")).toBe(pair);
    expect(setup.manager.forName("other.test")).toBe(pair);
    expect(setup.manager.forName("y.x.w.test")).toBeNull();
    setup.startBackground();
    expect(setup.issuer.issues).toHaveLength(0);
  });

  test("a service whose files are gone does not take others with it", async () => {
    using setup = new Setup();
    const files = setup.files("good", "good.test");
    const gone = { tlsCertificatePath: "/missing.crt", tlsPrivateKeyPath: "/missing.key" };
    await setup.publish(tls("bad", ["bad.test"], gone), tls("good", ["good.test"], files));
    expect(setup.manager.forName("bad.test")).toBeNull();
    expect(setup.manager.forName("good.test")).not.toBeNull();
    expect(setup.manager.describe("bad").certificates).toEqual([
      {
        name: "bad.test",
        source: "file",
        expires: null,
        error: expect.stringContaining("/missing.crt"),
        preflight: null,
      },
    ]);
  });

  test("clients without a name get the certificate of the first service by name", async () => {
    using setup = new Setup();
    const a = tls("a", ["a.test"], setup.files("a", "a.test"));
    const b = tls("b", ["b.test"], setup.files("b", "b.test"));
    await setup.publish(b, a);
    expect(setup.manager.withoutName()).toBe(setup.manager.forName("a.test") as CertificateKeyPair);
    expect(setup.manager.defaultHost()).toBe("a.test");
    setup.manager.update([b]);
    expect(setup.manager.withoutName()).toBe(setup.manager.forName("b.test") as CertificateKeyPair);
    setup.manager.update([onDemand()]);
    expect(setup.manager.withoutName()).toBeNull();
    expect(setup.manager.defaultHost()).toBeNull();
  });

  test("all certificates are listed by host, wildcards too, and changes are told", async () => {
    using setup = new Setup();
    const files = setup.files("web", "app.test");
    await setup.publish(tls("web", ["app.test", "*.w.test"], files), tls("auto", ["auto.test"]));
    expect(setup.changes).toBe(1);
    expect([...setup.manager.all().keys()]).toEqual(["app.test", "*.w.test"]);
    const pair = setup.forName("auto.test");
    await setup.ordered("auto.test");
    setup.issueAll();
    const obtained = await pair;
    expect(obtained).not.toBeNull();
    expect(setup.manager.all().get("auto.test")).toBe(obtained!);
    expect(setup.changes).toBe(2);
  });

  test("changes are told only when a certificate or the stand-in changed", async () => {
    using setup = new Setup();
    const service = tls("web", ["app.test"], setup.files("web", "app.test"));
    await setup.publish(service);
    expect(setup.changes).toBe(1);
    setup.manager.update([structuredClone(service)]);
    expect(setup.changes).toBe(1);
    setup.files("web", "app.test");
    setup.clock.advance(certificatePollIntervalMs);
    await waitFor(() => setup.changes === 2, "the new files to be read");
    setup.manager.update([]);
    expect(setup.changes).toBe(3);
  });
});

describe("automatic certificates", () => {
  test("are fetched once per name after a deploy, without waiting for a handshake", async () => {
    using setup = new Setup();
    setup.manager.update([tls("web", ["a.test", "b.test"])]);
    expect(setup.issuer.issues).toHaveLength(0);
    setup.startBackground();
    await waitFor(() => setup.issuer.issues.length === 2, "both orders");
    setup.manager.update([tls("web", ["a.test", "b.test"])]);
    const handshake = setup.forName("a.test");
    setup.startBackground();
    setup.issueAll();
    expect(await handshake).not.toBeNull();
    expect(setup.issuer.names.toSorted()).toEqual(["a.test", "b.test"]);
  });

  test("are fetched a few at a time, but a handshake does not wait in line", async () => {
    using setup = new Setup();
    const hosts = Array.from({ length: maxBackgroundOrders + 3 }, (_, index) => `h${index}.test`);
    setup.manager.update([tls("web", hosts)]);
    setup.startBackground();
    await waitFor(() => setup.issuer.issues.length === maxBackgroundOrders, "the first orders");
    void setup.forName(hosts.at(-1)!);
    await waitFor(() => setup.issuer.names.includes(hosts.at(-1)!), "the handshake's order");
    expect(setup.issuer.issues).toHaveLength(maxBackgroundOrders + 1);
  });

  test("are not fetched again because a target's health changed", async () => {
    using setup = new Setup();
    const service = tls("web", ["app.test"]);
    setup.manager.update([service]);
    setup.startBackground();
    await setup.ordered("app.test");
    setup.issuer.last.fail(new AcmeError("refused", "no"));
    await waitFor(() => setup.manager.describe("web").certificates[0]?.error, "the failure");
    setup.manager.update([structuredClone(service)]);
    setup.startBackground();
    await new Promise(setImmediate);
    expect(setup.issuer.issues).toHaveLength(1);

    setup.manager.update([tls("web", ["app.test"], {}, 2)]);
    setup.startBackground();
    await setup.ordered("app.test", "app.test");
  });

  test("of restored services come from the disk, or with a handshake, but are not ordered ahead", async () => {
    using before = new Setup();
    before.manager.update([tls("web", ["saved.test"])]);
    before.startBackground();
    await before.ordered("saved.test");
    before.issueAll();
    const cache = new CertificateCache(new FolderStorage(before.folder.path), "");
    await waitFor(() => cache.has("saved.test"), "the file");

    using setup = new Setup("", true);
    const restored = tls("web", ["saved.test", "failed.test"], {
      acmeCachePath: before.folder.path,
    });
    setup.manager.update([restored]);
    setup.startBackground();
    await waitFor(() => setup.manager.all().has("saved.test"), "the saved certificate");
    setup.manager.restored();
    setup.manager.update([restored, tls("new", ["new.test"])]);
    setup.startBackground();
    await setup.ordered("new.test");
    void setup.forName("failed.test");
    await setup.ordered("new.test", "failed.test");
  });

  test("use the directory and cache of the service, or the defaults", async () => {
    using setup = new Setup("https://ca.test/dir");
    const own = { acmeDirectory: "https://own.test/dir", acmeCachePath: setup.folder.file("own") };
    setup.manager.update([tls("a", ["a.test"]), tls("b", ["b.test"], own)]);
    const handshakes = [setup.forName("a.test"), setup.forName("b.test")];
    await waitFor(() => setup.issuer.issues.length === 2, "both orders");
    const directories = setup.issuer.issues.map(({ request }) => [
      request.name,
      request.directoryUrl,
    ]);
    expect(Object.fromEntries(directories)).toEqual({
      "a.test": "https://ca.test/dir",
      "b.test": "https://own.test/dir",
    });
    setup.issueAll();
    await Promise.all(handshakes);
    const ownCache = new CertificateCache(
      new FolderStorage(setup.folder.file("own")),
      "https://own.test/dir",
    );
    const other = new CertificateCache(new FolderStorage(setup.folder.path), "https://ca.test/dir");
    await waitFor(
      async () => (await ownCache.has("b.test")) && (await other.has("a.test")),
      "the files",
    );
  });

  test("share one account key per directory, kept on the disk", async () => {
    using setup = new Setup();
    setup.manager.update([tls("a", ["a.test"]), tls("b", ["b.test"])]);
    void setup.forName("a.test");
    void setup.forName("b.test");
    await waitFor(() => setup.issuer.issues.length === 2, "both orders");
    const keys = setup.issuer.issues.map(({ request }) => request.accountKey);
    expect(keys[0]).toBe(keys[1]!);
    expect(setup.issuer.last.request.directoryUrl).toBe(
      "https://acme-v02.api.letsencrypt.org/directory",
    );
    const cache = new CertificateCache(new FolderStorage(setup.folder.path), "");
    expect(await cache.readAccountKey()).toBe(keys[0]!);
  });

  test("of a removed host are given up, and the host is refused", async () => {
    using setup = new Setup();
    setup.manager.update([tls("web", ["app.test"])]);
    const handshake = setup.forName("app.test");
    await setup.ordered("app.test");
    setup.manager.update([]);
    expect(await handshake).toBeNull();
    expect(await setup.forName("app.test")).toBeNull();
    expect(setup.issuer.last.request.signal.aborted).toBe(true);
  });

  test("of a host that was removed and deployed again come from the disk", async () => {
    using setup = new Setup();
    setup.manager.update([tls("web", ["app.test"])]);
    const handshake = setup.forName("app.test");
    await setup.ordered("app.test");
    setup.issueAll();
    const first = await handshake;
    const cache = new CertificateCache(new FolderStorage(setup.folder.path), "");
    await waitFor(() => cache.has("app.test"), "the file");
    setup.manager.update([]);
    setup.manager.update([tls("web", ["app.test"])]);
    expect(await setup.forName("app.test")).toEqual(first);
    expect(setup.issuer.issues).toHaveLength(1);
  });

  test("are described with their end and their last error", async () => {
    using setup = new Setup();
    setup.manager.update([tls("web", ["a.test", "b.test"])]);
    setup.startBackground();
    await waitFor(() => setup.issuer.issues.length === 2, "both orders");
    const [first, second] = setup.issuer.issues;
    first!.fail(new AcmeError("refused", "not you"));
    const nowMs = setup.clock.wallMs();
    second!.issue({ notBeforeMs: nowMs, notAfterMs: nowMs + dayMs });
    await waitFor(() => setup.manager.all().size === 1, "the certificate");
    const expires = new Date(Math.floor((nowMs + dayMs) / 1_000) * 1_000).toISOString();
    const described = setup.manager.describe("web").certificates;
    expect(described.toSorted((a, b) => (a.error ?? "").localeCompare(b.error ?? ""))).toEqual([
      { name: second!.request.name, source: "acme", expires, error: null, preflight: null },
      {
        name: first!.request.name,
        source: "acme",
        expires: null,
        error: "not you",
        preflight: null,
      },
    ]);
  });
});

describe("on-demand certificates", () => {
  test("are ordered for hosts that the endpoint allows, and not asked for again", async () => {
    using setup = new Setup();
    setup.manager.update([onDemand("/check?x=1")]);
    const handshake = setup.forName("a.test");
    await setup.ordered("a.test");
    setup.issueAll();
    const pair = await handshake;
    expect(await setup.forName("a.test")).toBe(pair);
    expect(setup.questions).toEqual(["any /check?host=a.test&x=1 a.test"]);
    expect(setup.manager.describe("any").certificates).toMatchObject([
      { name: "a.test", source: "on-demand", error: null },
    ]);
  });

  test("are not ordered for hosts that are denied, and the next handshake asks again", async () => {
    using setup = new Setup();
    setup.answer = { status: 404, body: "who?" };
    setup.manager.update([onDemand()]);
    expect(await setup.forName("a.test")).toBeNull();
    expect(await setup.forName("a.test")).toBeNull();
    expect(setup.questions).toHaveLength(2);
    expect(setup.issuer.issues).toHaveLength(0);
  });

  test("are not asked for with a name that no authority would take", async () => {
    using setup = new Setup();
    setup.manager.update([onDemand()]);
    for (const name of ["localhost", "10.0.0.1", "a_b.test", "../../x.test"]) {
      expect(await setup.forName(name)).toBeNull();
    }
    expect(setup.questions).toEqual([]);
  });

  test("on the disk need no question, even when the endpoint denies", async () => {
    using setup = new Setup();
    setup.answer = { status: 500, body: "" };
    const nowMs = setup.clock.wallMs();
    const { certificate, privateKey } = createCertificate(["a.test"], {
      notBefore: new Date(nowMs - dayMs),
      notAfter: new Date(nowMs + 60 * dayMs),
    });
    const cache = new CertificateCache(new FolderStorage(setup.folder.path), "");
    await cache.writeCertificate("a.test", readKeyPair(certificate, privateKey));
    setup.manager.update([onDemand()]);
    expect((await setup.forName("a.test"))?.certificate).toBe(certificate);
    expect(setup.questions).toEqual([]);
  });

  test("leave services with hosts of their own alone", async () => {
    using setup = new Setup();
    setup.answer = { status: 404, body: "" };
    setup.manager.update([onDemand(), tls("web", ["app.test"])]);
    void setup.forName("app.test");
    await setup.ordered("app.test");
    expect(setup.questions).toEqual([]);
  });

  test("are not ordered when the service went away during the question", async () => {
    using setup = new Setup();
    setup.manager.update([onDemand()]);
    const handshake = setup.forName("a.test");
    setup.manager.update([]);
    expect(await handshake).toBeNull();
    expect(setup.issuer.issues).toHaveLength(0);
  });
});

describe("answers to HTTP-01", () => {
  const path = "/.well-known/acme-challenge/token";

  test("are given for automatic TLS alone, below the challenge path alone", () => {
    using setup = new Setup();
    setup.manager.update([
      tls("web", ["app.test"]),
      tls("files", ["files.test"], setup.files("files", "files.test")),
      serviceSnapshot("plain", { options: { hosts: ["plain.test"] } }),
    ]);
    expect(setup.manager.challengeResponse("app.test", path)).toMatchObject({ status: 404 });
    expect(setup.manager.challengeResponse("APP.test.", path)).toMatchObject({ status: 404 });
    expect(
      setup.manager.challengeResponse("app.test", "/.well-known/acme-challenge/"),
    ).toMatchObject({
      status: 404,
    });
    expect(setup.manager.challengeResponse("app.test", "/.well-known/acme-challenge")).toBeNull();
    expect(setup.manager.challengeResponse("app.test", "/")).toBeNull();
    expect(setup.manager.challengeResponse("files.test", path)).toBeNull();
    expect(setup.manager.challengeResponse("plain.test", path)).toBeNull();
    expect(setup.manager.challengeResponse("other.test", path)).toBeNull();
  });

  test("ask on demand whether the host may have a certificate", async () => {
    using setup = new Setup();
    setup.manager.update([onDemand()]);
    expect(await setup.manager.challengeResponse("a.test", path)).toMatchObject({ status: 404 });
    setup.answer = { status: 404, body: "who?" };
    expect(await setup.manager.challengeResponse("a.test", path)).toEqual({
      status: 403,
      body: "a.test is not allowed to get a certificate\n",
    });
    expect(setup.questions).toHaveLength(2);
    expect(setup.issuer.issues).toHaveLength(0);
  });
});

test("a closed manager leaves no timer and refuses every name", async () => {
  using setup = new Setup();
  setup.manager.update([
    tls("web", ["app.test"]),
    tls("files", ["files.test"], setup.files("files", "files.test")),
  ]);
  const handshake = setup.forName("app.test");
  await setup.ordered("app.test");
  setup.manager.close();
  expect(await handshake).toBeNull();
  expect(setup.clock.pendingTimers).toBe(0);
  expect(await setup.forName("files.test")).toBeNull();
});
