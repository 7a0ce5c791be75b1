/** What went wrong between the proxy and a certificate authority. */
import {
  acmeRefusedMemoryMs,
  acmeUnreachableMemoryMs,
  maxRetryAfterMs,
} from "../../../config/limits.ts";

export type AcmeErrorKind =
  /** It said no. */
  | "refused"
  /** It could not validate the name: nothing but the name's owner changes that, and it counts such failures. */
  | "invalid"
  /** Too many requests or an error of its own: worth another try, later. */
  | "busy"
  /** It was not asked: as things are it could not validate the name. */
  | "held"
  /** No answer. */
  | "unreachable";

export class AcmeError extends Error {
  override readonly name = "AcmeError";
  readonly kind: AcmeErrorKind;
  /** Type of the problem document (RFC 8555 6.7) without its common prefix, or empty. */
  readonly problem: string;
  /** When the authority said how long to wait. */
  readonly retryAfterMs: number | null;

  constructor(
    kind: AcmeErrorKind,
    message: string,
    { problem = "", retryAfterMs = null, cause }: AcmeErrorDetails = {},
  ) {
    super(message, { cause });
    this.kind = kind;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  /** How long the failure answers for the name without another request. */
  get memoryMs(): number {
    if (this.kind === "unreachable" || this.kind === "held") return acmeUnreachableMemoryMs;
    return Math.max(acmeRefusedMemoryMs, this.retryAfterMs ?? 0);
  }
}

export interface AcmeErrorDetails {
  problem?: string;
  retryAfterMs?: number | null;
  cause?: unknown;
}

/**
 * `Retry-After` is seconds or a date (RFC 9110 10.2.3). Null when it says nothing useful; never longer than the
 * longest rate limit that authorities have.
 */
export function parseRetryAfter(value: string | null, wallMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  const delayMs = /^[0-9]+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - wallMs;
  return delayMs > 0 ? Math.min(delayMs, maxRetryAfterMs) : null;
}
