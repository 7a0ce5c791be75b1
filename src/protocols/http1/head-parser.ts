/**
 * Strict parsers of message heads (RFC 9112 2 to 5). A head is given as one latin1 string that ends
 * with the CRLF of its last line (the empty line that closes the section is not part of it).
 * What a strict parser could read in two ways is refused here.
 */
import { characterSearch } from "../http/character-search.ts";
import { fieldNameAt } from "../http/field-names.ts";
import { HeadFault } from "../http/head-fault.ts";
import type { RequestHead } from "../http/message-head.ts";
import type { VersionedResponseHead } from "./response-head.ts";
import { Fields, isBlank, isToken } from "../http/fields.ts";

/**
 * Control characters that no head may hold anywhere. Measured: written as the characters that are
 * refused instead of those that are allowed, the search takes a quarter of the time.
 */
const hasForbiddenCharacter = characterSearch(
  // oxlint-disable-next-line no-control-regex
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/,
  // oxlint-disable-next-line no-control-regex
  /[^\t\n\r\x20-\x7e\x80-\uffff]/,
);
const versionPattern = /^HTTP\/\d\.\d$/;
const requestLinePattern = /^[^ \r\n]+ [^ \r\n]+ HTTP\/\d\.\d\r\n/;

export function parseRequestHead(text: string, maxFields: number): RequestHead | HeadFault {
  if (hasForbiddenCharacter(text)) return new HeadFault(400, "control character in head");
  const lineEnd = endOfLine(text, 0);
  if (lineEnd < 0) return new HeadFault(400, "bare CR or LF in request line");

  const methodEnd = text.indexOf(" ");
  if (methodEnd <= 0 || methodEnd > lineEnd) return new HeadFault(400, "malformed request line");
  const targetEnd = text.indexOf(" ", methodEnd + 1);
  if (targetEnd < 0 || targetEnd > lineEnd) return new HeadFault(400, "malformed request line");

  const method = text.slice(0, methodEnd);
  if (!isKnownMethod(method) && !isToken(method)) return new HeadFault(400, "invalid method");
  const target = text.slice(methodEnd + 1, targetEnd);
  // Other control characters, blanks and line ends can't be here any more.
  if (target === "" || target.includes("\t")) return new HeadFault(400, "invalid request target");
  const version = text.slice(targetEnd + 1, lineEnd);
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
    return versionPattern.test(version)
      ? new HeadFault(505, `unsupported version ${version}`)
      : new HeadFault(400, "malformed request line");
  }

  const fields = fieldLines(text, lineEnd + 2, maxFields);
  if (fields instanceof HeadFault) return fields;
  return { method, target, version, fields };
}

export function parseResponseHead(
  text: string,
  maxFields: number,
): VersionedResponseHead | HeadFault {
  if (hasForbiddenCharacter(text)) return controlCharacter(text);
  const lineEnd = endOfLine(text, 0);
  if (lineEnd < 0) return bareLineEnd(text, 0);

  const version = text.slice(0, 8);
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
    return new HeadFault(400, "malformed status line", 1);
  }
  const status = parseStatus(text);
  // The blank before an empty reason is often left out, although RFC 9112 4 asks for it.
  const afterStatus = lineEnd === 12 ? 0x20 : text.charCodeAt(12);
  if (status === 0 || text.charCodeAt(8) !== 0x20 || afterStatus !== 0x20 || lineEnd < 12) {
    return new HeadFault(400, "malformed status line", 1);
  }

  const fields = fieldLines(text, lineEnd + 2, maxFields);
  if (fields instanceof HeadFault) return fields;
  return { version, status, reason: text.slice(13, lineEnd), fields, ambiguous: false };
}

/** Parses `name: value` lines from `start` to the end of `text` (RFC 9112 5, trailers as well). */
export function parseFieldLines(
  text: string,
  start: number,
  maxFields: number,
): Fields | HeadFault {
  if (hasForbiddenCharacter(text)) return new HeadFault(400, "control character in field lines");
  return fieldLines(text, start, maxFields);
}

/**
 * Why the bytes so far can never become the head of a request, or null when they still can.
 * Asked only while the end of the head has not come, so that nonsense is refused at once.
 */
