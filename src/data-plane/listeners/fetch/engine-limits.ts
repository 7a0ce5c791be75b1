/**
 * The limit of Bun's own server for HTTP/3. It is one for the process, and
 * 16 KB unless told otherwise: a few large cookies would cost a client its whole connection.
 */
import http from "node:http";
import { maxCompressedHeadBytes } from "../../../config/limits.ts";

/** Counts for servers that are made afterwards; names, values and 32 bytes a field (RFC 9113 10.5.1). */
export function limitEngineHeads(maxHeaderBytes: number): void {
  // Bun has a setter where Node.js has none.
  (http as { maxHeaderSize: number }).maxHeaderSize = Math.min(
    maxHeaderBytes,
    maxCompressedHeadBytes,
  );
}
