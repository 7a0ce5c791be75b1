/** The head of a request to a target as a value; the transport writes it as its protocol wants it. */
import type { Fields } from "./fields.ts";

/**
 * Names, each followed by its value. An array for each pair was a twentieth of what a request allocates. It can't
 * be iterated: `for (const [name, value] of …)` over texts takes the first two characters of each, and compiles.
 */
export interface FlatFields {
  readonly length: number;
  readonly [index: number]: string;
  push(name: string, value: string): number;
}

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
   * Those that state the framing or belong to the connection are the transport's.
   */
  added: FlatFields;
}
