/** One deployed instance of an app: its connections and the requests under way on it. */
import type { TargetOptions } from "../../config/options.ts";
import type { TargetSnapshot } from "../../seam/snapshot.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Transport } from "../upstream/transport.ts";
import { InFlightRequests } from "./inflight-requests.ts";

/** Makes the transport to one host and port; `secure`: over TLS. */
export type TransportFactory = (host: string, port: number, secure?: boolean) => Transport;

export class Target {
  readonly id: string;
  /** As deployed; what X-Kamal-Target and the log show. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly readOnly: boolean;
  readonly transport: Transport;
  readonly inFlight: InFlightRequests;
  readonly #clock: Clock;
  #options: TargetOptions;
  #weight: number;
  #ejectedUntilMs = 0;
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
    this.#clock = clock;
    this.#options = options;
    this.#weight = weightOf(snapshot.address, options);
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
    this.#weight = weightOf(this.address, options);
  }

  /** How many requests it gets, compared with the others of its deployment. */
  get weight(): number {
    return this.#weight;
  }

  /** Running time for which it gets no request while there are others; 0: it takes part. */
  get ejectedForMs(): number {
    if (this.#ejectedUntilMs === 0) return 0;
    return Math.max(0, this.#ejectedUntilMs - this.#clock.runningMs());
  }

  eject(forMs: number): void {
    this.#ejectedUntilMs = this.#clock.runningMs() + forMs;
  }

  /** No new requests come any more; those under way go on and take their connections with them. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.transport.retire();
  }
}

function weightOf(address: string, { targetWeights }: TargetOptions): number {
  const entry = targetWeights.find((each) => each.startsWith(`${address}=`));
  return entry === undefined ? 1 : Number(entry.slice(address.length + 1));
}
