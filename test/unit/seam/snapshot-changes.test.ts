import { expect, test } from "bun:test";
import {
  SnapshotReceiver,
  SnapshotSender,
  type SnapshotChanges,
} from "../../../src/seam/snapshot-changes.ts";
import { serviceSnapshot, snapshot } from "../../support/service-snapshots.ts";

test("snapshots cross whole at first, then as what has changed, and arrive whole", () => {
  const sender = new SnapshotSender();
  const receiver = new SnapshotReceiver();
  const sent: SnapshotChanges[] = [];
  const cross = (...services: ReturnType<typeof serviceSnapshot>[]) => {
    const changes = sender.changesTo(snapshot(...services));
    sent.push(changes);
    return receiver.with(structuredClone(changes));
  };
  const [a, b, c] = ["a", "b", "c"].map((name) => serviceSnapshot(name));
  const first = cross(a!, b!);
  expect(first.services).toEqual([a!, b!]);
  const changed = { ...b!, errorPages: { "503": "busy" } };
  const second = cross(a!, changed, c!);
  expect(second).toEqual({ revision: sent[1]!.revision, services: [a!, changed, c!] });
  expect(second.services[0]).toBe(first.services[0]!);
  expect(cross(a!, c!).services).toEqual([a!, c!]);
  expect(sent.map((changes) => [changes.changed.map(({ name }) => name), changes.removed])).toEqual(
    [
      [["a", "b"], []],
      [["b", "c"], []],
      [[], ["b"]],
    ],
  );
});
