/** The fields of a target's response as the client sees them. */
import type { Fields } from "../../protocols/http/fields.ts";
import { isHopByHop, namedByConnection } from "../../protocols/http/hop-by-hop.ts";

/** Removes what concerns the connection to the target only, in place (RFC 9110 7.6.1). */
export function removeConnectionFields(fields: Fields, keepTrailer: boolean): void {
  const named = namedByConnection(fields.joined("connection"));
  const { names, keys, values } = fields;
  let kept = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (isHopByHop(key) && !(keepTrailer && key === "trailer")) continue;
    if (named !== null && named.has(key)) continue;
    if (kept !== i) {
      names[kept] = names[i]!;
      keys[kept] = key;
      values[kept] = values[i]!;
    }
    kept++;
  }
  names.length = kept;
  keys.length = kept;
  values.length = kept;
}

/** `text/event-stream` in any case, with any parameters: its events must not wait. */
export function isEventStream(fields: Fields): boolean {
  const type = fields.get("content-type");
  return type !== undefined && /^\s*text\/event-stream\s*(;|$)/i.test(type);
}
