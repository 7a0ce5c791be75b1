import { describe, expect, test } from "bun:test";
import { asciiHosts } from "../../../src/config/ascii-hosts.ts";
import { hostFault } from "../../../src/config/host-fault.ts";
import { asciiName } from "../../../src/lib/international-name.ts";
import { serviceOptions } from "../../support/service-options.ts";

describe("a host of a service", () => {
  test.each([
    "",
    "a.example",
    "A.Example.",
    "*.a.example",
    "localhost",
    "my_app",
    "10.0.0.1",
    "::1",
    "[::1]",
  ])("can be %j", (host) => {
    expect(hostFault(host)).toBeUndefined();
  });

  test.each([
    ["https://a.example", "must be a host name alone, such as a.example"],
    ["https://me@a.example:8443/path?x#y", "must be a host name alone, such as a.example"],
    ["a.example:443", "must be a host name alone, such as a.example"],
    ["a.example/path", "must be a host name alone, such as a.example"],
    [" a.example ", "must be a host name alone, such as a.example"],
    ["https://", "is no host name"],
    ["a b.example", "has characters that no host name can have"],
    ["a\u0000b", "has characters that no host name can have"],
    ["a..example", "has an empty label"],
    [".example", "has an empty label"],
    ["a.example..", "has an empty label"],
    ["*", "is no host name; without a host the service has them all"],
    ["a.*.example", "a wildcard stands for the first label alone"],
  ])("can't be %j, which %s", (host, fault) => {
    expect(hostFault(host)).toBe(fault);
  });

  test("beyond ASCII is what browsers ask for", () => {
    const hosts = ["Bücher.example", "*.bücher.example", "a.example", "x.\u00ad"];
    const converted = asciiHosts(
      serviceOptions({ hosts, canonicalHost: "bücher.example" }),
      asciiName,
    );
    expect(converted.hosts.slice(0, 3)).toEqual([
      "xn--bcher-kva.example",
      "*.xn--bcher-kva.example",
      "a.example",
    ]);
    expect(converted.canonicalHost).toBe("xn--bcher-kva.example");
  });
});
