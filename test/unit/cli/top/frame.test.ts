import { describe, expect, test } from "bun:test";
import { frame, type Picture, shownServices } from "../../../../src/cli/top/frame.ts";
import { painter, sparkline } from "../../../../src/cli/top/text-cells.ts";
import { TrafficHistory } from "../../../../src/cli/top/traffic-history.ts";
import { firstView, type View } from "../../../../src/cli/top/view.ts";
import { proxyStatus, serviceDescription, serviceTraffic } from "../../../support/proxy-status.ts";

const plain = painter(false);
const target = {
  target: "10.0.0.7:3000",
  group: "active" as const,
  read_only: false,
  state: "healthy" as const,
  last_error: null,
  in_flight: 3,
  served: 9,
  health_url: null,
  health_host: "",
};

function picture(names: readonly string[], view: Partial<View> = {}): Picture {
  const history = new TrafficHistory();
  const at = (at_ms: number, share: number) =>
    proxyStatus({
      at_ms,
      traffic: names.map((service, index) =>
        serviceTraffic({
          service,
          requests: share * (index + 1),
          status_5xx: index === 0 ? share : 0,
          in_flight: 2,
          buckets: [share * (index + 1), 0, 0],
        }),
      ),
    });
  history.add(at(0, 0));
  history.add(at(1_000, 10));
  const services = names
    .filter((name) => name !== "")
    .map((name) => [name, serviceDescription({ held_requests: 1, target_details: [target] })]);
  return {
    status: at(1_000, 10),
    services: Object.fromEntries(services),
    history,
    nowMs: 100_000,
    view: { ...firstView, ...view },
    fault: null,
  };
}

function withEvents(names: readonly string[], view: Partial<View> = {}): Picture {
  const shown = picture(names, view);
  const event = { kind: "deploy", service: "web", outcome: "good", took_ms: null } as const;
  shown.status.events = [
    { ...event, id: 1, at_ms: 70_000, text: "Deployed 10.0.0.7:3000", took_ms: 2_340 },
    {
      ...event,
      id: 2,
      at_ms: 98_000,
      kind: "health",
      outcome: "bad",
      text: "10.0.0.7:3000 is unhealthy",
    },
    {
      ...event,
      id: 3,
      at_ms: 99_000,
      service: "api",
      outcome: "running",
      text: "Deploying \u001b[2J",
    },
  ];
  return shown;
}

const many = Array.from({ length: 60 }, (_, index) => `service-${index}`);

describe("a picture of top", () => {
  test.each([
    [80, 24],
    [200, 50],
    [40, 10],
    [20, 3],
  ])("fills %d columns and %d rows, and no more", (columns, rows) => {
    for (const names of [[], ["web"], many, ["名前".repeat(20)]]) {
      for (const drilled of [null, ...names]) {
        const lines = frame(withEvents(names, { drilled }), { columns, rows }, plain);
        expect(lines).toHaveLength(rows);
        expect(lines.filter((line) => Bun.stringWidth(line) > columns)).toEqual([]);
      }
    }
  });

  test("has the figures of services, targets and processes", () => {
    const text = frame(picture(["web", ""]), { columns: 80, rows: 24 }, plain).join("\n");
    expect(text).toMatch(
      /^kamal-proxy 1\.0\.0 +30\.0 req\/s +4xx 0 +5xx 10\.0 +in flight 4 +held 1$/m,
    );
    expect(text).toMatch(/^ {2}web +10\.0 +50ms +95ms +99ms +0 +10\.0 +2 +1 +0B running *$/m);
    expect(text).toMatch(/^> \(unrouted\) +20\.0 /m);
    expect(text).toMatch(/^ {2}10\.0\.0\.7:3000 +web +active +3 healthy *$/m);
    expect(text).toMatch(/^ {2}worker 0 +2 +0% +0 MB +0 serving *$/m);
  });

  test("sorts, filters and opens", () => {
    expect(shownServices(picture(["a", "b"]))).toEqual(["b", "a"]);
    expect(shownServices(picture(["a", "b"], { sorting: "5xx" }))).toEqual(["a", "b"]);
    expect(shownServices(picture(["a", "b"], { sorting: "name" }))).toEqual(["a", "b"]);
    expect(shownServices(picture(many, { filter: "-5" }))).toHaveLength(11);
    const opened = frame(picture(["a", "b"], { drilled: "a" }), { columns: 80, rows: 24 }, plain);
    expect(opened.join("\n")).toContain("REQUESTS A SECOND");
    expect(opened.join("\n")).not.toContain("PROCESS");
  });

  test("shows the selected service however many there are, and counts the others", () => {
    const text = (selected: string) =>
      frame(picture(many, { selected }), { columns: 80, rows: 24 }, plain).join("\n");
    for (const name of ["service-59", "service-30", "service-0"]) {
      expect(text(name)).toMatch(new RegExp(`^> ${name} `, "m"));
    }
    expect(text("service-0")).toMatch(/… \d+ more/);
  });

  test("says why a target is ill, and lets no text of others steer the terminal", () => {
    const ill = picture(["web"]);
    ill.services["web"]!.target_details[0] = {
      ...target,
      state: "unhealthy",
      last_error: "refused\u001b[2J",
    };
    const text = frame(ill, { columns: 80, rows: 24 }, plain).join("\n");
    expect(text).toContain("    refused\\x1b[2J");
    expect(text).not.toContain("\u001b");
    expect(frame(ill, { columns: 80, rows: 24 }, painter(true)).join("\n")).toContain(
      "\u001b[1;31m",
    );
  });

  test("says that it is paused, and that the proxy has gone", () => {
    const paused = { ...picture(["web"], { paused: true }), fault: "unexpected EOF" };
    expect(frame(paused, { columns: 80, rows: 24 }, plain)[0]).toMatch(/unexpected EOF +PAUSED/);
  });
});

