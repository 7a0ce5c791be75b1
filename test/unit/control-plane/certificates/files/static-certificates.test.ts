import { describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { StaticCertificates } from "../../../../../src/control-plane/certificates/files/static-certificates.ts";
import { certificatePollIntervalMs } from "../../../../../src/config/limits.ts";
import type { ServiceSnapshot } from "../../../../../src/seam/snapshot.ts";
import { createCertificate, type TestCertificate } from "../../../../support/certificates.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../../support/recording-logger.ts";
import { serviceSnapshot } from "../../../../support/service-snapshots.ts";
import { tempFolder, type TempFolder } from "../../../../support/temp-folder.ts";
import { waitFor } from "../../../../support/wait-for.ts";

class Setup implements Disposable {
  readonly clock = new ManualClock();
  readonly logger = new RecordingLogger();
  readonly folder: TempFolder = tempFolder();
  changes = 0;
  readonly certificates = new StaticCertificates({
    clock: this.clock,
    logger: this.logger,
    changed: () => void this.changes++,
  });

  write({ certificate, privateKey }: TestCertificate): void {
    writeFileSync(this.folder.file("cert.pem"), certificate);
    writeFileSync(this.folder.file("key.pem"), privateKey);
  }

  service(hosts = ["app.test"], folder = this.folder.path): ServiceSnapshot {
    const options = {
      hosts,
      tlsEnabled: true,
      tlsCertificatePath: `${folder}/cert.pem`,
      tlsPrivateKeyPath: `${folder}/key.pem`,
    };
    return serviceSnapshot("web", { options });
  }

  /** As a deploy does it: what the check says is for others. */
  async deploy(service = this.service()): Promise<void> {
    await this.certificates.check(service.options).catch(() => {});
    this.certificates.update([service]);
  }

  /** Lets the next look at the files happen, to its end. */
  async poll(): Promise<void> {
    this.clock.advance(certificatePollIntervalMs);
    await waitFor(() => this.clock.pendingTimers === 1, "the look to end");
  }

  /** PEM of the certificate that is served. */
  get served(): string | undefined {
    return this.certificates.keyPair("web")?.pair.certificate;
  }

  [Symbol.dispose](): void {
    this.certificates.close();
    this.folder[Symbol.dispose]();
  }
}

/** The manual clock stands in between. */
const dates = { notBefore: new Date("2020-01-01"), notAfter: new Date("2049-01-01") };
const first = createCertificate(["app.test"], dates);
const second = createCertificate(["app.test"], dates);

test("a static certificate is there as soon as its service is", async () => {
  using setup = new Setup();
  setup.write(first);
  await setup.deploy();
  expect(setup.served).toBe(first.certificate);
  expect(setup.logger.entries).toEqual([]);
});

test("a static certificate stays the same object while its files do not change", async () => {
  using setup = new Setup();
  setup.write(first);
  await setup.deploy();
  const { pair } = setup.certificates.keyPair("web")!;
  await setup.deploy();
  setup.write(first);
  await setup.poll();
  expect(setup.certificates.keyPair("web")?.pair).toBe(pair);
  expect(setup.changes).toBe(0);
});

test("a static certificate is read again when its files change", async () => {
  using setup = new Setup();
  setup.write(first);
  await setup.deploy();
  setup.write(second);
  await setup.poll();
  expect(setup.served).toBe(second.certificate);
  expect(setup.changes).toBe(1);
  expect(setup.logger.messages()).toEqual(["Reloaded TLS certificate"]);
});

test("a static certificate is read again at once by a redeploy", async () => {
  using setup = new Setup();
  setup.write(first);
  await setup.deploy();
  setup.write(second);
  await setup.deploy();
  expect(setup.served).toBe(second.certificate);
});

test("a static certificate follows a swapped symbolic link to its folder", async () => {
  using setup = new Setup();
  for (const [name, pair] of [["v1", first] as const, ["v2", second] as const]) {
    mkdirSync(setup.folder.file(name));
    writeFileSync(setup.folder.file(`${name}/cert.pem`), pair.certificate);
    writeFileSync(setup.folder.file(`${name}/key.pem`), pair.privateKey);
  }
  symlinkSync("v1", setup.folder.file("current"));
  await setup.deploy(setup.service(["app.test"], setup.folder.file("current")));
  symlinkSync("v2", setup.folder.file("next"));
  renameSync(setup.folder.file("next"), setup.folder.file("current"));
  await setup.poll();
  expect(setup.served).toBe(second.certificate);
});

test("a static certificate outlives a broken new version, which is logged once", async () => {
  using setup = new Setup();
  setup.write(first);
  await setup.deploy();
  writeFileSync(setup.folder.file("cert.pem"), second.certificate);
  await setup.poll();
  await setup.poll();
  expect(setup.served).toBe(first.certificate);
  expect(setup.certificates.error("web")).toContain("does not match");
  expect(setup.logger.messages("error")).toEqual(["Error loading TLS certificate"]);
  expect(String(setup.logger.entries[0]?.fields["error"])).toContain(setup.folder.file("cert.pem"));

  writeFileSync(setup.folder.file("key.pem"), second.privateKey);
  await setup.poll();
  expect(setup.served).toBe(second.certificate);
  expect(setup.certificates.error("web")).toBeNull();
});

test("a static certificate whose files are missing is served when they are back", async () => {
  using setup = new Setup();
  await setup.deploy();
  expect(setup.served).toBeUndefined();
  expect(setup.certificates.error("web")).toContain("ENOENT");
  expect(setup.certificates.error("web")).toContain(setup.folder.file("cert.pem"));
  setup.write(first);
  await setup.poll();
  expect(setup.served).toBe(first.certificate);
  expect(setup.certificates.error("web")).toBeNull();
});

test("a static certificate whose file vanishes goes on being served", async () => {
  using setup = new Setup();
  setup.write(first);
  await setup.deploy();
  unlinkSync(setup.folder.file("cert.pem"));
  await setup.poll();
  expect(setup.served).toBe(first.certificate);
  expect(setup.certificates.error("web")).toContain("ENOENT");
});

test("a static certificate is read outside of the event loop, at the check and later", async () => {
  using setup = new Setup();
  setup.write(first);
  const checked = setup.certificates.check(setup.service().options);
  // Nothing was read yet.
  setup.write(second);
  await checked;
  setup.certificates.update([setup.service()]);
  expect(setup.served).toBe(second.certificate);
  setup.clock.advance(certificatePollIntervalMs);
  setup.write(first);
  await waitFor(() => setup.clock.pendingTimers === 1, "the look to end");
  await setup.poll();
  expect(setup.served).toBe(first.certificate);
});

test("a static certificate that nobody has checked comes as soon as it was read", async () => {
  using setup = new Setup();
  setup.write(first);
  setup.certificates.update([setup.service()]);
  await waitFor(() => setup.changes === 1, "the file to be read");
  expect(setup.served).toBe(first.certificate);
});

test("static certificates are not looked at when no service has one", async () => {
  using setup = new Setup();
  setup.write(first);
  await setup.deploy();
  expect(setup.clock.pendingTimers).toBe(1);
  setup.certificates.update([]);
  expect(setup.clock.pendingTimers).toBe(0);
  expect(setup.served).toBeUndefined();
});

describe("the check of certificate files", () => {
  test("throws and names the file that is missing", async () => {
    using setup = new Setup();
    setup.write(first);
    rmSync(setup.folder.file("key.pem"));
    const { options } = setup.service();
    await expect(setup.certificates.check(options)).rejects.toThrow(setup.folder.file("key.pem"));
  });

  test("throws and names a folder in place of a file", async () => {
    using setup = new Setup();
    mkdirSync(setup.folder.file("cert.pem"));
    const { options } = setup.service();
    await expect(setup.certificates.check(options)).rejects.toThrow(/EISDIR.*|cert\.pem/);
  });

  test("throws and names both files when they do not belong together", async () => {
    using setup = new Setup();
    setup.write({ ...first, privateKey: second.privateKey });
    const { options } = setup.service();
    await expect(setup.certificates.check(options)).rejects.toThrow(
      `${setup.folder.file("cert.pem")}, ${setup.folder.file("key.pem")}: the private key does not match`,
    );
  });

  test("warns about hosts that the certificate does not cover", async () => {
    using setup = new Setup();
    setup.write(first);
    await setup.certificates.check(setup.service(["app.test", "other.test", "*.app.test"]).options);
    expect(setup.logger.entries).toEqual([
      {
        level: "warn",
        message: "TLS certificate does not cover all hosts",
        fields: { path: setup.folder.file("cert.pem"), hosts: ["other.test", "*.app.test"] },
      },
    ]);
  });

  test("warns about dates, by the clock it is given", async () => {
    using setup = new Setup();
    const nowMs = setup.clock.wallMs();
    const past = { notBefore: new Date(nowMs - 20_000), notAfter: new Date(nowMs - 10_000) };
    const future = { notBefore: new Date(nowMs + 10_000), notAfter: new Date(nowMs + 20_000) };
    const { options } = setup.service();
    setup.write(createCertificate(["app.test"], past));
    await setup.certificates.check(options);
    setup.write(createCertificate(["app.test"], future));
    await setup.certificates.check(options);
    expect(setup.logger.messages("warn")).toEqual([
      "TLS certificate has expired",
      "TLS certificate is not valid yet",
    ]);
    expect(String(setup.logger.entries[0]?.fields["expired"])).toStartWith("2023-11-14T");
  });
});
