/** What came of asking for a name as a certificate authority would, and what that means for an order. */

/** One address, and what answers there. */
export type AddressFinding =
  | { address: string; kind: "arrives" }
  /** Somebody else: without our answer. */
  | { address: string; kind: "answers"; status: number; location: string | null }
  /** No connection, or no answer. */
  | { address: string; kind: "closed"; reason: string }
  /** From here there is no way to it, which says nothing about others. */
  | { address: string; kind: "untested"; reason: string };

export type PreflightVerdict =
  | "arrives"
  /** By some of its addresses. */
  | "partly"
  /** Another server answers. */
  | "elsewhere"
  /** Nobody answers at the port. */
  | "closed"
  /** The name has no address. */
  | "nowhere"
  | "unknown";

export interface PreflightReport {
  verdict: PreflightVerdict;
  /** For people; null: all is well. */
  text: string | null;
}

/** `findings`: null when no name server can tell the addresses. */
export function preflightReport(
  name: string,
  port: number,
  findings: readonly AddressFinding[] | null,
): PreflightReport {
  if (findings === null) {
    return { verdict: "unknown", text: `no name server can tell the addresses of ${name}` };
  }
  if (findings.length === 0) return { verdict: "nowhere", text: `${name} has no address` };
  const tested = findings.filter(({ kind }) => kind !== "untested");
  const good = tested.filter(({ kind }) => kind === "arrives");
  const others = tested.filter(({ kind }) => kind !== "arrives");
  if (good.length > 0 && others.length === 0) return { verdict: "arrives", text: null };
  if (good.length > 0) {
    const ways = good.map(({ address }) => address).join(", ");
    return {
      verdict: "partly",
      text: `port ${port} of ${name} leads here by ${ways}, but not by ${textOf(others)}`,
    };
  }
  const text = `port ${port} of ${name} does not lead here: ${textOf(findings)}`;
  return { verdict: badVerdict(tested), text };
}

/** A redirect may lead here after all. */
function badVerdict(tested: readonly AddressFinding[]): PreflightVerdict {
  const answering = tested.filter((finding) => finding.kind === "answers");
  if (tested.length === 0 || answering.some(({ location }) => location !== null)) return "unknown";
  return answering.length > 0 ? "elsewhere" : "closed";
}

function textOf(findings: readonly AddressFinding[]): string {
  return findings.map((finding) => `${finding.address} ${outcomeOf(finding)}`).join(", ");
}

function outcomeOf(finding: AddressFinding): string {
  switch (finding.kind) {
    case "arrives":
      return "(it leads here)";
    case "answers":
      return finding.location === null
        ? `(another server answers ${finding.status})`
        : `(another server answers ${finding.status} to ${finding.location})`;
    default:
      return `(${finding.reason})`;
  }
}
