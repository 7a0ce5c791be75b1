/** Services with certificates of their own: what is served, what is refused, and what stays as it was. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceDescription } from "../../src/control-plane/socket/protocol.ts";
import { startApp, type App } from "../support/app.ts";
import { certificateFlags, saveCertificate } from "../support/certificate-files.ts";
import { createCertificate, type KeyKind } from "../support/certificates.ts";
import { get, getOnce, connectHttps } from "../support/https-client.ts";
import { type LogLine, ProxyProcess } from "../support/proxy-process.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: App;
beforeAll(async () => {
  app = startApp(() => new Response("the app"));
  proxy = await ProxyProcess.start();
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

interface Listed {
  degraded: string | null;
  certificates: ServiceDescription["certificates"];
}

async function list(of = proxy): Promise<Record<string, Listed>> {
  return JSON.parse((await of.runHere("list", "--json")).stdout) as Record<string, Listed>;
}

function isLoadError({ msg, service }: LogLine, name: string): boolean {
  return msg === "Error loading TLS certificate" && service === name;
}

async function shownTo(name: string): Promise<string | null> {
  return (await shakeHands(proxy.httpsPort, { name })).certificate;
}

describe("a certificate from files", () => {
  test.each<KeyKind>(["rsa", "ec"])("of kind %s is served", async (kind) => {
    const host = `${kind}.test`;
    const flags = saveCertificate(join(proxy.home, kind), createCertificate([host], { kind }));
    await proxy.deploy(kind, app.address, `--host=${host}`, ...flags);
    expect(await shownTo(host)).toBe(host);
    const response = await getOnce(proxy.httpsPort, host);
    expect([response.status, response.body.toString()]).toEqual([200, "the app"]);
  });

  test("is sent with its chain, so that a client that knows the root alone trusts it", async () => {
    const root = createCertificate(["root"], { isAuthority: true });
    const middle = createCertificate(["middle"], { isAuthority: true, issuer: root });
    const leaf = createCertificate(["chain.test"], { issuer: middle, kind: "rsa" });
    const flags = saveCertificate(join(proxy.home, "chain"), leaf, [middle]);
    await proxy.deploy("chain", app.address, "--host=chain.test", ...flags);
    const trusting = { name: "chain.test", ca: root.certificate, rejectUnauthorized: true };
    expect(await shakeHands(proxy.httpsPort, trusting)).toMatchObject({
      error: null,
      certificate: "chain.test",
    });
  });

  test("for a wildcard serves one label, in any case, and nothing else", async () => {
    const flags = saveCertificate(join(proxy.home, "wild"), createCertificate(["*.w.test"]));
    await proxy.deploy("wild", app.address, "--host=*.w.test", ...flags);
    expect(await shownTo("x.w.test")).toBe("*.w.test");
    expect(await shownTo("X.W.Test")).toBe("*.w.test");
    for (const name of ["w.test", "y.x.w.test"]) {
      const { error } = await shakeHands(proxy.httpsPort, { name });
      expect(error).toBe("tlsv1 alert internal error");
    }
  });

  test("that has expired or is for other names is served as given, with a warning", async () => {
    const notAfter = new Date(Date.now() - 60_000);
    const old = createCertificate(["elsewhere.test"], { notAfter });
    const path = join(proxy.home, "old");
    await proxy.deploy("old", app.address, "--host=old.test", ...saveCertificate(path, old));
    expect(await shownTo("old.test")).toBe("elsewhere.test");
    expect(await proxy.waitForLog("TLS certificate has expired")).toMatchObject({
      level: "WARN",
      path: `${path}.pem`,
    });
    expect(await proxy.waitForLog("TLS certificate does not cover all hosts")).toMatchObject({
      level: "WARN",
      hosts: ["old.test"],
    });
  });

  test("shows in the list with its end", async () => {
    const notAfter = new Date(Date.UTC(2051, 0, 2, 3, 4, 5));
    const leaf = createCertificate(["listed.test"], { notAfter });
    const flags = saveCertificate(join(proxy.home, "listed"), leaf);
    await proxy.deploy("listed", app.address, "--host=listed.test", ...flags);
    expect((await list())["listed"]!.certificates).toEqual([
      {
        name: "listed.test",
        source: "file",
        expires: notAfter.toISOString(),
        error: null,
        preflight: null,
      },
    ]);
  });
});

describe("files that can't be used", () => {
  const good = createCertificate(["kept.test"]);
  const other = createCertificate(["other.test"]);
  let goodFlags: string[];
  beforeAll(async () => {
    goodFlags = saveCertificate(join(proxy.home, "good"), good);
    saveCertificate(join(proxy.home, "other"), other);
    writeFileSync(join(proxy.home, "empty"), "");
    writeFileSync(join(proxy.home, "junk"), "no certificate\n");
    mkdirSync(join(proxy.home, "folder"));
    const damaged = good.certificate.replace("MII", "AAA").replace(/\nMI/, "\nAA");
    writeFileSync(join(proxy.home, "damaged"), damaged);
    await proxy.deploy("kept", app.address, "--host=kept.test", ...goodFlags);
  });

  test.each([
    ["a missing certificate", "missing.pem", "good.key", "missing.pem"],
    ["a missing key", "good.pem", "missing.key", "missing.key"],
    ["an empty file", "empty", "good.key", "empty"],
    ["junk", "junk", "good.key", "junk"],
    ["a folder", "folder", "good.key", "folder"],
    ["damaged DER", "damaged", "good.key", "damaged"],
    ["a key of another certificate", "good.pem", "other.key", "other.key"],
    ["the two exchanged", "good.key", "good.pem", "good.key"],
  ])("leave everything as it was: %s", async (_what, certificate, key, named) => {
    const stateBefore = readFileSync(proxy.statePath, "utf8");
    const before = await list();
    const logged = proxy.logs.length;
    await using next = startApp(() => new Response("another app"));
    const flags = certificateFlags(join(proxy.home, certificate), join(proxy.home, key));
    for (const service of ["kept", "first"]) {
      const result = await proxy.runHere(
        "deploy",
        service,
        `--target=${next.address}`,
        `--host=${service}.test`,
        ...flags,
      );
      expect(result.code).toBe(1);
      expect(result.stderr).toStartWith("Error: unable to load certificate: ");
    }
    for (const service of ["kept", "first"]) {
      const line = await waitFor(
        () => proxy.logs.slice(logged).find((each) => isLoadError(each, service)),
        "the reason in the log",
      );
      expect(line["level"]).toBe("ERROR");
      expect(String(line["error"])).toContain(join(proxy.home, named));
    }

    expect(await list()).toEqual(before);
    expect(readFileSync(proxy.statePath, "utf8")).toBe(stateBefore);
    expect(await shownTo("kept.test")).toBe("kept.test");
    expect((await getOnce(proxy.httpsPort, "kept.test")).body.toString()).toBe("the app");
    const { error } = await shakeHands(proxy.httpsPort, { name: "first.test" });
    expect(error).toBe("tlsv1 alert internal error");
  });
});

test("a redeploy's certificate counts for new handshakes; open connections live on and reach the new target", async () => {
  await using next = startApp(() => new Response("the next app"));
  const path = join(proxy.home, "renewed");
  const first = saveCertificate(path, createCertificate(["first.re.test", "re.test"]));
  await proxy.deploy("re", app.address, "--host=re.test", ...first);
  using connection = await connectHttps(proxy.httpsPort, "re.test");
  expect((await get(connection, "/", "re.test")).body.toString()).toBe("the app");

  // The same path with other content, and another kind of key.
  saveCertificate(path, createCertificate(["second.re.test", "re.test"], { kind: "rsa" }));
  await proxy.deploy("re", next.address, "--host=re.test", ...first);
  expect(await shownTo("re.test")).toBe("second.re.test");
  expect((await get(connection, "/", "re.test")).body.toString()).toBe("the next app");

  const third = saveCertificate(join(proxy.home, "third"), createCertificate(["third.re.test"]));
  await proxy.deploy("re", app.address, "--host=re.test", ...third);
  expect(await shownTo("re.test")).toBe("third.re.test");
  expect((await get(connection, "/", "re.test")).body.toString()).toBe("the app");
});

test("a file that changes on disk is picked up without a deploy; a bad one is not", async () => {
  const path = join(proxy.home, "disk");
  const flags = saveCertificate(path, createCertificate(["before.test"]));
  await proxy.deploy("disk", app.address, "--host=disk.test", ...flags);
  expect(await shownTo("disk.test")).toBe("before.test");

  saveCertificate(path, createCertificate(["after.test"]));
  await waitFor(async () => (await shownTo("disk.test")) === "after.test", "the new certificate");
  await proxy.waitForLog(
    ({ msg, service }) => msg === "Reloaded TLS certificate" && service === "disk",
  );

  writeFileSync(`${path}.pem`, "broken");
  await waitFor(
    async () => (await list())["disk"]!.certificates[0]!.error,
    "the reason in the list",
  );
  expect(await shownTo("disk.test")).toBe("after.test");
});

test("TLS that is taken away: new handshakes are refused, connections that are open get 503, after a removal 404", async () => {
  const flags = saveCertificate(join(proxy.home, "taken"), createCertificate(["taken.test"]));
  await proxy.deploy("taken", app.address, "--host=taken.test", ...flags);
  using connection = await connectHttps(proxy.httpsPort, "taken.test");
  expect((await get(connection, "/", "taken.test")).status).toBe(200);

  await proxy.deploy("taken", app.address, "--host=taken.test");
  expect((await get(connection, "/", "taken.test")).status).toBe(503);
  expect((await shakeHands(proxy.httpsPort, { name: "taken.test" })).error).toBe(
    "tlsv1 alert internal error",
  );
  await proxy.runHere("remove", "taken");
  expect((await get(connection, "/", "taken.test")).status).toBe(404);
});

test("a certificate that is missing at the start takes no other service along, and is served when it is back", async () => {
  await using own = await ProxyProcess.start();
  const a = join(own.home, "a");
  const flagsOfB = saveCertificate(join(own.home, "b"), createCertificate(["b.test"]));
  const flagsOfA = saveCertificate(a, createCertificate(["a.test"]));
  await own.deploy("a", app.address, "--host=a.test", ...flagsOfA);
  await own.deploy("b", app.address, "--host=b.test", ...flagsOfB);
  await own.deploy("plain", app.address);
  await own.stop();

  renameSync(`${a}.pem`, `${a}.away`);
  await own.startAgain();
  const { degraded } = (await list(own))["a"]!;
  expect(degraded).toContain("unable to load certificate");
  expect(degraded).toContain(`${a}.pem`);
  const line = await own.waitForLog("Error loading TLS certificate");
  expect(line).toMatchObject({ level: "ERROR", service: "a" });
  expect(String(line["error"])).toContain(`${a}.pem`);
  expect((await shakeHands(own.httpsPort, { name: "a.test" })).error).toContain("alert");
  expect((await getOnce(own.httpsPort, "b.test")).body.toString()).toBe("the app");
  const plain = await fetch(own.url, { headers: { Host: "plain.test" } });
  expect(await plain.text()).toBe("the app");
  // The host stays that of its service, although another one takes every host.
  const other = await fetch(own.url, { headers: { Host: "a.test" }, redirect: "manual" });
  expect(other.headers.get("Location")).toBe("https://a.test/");

  // A stop and a start in that state lose nothing.
  await own.stop();
  await own.startAgain();
  renameSync(`${a}.away`, `${a}.pem`);
  await own.waitForLog("Service restored");
  expect((await getOnce(own.httpsPort, "a.test")).body.toString()).toBe("the app");
  expect((await list(own))["a"]!.degraded).toBeNull();
  rmSync(`${a}.pem`);
  expect((await shakeHands(own.httpsPort, { name: "a.test" })).certificate).toBe("a.test");
}, 60_000);
