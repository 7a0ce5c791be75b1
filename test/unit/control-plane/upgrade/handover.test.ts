/** What executables before have handed over must be readable for good: an upgrade begins with them. */
import { expect, test } from "bun:test";
import { parseHandover, seamVersion } from "../../../../src/control-plane/upgrade/handover.ts";

/** As the first version that could be upgraded in place wrote it: never change it. */
const first = {
  seamVersion: 1,
  version: "0.10.0",
  executableFd: 10,
  sockets: { http: { fds: [11, 12], port: 80 }, https: { fds: [13, 14], port: 443 } },
  controlFd: 15,
  replyFd: -1,
  workers: [{ pid: 21, fd: 16 }],
  state: "[]",
  lastTargetId: 3,
  targets: {
    web: {
      active: [{ address: "app:3000", id: "web-3", state: "healthy", lastError: null }],
      rollout: null,
    },
  },
  goneMetrics: [
    {
      service: "web",
      inFlight: 0,
      started: true,
      series: [{ method: "GET", status: "200", count: 2, sumSeconds: 0.1, buckets: [0, 2] }],
    },
  ],
  goneServed: [["web-3", 2]],
  failure: null,
};

test("the first version's handover is read, with what it did not know yet", () => {
  const read = parseHandover(JSON.stringify(first));
  expect(read.sockets.http).toEqual({ fds: [11, 12], port: 80, outlives: false });
  expect(read.events).toEqual([]);
  expect(read.goneMetrics[0]!.series[0]).toMatchObject({ rollout: null, bodyBytes: 0, count: 2 });
  expect(read.seamVersion).toBe(seamVersion);
});

test("what is none is refused by the name of what is wrong", () => {
  expect(() => parseHandover(JSON.stringify({ ...first, lastTargetId: "3" }))).toThrow(
    /^lastTargetId: /,
  );
});