export function hopelessRequestStart(text: string): HeadFault | null {
  if (hasForbiddenCharacter(text)) return controlCharacter(text);
  const lineFeed = text.indexOf("\n");
  if (lineFeed < 0) return null;
  if (lineFeed === 0 || text.charCodeAt(lineFeed - 1) !== 0x0d) {
    return new HeadFault(400, "bare LF", 1);
  }
  return requestLinePattern.test(text) ? null : new HeadFault(400, "malformed request line", 1);
}

const statusLineStart = "HTTP/1.";
const statusLinePattern = /^HTTP\/1\.[01] [1-9]\d\d[ \r]/;

/** The same for the head of a response. */
export function hopelessResponseStart(text: string): HeadFault | null {
  const start = text.slice(0, statusLineStart.length);
  if (!statusLineStart.startsWith(start)) return new HeadFault(400, "malformed status line", 1);
  if (hasForbiddenCharacter(text)) return controlCharacter(text);
  const lineFeed = text.indexOf("\n");
  if (lineFeed < 0) return null;
  if (text.charCodeAt(lineFeed - 1) !== 0x0d) return new HeadFault(400, "bare LF", 1);
  return statusLinePattern.test(text) ? null : new HeadFault(400, "malformed status line", 1);
}

/** The text holds no control characters other than line ends and HTAB any more. */
function fieldLines(text: string, start: number, maxFields: number): Fields | HeadFault {
  const fields = Fields.checked(text);
  let position = start;
  while (position < text.length) {
    const lineEnd = endOfLine(text, position);
    if (lineEnd < 0) return bareLineEnd(text, position);
    const colon = text.indexOf(":", position);
    if (colon < 0 || colon > lineEnd)
      return new HeadFault(400, "field line without colon", lineAt(text, position));
    const name = fieldNameAt(text, position, colon);
    if (name === undefined) return new HeadFault(400, "invalid field name", lineAt(text, position));
    if (fields.count >= maxFields) return new HeadFault(431, "too many fields");
    let valueStart = colon + 1;
    let valueEnd = lineEnd;
    while (valueStart < valueEnd && isBlank(text.charCodeAt(valueStart))) valueStart++;
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
    const isAsWritten =
      valueStart === colon + 2 && text.charCodeAt(colon + 1) === 0x20 && valueEnd === lineEnd;
    const value = text.slice(valueStart, valueEnd);
    fields.appendChecked(name.name, value, name.key, isAsWritten ? position : -1);
    position = lineEnd + 2;
  }
  return fields;
}

function controlCharacter(text: string): HeadFault {
  const reason = "control character";
  for (const [index, line] of text.split("\n").entries()) {
    if (hasForbiddenCharacter(line)) return new HeadFault(400, reason, index + 1);
  }
  return new HeadFault(400, reason);
}

/** The line that begins there ends in no CRLF. */
function bareLineEnd(text: string, start: number): HeadFault {
  const lineFeed = text.indexOf("\n", start);
  const carriageReturn = text.indexOf("\r", start);
  const isLineFeed = carriageReturn < 0 || (lineFeed >= 0 && lineFeed < carriageReturn);
  return new HeadFault(400, isLineFeed ? "bare LF" : "bare CR", lineAt(text, start));
}

/** The number of the line that begins at an index, counted from 1. */
function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Index of the CR of the line's CRLF, or -1 when the line ends in any other way. */
function endOfLine(text: string, start: number): number {
  const lineFeed = text.indexOf("\n", start);
  if (lineFeed <= start) return -1;
  const carriageReturn = text.indexOf("\r", start);
  return carriageReturn === lineFeed - 1 ? carriageReturn : -1;
}

function parseStatus(text: string): number {
  const hundreds = text.charCodeAt(9) - 0x30;
  const tens = text.charCodeAt(10) - 0x30;
  const ones = text.charCodeAt(11) - 0x30;
  if (!(hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9))
    return 0;
  return hundreds * 100 + tens * 10 + ones;
}

function isKnownMethod(method: string): boolean {
  return method === "GET" || method === "POST" || method === "HEAD" || method === "PUT";
}
