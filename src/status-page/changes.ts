/** What the proxy tells after the first picture: only what has changed. */
import type { PageChange, PageState } from "../control-plane/status/page-state.ts";

/** As many as the proxy itself remembers. */
const maxEvents = 500;

export function changed(state: PageState, change: PageChange): PageState {
  const { services = [], removed = [], certificates = state.certificates, events = [] } = change;
  const gone = new Set([...removed, ...services.map(({ name }) => name)]);
  const ended = new Set(events.map(({ id }) => id));
  return {
    ...state,
    services: [...state.services.filter(({ name }) => !gone.has(name)), ...services].toSorted(
      (a, b) => (a.name < b.name ? -1 : 1),
    ),
    certificates,
    events: [...state.events.filter(({ id }) => !ended.has(id)), ...events]
      .toSorted((a, b) => a.id - b.id)
      .slice(-maxEvents),
  };
}
