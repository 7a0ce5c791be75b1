/** What handshakes are answered with, as it is pushed down: the whole to begin with, then what changes. */
import type { CertificateKeyPair } from "./handshake-certificates.ts";

/** Everything that handshakes can be answered with without a question. */
export interface ServedCertificates {
  /**
   * By host or wildcard (`*.rest`; the empty name stands for all others). Null: there is a service with
   * the name, and it has to be asked about; no wildcard stands in for it.
   */
  names: ReadonlyMap<string, NamedCertificate | null>;
  /** Names that are being validated by TLS-ALPN-01 (RFC 8737). */
  challenges: ReadonlyMap<string, CertificateKeyPair>;
  /** For clients that send no server name. */
  withoutName: CertificateKeyPair | null;
  /** Host that stands in for those clients; for the log. */
  defaultHost: string | null;
}

export interface NamedCertificate {
  pair: CertificateKeyPair;
  /** Since 1970; from then on it is asked about again. Null: never. */
  untilMs: number | null;
}

/** Pairs are named by an id that stands for their content, and are sent when they are new. */
export interface CertificateChange {
  pairs: [id: string, pair: CertificateKeyPair][];
  names: [name: string, certificate: { id: string; untilMs: number | null } | null][];
  removed: string[];
  /** All of them. */
  challenges: [name: string, id: string][];
  withoutName: string | null;
  defaultHost: string | null;
}

export const noCertificates: ServedCertificates = {
  names: new Map(),
  challenges: new Map(),
  withoutName: null,
  defaultHost: null,
};

/** What leads from one to the other; null: nothing has changed. */
export function certificateChange(
  from: ServedCertificates,
  to: ServedCertificates,
  idOf: (pair: CertificateKeyPair) => string,
): CertificateChange | null {
  const known = new Set([...pairsOf(from)].map(idOf));
  const pairs = new Map<string, CertificateKeyPair>();
  for (const pair of pairsOf(to)) {
    const id = idOf(pair);
    if (!known.has(id)) pairs.set(id, pair);
  }
  const names: CertificateChange["names"] = [];
  for (const [name, next] of to.names) {
    const old = from.names.get(name);
    if (old !== undefined && old?.pair === next?.pair && old?.untilMs === next?.untilMs) continue;
    names.push([name, next === null ? null : { id: idOf(next.pair), untilMs: next.untilMs }]);
  }
  const removed = [...from.names.keys()].filter((name) => !to.names.has(name));
  const isSame =
    names.length === 0 &&
    removed.length === 0 &&
    from.withoutName === to.withoutName &&
    from.defaultHost === to.defaultHost &&
    from.challenges.size === to.challenges.size &&
    [...to.challenges].every(([name, pair]) => from.challenges.get(name) === pair);
  if (isSame) return null;
  return {
    pairs: [...pairs],
    names,
    removed,
    challenges: [...to.challenges].map(([name, pair]) => [name, idOf(pair)]),
    withoutName: to.withoutName === null ? null : idOf(to.withoutName),
    defaultHost: to.defaultHost,
  };
}

function* pairsOf(served: ServedCertificates): Iterable<CertificateKeyPair> {
  for (const certificate of served.names.values()) if (certificate !== null) yield certificate.pair;
  yield* served.challenges.values();
  if (served.withoutName !== null) yield served.withoutName;
}
