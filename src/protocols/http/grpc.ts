/** What tells gRPC from other requests, and how an answer of the proxy's own looks to its clients. */
import { Fields } from "./fields.ts";

/** gRPC-Web is not it: that is made for HTTP/1.1. */
const grpcType = /^application\/grpc(?:$|[+;\s])/i;

export function isGrpc(fields: Fields): boolean {
  const type = fields.get("content-type");
  return type !== undefined && grpcType.test(type);
}

/** As gRPC clients read a status of HTTP (grpc, doc/http-grpc-status-mapping.md). */
const statuses: Record<number, number> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const unknownStatus = 2;

/** The only head of a response that has nothing else: its trailers ("Trailers-Only"). */
export function grpcFailure(status: number, message: string): Fields {
  return Fields.of(
    ["Content-Type", "application/grpc"],
    ["Grpc-Status", String(statuses[status] ?? unknownStatus)],
    ["Grpc-Message", percentEncode(message)],
  );
}

/** Bytes outside of printable ASCII, and the percent sign. */
function percentEncode(message: string): string {
  return Array.from(Buffer.from(message), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}
