/** Reads user and password of a request (RFC 7617). */

const basic = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;
/** RFC 7617 2: neither part has a control character. */
// oxlint-disable-next-line no-control-regex
const controls = /[\0-\x1f\x7f]/;
const colon = 0x3a;

export interface GivenCredentials {
  user: string;
  password: Uint8Array;
}

/** Out of the values of Authorization. Null when there are none, or none that have one meaning. */
export function givenCredentials(values: readonly string[]): GivenCredentials | null {
  const encoded = values.length === 1 ? basic.exec(values[0]!)?.[1] : undefined;
  if (encoded === undefined) return null;
  const bytes = Buffer.from(encoded, "base64");
  const at = bytes.indexOf(colon);
  if (at < 1 || at === bytes.length - 1 || controls.test(bytes.toString("latin1"))) return null;
  return { user: bytes.subarray(0, at).toString("utf8"), password: bytes.subarray(at + 1) };
}
