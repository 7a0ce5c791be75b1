/** The static table of HPACK (RFC 7541 appendix A). */

/** A field as the table holds it. Shared by all heads that refer to it. */
export class HeaderField {
  /** Whether name and value are what a message may hold: found out when it is first used. */
  verdict: "unknown" | "good" | "malformed" = "unknown";

  constructor(
    readonly name: string,
    readonly value: string,
  ) {}
}

/** What the table counts for a field beside its bytes (RFC 7541 4.1). */
export const fieldOverheadBytes = 32;

const fields: [name: string, ...values: string[]][] = [
  [":authority", ""],
  [":method", "GET", "POST"],
  [":path", "/", "/index.html"],
  [":scheme", "http", "https"],
  [":status", "200", "204", "206", "304", "400", "404", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** By index; there is none with index 0. */
export const staticFields: readonly HeaderField[] = [
  new HeaderField("", ""),
  ...fields.flatMap(([name, ...values]) => values.map((value) => new HeaderField(name, value))),
];

/** Index of the first field of that name. */
export const staticNameIndexes: ReadonlyMap<string, number> = new Map(
  staticFields
    .map(({ name }, index): [string, number] => [name, index])
    .slice(1)
    .toReversed(),
);
