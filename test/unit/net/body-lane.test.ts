import { afterEach, expect, test } from "bun:test";
import { BodyLane, type LaneTransfer } from "../../../src/net/body-lane.ts";
import { hasBacklog } from "../../../src/net/peer-backlog.ts";
import { outsideLists } from "../../support/list-member.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { waitFor } from "../../support/wait-for.ts";

interface End extends Bun.Socket<unknown> {
  readonly fd: number;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Two ends of one connection, neither of which Bun reads. */
async function connectedPair(): Promise<[End, End]> {
  const accepted = Promise.withResolvers<End>();
  const open = (socket: Bun.Socket<unknown>): void => void socket.pause();
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        open(socket);
        accepted.resolve(socket as End);
      },
      data() {},
    },
  });
  const near = (await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: { open, data() {} },
  })) as End;
  const far = await accepted.promise;
  cleanups.push(() => {
    near.terminate();
    far.terminate();
    server.stop(true);
  });
  return [near, far];
}

/** A body that comes from `target` and goes to `client`, through a lane with a clock of its own. */
async function setUp() {
  const clock = new ManualClock();
  const [source, target] = await connectedPair();
  const [sink, client] = await connectedPair();
  const seen = { moved: 0, undelivered: 0, left: 0 };
  const transfer: LaneTransfer = {
    ...outsideLists(),
    lanePause: null,
    lanePauseMs: 0,
    laneSource: source.fd,
    laneSink: sink.fd,
    laneLimit: 1e9,
    moved: (bytes) => void (seen.moved += bytes),
    undelivered: (bytes) => void (seen.undelivered += bytes.length),
    leftLane: () => void seen.left++,
  };
  const lane = new BodyLane(clock);
  return { clock, lane, transfer, seen, target, sink, client };
}

/** Fills the kernel for a client that reads nothing, until it has a backlog. */
async function fill({ lane, transfer, seen, target, sink }: Awaited<ReturnType<typeof setUp>>) {
  let sentBytes = 0;
  expect(lane.enter(transfer)).toBeTrue();
  for (let round = 0; !hasBacklog(sink.fd); round++) {
    expect(round).toBeLessThan(1_000);
    sentBytes += Math.max(0, target.write(Buffer.alloc(64 * 1024)));
    await waitFor(() => seen.moved + seen.undelivered === sentBytes, "what was sent");
    if (seen.left > 0 && !hasBacklog(sink.fd)) {
      seen.left = 0;
      lane.enter(transfer);
    }
  }
  return sentBytes;
}

test("a transfer whose source is empty leaves the lane when its sink may run dry", async () => {
  const { clock, lane, transfer, seen, target } = await setUp();
  target.write("some bytes");
  await waitFor(() => hasBacklog(transfer.laneSource) === false, "nothing");
  lane.enter(transfer);
  await waitFor(() => seen.left === 1, "the transfer to leave");
  expect(seen.moved).toBe(10);
  expect(clock.pendingTimers).toBe(0);
});

test("a transfer whose sink has a backlog stays, and its source is looked at again by time", async () => {
  const parts = await setUp();
  const { clock, lane, transfer, seen, target } = parts;
  const before = await fill(parts);
  lane.enter(transfer);
  await waitFor(() => clock.pendingTimers === 1, "a pause");
  expect(seen.left).toBe(0);
  expect(target.write("some bytes")).toBe(10);
  clock.advance(64);
  await waitFor(() => seen.moved + seen.undelivered === before + 10, "the bytes to be moved");
  await waitFor(() => clock.pendingTimers === 1, "the next pause");
  expect(seen.left).toBe(0);
});

test("the end of a source is told at once, whatever its sink has to take", async () => {
  const parts = await setUp();
  const { clock, lane, transfer, seen, target } = parts;
  await fill(parts);
  target.shutdown();
  lane.enter(transfer);
  clock.advance(64);
  await waitFor(() => seen.left === 1, "the transfer to leave");
});
