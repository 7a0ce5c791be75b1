/** One deployed instance of an app: its connections and the requests under way on it. */
import type { TargetOptions } from "../../config/options.ts";
import type { TargetSnapshot } from "../../seam/snapshot.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Transport } from "../upstream/transport.ts";
import { InFlightRequests } from "./inflight-requests.ts";

/** Makes the transport to one host and port. */
export type TransportFactory = (host: string, port: number) => Transport;

export class Target {
  readonly id: string;
  /** As deployed; what X-Kamal-Target and the log show. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly readOnly: boolean;
  readonly transport: Transport;
  readonly inFlight: InFlightRequests;
  #options: TargetOptions;
  #retired = false;

  constructor(
    snapshot: TargetSnapshot,
    options: TargetOptions,
    createTransport: TransportFactory,
    clock: Clock,
  ) {
    this.id = snapshot.id;
    this.address = snapshot.address;
    this.host = snapshot.host;
    this.port = snapshot.port;
    this.readOnly = snapshot.readOnly;
    this.#options = options;
    this.transport = createTransport(snapshot.host, snapshot.port);
    this.inFlight = new InFlightRequests(clock);
  }

  /** Those of the deployment that it belongs to. */
  get options(): TargetOptions {
    return this.#options;
  }

  get retired(): boolean {
    return this.#retired;
  }

  /** Requests that have ended so far, whatever became of them. */
  get served(): number {
    return this.inFlight.finishedCount;
  }

  configure(options: TargetOptions): void {
    this.#options = options;
  }

  /** No new requests come any more; those under way go on and take their connections with them. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.transport.retire();
  }
}
