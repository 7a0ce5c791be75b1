/** The last things that happened: deploys, changes of health, certificates, processes. Bounded; in memory. */
import { maxJournalEvents } from "../../config/operator-limits.ts";
import type { ProxyEvent } from "../socket/status-protocol.ts";

export type NotedEvent = Pick<ProxyEvent, "kind" | "outcome" | "service" | "text">;

export class EventJournal {
  readonly #wallMs: () => number;
  /** The oldest first. */
  #events: ProxyEvent[] = [];
  #lastId = 0;
  /** Something has happened, or ended. */
  onChange: (() => void) | null = null;

  /** `wallMs`: milliseconds since 1970. */
  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  get events(): readonly ProxyEvent[] {
    return this.#events;
  }

  /** Goes on with what the executable before has noted. */
  takeOver(events: readonly ProxyEvent[]): void {
    this.#events = [...events, ...this.#events].slice(-maxJournalEvents);
    this.#lastId = Math.max(this.#lastId, ...events.map(({ id }) => id));
  }

  note(event: NotedEvent): void {
    this.#add(event, null);
  }

  /** Something that takes its time; what is given back tells how it ended. */
  begin(event: Omit<NotedEvent, "outcome">): (end: Pick<NotedEvent, "outcome" | "text">) => void {
    const { id, at_ms: startedMs } = this.#add({ ...event, outcome: "running" }, null);
    return (end) => {
      const took_ms = Math.max(0, Math.round(this.#wallMs() - startedMs));
      // It may have been forgotten meanwhile.
      this.#events = this.#events.map((each) =>
        each.id === id ? { ...each, ...end, took_ms } : each,
      );
      this.onChange?.();
    };
  }

  #add(event: NotedEvent, took_ms: number | null): ProxyEvent {
    const added = { id: ++this.#lastId, at_ms: Math.round(this.#wallMs()), ...event, took_ms };
    this.#events.push(added);
    if (this.#events.length > maxJournalEvents) this.#events.shift();
    this.onChange?.();
    return added;
  }
}
