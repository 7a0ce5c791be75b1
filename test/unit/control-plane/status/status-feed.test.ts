import { describe, expect, test } from "bun:test";
import { statusLimits } from "../../../../src/config/operator-limits.ts";
import type { ServiceDescription } from "../../../../src/control-plane/socket/protocol.ts";
import { EventJournal } from "../../../../src/control-plane/status/event-journal.ts";
import type { PageState } from "../../../../src/control-plane/status/page-state.ts";
import { StatusFeed } from "../../../../src/control-plane/status/status-feed.ts";
import { TrafficRecord } from "../../../../src/control-plane/status/traffic-record.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { serviceDescription } from "../../../support/proxy-status.ts";
import { waitFor } from "../../../support/wait-for.ts";

const service = (held_requests = 0): ServiceDescription =>
  serviceDescription({ hosts: ["a.test"], held_requests });

/** `looksTakeMs`: of the primary's time. */
function createFeed(looksTakeMs = 0) {
  const clock = new ManualClock();
  const journal = new EventJournal(() => clock.wallMs());
  const services: Record<string, ServiceDescription> = { web: service() };
  const counts = { looks: 0, processes: 0 };
  const feed = new StatusFeed({
    clock,
    version: "v1",
    journal,
    record: new TrafficRecord(),
    services: async () => {
      counts.looks++;
      clock.advance(looksTakeMs);
      return services;
    },
    certificates: async () => [],
    processes: async () => {
      counts.processes++;
      return [];
    },
  });
  return { clock, journal, services, counts, feed };
}

async function viewer(feed: StatusFeed) {
  const reader = (await feed.join())!.getReader();
  const next = async (): Promise<{ name: string; data: unknown }> => {
    const text = Buffer.from((await reader.read()).value!).toString();
    const [, name = "", data = ""] = /^event: (.*)\ndata: (.*)\n\n$/.exec(text)!;
    return { name, data: JSON.parse(data) };
  };
  return { next };
}

describe("the feed of the status page", () => {
  test("tells everybody who comes all there is, and who is there only what has changed", async () => {
    const { clock, journal, services, feed } = createFeed();
    const early = await viewer(feed);
    const { name, data } = await early.next();
    expect([name, (data as PageState).services.map((each) => each.name)]).toEqual([
      "state",
      ["web"],
    ]);
    expect((await early.next()).name).toBe("tick");
    services["api"] = service();
    journal.note({ kind: "deploy", outcome: "good", service: "api", text: "Deployed" });
    await waitFor(() => clock.pendingTimers === 1, "news that settle");
    clock.advance(statusLimits.settleMs);
    const change = await early.next();
    expect(change).toMatchObject({ name: "change", data: { services: [{ name: "api" }] } });
    expect(Object.keys(change.data as object)).toEqual(["services", "events"]);
    const late = await viewer(feed);
    expect(((await late.next()).data as PageState).services).toHaveLength(2);
    feed.close();
  });

  test("looks once for all who ask at once, and again for those who ask later", async () => {
    const { counts, feed } = createFeed();
    const texts = await Promise.all(Array.from({ length: 1_000 }, () => feed.stateText()));
    expect(counts.looks).toBe(1);
    expect(new Set(texts).size).toBe(1);
    await feed.stateText();
    expect(counts.looks).toBe(2);
    await Promise.all(Array.from({ length: statusLimits.maxViewers }, () => feed.join()));
    expect(counts.looks).toBeLessThanOrEqual(4);
    expect(await feed.join()).toBe(null);
    feed.close();
  });

  test("leaves the primary its time, however often somebody asks", async () => {
    const tookMs = 10;
    const { clock, counts, feed } = createFeed(tookMs);
    await feed.stateText();
    const again = feed.stateText();
    await waitFor(() => clock.pendingTimers === 1, "a pause");
    expect(counts.looks).toBe(1);
    clock.advance(tookMs / statusLimits.newsShare);
    await again;
    expect(counts.looks).toBe(2);
    feed.close();
  });

  test("measures processes for all who come once", async () => {
    const { counts, feed } = createFeed();
    for (let i = 0; i < 10; i++) await feed.join();
    expect(counts.processes).toBe(1);
    feed.close();
  });
});
