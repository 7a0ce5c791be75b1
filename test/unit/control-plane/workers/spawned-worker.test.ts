import { expect, test } from "bun:test";
import { SpawnedWorker } from "../../../../src/control-plane/workers/spawned-worker.ts";
import type { Libc } from "../../../../src/net/libc.ts";
import type { DataPlaneQuestions } from "../../../../src/seam/data-plane.ts";

test("a worker without sockets for its channel is refused with what to raise", async () => {
  const launched = SpawnedWorker.launch({
    libc: { socketpair: () => -1 } as unknown as Libc,
    questions: {} as DataPlaneQuestions,
    onLog() {},
    command: ["/bin/false"],
    inherited: [],
  });
  const reason = await launched.catch((error: Error) => error.message);
  expect(reason).toBe("no sockets for its channel: too many open files (ulimit -n), or no memory");
});
