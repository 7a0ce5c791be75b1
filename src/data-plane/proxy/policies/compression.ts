/** --compress: what becomes smaller goes to clients in a content coding that they accept (RFC 9110 8.4, 12.5.3). */
import type { ContentCoding } from "../../../config/compression-settings.ts";
import { acceptedCoding } from "../../../protocols/http/accept-encoding.ts";
import { chunkedBody } from "../../../protocols/http/body-framing.ts";
import type { BodySink } from "../../../protocols/http/body.ts";
import { type Fields, listElements, trimBlanks } from "../../../protocols/http/fields.ts";
import type { CollectedResponse } from "../bodies/buffered-response.ts";
import { CompressedResponse, compressionBytes } from "../bodies/compressed-response.ts";
import type { DeliveredRequest } from "../request-stages.ts";
import type { ClientResponse, Policy, PolicyContext, PolicyFactory } from "./policy.ts";

export const compression: PolicyFactory = ({ options }, context): Policy | null =>
  options.compress.length === 0
    ? null
    : new Compression(
        options.compress as ContentCoding[],
        options.compressMinLength,
        mediaTypeTest(options.compressTypes),
        context,
      );

/** They are about exact bytes: of a body that is changed they would be wrong. */
const digestKeys = ["content-md5", "digest", "content-digest", "repr-digest"];

class Compression implements Policy {
  readonly logName = null;
  readonly #codings: readonly ContentCoding[];
  readonly #minLength: number;
  readonly #isCompressible: (mediaType: string) => boolean;
  readonly #context: PolicyContext;
  readonly #chosen = new WeakMap<
    ClientResponse,
    { coding: ContentCoding; length: number | null }
  >();

  constructor(
    codings: readonly ContentCoding[],
    minLength: number,
    isCompressible: (mediaType: string) => boolean,
    context: PolicyContext,
  ) {
    this.#codings = codings;
    this.#minLength = minLength;
    this.#isCompressible = isCompressible;
    this.#context = context;
  }

  onResponse(delivered: DeliveredRequest, response: ClientResponse): void {
    const { request } = delivered.exchange;
    const { fields, status } = response;
    if (status === 304) {
      keepWeakTag(request.fields, fields);
      return;
    }
    if (!this.#mayBeCompressed(response, request.method === "HEAD")) return;
    addVary(fields);
    const coding = acceptedCoding(request.fields.joined("accept-encoding"), this.#codings);
    const { framing } = response;
    const length = framing.kind === "length" ? framing.length : null;
    if (coding === null || !this.#context.encoderMemory.fits(compressionBytes(coding, length)))
      return;
    fields.set("Content-Encoding", coding, "content-encoding");
    fields.delete("content-length");
    fields.delete("accept-ranges");
    fields.mapValues("etag", weakTag);
    if (request.method === "HEAD") return;
    this.#chosen.set(response, { coding, length });
    response.framing = chunkedBody;
  }

  wrapBody(
    _request: DeliveredRequest,
    response: ClientResponse,
    client: BodySink,
  ): CollectedResponse | null {
    const chosen = this.#chosen.get(response);
    if (chosen === undefined) return null;
    return new CompressedResponse(
      client,
      chosen.coding,
      chosen.length,
      this.#context.encoderMemory,
    );
  }

  #mayBeCompressed({ status, fields, framing }: ClientResponse, isHead: boolean): boolean {
    // What has no body, and a part of one: the ranges are those of the body as it is.
    if (status < 200 || status === 206 || fields.has("content-range")) return false;
    if (framing.kind === "none" && !isHead) return false;
    const length =
      framing.kind === "length" ? String(framing.length) : fields.get("content-length");
    if (length !== undefined && Number(length) < this.#minLength) return false;
    const [mediaType = ""] = (fields.get("content-type") ?? "").split(";", 1);
    if (!this.#isCompressible(trimBlanks(mediaType).toLowerCase())) return false;
    const coded = fields.joined("content-encoding");
    if (coded !== undefined && coded.toLowerCase() !== "identity") return false;
    if (digestKeys.some((key) => fields.has(key))) return false;
    const directives = listElements(fields.joined("cache-control") ?? "");
    return !directives.some((directive) => directive.toLowerCase() === "no-transform");
  }
}

/** Whether a media type in lower case, without parameters, is one of `patterns`. */
function mediaTypeTest(patterns: readonly string[]): (mediaType: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const open = patterns
    .filter((pattern) => pattern.includes("*"))
    .map((pattern) => pattern.split("*", 2) as [start: string, end: string]);
  return (mediaType) =>
    exact.has(mediaType) ||
    open.some(([start, end]) => mediaType.startsWith(start) && mediaType.endsWith(end));
}

/** Caches keep a version for each value of Accept-Encoding, also that of clients that accept none. */
function addVary(fields: Fields): void {
  const names = listElements(fields.joined("vary") ?? "").map((name) => name.toLowerCase());
  if (names.includes("*") || names.includes("accept-encoding")) return;
  fields.append("Vary", "Accept-Encoding", "vary");
}

/** The bytes differ from those that the app has named (RFC 9110 8.8.1). */
function weakTag(tag: string): string {
  return tag.startsWith('"') ? `W/${tag}` : tag;
}

/** A client that asks with the tag that it got from here gets the same one again (RFC 9110 15.4.5). */
function keepWeakTag(asked: Fields, answered: Fields): void {
  const tag = answered.get("etag");
  if (tag === undefined || !asked.joined("if-none-match")?.includes(weakTag(tag))) return;
  answered.mapValues("etag", weakTag);
  addVary(answered);
}
