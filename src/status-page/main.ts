/** The status page: follows the proxy by its server-sent events and shows what they say. */
import type { ProcessStatus } from "../control-plane/socket/status-protocol.ts";
import type { PageChange, PageState, PageTick } from "../control-plane/status/page-state.ts";
import { changed } from "./changes.ts";
import { byId, setText } from "./dom.ts";
import { spanText } from "./format.ts";
import { showFigures, showServices } from "./services.ts";
import { onKind, showAges, showStory } from "./story.ts";
import { showCertificates, showProcesses, showRoutes } from "./tables.ts";
import { Traffic } from "./traffic.ts";
import { problemsOf, showVerdict } from "./verdict.ts";

const traffic = new Traffic();
const pause = byId<HTMLButtonElement>("pause");
const again = byId<HTMLButtonElement>("again");
let state: PageState | null = null;
let tick: PageTick | null = null;
let processes: ProcessStatus[] = [];
let isHeld = false;

function showState(): void {
  if (state === null || isHeld) return;
  const nowMs = tick?.at_ms ?? Date.now();
  setText(byId("version"), state.version);
  showVerdict(problemsOf(state, processes, nowMs), state);
  showServices(state, (name) => traffic.choose(name));
  if (tick !== null) showFigures(tick);
  showRoutes(state);
  showCertificates(state, nowMs);
  showStory(state.events, nowMs);
  traffic.offer(
    state.services.map(({ name }) => name),
    state.events,
  );
}

function showTick(): void {
  if (state === null || tick === null || isHeld) return;
  showFigures(tick);
  showAges(tick.at_ms);
  setText(byId("uptime"), `up ${spanText(tick.at_ms - state.started_at_ms)}`);
}

function showConnection(name: "live" | "waiting" | "lost" | "held", text: string): void {
  const connection = byId("connection");
  connection.dataset["state"] = name;
  setText(connection, text);
}

function connect(): void {
  again.hidden = true;
  const source = new EventSource("api/events");
  source.addEventListener("open", () => {
    if (!isHeld) showConnection("live", "Live");
    void traffic.load();
  });
  source.addEventListener("state", ({ data }: MessageEvent<string>) => {
    state = JSON.parse(data) as PageState;
    showState();
  });
  source.addEventListener("change", ({ data }: MessageEvent<string>) => {
    if (state === null) return;
    state = changed(state, JSON.parse(data) as PageChange);
    showState();
  });
  source.addEventListener("tick", ({ data }: MessageEvent<string>) => {
    tick = JSON.parse(data) as PageTick;
    traffic.add(tick, !isHeld);
    if (tick.processes !== undefined) {
      ({ processes } = tick);
      if (!isHeld) {
        showProcesses(processes, tick.at_ms);
        if (state !== null) showVerdict(problemsOf(state, processes, tick.at_ms), state);
      }
    }
    showTick();
  });
  source.addEventListener("error", () => {
    const isOver = source.readyState === EventSource.CLOSED;
    showConnection("lost", isOver ? "Not connected" : "Connection lost, trying again");
    again.hidden = !isOver;
  });
}

pause.addEventListener("click", () => {
  isHeld = !isHeld;
  pause.setAttribute("aria-pressed", String(isHeld));
  showConnection(isHeld ? "held" : "live", isHeld ? "Paused" : "Live");
  if (isHeld || tick === null) return;
  traffic.add(tick, true);
  showState();
  showTick();
});
again.addEventListener("click", connect);
onKind(() => showState());
connect();
