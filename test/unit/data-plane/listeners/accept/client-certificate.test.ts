/** Which clients are asked for a certificate in their handshake, and what is learned of it. */
import { afterEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import type { FailedHandshake } from "../../../../../src/data-plane/listeners/accept/handshake-outcome.ts";
import { readClientAuthorities } from "../../../../../src/config/client-authorities.ts";
import { createCertificate, type TestCertificate } from "../../../../support/certificates.ts";
import { app, HandshakeSite } from "../../../../support/handshake-site.ts";
import { type HandshakeOptions, shakeHands } from "../../../../support/tls-client.ts";
import { waitFor } from "../../../../support/wait-for.ts";

let site: HandshakeSite;
afterEach(() => site[Symbol.dispose]());

describe("certificates of clients", () => {
  const authority = createCertificate(["one authority"], { isAuthority: true });
  const others = createCertificate(["another"], { isAuthority: true });
  const asked = readClientAuthorities(authority.certificate);
  const day = 24 * 3_600_000;
  const shownBy = (client: TestCertificate) => ({
    cert: client.certificate,
    key: client.privateKey,
  });
  const good = createCertificate(["client"], { issuer: authority, purpose: "client" });

  /** What the server has learned of the client. */
  async function learned(options: HandshakeOptions) {
    const { error, session, reused } = await shakeHands(site.port, options);
    expect(error).toBeNull();
    const outcome = await waitFor(() => site.outcomes.splice(0)[0], "the outcome");
    if (outcome.kind !== "complete") throw new Error(outcome.kind);
    return { ...outcome, session, reused };
  }

  describe.each(["TLSv1.2", "TLSv1.3"] as const)("over %s", (maxVersion) => {
    test("are asked for where the name wants them, and only there", async () => {
      site = new HandshakeSite();
      site.authorities.set("app.test", asked);
      const client = { maxVersion, ...shownBy(good) };
      const { authentication } = await learned({ name: "app.test", ...client });
      expect(authentication).toEqual({
        authorities: asked,
        certificate: {
          subject: "CN=client",
          fingerprint: new Bun.CryptoHasher("sha256")
            .update(new X509Certificate(good.certificate).raw)
            .digest("hex"),
          serial: new X509Certificate(good.certificate).serialNumber,
        },
        fault: null,
      });
      const elsewhere = await learned({ name: "other.test", ...client });
      expect(elsewhere.authentication).toBeNull();
      site.server.setDefaultCertificate(app);
      expect((await learned({ name: null, ...client })).authentication).toBeNull();
    });

    test("are asked for too when the certificate of the name came late", async () => {
      site = new HandshakeSite();
      site.authorities.set("app.test", asked);
      site.certificates = () => Promise.resolve(app);
      const { authentication } = await learned({ maxVersion, ...shownBy(good) });
      expect(authentication?.certificate?.subject).toBe("CN=client");
    });

    test.each([
      [null, null, null],
      [
        createCertificate(["x"], { issuer: others, purpose: "client" }),
        /verify|issuer/,
        "unknown ca",
      ],
      [
        createCertificate(["x"], { issuer: authority, purpose: "server" }),
        /purpose/,
        "unsupported certificate",
      ],
      [
        createCertificate(["x"], {
          issuer: authority,
          notBefore: new Date(Date.now() - 2 * day),
          notAfter: new Date(Date.now() - day),
        }),
        /expired/,
        "certificate expired",
      ],
      [
        createCertificate(["x"], { issuer: authority, notBefore: new Date(Date.now() + day / 2) }),
        /not yet valid/,
        "certificate expired",
      ],
      [createCertificate(["x"]), /self|verify/, "unknown ca"],
    ])("that are missing or not good are told apart (%#)", async (client, fault, alert) => {
      site = new HandshakeSite();
      site.authorities.set("app.test", asked);
      const shown = client === null ? {} : shownBy(client);
      if (maxVersion === "TLSv1.2" && fault !== null) {
        expect((await shakeHands(site.port, { maxVersion, ...shown })).error).toContain(alert!);
        const outcome = await waitFor(() => site.outcomes[0], "the outcome");
        expect(outcome).toMatchObject({ kind: "failed", serverName: "app.test" });
        expect((outcome as FailedHandshake).reason).toMatch(fault);
        return;
      }
      const { authentication } = await learned({ maxVersion, ...shown });
      expect(authentication?.certificate).toBeNull();
      if (fault === null) expect(authentication?.fault).toBeNull();
      else expect(authentication?.fault).toMatch(fault);
    });

    test("are remembered by a session, for the same authorities, until they expire", async () => {
      site = new HandshakeSite();
      site.authorities.set("app.test", asked);
      const { session } = await learned({ maxVersion, ...shownBy(good) });
      const again = await learned({ maxVersion, session: session! });
      expect(again.reused).toBe(true);
      expect(again.authentication?.certificate?.subject).toBe("CN=client");
      site.wallMs += 2 * day;
      const late = await learned({ maxVersion, session: session! });
      expect(late.reused).toBe(true);
      expect(late.authentication).toMatchObject({
        certificate: null,
        fault: "certificate has expired",
      });
    });

    test("never come from a session of a handshake that asked nobody, or for others", async () => {
      site = new HandshakeSite();
      const before = await learned({ maxVersion, ...shownBy(good) });
      site.authorities.set("app.test", asked);
      for (const name of ["app.test", "other.test"]) {
        const resumed = await learned({ name, maxVersion, session: before.session! });
        expect(resumed.authentication?.certificate ?? null).toBeNull();
      }
      const first = await learned({ maxVersion, ...shownBy(good) });
      expect(first.authentication?.certificate).not.toBeNull();
      for (const next of [others.certificate, authority.certificate + others.certificate]) {
        site.authorities.set("app.test", readClientAuthorities(next));
        const resumed = await learned({ maxVersion, session: first.session! });
        expect(resumed.authentication).toMatchObject({ certificate: null, fault: null });
      }
      // Nor of one whose authority is the server's own certificate, which stands in where nobody is asked.
      const own = readClientAuthorities(app.certificate);
      site.authorities.set("app.test", own);
      const resumed = await learned({ maxVersion, session: before.session! });
      expect(resumed.authentication).toEqual({ authorities: own, certificate: null, fault: null });
    });
  });
});
