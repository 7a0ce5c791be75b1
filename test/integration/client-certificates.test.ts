/** Services that ask their clients for certificates, served by several workers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate, type TestCertificate } from "../support/certificates.ts";
import { type ClientKeyPair, Http2Connection } from "../support/http2-connection.ts";
import { headersFrame } from "../support/http2-frames.ts";
import { get } from "../support/https-client.ts";
import { ask, valuesOf as valuesIn } from "../suites/carrier.ts";
import { http3, untilHttp3Serves } from "../suites/http3-carrier.ts";
import { ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { type RawMessage, readResponse, valuesOf } from "../support/raw-response.ts";
import { type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

const authority = createCertificate(["one"], { isAuthority: true });
const others = createCertificate(["another"], { isAuthority: true });
const good = createCertificate(["good client"], { issuer: authority, purpose: "client" });
const stranger = createCertificate(["stranger"], { issuer: others, purpose: "client" });
const code = "x-kamal-proxy-error";

let proxy: ProxyProcess;
let app: ScriptedApp;

const path = (name: string): string => join(proxy.home, name);

async function deploy(service: string, ...flags: string[]): Promise<void> {
  const host = `${service}.test`;
  const certificate = saveCertificate(path(service), createCertificate([host]));
  await proxy.deploy(service, app.address, `--host=${host}`, ...certificate, ...flags);
}

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start({ args: ["--http3"], env: severalWorkers });
  writeFileSync(path("ca.pem"), authority.certificate);
  const asks = `--tls-client-ca-path=${path("ca.pem")}`;
  await deploy("required", asks);
  await deploy("requested", asks, "--tls-client-auth=request");
  await deploy("plain");
  await proxy.deploy("below", app.address, "--host=required.test,plain.test", "--path-prefix=/api");
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const shownBy = (client: TestCertificate | null): ClientKeyPair =>
  client === null ? {} : { cert: client.certificate, key: client.privateKey };

function connect(serverName: string, client: TestCertificate | null): Promise<RawConnection> {
  const tls = { serverName, rejectUnauthorized: false, ...shownBy(client) };
  return connectRaw(proxy.httpsPort, { tls });
}

/** Status and code of the error of one request on a connection of its own. */
async function answered(
  host: string,
  client: TestCertificate | null,
  { at = "/", serverName = host } = {},
): Promise<[status: number, ...code: string[]]> {
  using connection = await connect(serverName, client);
  const response = await get(connection, at, host);
  return [response.status, ...valuesOf(response, code)];
}

const shownFields = ["x-client-cert-subject", "x-client-cert-fingerprint", "x-client-cert-serial"];
const shownTo = (request: RawMessage): string[][] =>
  shownFields.map((name) => valuesOf(request, name));

test("whoever shows a good certificate is served, and the app is told who it is", async () => {
  const { fingerprint256, serialNumber } = new X509Certificate(good.certificate);
  const facts = [
    ["CN=good client"],
    [fingerprint256.replaceAll(":", "").toLowerCase()],
    [serialNumber],
  ];
  // More connections than workers: each of them asks.
  for (let i = 0; i < 8; i++) {
    for (const host of ["required.test", "requested.test"]) {
      expect(await answered(host, good)).toEqual([200]);
      expect(shownTo(app.requests.at(-1)!)).toEqual(facts);
    }
  }
  expect(await answered("required.test", good, { at: "/api/x" })).toEqual([200]);
  expect(shownTo(app.requests.at(-1)!)).toEqual(facts);
});

test("whoever shows none, or none that is good, is answered 403 with the reason in the log", async () => {
  const before = app.requests.length;
  expect(await answered("required.test", null)).toEqual([403, "client-certificate-missing"]);
  for (const host of ["required.test", "requested.test"]) {
    expect(await answered(host, stranger)).toEqual([403, "client-certificate-refused"]);
  }
  expect(await answered("required.test", null, { at: "/api/x" })).toEqual([
    403,
    "client-certificate-missing",
  ]);
  expect(app.requests.length).toBe(before);
  const line = await proxy.waitForLog(({ error }) => /refused: unable to/.test(String(error)));
  expect(line).toMatchObject({ policy: "client-certificate", status: 403 });

  expect(await answered("requested.test", null)).toEqual([200]);
  expect(shownTo(app.requests.at(-1)!)).toEqual([[], [], []]);
});

