import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { ServiceMap, type ServiceMapEntry } from "../../src/data-plane/services/service-map.ts";

const host = fc.constantFrom("", "a.b", "x.a.b", "*.a.b", "*.b", "y.x.a.b", "c");
const segment = fc.constantFrom("a", "ab", "b", "");
const prefix = fc
  .array(fc.constantFrom("a", "ab", "b"), { maxLength: 3 })
  .map((segments) => `/${segments.join("/")}`);
const path = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`);
const entries = fc
  .array(
    fc.record({
      hosts: fc.uniqueArray(host, { minLength: 1, maxLength: 3 }),
      pathPrefixes: fc.uniqueArray(prefix, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 6 },
  )
  .map((list) => list.map((entry, index) => ({ ...entry, value: index })));

/** The rule as it is told to users, without any index. */
function naiveLookup(list: ServiceMapEntry<number>[], hostName: string, requestPath: string) {
  const labels = hostName.split(".");
  const candidates = [hostName, ["*", ...labels.slice(1)].join("."), ""];
  const found = candidates.find((name) => list.some(({ hosts }) => hosts.includes(name)));
  if (found === undefined) return undefined;
  const segments = requestPath.split("/").slice(1);
  let best: { value: number; prefix: string; length: number } | undefined;
  for (const { value, hosts, pathPrefixes } of list) {
    if (!hosts.includes(found)) continue;
    for (const prefixText of pathPrefixes) {
      const wanted = prefixText === "/" ? [] : prefixText.split("/").slice(1);
      const matches = wanted.every((part, index) => segments[index] === part);
      const { length } = prefixText;
      if (matches && (best === undefined || length > best.length)) {
        best = { value, prefix: prefixText, length };
      }
    }
  }
  return best && { value: best.value, prefix: best.prefix };
}

test("ServiceMap finds what a search through all entries finds", () => {
  fc.assert(
    fc.property(
      entries,
      fc.constantFrom("", "a.b", "x.a.b", "z.a.b", "y.x.a.b", "c", "b", "q.b", "none"),
      path,
      (list, hostName, requestPath) => {
        const found = new ServiceMap(list).lookup(hostName, requestPath);
        expect(found).toEqual(naiveLookup(list, hostName, requestPath));
      },
    ),
    { numRuns: 1_000 },
  );
});
