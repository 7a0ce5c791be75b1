/** What happened, the newest first. */
import type { ProxyEvent } from "../control-plane/socket/status-protocol.ts";
import { byId, element, keepChildren, setAttributes, setText } from "./dom.ts";
import { agoText, spanText } from "./format.ts";

const kinds = byId<HTMLSelectElement>("kinds");

const kindNames: Readonly<Record<ProxyEvent["kind"], string>> = {
  deploy: "Deploy",
  change: "Change",
  health: "Health",
  certificate: "Certificate",
  process: "Process",
};

export function showStory(events: readonly ProxyEvent[], nowMs: number): void {
  const wanted = events
    .filter(({ kind }) => kinds.value === "" || kind === kinds.value)
    .toReversed();
  byId("events-empty").hidden = wanted.length > 0;
  keepChildren(byId("events"), wanted, ({ id }) => String(id), makeEvent, updateEvent);
  showAges(nowMs);
}

export function onKind(changed: () => void): void {
  kinds.addEventListener("change", changed);
}

/** They grow while nothing happens. */
export function showAges(nowMs: number): void {
  for (const time of document.querySelectorAll("#events time")) {
    setText(time, agoText(nowMs - Date.parse(time.getAttribute("datetime")!)));
  }
}

function makeEvent({ at_ms, kind, service }: ProxyEvent): HTMLElement {
  const at = new Date(at_ms);
  const datetime = at.toISOString();
  return element(
    "li",
    { class: "event" },
    element("span", { class: "sign", "aria-hidden": "true" }),
    element(
      "div",
      {},
      element(
        "p",
        { class: "about" },
        element("span", { class: "kind" }, kindNames[kind]),
        ...(service === "" ? [] : [element("strong", {}, service)]),
        element("time", { datetime, title: at.toLocaleString() }),
      ),
      element("p", { class: "text" }),
    ),
  );
}

function updateEvent(item: HTMLElement, { outcome, text, took_ms, kind }: ProxyEvent): void {
  setAttributes(item, { "data-outcome": outcome, "data-kind": kind });
  const took = took_ms === null || took_ms < 100 ? "" : ` (${spanText(took_ms)})`;
  setText(item.querySelector(".text")!, `${text}${outcome === "running" ? " …" : took}`);
}