test("over TLS 1.2 whoever shows a bad certificate gets an alert, and the log says why", async () => {
  for (const name of ["required.test", "requested.test"]) {
    const shake = (client: TestCertificate) =>
      shakeHands(proxy.httpsPort, { name, maxVersion: "TLSv1.2", ...shownBy(client) });
    expect((await shake(stranger)).error).toContain("unknown ca");
    expect((await shake(good)).error).toBe(null);
  }
  await proxy.waitForLog(({ msg }) =>
    /TLS handshake error .*: client certificate refused: unable/.test(String(msg)),
  );
});

test("a connection that was not asked is never used for a name that asks, but the other way round", async () => {
  for (const client of [good, null]) {
    using connection = await connect("plain.test", client);
    expect((await get(connection, "/", "plain.test")).status).toBe(200);
    const refused = await get(connection, "/", "required.test");
    expect([refused.status, ...valuesOf(refused, code)]).toEqual([421, "misdirected"]);
    expect(valuesOf(refused, "connection")).toEqual(["close"]);
  }
  expect(await answered("requested.test", good, { serverName: "plain.test" })).toEqual([
    421,
    "misdirected",
  ]);
  expect(await answered("required.test", good, { at: "/api", serverName: "plain.test" })).toEqual([
    421,
    "misdirected",
  ]);
  expect(await answered("plain.test", null, { at: "/api", serverName: "plain.test" })).toEqual([
    200,
  ]);
  expect(await answered("plain.test", good, { serverName: "required.test" })).toEqual([200]);
  // The app of a name that does not ask is told nothing.
  expect(shownTo(app.requests.at(-1)!)).toEqual([[], [], []]);
  expect(await answered("required.test", good, { serverName: "requested.test" })).toEqual([200]);
});

describe("over HTTP/2", () => {
  const request = (host: string): [string, string][] => [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", host],
    [":path", "/"],
  ];

  test("the same holds, and a client at the wrong connection is told to leave it", async () => {
    const asked = async (host: string, client: TestCertificate | null, serverName = host) => {
      using connection = await Http2Connection.open(
        proxy.httpsPort,
        [],
        serverName,
        shownBy(client),
      );
      connection.send(headersFrame(1, request(host), true));
      await connection.ended(1);
      const goAway = connection.frames.some(({ type }) => type === 7);
      return { status: new Map(connection.heads(1)[0]).get(":status"), goAway };
    };
    expect(await asked("required.test", good)).toEqual({ status: "200", goAway: false });
    expect(shownTo(app.requests.at(-1)!)[0]).toEqual(["CN=good client"]);
    expect(await asked("required.test", null)).toEqual({ status: "403", goAway: false });
    expect(await asked("required.test", stranger)).toEqual({ status: "403", goAway: false });
    expect(await asked("required.test", good, "plain.test")).toEqual({
      status: "421",
      goAway: true,
    });
  });
});

test("what clients send in the fields is dropped for every service, in each spelling", async () => {
  for (const [host, client] of [
    ["plain.test", null],
    ["requested.test", null],
    ["required.test", good],
  ] as const) {
    using connection = await connect(host, client);
    const forged = [...shownFields, "X_Client_Cert_Subject", "x-client_cert-serial"];
    const lines = forged.map((name) => `${name}: forged\r\n`).join("");
    connection.send(`GET /forged HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`);
    expect((await readResponse(connection)).status).toBe(200);
    expect(JSON.stringify(app.requests.at(-1)!.fields)).not.toContain("forged");
  }
});

test("over plain HTTP nobody has a certificate, and HTTP/3 is not offered", async () => {
  const overPlain = async () => {
    using connection = await connectRaw(proxy.httpPort);
    return await get(connection, "/", "required.test");
  };
  expect((await overPlain()).status).toBe(301);
  const asks = `--tls-client-ca-path=${path("ca.pem")}`;
  await deploy("required", asks, "--tls-redirect=false");
  const refused = await overPlain();
  expect([refused.status, ...valuesOf(refused, code)]).toEqual([403, "client-certificate-missing"]);
  await deploy("required", asks);

  const offers = async (host: string): Promise<number> => {
    using connection = await connect(host, good);
    return valuesOf(await get(connection, "/", host), "alt-svc").length;
  };
  expect([await offers("plain.test"), await offers("required.test")]).toEqual([1, 0]);

  const certificate = saveCertificate(path("local"), createCertificate(["localhost"]));
  await proxy.deploy("local", app.address, "--host=localhost", ...certificate, asks);
  await untilHttp3Serves(proxy.httpsPort);
  const answer = await ask(http3, proxy.httpsPort, { path: "/" });
  expect([answer.status, ...valuesIn(answer.fields, code)]).toEqual([421, "misdirected"]);
});

