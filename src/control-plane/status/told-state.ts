/**
 * What pages were told last, in pieces: who comes is told all of it, and those who are there only what has
 * changed since, however many services there are.
 */
import type { PageChange, PageState } from "./page-state.ts";

export class ToldState {
  /** All of it but the services and events. */
  #rest: Pick<PageState, "version" | "started_at_ms"> | null = null;
  /** JSON of each service by its name, in their order. */
  #services = new Map<string, string>();
  #certificates = "[]";
  #events: PageState["events"] = [];

  /** Null: nothing has changed. */
  update(state: PageState): PageChange | null {
    const { services, events, certificates, ...rest } = state;
    const texts = new Map(services.map((service) => [service.name, JSON.stringify(service)]));
    const known = this.#services;
    const changed = services.filter(({ name }) => texts.get(name) !== known.get(name));
    const removed = [...known.keys()].filter((name) => !texts.has(name));
    const certificatesText = JSON.stringify(certificates);
    const before = new Set(this.#events);
    // Those that change are replaced.
    const newEvents = events.filter((event) => !before.has(event));
    const change: PageChange = {
      ...(changed.length > 0 && { services: changed }),
      ...(removed.length > 0 && { removed }),
      ...(certificatesText !== this.#certificates && { certificates }),
      ...(newEvents.length > 0 && { events: newEvents }),
    };
    this.#rest = rest;
    this.#services = texts;
    this.#certificates = certificatesText;
    this.#events = [...events];
    return Object.keys(change).length === 0 ? null : change;
  }

  /** As JSON of a `PageState`. */
  get text(): string {
    const services = `[${[...this.#services.values()].join(",")}]`;
    const rest = JSON.stringify({ ...this.#rest, events: this.#events }).slice(0, -1);
    return `${rest},"services":${services},"certificates":${this.#certificates}}`;
  }
}
