import { writeFileSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import { parseDnsSettings, systemDnsSettings } from "../../../../src/net/resolver/dns-settings.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

describe("DNS settings", () => {
  test("are read as the C library reads them", () => {
    const text = `
; comment
nameserver 127.0.0.11 # Docker's
nameserver fd00::53
nameserver nonsense
domain ignored.test
search one.test two.test.
options ndots:5 timeout:3 attempts:4 edns0 use-vc
`;
    expect(parseDnsSettings(text)).toEqual({
      servers: ["127.0.0.11", "fd00::53"],
      search: ["one.test", "two.test"],
      ndots: 5,
      timeoutMs: 3_000,
      attempts: 4,
    });
  });

  test("the last of domain and search counts", () => {
    expect(parseDnsSettings("search a.test b.test\ndomain c.test d.test").search).toEqual([
      "c.test",
    ]);
  });

  test("have the defaults and the bounds of the C library", () => {
    const empty = parseDnsSettings("search\n");
    expect(empty).toMatchObject({ ndots: 1, timeoutMs: 5_000, attempts: 2 });
    expect(empty.servers).toEqual(["127.0.0.1", "::1"]);
    expect(parseDnsSettings("options ndots:99 timeout:0 attempts:99")).toMatchObject({
      ndots: 15,
      timeoutMs: 1_000,
      attempts: 5,
    });
    expect(parseDnsSettings("options ndots:-1 timeout attempts:x")).toMatchObject({
      ndots: 1,
      timeoutMs: 5_000,
      attempts: 2,
    });
    const many = Array.from({ length: 20 }, (_, index) => `nameserver 10.0.0.${index}`);
    expect(parseDnsSettings(many.join("\n")).servers.length).toBe(8);
  });

  test("follow the file", () => {
    using folder = tempFolder();
    const path = folder.file("resolv.conf");
    const settings = systemDnsSettings(path);
    expect(settings().servers).toEqual(["127.0.0.1", "::1"]);
    writeFileSync(path, "nameserver 10.0.0.1\n");
    expect(settings().servers).toEqual(["10.0.0.1"]);
    expect(settings()).toBe(settings());
  });
});
