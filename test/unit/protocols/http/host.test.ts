import { describe, expect, test } from "bun:test";
import { parseHost } from "../../../../src/protocols/http/host.ts";

describe("parseHost", () => {
  test.each([
    ["example.com", "example.com", ""],
    ["Example.COM:8080", "example.com", "8080"],
    ["example.com.", "example.com", ""],
    ["example.com.:80", "example.com", "80"],
    ["example.com:", "example.com", ""],
    ["my_app-1.local", "my_app-1.local", ""],
    ["127.0.0.1:65535", "127.0.0.1", "65535"],
    ["[::1]:80", "::1", "80"],
    ["[2001:DB8::1]", "2001:db8::1", ""],
    ["[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", "1"],
    ["a%20b", "a%20b", ""],
    ["", "", ""],
  ])("%j names %j", (value, name, port) => {
    expect(parseHost(value)).toEqual({ name, port });
  });

  test.each([
    "a b",
    "a/b",
    "a@b",
    "user:pass@host",
    "a\\b",
    "a?b",
    "a#b",
    "a:b",
    "a:80a",
    "a:+80",
    "a:-1",
    "a:65536",
    "a:99999999999999999999",
    "a:80:90",
    ":80",
    ":",
    "::1",
    "[::1",
    "::1]",
    "[]",
    "[:]",
    "[1.2.3.4]",
    "[:::1]",
    "[1:2:3:4:5:6:7:8:9]",
    "[::g]",
    "[fe80::1%25eth0]",
    "[::1]80",
    "[::1]x:80",
    "x[::1]",
    "a%",
    "a%zz",
    "h\xe4",
    "a\tb",
    "a,b c",
    "a\0",
    '"a"',
    "<a>",
    "a^b",
    "a|b",
  ])("%j is no host", (value) => {
    expect(parseHost(value)).toBeUndefined();
  });
});
