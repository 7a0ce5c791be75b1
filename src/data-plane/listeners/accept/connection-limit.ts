/** How many connections one client may have open at once: `--max-connections-per-ip` of `run`. */
import { clientNetwork } from "../../../access/client-network.ts";
import type { ConnectionTable } from "../../../access/connection-table.ts";
import type { CidrList } from "../../../lib/cidr.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { TurnedAway } from "./turned-away.ts";

export interface ConnectionLimitOptions {
  table: ConnectionTable;
  maxPerClient: number;
  /** They bring the connections of many clients. */
  exempt: CidrList | null;
  clock: Clock;
  logger: Logger;
  /** For the metrics: one was turned away. */
  onTurnedAway(): void;
}

/** One for all listeners. */
export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions;
  /** Where it is counted, by socket. */
  readonly #places = new WeakMap<object, number>();
  readonly #turnedAway: TurnedAway;
  /** Of the last one that was turned away. */
  #address = "";

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
    this.#turnedAway = new TurnedAway(options.clock, (connections) => {
      options.logger.warn("Too many connections of one client: turned away", {
        connections,
        client_addr: this.#address,
        limit: options.maxPerClient,
      });
    });
  }

  /** Whether the connection may stay; `left` is to be called when such a socket is closed. */
  admits(socket: object, address: string): boolean {
    const { table, maxPerClient, exempt, onTurnedAway } = this.#options;
    if (exempt?.contains(address) === true) return true;
    const place = table.enter(clientNetwork(address), maxPerClient);
    if (place === "full") {
      this.#address = address;
      this.#turnedAway.add();
      onTurnedAway();
      return false;
    }
    if (place !== "no-place") this.#places.set(socket, place);
    return true;
  }

  left(socket: object): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    this.#places.delete(socket);
    this.#options.table.leave(place);
  }
}