test("a sparkline has the newest to the right, and its highest at full height", () => {
  expect(sparkline([0, 1, 2, 4, 8], 7)).toBe("  ▁▂▃▅█");
  expect(sparkline([9, 1, 1], 2)).toBe("██");
  expect(sparkline([0, 0], 2)).toBe("▁▁");
  expect(sparkline([], 3)).toBe("   ");
});

describe("the events of a picture", () => {
  const linesOf = (shown: Picture) => {
    const lines = frame(shown, { columns: 100, rows: Number.POSITIVE_INFINITY }, plain);
    const head = lines.findIndex((line) => line.includes("WHAT HAPPENED"));
    return lines.slice(head + 1).map((line) => line.trimEnd());
  };

  test("are the newest first, each with its sign", () => {
    expect(linesOf(withEvents(["web", "api"]))).toEqual([
      expect.stringContaining("1.0s ~ deploy      api            Deploying "),
      "   2.0s ! health      web            10.0.0.7:3000 is unhealthy",
      "    30s + deploy      web            Deployed 10.0.0.7:3000 (2.3s)",
    ]);
  });

  test("can't steer the terminal", () => {
    expect(linesOf(withEvents(["web", "api"])).join()).not.toContain("\u001b");
  });

  test("are those of the service that is open", () => {
    const lines = linesOf(withEvents(["web", "api"], { drilled: "web" }));
    expect(lines).toHaveLength(2);
  });
});

test.each([119, 120, 132, 150, 200])(
  "a picture of %d columns cuts nothing of its rows",
  (columns) => {
    const shown = picture(["web"]);
    const lines = frame(shown, { columns, rows: 24 }, plain);
    const line = lines.find((each) => each.startsWith("> web"))!;
    expect(line).not.toContain("…");
    expect(line.trimEnd().endsWith("█")).toBe(columns >= 120);
  },
);

test("a picture has the bytes that were sent a second", () => {
  const shown = picture(["web"]);
  for (const [bytes, text] of [
    [0, "0B"],
    [2_500, "2.4K"],
    [30 * 1_024 * 1_024, "30M"],
  ] as const) {
    const history = new TrafficHistory();
    for (const part of [0, 1]) {
      const traffic = [serviceTraffic({ bytes: bytes * part, requests: part })];
      history.add(proxyStatus({ at_ms: part * 1_000, traffic }));
    }
    const lines = frame({ ...shown, history }, { columns: 80, rows: 24 }, plain);
    expect(lines.find((line) => line.startsWith("> web"))).toMatch(new RegExp(` ${text} running`));
  }
});
