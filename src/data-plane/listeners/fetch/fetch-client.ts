/** Who is behind the requests of one connection (or of one UDP socket), and which are under way. */
import { type ListMember, MemberList } from "../../../lib/member-list.ts";
import type { ClientPeer } from "../../../protocols/http/exchange.ts";

/** A request under way, which may have stalled. */
interface OpenRequest extends ListMember {
  sweep(nowMs: number, stallTimeoutMs: number): void;
}

export class FetchClient {
  readonly peer: ClientPeer;
  readonly nowMs: () => number;
  readonly #open = new MemberList<OpenRequest>();
  /** Requests so far. */
  served = 0;
  /** When the last request began or ended. */
  sinceMs: number;

  constructor(peer: ClientPeer, nowMs: () => number) {
    this.peer = peer;
    this.nowMs = nowMs;
    this.sinceMs = nowMs();
  }

  get openRequests(): number {
    return this.#open.size;
  }

  add(exchange: OpenRequest): void {
    this.served++;
    this.#open.add(exchange);
    this.sinceMs = this.nowMs();
  }

  delete(exchange: OpenRequest): void {
    this.#open.delete(exchange);
    this.sinceMs = this.nowMs();
  }

  sweep(nowMs: number, stallTimeoutMs: number): void {
    this.#open.forEach((exchange) => exchange.sweep(nowMs, stallTimeoutMs));
  }
}
