/**
 * What a header block says: pseudo fields apart, the others as the fields of a message (RFC 9113 8.1 to 8.3).
 * One object reads block after block; what it holds is valid until the next begins.
 */
import { Fields, isBlank, isFieldValue } from "../http/fields.ts";
import { connectionKeys } from "../http/hop-by-hop.ts";
import type { FieldSink } from "./hpack-decoder.ts";
import type { HeaderField } from "./hpack-static-table.ts";

export interface FieldSectionLimits {
  /** Names and values together. */
  maxBytes: number;
  /** What references to the table may add to the bytes of the block, which Huffman coding may double. */
  maxExpansionBytes: number;
  maxFields: number;
}

/** `trailers` have no pseudo fields. */
export type FieldSectionKind = "request" | "response" | "trailers";

export class FieldSection implements FieldSink {
  method: string | null = null;
  scheme: string | null = null;
  authority: string | null = null;
  path: string | null = null;
  /** RFC 8441 4. */
  protocol: string | null = null;
  status: string | null = null;
  fields = new Fields();
  /** What makes the message malformed (RFC 9113 8.1.1), else null. */
  malformed: string | null = null;
  /** More than the limits; what came behind them is missing. */
  tooLarge = false;

  #kind: FieldSectionKind = "request";
  #maxBytes = 0;
  #maxFields = 0;
  #count = 0;
  #bytes = 0;
  /** Place of the Cookie field, whose crumbs may come apart (RFC 9113 8.2.3). */
  #cookieAt = -1;
  #crumbs: string[] | null = null;

  begin(kind: FieldSectionKind, blockBytes: number, limits: FieldSectionLimits): void {
    this.method = null;
    this.scheme = null;
    this.authority = null;
    this.path = null;
    this.protocol = null;
    this.status = null;
    this.fields = Fields.checked();
    this.malformed = null;
    this.tooLarge = false;
    this.#kind = kind;
    this.#maxBytes = Math.min(limits.maxBytes, limits.maxExpansionBytes + 2 * blockBytes);
    this.#maxFields = limits.maxFields;
    this.#count = 0;
    this.#bytes = 0;
    this.#cookieAt = -1;
    this.#crumbs = null;
  }

  /** To be called behind the last field. */
  end(): void {
    if (this.#crumbs === null) return;
    this.fields.replaceChecked(this.#cookieAt, this.#crumbs.join("; "));
    this.#crumbs = null;
  }

  field(field: HeaderField): boolean {
    this.#bytes += field.name.length + field.value.length;
    if (++this.#count > this.#maxFields || this.#bytes > this.#maxBytes) {
      this.tooLarge = true;
      return this.#count <= 2 * this.#maxFields;
    }
    if (this.malformed !== null) return true;
    if (field.name.charCodeAt(0) === colon) {
      this.#pseudo(field);
      return true;
    }
    if (field.verdict !== "good" && !isGood(field)) {
      this.malformed = "a field that HTTP/2 forbids";
      return true;
    }
    if (field.name === "cookie" && this.#kind === "request") this.#cookie(field.value);
    else this.#append(field.name, field.value);
    return true;
  }

  #cookie(value: string): void {
    if (this.#cookieAt < 0) {
      this.#append("cookie", value);
      this.#cookieAt = this.fields.count - 1;
    } else {
      this.#crumbs ??= [this.fields.values[this.#cookieAt]!];
      this.#crumbs.push(value);
    }
  }

  /** The authority stands first, as Host; one beside it must say the same. */
  #append(name: string, value: string): void {
    const { fields, authority } = this;
    if (authority !== null) {
      if (fields.count === 0) fields.appendChecked("host", authority, "host");
      if (name === "host") {
        if (value.toLowerCase() !== authority.toLowerCase())
          this.malformed = "Host beside another :authority";
        return;
      }
    }
    fields.appendChecked(name, value, name);
  }

  #pseudo(field: HeaderField): void {
    const { name, value } = field;
    const isLate = this.fields.count > 0 || this.#cookieAt >= 0;
    const known = knownPseudoFields[this.#kind].get(name);
    if (isLate || known === undefined || this[known] !== null || !isValid(field)) {
      this.malformed = `pseudo field ${isLate ? "behind a field" : "that is unknown, repeated or invalid"}`;
      return;
    }
    this[known] = value;
  }
}

type PseudoField = "method" | "scheme" | "authority" | "path" | "protocol" | "status";

const knownPseudoFields: Record<FieldSectionKind, ReadonlyMap<string, PseudoField>> = {
  request: new Map([
    [":method", "method"],
    [":scheme", "scheme"],
    [":authority", "authority"],
    [":path", "path"],
    [":protocol", "protocol"],
  ]),
  response: new Map([[":status", "status"]]),
  trailers: new Map(),
};

const colon = 0x3a;
/** A token without upper case (RFC 9113 8.2.1). */
const namePattern = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const connectionFields: ReadonlySet<string> = new Set(connectionKeys);

/** Whether a pseudo field holds what a field may hold. */
function isValid(field: HeaderField): boolean {
  if (field.verdict === "unknown") field.verdict = isFieldValue(field.value) ? "good" : "malformed";
  return field.verdict === "good";
}

/** RFC 9113 8.2.1 and 8.2.2. The verdict stays with the field: those of the table are looked at once. */
function isGood(field: HeaderField): boolean {
  if (field.verdict === "unknown") {
    const { name, value } = field;
    const isValid =
      namePattern.test(name) &&
      isFieldValue(value) &&
      !isBlank(value.charCodeAt(0)) &&
      !isBlank(value.charCodeAt(value.length - 1)) &&
      !connectionFields.has(name) &&
      (name !== "te" || value.toLowerCase() === "trailers");
    field.verdict = isValid ? "good" : "malformed";
  }
  return field.verdict === "good";
}
