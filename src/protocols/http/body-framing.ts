/** How it is told where the body of a message ends. */

export type BodyFraming =
  | { kind: "none" }
  | { kind: "length"; length: number }
  | { kind: "chunked" }
  /** Responses over HTTP/1 only: the end of the connection ends the body. */
  | { kind: "until-close" };

export const noBody: BodyFraming = { kind: "none" };
export const chunkedBody: BodyFraming = { kind: "chunked" };
export const untilCloseBody: BodyFraming = { kind: "until-close" };

/** Whether not a byte of body can follow. */
export function isEmptyBody(framing: BodyFraming): boolean {
  return framing.kind === "none" || (framing.kind === "length" && framing.length === 0);
}

/** Bytes of the body, where they are announced; else -1. */
export function announcedLength(framing: BodyFraming): number {
  return framing.kind === "length" ? framing.length : -1;
}
