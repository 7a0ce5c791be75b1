/** The dashboard and the alerts in `docs` ask for figures that the proxy has. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { certificateFigures } from "../../src/control-plane/telemetry/certificate-figures.ts";
import { formatMetrics } from "../../src/control-plane/telemetry/exposition.ts";
import { logFigure, processFigures } from "../../src/control-plane/telemetry/process-figures.ts";
import { targetFigures } from "../../src/control-plane/telemetry/target-figures.ts";
import { workerFigures } from "../../src/control-plane/workers/worker-figures.ts";
import { Metrics } from "../../src/data-plane/telemetry/metrics.ts";

const docs = join(import.meta.dir, "..", "..", "docs");
const dashboardPath = join(docs, "grafana", "kamal-proxy.json");
const rulesPath = join(docs, "prometheus", "rules.yml");

function exposedNames(): Set<string> {
  const metrics = new Metrics();
  metrics.requestStarted("web");
  metrics.countRequest("web", "GET", 200, 0.1);
  metrics.countAnsweredBy("web", "ip");
  metrics.countEvent("web", "retry");
  metrics.countEvent("web", "ejection");
  const text = formatMetrics(metrics.snapshot(), [
    ...processFigures(),
    logFigure(0),
    ...certificateFigures(new Map([["app.example.com", 1]]), 0),
    ...targetFigures([{ service: "web", target: "web:80", rollout: false, healthy: true }]),
    ...workerFigures([{ worker: 0, pid: 1, state: "serving", restarts: 0 }]),
  ]);
  return new Set([...text.matchAll(/^(\w+)(?=[{ ])/gm)].map(([name]) => name));
}

function namesIn(text: string): string[] {
  const names = text.match(/\b(?:kamal_proxy|process)_[a-z_]+\b/g) ?? [];
  return [...new Set(names)].toSorted();
}

describe.each([
  ["the dashboard", dashboardPath],
  ["the alerts", rulesPath],
])("%s", (_, path) => {
  test("name only metrics that exist", () => {
    const exposed = exposedNames();
    const names = namesIn(readFileSync(path, "utf8"));
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !exposed.has(name))).toEqual([]);
  });
});

describe("the dashboard", () => {
  interface Panel {
    id: number;
    title: string;
    targets?: { expr: string }[];
    gridPos: { x: number; y: number; w: number; h: number };
  }
  const { panels } = JSON.parse(readFileSync(dashboardPath, "utf8")) as { panels: Panel[] };

  test("has panels that ask for something, each with an id of its own", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, targets } of panels) {
      for (const { expr } of targets ?? []) expect(expr, title).toMatch(/\b(kamal_proxy|process)_/);
    }
  });

  test("has no panels on top of each other", () => {
    const cells = new Set<string>();
    for (const { gridPos, title } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
          expect(x).toBeLessThan(24);
        }
      }
    }
  });
});

const promtool = Bun.which("promtool");
test.skipIf(promtool === null)("promtool accepts the alerts (Debian's package prometheus)", () => {
  const { exitCode, stderr } = Bun.spawnSync([promtool!, "check", "rules", rulesPath]);
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
});
