/** The head of a request to a target as a value; the transport writes it as its protocol wants it. */
import type { Fields } from "./fields.ts";

export interface OutgoingHead {
  method: string;
  /** Host and port that the target is to take the request for: the Host field, or `:authority`. */
  authority: string;
  /** Path and query, as they go out. */
  target: string;
  /** As they came from the client; those whose key is in `dropped` stay behind. */
  received: Fields;
  dropped: ReadonlySet<string>;
  /**
   * Fields of the proxy's own, behind the received ones. Names must be tokens; values may come from anywhere.
   * Those that state the framing or belong to the connection are the transport's. Each name is followed by its
   * value: an array for each pair was a twentieth of what a request allocates.
   */
  added: string[];
}
