import { expect, test } from "bun:test";
import { type ChannelCarrier, ChannelEnd } from "../../../src/seam/channel-end.ts";

class Carrier implements ChannelCarrier {
  owner: ChannelCarrier["owner"] = null;
  readonly sent: number[] = [];

  send(kind: number): void {
    this.sent.push(kind);
  }

  close(): void {}
}

function setUp() {
  const carrier = new Carrier();
  const end = new ChannelEnd(carrier);
  const closed: string[] = [];
  end.onClose = () => void closed.push("closed");
  return { carrier, end, closed };
}

test("a hold ends when the other side says that it was heard", async () => {
  const { carrier, end } = setUp();
  const other = new Carrier();
  // What the other side answers comes back as it was sent.
  const otherEnd = new ChannelEnd(other);
  const held = end.hold();
  for (const kind of carrier.sent) other.owner!.onFrame(kind, Buffer.alloc(0));
  for (const kind of other.sent) carrier.owner!.onFrame(kind, Buffer.alloc(0));
  expect(await held).toBe(true);
  otherEnd.sendLog(Buffer.from("line\n"));
  expect([other.sent.length, otherEnd.heldBytes]).toEqual([1, 5]);
});

test("a hold ends when the other side goes instead of answering", async () => {
  const { carrier, end, closed } = setUp();
  const held = end.hold();
  carrier.owner!.onClose();
  expect([await held, closed]).toEqual([false, ["closed"]]);
});

test("a hold ends at once when the other side has gone already", async () => {
  const { carrier, end } = setUp();
  carrier.owner!.onClose();
  expect([await end.hold(), carrier.sent]).toEqual([false, []]);
});
