import { describe, expect, test } from "bun:test";
import { PushedCertificates } from "../../../src/data-plane/listeners/accept/pushed-certificates.ts";
import {
  type CertificateChange,
  certificateChange,
  type NamedCertificate,
  noCertificates,
  type ServedCertificates,
} from "../../../src/seam/certificates.ts";
import type { CertificateKeyPair } from "../../../src/seam/handshake-certificates.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const pairs = new Map<string, CertificateKeyPair>();

function pair(id: string): CertificateKeyPair {
  const known = pairs.get(id) ?? { certificate: `certificate ${id}`, privateKey: `key ${id}` };
  pairs.set(id, known);
  return known;
}
const idOf = ({ privateKey }: CertificateKeyPair): string => privateKey.slice("key ".length);

function served(
  names: Record<string, string | null>,
  more: Partial<ServedCertificates> = {},
): ServedCertificates {
  const entries = Object.entries(names).map(
    ([name, id]) => [name, id === null ? null : { pair: pair(id), untilMs: null }] as const,
  );
  return { ...noCertificates, names: new Map(entries), ...more };
}

function setup(answers: Record<string, CertificateKeyPair> = {}) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const rsaWanted: string[] = [];
  const certificates = new PushedCertificates({
    clock,
    async ask(name) {
      asked.push(name);
      if (name === "broken.test") throw new Error("gone");
      return answers[name] ?? null;
    },
    askForRsa: async (name) => void rsaWanted.push(name),
  });
  let before = noCertificates;
  const push = (next: ServedCertificates): CertificateChange | null => {
    const change = certificateChange(before, next, idOf);
    before = next;
    if (change !== null) {
      certificates.change(JSON.parse(JSON.stringify(change)) as CertificateChange);
    }
    return change;
  };
  return { clock, asked, rsaWanted, certificates, push };
}

describe("a change of certificates", () => {
  test("sends each pair once, and only what is new", () => {
    const { push } = setup();
    expect(push(served({ "a.test": "1", "b.test": "1" }))).toMatchObject({
      pairs: [["1", pair("1")]],
      names: [
        ["a.test", { id: "1" }],
        ["b.test", { id: "1" }],
      ],
    });
    expect(push(served({ "a.test": "1", "b.test": "2" }))).toMatchObject({
      pairs: [["2", pair("2")]],
      names: [["b.test", { id: "2" }]],
      removed: [],
    });
    expect(push(served({ "b.test": "2" }))).toMatchObject({ names: [], removed: ["a.test"] });
  });

  test("is none when nothing has changed", () => {
    const { push } = setup();
    push(served({ "a.test": "1" }, { withoutName: pair("1"), defaultHost: "a.test" }));
    expect(
      push(served({ "a.test": "1" }, { withoutName: pair("1"), defaultHost: "a.test" })),
    ).toBeNull();
  });
});

describe("PushedCertificates", () => {
  test("answers with what was pushed, one object a pair", () => {
    const { certificates, push, asked } = setup();
    push(served({ "a.test": "1", "*.w.test": "1" }, { withoutName: pair("1") }));
    const found = certificates.forName("a.test");
    expect(found).toEqual(pair("1"));
    expect(certificates.forName("x.w.test")).toBe(found);
    expect(certificates.withoutName()).toBe(found as CertificateKeyPair);
    expect([...certificates.all().keys()]).toEqual(["a.test", "*.w.test"]);
    push(served({ "a.test": "1", "*.w.test": "2" }));
    expect(certificates.forName("a.test")).toBe(found);
    expect(certificates.withoutName()).toBeNull();
    expect(asked).toEqual([]);
  });

  test("asks about names that are not known, and those that no wildcard may stand in for", async () => {
    const { certificates, push, asked } = setup({ "plain.w.test": pair("3") });
    push(served({ "*.w.test": "1", "plain.w.test": null }));
    expect(await certificates.forName("plain.w.test")).toEqual(pair("3"));
    expect(await certificates.forName("other.test")).toBeNull();
    expect(await certificates.forName("broken.test")).toBeNull();
    expect(asked).toEqual(["plain.w.test", "other.test", "broken.test"]);
  });

  test("asks anew about a certificate that has ended", async () => {
    const { certificates, push, clock, asked } = setup();
    const untilMs = clock.wallMs() + 1_000;
    push({ ...noCertificates, names: new Map([["a.test", { pair: pair("1"), untilMs }]]) });
    expect(certificates.forName("a.test")).toEqual(pair("1"));
    clock.advance(1_000);
    expect(await certificates.forName("a.test")).toBeNull();
    expect(asked).toEqual(["a.test"]);
  });

  test("shows the certificate of a validation while it is under way", () => {
    const { certificates, push } = setup();
    push(served({ "a.test": "1" }, { challenges: new Map([["a.test", pair("c")]]) }));
    expect(certificates.isChallenge("a.test")).toBe(true);
    expect(certificates.forName("a.test")).toEqual(pair("c"));
    push(served({ "a.test": "1" }));
    expect(certificates.isChallenge("a.test")).toBe(false);
    expect(certificates.forName("a.test")).toEqual(pair("1"));
  });

  test("asks for an RSA certificate beside one that can be ordered, once at a time", async () => {
    const { certificates, push, clock, rsaWanted } = setup();
    const untilMs = clock.wallMs() + 1_000;
    const names = new Map([
      ["*.auto.test", { pair: pair("1"), untilMs }],
      ["both.test", { pair: { ...pair("2"), rsa: pair("3") }, untilMs }],
      ["file.test", { pair: pair("4"), untilMs: null }],
    ]);
    push({ ...noCertificates, names });
    for (const name of ["a.auto.test", "a.auto.test", "both.test", "file.test", "unknown.test"]) {
      certificates.wantRsa(name);
    }
    expect(rsaWanted).toEqual(["a.auto.test"]);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    certificates.wantRsa("a.auto.test");
    expect(rsaWanted).toEqual(["a.auto.test", "a.auto.test"]);
  });

  test("a client without ECDSA waits for the RSA certificate where one can be had", async () => {
    const { certificates, push, clock } = setup({ "asked.test": pair("5") });
    const untilMs = clock.wallMs() + 1_000;
    const both = { pair: { ...pair("2"), rsa: pair("3") }, untilMs };
    const names = new Map<string, NamedCertificate | null>([
      ["auto.test", { pair: pair("1"), untilMs }],
      ["both.test", both],
      ["file.test", { pair: pair("4"), untilMs: null }],
    ]);
    push({ ...noCertificates, names: new Map(names) });
    expect(certificates.lackRsa).toBe(true);
    expect(certificates.forName("both.test", false)).toEqual(both.pair);
    expect(await certificates.forName("file.test", false)).toEqual(pair("4"));
    expect(await certificates.forName("asked.test", false)).toEqual(pair("5"));
    expect(await certificates.forName("auto.test", false)).toEqual(pair("1"));
    const waiting = certificates.forName("auto.test", false);
    const paired = { ...pair("6"), rsa: pair("7") };
    names.set("auto.test", { pair: paired, untilMs });
    push({ ...noCertificates, names: new Map(names) });
    expect(await waiting).toEqual(paired);
    expect(certificates.lackRsa).toBe(false);
    push({ ...noCertificates, names: new Map([["later.test", null]]) });
    expect(certificates.lackRsa).toBe(true);
  });

  test("tells its listeners of each change", () => {
    const { certificates, push } = setup();
    let changes = 0;
    certificates.onChange = () => void changes++;
    push(served({ "a.test": "1" }));
    push(served({ "a.test": "1" }));
    expect(changes).toBe(1);
  });
});
