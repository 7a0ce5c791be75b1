import { expect, test } from "bun:test";
import { maxReportedProxyPeers } from "../../../../../src/config/limits.ts";
import { ProxyHeaderFaults } from "../../../../../src/data-plane/listeners/accept/proxy-header-faults.ts";
import type { ProxyHeaderFault } from "../../../../../src/seam/data-plane.ts";

function setUp() {
  const told: (readonly ProxyHeaderFault[])[] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const faults = new ProxyHeaderFaults((part) => {
    told.push(part);
    const answer = Promise.withResolvers<void>();
    answers.push(answer);
    return answer.promise;
  });
  return { told, answers, faults };
}

test("the first is told at once, and those that come meanwhile with the next call", async () => {
  const { told, answers, faults } = setUp();
  faults.report("10.0.0.1", "no PROXY header");
  faults.report("10.0.0.1", "no PROXY header");
  faults.report("10.0.0.2", "invalid port");
  faults.report("10.0.0.1", "no PROXY header in time");
  expect(told.splice(0)).toEqual([
    [{ peer: "10.0.0.1", reason: "no PROXY header", connections: 1 }],
  ]);
  // A primary that has gone, or does not know the call, ends nothing.
  answers[0]!.reject(new Error("the other end is closed"));
  await new Promise(setImmediate);
  expect(told.splice(0)).toEqual([
    [
      { peer: "10.0.0.1", reason: "no PROXY header in time", connections: 2 },
      { peer: "10.0.0.2", reason: "invalid port", connections: 1 },
    ],
  ]);
  answers[1]!.resolve();
  await new Promise(setImmediate);
  faults.report("10.0.0.2", "invalid port");
  expect(told).toHaveLength(1);
});

test("while the primary does not answer, no more peers are kept than it takes", async () => {
  const { told, answers, faults } = setUp();
  for (let i = 0; i < 2 * maxReportedProxyPeers; i++) {
    faults.report(`10.0.${i >> 8}.${i & 255}`, "x");
  }
  answers[0]!.resolve();
  await new Promise(setImmediate);
  expect(told.map(({ length }) => length)).toEqual([1, maxReportedProxyPeers]);
});
