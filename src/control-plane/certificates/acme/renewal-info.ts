/**
 * When an authority wants its certificates renewed (ACME Renewal Information, RFC 9773): it may revoke many at once,
 * or spread its load.
 */
import { X509Certificate } from "node:crypto";
import {
  maxRenewalInfoPauseMs,
  minRenewalInfoPauseMs,
  renewalInfoPauseMs,
} from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { parseRetryAfter } from "./acme-error.ts";
import type { AcmeHttp } from "./acme-http.ts";

/** Milliseconds since 1970. */
export interface RenewalWindow {
  startMs: number;
  endMs: number;
  /** How long it holds before it is asked for again. */
  holdsMs: number;
}

export class RenewalInfo {
  readonly #http: AcmeHttp;
  readonly #clock: Clock;

  constructor(http: AcmeHttp, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  /** Null: the authority says nothing about it. Never rejects. */
  async windowOf(
    directoryUrl: string,
    certificatePem: string,
    signal: AbortSignal,
  ): Promise<RenewalWindow | null> {
    const id = renewalId(certificatePem);
    if (id === null) return null;
    try {
      const directory = await this.#http.request(directoryUrl, "get", undefined, signal);
      const { renewalInfo } = directory.data as { renewalInfo?: unknown };
      if (typeof renewalInfo !== "string") return null;
      const url = `${renewalInfo.replace(/\/$/, "")}/${id}`;
      const { data, headers } = await this.#http.request(url, "get", undefined, signal);
      const window = (data as { suggestedWindow?: { start?: string; end?: string } })
        .suggestedWindow;
      const [startMs, endMs] = [Date.parse(window?.start ?? ""), Date.parse(window?.end ?? "")];
      if (!(startMs < endMs)) return null;
      const askedMs = parseRetryAfter(headers["retry-after"] ?? null, this.#clock.wallMs());
      const pauseMs = Math.max(askedMs ?? renewalInfoPauseMs, minRenewalInfoPauseMs);
      const holdsMs = Math.min(pauseMs, maxRenewalInfoPauseMs);
      return { startMs, endMs, holdsMs };
    } catch {
      // Then the certificate is renewed when its own dates say so.
      return null;
    }
  }
}

const authorityKeyIdentifier = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x23]);

/**
 * Stands for a certificate (RFC 9773 4.1): key identifier of its authority and serial number, both in base64url.
 * Null: the certificate names no authority's key.
 */
export function renewalId(certificatePem: string): string | null {
  const { raw, serialNumber } = new X509Certificate(certificatePem);
  const at = raw.indexOf(authorityKeyIdentifier);
  if (at < 0) return null;
  // OCTET STRING, SEQUENCE, and in it [0], the key identifier: all shorter than 128 bytes (RFC 5280 4.2.1.1).
  const value = raw.subarray(at + authorityKeyIdentifier.length);
  const [octets, , sequence, , tag, length = 0] = value;
  if (octets !== 0x04 || sequence !== 0x30 || tag !== 0x80) return null;
  const key = value.subarray(6, 6 + length);
  const hex = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  const serial = Buffer.from(hex, "hex");
  // As in the certificate: a number whose first bit is set has a zero byte before it.
  const encoded = (serial[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), serial]) : serial;
  return `${key.toString("base64url")}.${encoded.toString("base64url")}`;
}
