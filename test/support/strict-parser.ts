/**
 * A slow, unforgiving reader of HTTP/1.1 messages, written apart from the proxy's own: it takes only the
 * one canonical form of each thing. What it refuses, some app somewhere might read in another way.
 */

export interface StrictMessage {
  startLine: string;
  /** Names in lower case. */
  fields: [name: string, value: string][];
  body: string;
  trailers: [name: string, value: string][];
}

export interface StrictReading {
  messages: StrictMessage[];
  /** Bytes of a message that is not complete; all of the rest when there is a fault. */
  rest: string;
  /** Why the rest can't be read in one way only. */
  fault: string | null;
}

/** Reads a stream of requests, given as latin1 text. */
export function readRequestsStrictly(text: string): StrictReading {
  return readAll(text, (startLine, fields) => {
    if (
      !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (\/[\x21\x22\x24-\x3e\x40-\x7e]*(?:\?[\x21\x22\x24-\x7e\x80-\xff]*)?|\*) HTTP\/1\.1$/.test(
        startLine,
      )
    ) {
      throw new Fault(`request line ${JSON.stringify(startLine)}`);
    }
    const hosts = valuesOf(fields, "host");
    if (hosts.length !== 1) throw new Fault(`${hosts.length} Host fields`);
    if (!/^([\w.~%!$&'()*+,;=-]*|\[[0-9a-fA-F:.]+\])(:\d*)?$/.test(hosts[0]!)) {
      throw new Fault(`Host ${JSON.stringify(hosts[0])}`);
    }
    if (startLine.startsWith("CONNECT ")) throw new Fault("CONNECT");
    return framing(fields) ?? 0;
  });
}

/**
 * Reads what a client got on one connection. `methods` are those of the requests, in order; `ended` tells
 * that the connection was closed in order, which may complete a body.
 */
export function readResponsesStrictly(
  text: string,
  methods: readonly string[],
  ended: boolean,
): StrictReading {
  let index = 0;
  return readAll(text, (startLine, fields) => {
    const status = Number(/^HTTP\/1\.1 ([1-9]\d\d) [\t\x20-\x7e\x80-\xff]*$/.exec(startLine)?.[1]);
    if (Number.isNaN(status)) throw new Fault(`status line ${JSON.stringify(startLine)}`);
    const stated = framing(fields);
    if (status < 200) {
      if (stated !== null) throw new Fault(`${status} with framing fields`);
      return 0;
    }
    const method = methods[index++];
    if (method === undefined) throw new Fault("a response to no request");
    if (method === "HEAD" || status === 204 || status === 304) return 0;
    if (stated === null && !ended) throw new Fault("neither framing nor end");
    return stated ?? "rest";
  });
}

class Fault extends Error {}

type Framing = number | "chunked" | "rest";

function readAll(
  text: string,
  framingOf: (startLine: string, fields: [string, string][]) => Framing,
): StrictReading {
  const messages: StrictMessage[] = [];
  let rest = text;
  try {
    while (rest !== "") {
      const end = rest.indexOf("\r\n\r\n");
      checkLines(end < 0 ? rest.replace(/\r$/, "") : rest.slice(0, end));
      if (end < 0) break;
      const [startLine = "", ...lines] = rest.slice(0, end).split("\r\n");
      const fields = lines.map(fieldLine);
      const body = readBody(rest.slice(end + 4), framingOf(startLine, fields));
      if (body === null) break;
      messages.push({ startLine, fields, body: body.body, trailers: body.trailers });
      rest = body.rest;
    }
    return { messages, rest, fault: null };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { messages, rest, fault: error.message };
  }
}

/** CRLF ends lines; other control characters are nowhere. */
function checkLines(head: string): void {
  const bad = head.replaceAll("\r\n", "").match(/[^\t\x20-\x7e\x80-\xff]/);
  if (bad !== null) throw new Fault(`control character ${JSON.stringify(bad[0])} in a head`);
}

function fieldLine(line: string): [string, string] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
  if (match === null) throw new Fault(`field line ${JSON.stringify(line)}`);
  return [match[1]!.toLowerCase(), match[2]!];
}

function framing(fields: [string, string][]): number | "chunked" | null {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length + codings.length > 1) throw new Fault("several framing fields");
  for (const [name] of fields) {
    // Apps that see fields as CGI variables can't tell these from the real ones.
    if (/^(content_length|transfer_encoding|content_type_?length)$/.test(name)) {
      throw new Fault(`field ${name}`);
    }
  }
  if (codings[0] !== undefined) {
    if (codings[0] !== "chunked") throw new Fault(`coding ${JSON.stringify(codings[0])}`);
    return "chunked";
  }
  if (lengths[0] === undefined) return null;
  if (!/^(0|[1-9]\d{0,15})$/.test(lengths[0])) throw new Fault(`length ${lengths[0]}`);
  return Number(lengths[0]);
}

interface BodyReading {
  body: string;
  trailers: [string, string][];
  rest: string;
}

/** Null while the body is incomplete. */
function readBody(text: string, framing: Framing): BodyReading | null {
  if (framing === "rest") return { body: text, trailers: [], rest: "" };
  if (framing !== "chunked") {
    if (text.length < framing) return null;
    return { body: text.slice(0, framing), trailers: [], rest: text.slice(framing) };
  }
  let rest = text;
  let body = "";
  for (;;) {
    const line = /^([0-9a-f]{1,14})\r\n/.exec(rest);
    if (line === null) {
      if (/^([0-9a-f]{0,14}|[0-9a-f]{1,14}\r)$/.test(rest)) return null;
      throw new Fault(`chunk line ${JSON.stringify(rest.slice(0, 40))}`);
    }
    const size = Number.parseInt(line[1]!, 16);
    rest = rest.slice(line[0].length);
    if (size === 0) break;
    body += rest.slice(0, size);
    const behind = rest.slice(size, size + 2);
    if (!"\r\n".startsWith(behind)) throw new Fault(`${JSON.stringify(behind)} behind a chunk`);
    if (rest.length < size + 2) return null;
    rest = rest.slice(size + 2);
  }
  if (rest.startsWith("\r\n")) return { body, trailers: [], rest: rest.slice(2) };
  const end = rest.indexOf("\r\n\r\n");
  checkLines(end < 0 ? rest.replace(/\r$/, "") : rest.slice(0, end));
  if (end < 0) return null;
  const trailers = rest.slice(0, end).split("\r\n").map(fieldLine);
  for (const [name] of trailers) {
    if (/^(content-length|transfer-encoding|host|connection|trailer|authorization)$/.test(name)) {
      throw new Fault(`trailer ${name}`);
    }
  }
  return { body, trailers, rest: rest.slice(end + 4) };
}

function valuesOf(fields: [string, string][], name: string): string[] {
  return fields.filter(([key]) => key === name).map(([, value]) => value);
}
