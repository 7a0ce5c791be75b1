import { expect, test } from "bun:test";
import { acmeProductionDirectory } from "../../../src/config/defaults.ts";
import { readAcmeSettings } from "../../../src/config/acme-settings.ts";

test("acme-settings are empty without variables", () => {
  expect(readAcmeSettings({})).toEqual({
    directory: "",
    email: "",
    authorities: [{ key: "", url: acmeProductionDirectory, externalAccount: null }],
    profile: "",
    caFiles: [],
    preflight: { port: 80, resolvers: [] },
    dns: null,
  });
});

test("acme-settings take every variable", () => {
  const settings = readAcmeSettings({
    KAMAL_PROXY_ACME_DIRECTORY: "https://ca.test/dir, https://second.test/dir",
    KAMAL_PROXY_ACME_EAB_KID_2: "kid-2",
    KAMAL_PROXY_ACME_EAB_HMAC_KEY_2: "AAAA",
    KAMAL_PROXY_ACME_PROFILE: "shortlived",
    KAMAL_PROXY_ACME_EMAIL: "mailto:ops@app.test",
    KAMAL_PROXY_ACME_EAB_KID: "kid-1",
    KAMAL_PROXY_ACME_EAB_HMAC_KEY: "zWND_-Zx",
    KAMAL_PROXY_ACME_CA_FILE: "/ca.pem",
    SSL_CERT_FILE: "/roots.pem",
    KAMAL_PROXY_ACME_PREFLIGHT: "8080",
    KAMAL_PROXY_ACME_DNS: "example.com=cloudflare",
    KAMAL_PROXY_ACME_DNS_RESOLVERS: "10.0.0.2,10.0.0.3:5353",
  });
  expect(settings).toEqual({
    directory: "https://ca.test/dir",
    email: "ops@app.test",
    authorities: [
      {
        key: "https://ca.test/dir",
        url: "https://ca.test/dir",
        externalAccount: { keyId: "kid-1", hmacKey: "zWND_-Zx" },
      },
      {
        key: "https://second.test/dir",
        url: "https://second.test/dir",
        externalAccount: { keyId: "kid-2", hmacKey: "AAAA" },
      },
    ],
    profile: "shortlived",
    caFiles: ["/ca.pem", "/roots.pem"],
    preflight: { port: 8080, resolvers: ["10.0.0.2", "10.0.0.3:5353"] },
    dns: {
      zones: "example.com=cloudflare",
      resolvers: ["10.0.0.2", "10.0.0.3:5353"],
      environment: expect.objectContaining({ SSL_CERT_FILE: "/roots.pem" }),
    },
  });
});

test("acme-settings let the preflight be switched off", () => {
  expect(readAcmeSettings({ KAMAL_PROXY_ACME_PREFLIGHT: "off" }).preflight).toBeNull();
  expect(readAcmeSettings({ KAMAL_PROXY_ACME_PREFLIGHT: "on" }).preflight?.port).toBe(80);
});

test.each([
  ...["no", "0", "65536", "-1"].map((text): [Record<string, string>, string] => [
    { KAMAL_PROXY_ACME_PREFLIGHT: text },
    `invalid value "${text}" for KAMAL_PROXY_ACME_PREFLIGHT: must be on, off, or the port`,
  ]),
  [{ KAMAL_PROXY_ACME_EAB_KID: "kid-1" }, "must be set together"],
  [{ KAMAL_PROXY_ACME_EAB_HMAC_KEY: "abc" }, "must be set together"],
  [
    {
      KAMAL_PROXY_ACME_DIRECTORY: "https://a.test/dir,https://b.test/dir",
      KAMAL_PROXY_ACME_EAB_KID_2: "kid-2",
    },
    "KAMAL_PROXY_ACME_EAB_KID_2 and KAMAL_PROXY_ACME_EAB_HMAC_KEY_2 must be set together",
  ],
  [
    { KAMAL_PROXY_ACME_EAB_KID_2: "k", KAMAL_PROXY_ACME_EAB_HMAC_KEY_2: "AAAA" },
    "KAMAL_PROXY_ACME_EAB_KID_2 is set, but KAMAL_PROXY_ACME_DIRECTORY names 1 of them",
  ],
  [
    { KAMAL_PROXY_ACME_EAB_HMAC_KEY_1: "AAAA" },
    "KAMAL_PROXY_ACME_EAB_HMAC_KEY_1 is set: the variables of the first directory have no number",
  ],
  ...["dns.google", "10.0.0.2:0", "10.0.0.2:99999", "::1]:53"].map(
    (text): [Record<string, string>, string] => [
      { KAMAL_PROXY_ACME_DNS_RESOLVERS: `1.1.1.1,${text}` },
      "KAMAL_PROXY_ACME_DNS_RESOLVERS: must be addresses, each with or without a port",
    ],
  ),
  [{ KAMAL_PROXY_ACME_DIRECTORY: "https://a.test/dir,b" }, "absolute http(s) URL"],
  [{ KAMAL_PROXY_ACME_EAB_KID: "k", KAMAL_PROXY_ACME_EAB_HMAC_KEY: "a b" }, "base64url"],
  [{ KAMAL_PROXY_ACME_DIRECTORY: "ca.test/dir" }, "absolute http(s) URL"],
])("acme-settings refuse %j", (environment, text) => {
  expect(() => readAcmeSettings(environment)).toThrow(text);
});
