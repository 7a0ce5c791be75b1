import { expect, test } from "bun:test";
import { CidrList } from "../../../../src/lib/cidr.ts";
import { nearestUntrusted } from "../../../../src/data-plane/proxy/client-address.ts";

const trusted = CidrList.parse(["10.0.0.0/8", "2001:db8:1::/48"]) as CidrList;

test.each([
  ["203.0.113.9", "203.0.113.9"],
  ["6.6.6.6, 203.0.113.9", "203.0.113.9"],
  ["6.6.6.6, 203.0.113.9, 10.0.0.2, 10.0.0.1", "203.0.113.9"],
  ["10.0.0.2,10.0.0.1", "10.0.0.2"],
  ["203.0.113.9:4711", "203.0.113.9"],
  ["[2001:DB8::9]:4711, [2001:db8:1::1]:80", "2001:db8::9"],
  ["[2001:db8::9]", "2001:db8::9"],
  ["2001:db8::9", "2001:db8::9"],
  ["::ffff:203.0.113.9, ::ffff:10.0.0.1", "203.0.113.9"],
  // What stands left of something that is no address can't be told from an invention.
  ["203.0.113.9, unknown, 10.0.0.1", "10.0.0.1"],
  ["203.0.113.9, unknown", null],
  ["203.0.113.9:4711:1", null],
  ["<script>", null],
  [" , ", null],
  ["", null],
])("of %j the client is %p", (chain, client) => {
  expect(nearestUntrusted(chain, trusted)).toBe(client);
});
