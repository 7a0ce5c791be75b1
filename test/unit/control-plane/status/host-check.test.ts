import { expect, test } from "bun:test";
import { isKnownHost } from "../../../../src/control-plane/status/host-check.ts";

test.each<[string, boolean]>([
  ["localhost:8090", true],
  ["LOCALHOST", true],
  ["127.0.0.1:8090", true],
  ["192.168.1.4:8090", true],
  ["[::1]:8090", true],
  ["[fd00::1]", true],
  ["status.internal:8090", true],
  ["Status.Internal.", true],
  ["evil.example.com:8090", false],
  ["localhost.example.com", false],
  ["127.0.0.1.example.com", false],
  ["", false],
  ["1.2.3", false],
])("a page may be asked for at %p: %p", (host, expected) => {
  expect(isKnownHost(host, ["status.internal"])).toBe(expected);
});
