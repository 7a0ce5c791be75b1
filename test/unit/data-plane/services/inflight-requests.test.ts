import { describe, expect, test } from "bun:test";
import {
  InFlightRequests,
  type InFlightRequest,
} from "../../../../src/data-plane/services/inflight-requests.ts";
import { ListMember } from "../../../../src/lib/member-list.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

class FakeRequest extends ListMember implements InFlightRequest {
  isTunnel: boolean;
  cancelled = 0;
  onCancel: (() => void) | null = null;

  constructor(isTunnel = false) {
    super();
    this.isTunnel = isTunnel;
  }

  cancel(): void {
    this.cancelled++;
    this.onCancel?.();
  }
}

function setup(...requests: FakeRequest[]) {
  const clock = new ManualClock();
  const inFlight = new InFlightRequests(clock);
  for (const request of requests) inFlight.begin(request);
  return { clock, inFlight };
}

/** Whether the promise has settled, once all that is due has run. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return settled;
}

describe("InFlightRequests", () => {
  test("counts requests from begin to end, each end once", () => {
    const request = new FakeRequest();
    const { inFlight } = setup(request, new FakeRequest());
    expect(inFlight.count).toBe(2);
    inFlight.end(request);
    inFlight.end(request);
    expect(inFlight.count).toBe(1);
    expect(inFlight.finishedCount).toBe(1);
  });

  test("tells when the last one ends", () => {
    const requests = [new FakeRequest(), new FakeRequest()] as const;
    const { inFlight } = setup(...requests);
    let idle = 0;
    inFlight.onIdle = () => idle++;
    inFlight.end(requests[0]);
    expect(idle).toBe(0);
    inFlight.end(requests[1]);
    expect(idle).toBe(1);
  });

  test("a drain of nothing is over at once", async () => {
    const { clock, inFlight } = setup();
    await inFlight.drain(1_000);
    expect(clock.pendingTimers).toBe(0);
  });

  test("a drain waits for requests to end and leaves no timer", async () => {
    const requests = [new FakeRequest(), new FakeRequest()] as const;
    const { clock, inFlight } = setup(...requests);
    const drained = inFlight.drain(1_000);
    inFlight.end(requests[0]);
    expect(await isSettled(drained)).toBe(false);
    inFlight.end(requests[1]);
    await drained;
    expect(requests.map(({ cancelled }) => cancelled)).toEqual(requests.map(() => 0));
    expect(clock.pendingTimers).toBe(0);
  });

  test("a drain cancels what is left at its deadline", async () => {
    const request = new FakeRequest();
    const { clock, inFlight } = setup(request);
    const drained = inFlight.drain(1_000);
    clock.advance(999);
    expect(request.cancelled).toBe(0);
    clock.advance(1);
    await drained;
    expect(request.cancelled).toBe(1);
  });

  test("a drain closes tunnels at once and does not wait for them", async () => {
    const tunnel = new FakeRequest(true);
    const { clock, inFlight } = setup(tunnel);
    await inFlight.drain(1_000);
    expect(tunnel.cancelled).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("a request that becomes a tunnel during a drain is closed at once", async () => {
    const request = new FakeRequest();
    const { inFlight } = setup(request);
    const drained = inFlight.drain(1_000);
    request.isTunnel = true;
    inFlight.upgraded(request);
    await drained;
    expect(request.cancelled).toBe(1);
  });

  test("an upgrade without a drain goes on", () => {
    const request = new FakeRequest();
    const { inFlight } = setup(request);
    inFlight.upgraded(request);
    expect(request.cancelled).toBe(0);
  });

  test("a drain without time cancels everything at once", async () => {
    const requests = [new FakeRequest(), new FakeRequest(true)];
    const { inFlight } = setup(...requests);
    await inFlight.drain(0);
    expect(requests.map(({ cancelled }) => cancelled)).toEqual([1, 1]);
  });

  test("a drain neither waits for later requests nor cancels them", async () => {
    const before = new FakeRequest();
    const { clock, inFlight } = setup(before);
    const drained = inFlight.drain(1_000);
    const after = new FakeRequest();
    inFlight.begin(after);
    inFlight.end(before);
    await drained;
    clock.advance(5_000);
    expect(after.cancelled).toBe(0);
    expect(inFlight.count).toBe(1);
  });

  test("requests may end, and end others, while they are cancelled", async () => {
    const first = new FakeRequest();
    const second = new FakeRequest();
    const { inFlight } = setup(first, second);
    first.onCancel = () => {
      inFlight.end(first);
      inFlight.end(second);
    };
    await inFlight.drain(0);
    expect(second.cancelled).toBe(0);
    expect(inFlight.count).toBe(0);
  });

  test("two drains each keep their own deadline", async () => {
    const request = new FakeRequest();
    const { clock, inFlight } = setup(request);
    const long = inFlight.drain(10_000);
    const short = inFlight.drain(1_000);
    request.onCancel = () => inFlight.end(request);
    clock.advance(1_000);
    await Promise.all([short, long]);
    expect(request.cancelled).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
