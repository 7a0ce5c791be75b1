import { afterEach, describe, expect, test } from "bun:test";
import type { CertificateKeyPair } from "../../../../../src/seam/handshake-certificates.ts";
import { TlsServer } from "../../../../../src/data-plane/listeners/accept/tls-socket.ts";
import { app, HandshakeSite, other, rsa } from "../../../../support/handshake-site.ts";
import { connectRaw } from "../../../../support/raw-connection.ts";
import { shakeHands } from "../../../../support/tls-client.ts";
import { waitFor } from "../../../../support/wait-for.ts";

let site: HandshakeSite;
afterEach(() => site[Symbol.dispose]());

describe("certificates by server name", () => {
  test("each name gets its own, in TLS 1.2 and 1.3", async () => {
    site = new HandshakeSite();
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const name of ["app.test", "other.test"]) {
        const shake = await shakeHands(site.port, { name, maxVersion });
        expect(shake).toMatchObject({ certificate: name, version: maxVersion, error: null });
      }
    }
  });

  test("names are asked for in lower case, without final dot", async () => {
    site = new HandshakeSite();
    const shake = await shakeHands(site.port, { name: "APP.Test" });
    expect(shake.certificate).toBe("app.test");
    expect(site.asked).toEqual(["app.test"]);
  });

  test("a handshake waits for a certificate that is being made", async () => {
    site = new HandshakeSite();
    const made = Promise.withResolvers<CertificateKeyPair | null>();
    site.certificates = () => made.promise;
    const shake = shakeHands(site.port, { name: "app.test" });
    await waitFor(() => site.asked.length === 1, "the certificate to be asked for");
    expect(site.outcomes).toEqual([]);
    made.resolve(app);
    expect(await shake).toMatchObject({ certificate: "app.test", error: null });
  });

  test("a name without certificate is refused with an alert, at once or after waiting", async () => {
    site = new HandshakeSite();
    site.certificates = (name) => (name === "late.test" ? Promise.resolve(null) : null);
    for (const name of ["gone.test", "late.test"]) {
      const newest = await shakeHands(site.port, { name });
      expect(newest.error).toMatch(/alert internal error/);
      const older = await shakeHands(site.port, { name, maxVersion: "TLSv1.2" });
      expect(older.error).toMatch(/alert handshake failure/);
      const reason = `no certificate for "${name}"`;
      const failed = { kind: "failed", reason, serverName: name, wantsOtherKey: false } as const;
      await waitFor(() => site.outcomes.length === 2, "the outcomes");
      expect(site.outcomes.splice(0)).toEqual([failed, failed]);
    }
  });

  test("a refused name stays refused for a client that resumes a session", async () => {
    site = new HandshakeSite();
    const { session } = await shakeHands(site.port);
    site.certificates = () => null;
    const shake = await shakeHands(site.port, { session: session! });
    expect(shake.error).toMatch(/alert/);
  });

  test("a client that leaves while it waits harms nobody", async () => {
    site = new HandshakeSite();
    const made = Promise.withResolvers<CertificateKeyPair | null>();
    site.certificates = () => made.promise;
    const leaving = connectRaw(site.port, {
      tls: { serverName: "app.test", rejectUnauthorized: false },
    }).catch(() => null);
    await waitFor(() => site.asked.length === 1, "the certificate to be asked for");
    using stranger = await connectRaw(site.port);
    stranger.reset();
    const gone = shakeHands(site.port, { timeout: 1 });
    await waitFor(() => site.asked.length === 2, "the second to ask");
    made.resolve(app);
    (await leaving)?.[Symbol.dispose]();
    await gone;
    expect(await shakeHands(site.port)).toMatchObject({ error: null });
  });

  test("a pair that can't be used is reported and refused", async () => {
    site = new HandshakeSite();
    site.certificates = () => ({ certificate: "junk", privateKey: "junk" });
    expect((await shakeHands(site.port)).error).toMatch(/alert/);
    expect(site.bad).toEqual(["app.test"]);
  });
});