test("the file is watched: who is added counts at once, who is taken out no more, nonsense changes nothing", async () => {
  const file = path("rotating-authorities.pem");
  writeFileSync(file, authority.certificate);
  await deploy("rotating", `--tls-client-ca-path=${file}`);
  const status = async (client: TestCertificate): Promise<number> =>
    (await answered("rotating.test", client))[0];
  expect([await status(good), await status(stranger)]).toEqual([200, 403]);
  using old = await connect("rotating.test", good);
  expect((await get(old, "/", "rotating.test")).status).toBe(200);

  writeFileSync(file, `both\n${authority.certificate}${others.certificate}`);
  await waitFor(async () => (await status(stranger)) === 200, "the second authority");
  // Whoever was asked for less than counts now is still good.
  expect((await get(old, "/", "rotating.test")).status).toBe(200);

  writeFileSync(file, "nonsense");
  await proxy.waitForLog("Keeping what a file of settings said before");
  expect([await status(good), await status(stranger)]).toEqual([200, 200]);

  writeFileSync(file, others.certificate);
  await waitFor(async () => (await status(good)) === 403, "the first authority to be gone");
  expect(await status(stranger)).toBe(200);
  const gone = await get(old, "/", "rotating.test");
  expect([gone.status, ...valuesOf(gone, code)]).toEqual([421, "misdirected"]);
});

test("a deploy with a file that says nothing is refused, and one that is lost keeps everybody out", async () => {
  const refusal = async (...flags: string[]): Promise<string> => {
    const command = ["deploy", "x", `--target=${app.address}`, "--host=x.test", ...flags];
    const { code: exit, stderr } = await proxy.runHere(...command);
    expect(exit).toBe(1);
    return stderr;
  };
  const certificate = saveCertificate(path("x"), createCertificate(["x.test"]));
  mkdirSync(path("folder"));
  Bun.spawnSync(["mkfifo", path("pipe")]);
  Bun.spawnSync(["truncate", "-s", "1G", path("huge")]);
  writeFileSync(path("damaged"), authority.certificate.replace(/\n[^-]{20}/, "\nAAAA"));
  writeFileSync(path("key"), good.privateKey);
  for (const [name, reason] of [
    ["none", "no such file"],
    ["folder", "is a folder"],
    ["pipe", "is no regular file"],
    ["huge", "larger than"],
    ["damaged", "certificate 1 in the file is damaged"],
    ["key", "no certificate found in PEM"],
  ] as const) {
    const text = await refusal(...certificate, `--tls-client-ca-path=${path(name)}`);
    expect(text).toContain(path(name));
    expect(text).toContain(reason);
  }
  expect(await refusal(...certificate, "--tls-client-ca-path=ca.pem")).toContain(
    'invalid value "ca.pem" for --tls-client-ca-path: the path of the file must begin with /',
  );
  expect(await refusal(...certificate, "--tls-client-auth=request")).toContain(
    "tls-client-ca-path must be set to request certificates of clients",
  );
  expect(await refusal(`--tls-client-ca-path=${path("ca.pem")}`)).toContain(
    "TLS must be enabled to ask clients for certificates",
  );

  const file = path("lost-authorities.pem");
  writeFileSync(file, authority.certificate);
  await deploy("lost", `--tls-client-ca-path=${file}`);
  rmSync(file);
  expect(await proxy.stop()).toBe(0);
  await proxy.startAgain();
  expect(await answered("lost.test", good)).toEqual([503, "client-authorities-unreadable"]);
  writeFileSync(file, authority.certificate);
  await waitFor(async () => (await answered("lost.test", good))[0] === 200, "the file to be back");
  const { stdout } = await proxy.runHere("list", "--json");
  expect(JSON.parse(stdout).required.options).toMatchObject({
    tls_client_ca_path: path("ca.pem"),
  });
  expect(JSON.parse(stdout).requested.options.tls_client_auth).toBe("request");
  expect(JSON.parse(stdout).required.protected_by).toEqual(["tls-client-ca-path"]);
});
