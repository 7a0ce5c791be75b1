import { describe, expect, test } from "bun:test";
import { CidrList } from "../../../../src/lib/cidr.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import {
  forwardedFields,
  remoteAddress,
  type Origin,
} from "../../../../src/data-plane/proxy/forwarded-headers.ts";

const list = CidrList.parse(["9.9.9.9", "2.2.2.2"]) as CidrList;

function origin(fields: Fields, trusted: boolean | null = null): Origin {
  const proxies = trusted === null ? null : list;
  return {
    fields,
    clientAddress: "9.9.9.9",
    scheme: "http",
    host: "app.test:8080",
    trusted,
    proxies,
  };
}

const believing = { forwardHeaders: true, clientIpHeader: "" };
const replacing = { forwardHeaders: false, clientIpHeader: "" };

const sent = Fields.of(
  ["X-Forwarded-For", "1.1.1.1"],
  ["X-Forwarded-For", "2.2.2.2, 3.3.3.3"],
  ["X-Forwarded-Host", "first.test"],
  ["X-Forwarded-Host", "second.test"],
  ["X-Forwarded-Proto", "https"],
  ["X-Kamal-Target", "outer:80"],
  ["X-Kamal-Target", "middle:80"],
);
const ours = {
  forwardedFor: "9.9.9.9",
  forwardedHost: "app.test:8080",
  forwardedProto: "http",
  kamalTarget: "inner:80",
};
const extended = {
  forwardedFor: "1.1.1.1, 2.2.2.2, 3.3.3.3, 9.9.9.9",
  forwardedHost: "first.test",
  forwardedProto: "https",
  kamalTarget: "outer:80, middle:80, inner:80",
};

describe("forwardedFields", () => {
  test("are extended when headers are forwarded", () => {
    expect(forwardedFields(origin(sent), believing, "inner:80")).toEqual(extended);
  });

  test("are replaced when headers are not forwarded", () => {
    expect(forwardedFields(origin(sent), replacing, "inner:80")).toEqual(ours);
  });

  test("are ours when nothing or nothing but empty values came", () => {
    const empty = Fields.of(
      ["X-Forwarded-For", ""],
      ["X-Forwarded-Host", ""],
      ["X-Forwarded-Proto", ""],
    );
    expect(forwardedFields(origin(new Fields()), believing, "inner:80")).toEqual(ours);
    expect(forwardedFields(origin(empty), believing, "inner:80")).toEqual(ours);
  });

  test("of a trusted peer are extended, of any other replaced, whatever the service says", () => {
    for (const rules of [believing, replacing]) {
      expect(forwardedFields(origin(sent, true), rules, "inner:80")).toEqual(extended);
      expect(forwardedFields(origin(sent, false), rules, "inner:80")).toEqual(ours);
    }
  });

  test("name the client of the client-ip-header in place of X-Forwarded-For", () => {
    const fields = sent.copy();
    fields.append("CF-Connecting-IP", "7.7.7.7");
    const forwardedFor = (trusted: boolean | null, forwardHeaders: boolean): string =>
      forwardedFields(
        origin(fields, trusted),
        { forwardHeaders, clientIpHeader: "Cf-Connecting-Ip" },
        "inner:80",
      ).forwardedFor;
    expect(forwardedFor(null, true)).toBe("7.7.7.7, 9.9.9.9");
    expect(forwardedFor(null, false)).toBe("9.9.9.9");
    expect(forwardedFor(true, false)).toBe("7.7.7.7, 9.9.9.9");
    expect(forwardedFor(false, true)).toBe("9.9.9.9");
  });

  test("ignore an empty client-ip-header", () => {
    const fields = Fields.of(["X-Real-IP", ""], ["X-Forwarded-For", "1.1.1.1"]);
    const rules = { forwardHeaders: true, clientIpHeader: "X-Real-IP" };
    expect(forwardedFields(origin(fields), rules, "t").forwardedFor).toBe("1.1.1.1, 9.9.9.9");
  });
});

describe("remoteAddress", () => {
  const both = Fields.of(["X-Forwarded-For", "1.1.1.1, 2.2.2.2"], ["X-Real-IP", "7.7.7.7"]);

  test("is what the client-ip-header says, then X-Forwarded-For as sent, then the peer", () => {
    expect(remoteAddress(origin(both), "X-Real-IP")).toBe("7.7.7.7");
    expect(remoteAddress(origin(both), "")).toBe("1.1.1.1, 2.2.2.2");
    expect(remoteAddress(origin(new Fields()), "X-Real-IP")).toBe("9.9.9.9");
  });

  test("is the peer when that is no trusted proxy", () => {
    expect(remoteAddress(origin(both, false), "X-Real-IP")).toBe("9.9.9.9");
    expect(remoteAddress(origin(both, true), "X-Real-IP")).toBe("7.7.7.7");
  });

  test("behind trusted proxies is the nearest address that is none of theirs", () => {
    expect(remoteAddress(origin(both, true), "")).toBe("1.1.1.1");
    const forged = Fields.of(
      ["X-Forwarded-For", "6.6.6.6, [::1]:80"],
      ["X-Forwarded-For", "2.2.2.2"],
    );
    expect(remoteAddress(origin(forged, true), "")).toBe("::1");
    expect(remoteAddress(origin(Fields.of(["X-Forwarded-For", "nobody"]), true), "")).toBe(
      "9.9.9.9",
    );
    expect(remoteAddress(origin(new Fields(), true), "")).toBe("9.9.9.9");
    const ported = Fields.of(["X-Real-IP", "7.7.7.7:80"]);
    expect(remoteAddress(origin(ported, true), "X-Real-IP")).toBe("7.7.7.7");
  });
});
