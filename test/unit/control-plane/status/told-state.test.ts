import { expect, test } from "bun:test";
import type { PageService, PageState } from "../../../../src/control-plane/status/page-state.ts";
import { ToldState } from "../../../../src/control-plane/status/told-state.ts";
import type { ProxyEvent } from "../../../../src/control-plane/socket/status-protocol.ts";
import { changed } from "../../../../src/status-page/changes.ts";

const service = (name: string, held_requests = 0): PageService => ({
  name,
  hosts: [`${name}.test`],
  paths: ["/"],
  state: "running",
  tls: false,
  rollout: null,
  degraded: null,
  held_requests,
  protected_by: [],
  targets: [],
});

const event = (id: number, outcome: ProxyEvent["outcome"]): ProxyEvent => ({
  id,
  at_ms: id,
  kind: "deploy",
  outcome,
  service: "web",
  text: outcome,
  took_ms: null,
});

const state = (services: PageService[], events: ProxyEvent[]): PageState => ({
  version: "v1",
  started_at_ms: 1,
  services,
  certificates: [],
  events,
});

test("pages are told what has changed alone, and have all of it then", () => {
  const told = new ToldState();
  const running = event(2, "running");
  const first = state(
    [service("api"), service("old"), service("web")],
    [event(1, "good"), running],
  );
  told.update(first);
  expect(JSON.parse(told.text)).toEqual(first);
  expect(told.update(structuredClone({ ...first, events: [] }))).toBe(null);
  told.update(first);

  const certificate = { name: "a.test" } as PageState["certificates"][number];
  const last = {
    ...state(
      [service("api"), service("new"), service("web", 3)],
      [first.events[0]!, event(2, "good"), event(3, "bad")],
    ),
    certificates: [certificate],
  };
  const change = told.update(last)!;
  expect(change).toEqual({
    services: [service("new"), service("web", 3)],
    removed: ["old"],
    certificates: [certificate],
    events: [event(2, "good"), event(3, "bad")],
  });
  expect(changed(first, change)).toEqual(last);
  expect(JSON.parse(told.text)).toEqual(last);
  // Whoever came in between knows more already.
  expect(changed(last, change)).toEqual(last);
});