describe("a pair with an RSA certificate beside", () => {
  const both = { ...app, rsa: { certificate: rsa.certificate, privateKey: rsa.privateKey } };
  const old = { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" } as const;
  const modern = { sigalgs: "rsa_pss_rsae_sha256" } as const;

  test.each([
    ["app.test", "by name"],
    [null, "without a name"],
  ])("shows it to clients that take no ECDSA, and to no others (%s)", async (name) => {
    site = new HandshakeSite();
    site.certificates = () => both;
    site.server.setDefaultCertificate(both);
    for (const client of [old, modern]) {
      const shake = await shakeHands(site.port, { name, ...client });
      expect(shake).toMatchObject({ error: null, certificate: "rsa.test" });
    }
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const shake = await shakeHands(site.port, { name, maxVersion });
      expect(shake).toMatchObject({ error: null, certificate: "app.test" });
    }
  });

  test("without it, such clients are told from others that fail", async () => {
    site = new HandshakeSite();
    for (const client of [old, modern]) {
      expect((await shakeHands(site.port, { name: "APP.test", ...client })).error).toBeString();
      const outcome = await waitFor(() => site.outcomes.splice(0)[0], "the outcome");
      expect(outcome).toMatchObject({ serverName: "app.test", wantsOtherKey: true });
    }
    await shakeHands(site.port, { name: "app.test", maxVersion: "TLSv1.1" });
    const outcome = await waitFor(() => site.outcomes.splice(0)[0], "the outcome");
    expect(outcome).toMatchObject({ kind: "failed", wantsOtherKey: false });
  });
});

describe("the default certificate", () => {
  test("without one, clients that send no name are refused with an alert", async () => {
    site = new HandshakeSite();
    expect((await shakeHands(site.port, { name: null })).error).toMatch(/alert internal error/);
    expect(site.asked).toEqual([]);
  });

  test("it can be set, changed and taken away while the server runs", async () => {
    site = new HandshakeSite();
    for (const pair of [app, other]) {
      site.server.setDefaultCertificate(pair);
      const name = pair === app ? "app.test" : "other.test";
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
        const shake = await shakeHands(site.port, { name: null, maxVersion });
        expect(shake.certificate).toBe(name);
      }
    }
    site.server.setDefaultCertificate(null);
    expect((await shakeHands(site.port, { name: null })).error).toMatch(/alert/);
  });

  test("it is not shown to names that are refused", async () => {
    site = new HandshakeSite();
    site.server.setDefaultCertificate(other);
    expect((await shakeHands(site.port, { name: "gone.test" })).error).toMatch(/alert/);
  });

  test("it leaves the protocol choice alone", async () => {
    site = new HandshakeSite();
    site.server.setDefaultCertificate(app);
    const shake = await shakeHands(site.port, { name: null, ALPNProtocols: ["x", "y"] });
    expect(shake.protocol).toBe("x");
  });
});

describe("protocol negotiation", () => {
  test("the offer arrives in order and the choice is honoured", async () => {
    site = new HandshakeSite();
    site.choose = (offered) => offered[1]!;
    const shake = await shakeHands(site.port, { ALPNProtocols: ["http/1.1", "h2", "x"] });
    expect(site.offers).toEqual([["http/1.1", "h2", "x"]]);
    expect(shake.protocol).toBe("h2");
    expect(site.outcomes).toMatchObject([
      { kind: "complete", protocol: "h2", serverName: "app.test", authentication: null },
    ]);
  });

  test("no common protocol is refused with no_application_protocol", async () => {
    site = new HandshakeSite();
    site.choose = () => null;
    const shake = await shakeHands(site.port, { ALPNProtocols: ["h3"] });
    expect(shake.error).toMatch(/no application protocol/);
  });

  test("a client that offers nothing is not asked about", async () => {
    site = new HandshakeSite();
    expect((await shakeHands(site.port)).error).toBeNull();
    expect(site.offers).toEqual([]);
    expect(site.outcomes).toMatchObject([
      { kind: "complete", protocol: null, serverName: "app.test", authentication: null },
    ]);
  });
});

