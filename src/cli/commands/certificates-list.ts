/** `kamal-proxy certificates` */
import { printableText } from "../../lib/printable-text.ts";
import type { CertificateDetails } from "../../control-plane/certificates/certificate-details.ts";
import { cliCommand, send } from "../cli-command.ts";
import { formatTable } from "../table.ts";

const header = [
  "Name",
  "Source",
  "Issuer",
  "Key",
  "Expires in",
  "Renews at",
  "Store",
  "Last error",
];

export const certificatesList = cliCommand({
  path: "certificates",
  summary: "Lists the certificates of all services.",
  positionals: "none",
  flags: () => ({
    json: {
      kind: "switch",
      fallback: false,
      help: "Print one JSON array with all details instead of a table",
    },
  }),
  async run({ values, context }) {
    const { certificates = [] } = await send(context, { command: "certificates" });
    if (values.json) {
      await context.write(`${JSON.stringify(certificates)}\n`);
      return 0;
    }
    await context.write(formatTable([header, ...certificates.map(row)]));
    return 0;
  },
});

function row(certificate: CertificateDetails): string[] {
  const { name, source, served_by, issuer, key, expires_in_ms, renews, store, error } = certificate;
  return [
    served_by === null ? name : `${name} (${served_by})`,
    source,
    issuer ?? "-",
    key ?? "-",
    expires_in_ms === null ? "-" : timeText(expires_in_ms),
    renews === null ? "-" : `${renews.slice(0, 16).replace("T", " ")}Z`,
    store,
    error === null ? (certificate.preflight ?? "-") : errorText(certificate),
  ].map(printableText);
}

function errorText({ error, error_at }: CertificateDetails): string {
  return error_at === null ? `${error}` : `${error_at.slice(0, 16).replace("T", " ")}Z ${error}`;
}

/** The two largest units: `59d 23h`, `3h 5m`, `0m`; `expired` behind the end. */
function timeText(durationMs: number): string {
  if (durationMs <= 0) return "expired";
  const minutes = Math.floor(durationMs / 60_000);
  const days = Math.floor(minutes / 1_440);
  const hours = Math.floor(minutes / 60) % 24;
  if (days > 0) return `${days}d ${hours}h`;
  return hours > 0 ? `${hours}h ${minutes % 60}m` : `${minutes}m`;
}
