/** Reads messages off a raw connection by their framing, without judging them. */
import type { RawConnection } from "./raw-connection.ts";

export interface RawMessage {
  /** The head as it came, with its empty line. */
  head: string;
  startLine: string;
  /** Name in lower case and value of each field line, in order. */
  fields: [name: string, value: string][];
  body: Buffer;
  /** Trailer lines of a chunked body. */
  trailers: [name: string, value: string][];
}

export interface RawResponse extends RawMessage {
  status: number;
  reason: string;
}

/** `requestMethod` tells whether a body can follow; 1xx responses are returned like any other. */
export async function readResponse(
  connection: RawConnection,
  requestMethod = "GET",
): Promise<RawResponse> {
  const head = await readHead(connection);
  const [, status = "0", reason = ""] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(head.startLine) ?? [];
  const code = Number(status);
  const bodiless = requestMethod === "HEAD" || code < 200 || code === 204 || code === 304;
  const framed = bodiless ? noBody : await readBody(connection, head.fields, true);
  return { ...head, ...framed, status: code, reason };
}

/** A request as an app server sees it. */
export async function readRequest(connection: RawConnection): Promise<RawMessage> {
  const head = await readHead(connection);
  return { ...head, ...(await readBody(connection, head.fields, false)) };
}

/** All values of a field, in order. */
export function valuesOf(message: RawMessage, name: string): string[] {
  return message.fields.filter(([key]) => key === name.toLowerCase()).map(([, value]) => value);
}

const noBody: Pick<RawMessage, "body" | "trailers"> = { body: Buffer.alloc(0), trailers: [] };

async function readHead(
  connection: RawConnection,
): Promise<Pick<RawMessage, "head" | "startLine" | "fields">> {
  const text = await connection.receive("\r\n\r\n");
  const [startLine = "", ...lines] = text.slice(0, -4).split("\r\n");
  return { head: text, startLine, fields: lines.map(splitField) };
}

async function readBody(
  connection: RawConnection,
  fields: [string, string][],
  untilClose: boolean,
): Promise<Pick<RawMessage, "body" | "trailers">> {
  const value = (name: string): string | undefined => fields.find(([key]) => key === name)?.[1];
  if (value("transfer-encoding")?.toLowerCase().includes("chunked")) return readChunked(connection);
  const length = value("content-length");
  if (length !== undefined) {
    return { body: await connection.receiveBytes(Number(length)), trailers: [] };
  }
  return untilClose ? { body: await connection.receiveAll(), trailers: [] } : noBody;
}

async function readChunked(
  connection: RawConnection,
): Promise<Pick<RawMessage, "body" | "trailers">> {
  const chunks: Buffer[] = [];
  for (;;) {
    const size = Number.parseInt(await connection.receive("\r\n"), 16);
    if (size === 0) break;
    chunks.push(await connection.receiveBytes(size));
    await connection.receive("\r\n");
  }
  const trailers: [string, string][] = [];
  for (;;) {
    const line = (await connection.receive("\r\n")).slice(0, -2);
    if (line === "") return { body: Buffer.concat(chunks), trailers };
    trailers.push(splitField(line));
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