describe("versions and cipher suites", () => {
  const outdated = { minVersion: "TLSv1", maxVersion: "TLSv1.1" } as const;

  test("TLS 1.1 is refused, whatever the certificate", async () => {
    site = new HandshakeSite();
    site.server.setDefaultCertificate(app);
    for (const name of ["app.test", null]) {
      expect((await shakeHands(site.port, { name, ...outdated })).error).toBeString();
    }
    expect(site.outcomes.map((o) => o.kind)).not.toContain("complete");
  });

  test("TLS 1.2 is refused when 1.3 is the minimum, whatever the certificate", async () => {
    site = new HandshakeSite("1.3");
    site.server.setDefaultCertificate(app);
    for (const name of ["app.test", null]) {
      const old = await shakeHands(site.port, { name, maxVersion: "TLSv1.2" });
      expect(old.error).toMatch(/alert protocol version/);
      expect((await shakeHands(site.port, { name })).version).toBe("TLSv1.3");
    }
  });

  test.each([
    ["ECDHE-RSA-AES128-GCM-SHA256", true],
    ["ECDHE-RSA-CHACHA20-POLY1305", true],
    ["ECDHE-RSA-AES256-SHA", true],
    ["AES128-GCM-SHA256", false],
    ["AES128-SHA", false],
  ])("%s is accepted: %p", async (ciphers, accepted) => {
    site = new HandshakeSite();
    site.server.setDefaultCertificate(rsa);
    for (const name of ["rsa.test", null]) {
      const shake = await shakeHands(site.port, { name, maxVersion: "TLSv1.2", ciphers });
      expect(shake.error === null).toBe(accepted);
    }
  });
});

test.each(["TLSv1.2", "TLSv1.3"] as const)("sessions are resumed in %s", async (maxVersion) => {
  site = new HandshakeSite();
  const first = await shakeHands(site.port, { maxVersion });
  expect(first.reused).toBe(false);
  const second = await shakeHands(site.port, { maxVersion, session: first.session! });
  expect(second).toMatchObject({ reused: true, error: null });
});

describe("what is no handshake", () => {
  test("plain HTTP is answered in plain, and closed", async () => {
    site = new HandshakeSite();
    using raw = await connectRaw(site.port);
    raw.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    expect((await raw.receiveAll()).toString()).toBe(
      "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
    );
    expect(site.outcomes).toEqual([{ kind: "plain-http" }]);
  });

  test("garbage is a failed handshake with a reason", async () => {
    site = new HandshakeSite();
    using raw = await connectRaw(site.port);
    raw.send("\x16garbage that is no record at all");
    await raw.receiveAll();
    expect(site.outcomes).toHaveLength(1);
    expect(site.outcomes[0]).toMatchObject({
      kind: "failed",
      reason: expect.stringMatching(/\w+/),
    });
  });

  test("a silent client that leaves is heard of by its connection", async () => {
    site = new HandshakeSite();
    const raw = await connectRaw(site.port);
    await waitFor(() => site.accepted === 1, "the connection");
    raw.reset();
    await waitFor(() => site.closed === 1, "the close");
    expect(site.outcomes.filter((o) => o.kind === "complete")).toEqual([]);
  });
});

test("a port in use is reported in the words of Go", () => {
  site = new HandshakeSite();
  const { port } = site;
  const options = {
    bind: "127.0.0.1",
    port,
    minVersion: "1.2" as const,
    certificateFor: () => null,
    authoritiesFor: () => null,
    wallMs: () => 0,
    protocolFor: () => null,
    onBadCertificate() {},
    accept: () => null,
    handshakeDone() {},
    closed() {},
    handlerFailed() {},
  };
  expect(() => new TlsServer(options)).toThrow(
    `listen tcp 127.0.0.1:${port}: bind: address already in use`,
  );
});
