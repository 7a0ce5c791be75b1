/** The fields of a target's response as the client sees them. */
import type { Fields } from "../../protocols/http/fields.ts";
import { isHopByHop, namedByConnection } from "../../protocols/http/hop-by-hop.ts";

/** Removes what concerns the connection to the target only, in place (RFC 9110 7.6.1). */
export function removeConnectionFields(fields: Fields, keepTrailer: boolean): void {
  const named = namedByConnection(fields.joined("connection"));
  fields.removeWhere(keepTrailer ? isHopByHopButTrailer : isHopByHop, named);
}

function isHopByHopButTrailer(key: string): boolean {
  return key !== "trailer" && isHopByHop(key);
}

/** `text/event-stream` in any case, with any parameters: its events must not wait. */
export function isEventStream(fields: Fields): boolean {
  const type = fields.get("content-type");
  return type !== undefined && /^\s*text\/event-stream\s*(;|$)/i.test(type);
}
