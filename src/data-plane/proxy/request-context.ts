/** What the pipeline knows of one request, for its phases and for the log line at its end. */
import type { TargetOptions } from "../../config/options.ts";
import type { Service } from "../services/service.ts";
import type { Target } from "../services/target.ts";
import type { Transport } from "../upstream/transport.ts";
import type { ForwardedFields, Origin } from "./forwarded-headers.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";

export class RequestContext {
  readonly exchange: Exchange;
  /** Who sent the request, as far as it is believed. */
  readonly origin: Origin;
  /** Milliseconds since 1970, with fraction. */
  readonly startedWallMs: number;
  readonly startedMs: number;
  readonly requestId: string;
  readonly requestStart: string;
  /** Path with its escapes decoded, prefix included. */
  decodedPath = "";
  service: Service<Transport> | null = null;
  /** The part of the path that led to the service, decoded. */
  matchedPrefix = "/";
  /** What the target sees, still escaped. */
  targetPath = "";
  target: Target<Transport> | null = null;
  /** While the body is collected no target is chosen yet: the options that it is collected by. */
  collectedFor: TargetOptions | null = null;
  forwarded: ForwardedFields | null = null;
  excludedFromMetrics = false;
  /** Status for log and metrics when none was sent (499). */
  unsentStatus = 0;

  constructor(
    exchange: Exchange,
    origin: Origin,
    times: { startedWallMs: number; startedMs: number },
    ids: { requestId: string; requestStart: string },
  ) {
    this.exchange = exchange;
    this.origin = origin;
    this.startedWallMs = times.startedWallMs;
    this.startedMs = times.startedMs;
    this.requestId = ids.requestId;
    this.requestStart = ids.requestStart;
  }
}
