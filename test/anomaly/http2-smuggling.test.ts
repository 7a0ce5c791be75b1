/** HTTP/2 requests that would be others as HTTP/1.1 are refused, or reach the app as one canonical request. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import {
  dataFrame,
  frame,
  frameTypes,
  headerBlock,
  headersFrame,
  responseStatus,
} from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { type RecordingApp, startRecordingApp } from "../support/recording-app.ts";
import type { StrictMessage } from "../support/strict-parser.ts";
import { http2AttackFamilies, type Field, type Http2Attack } from "./http2-attacks.ts";

setDefaultTimeout(60_000);

const modes: Record<string, string[]> = {
  streamed: [],
  buffered: ["--buffer-requests", "--buffer-responses"],
};

let proxy: ProxyProcess;
let app: RecordingApp;

beforeAll(async () => {
  app = startRecordingApp();
  // What waits for more frames is ended soon.
  proxy = await ProxyProcess.start({
    env: { KAMAL_PROXY_HEADER_TIMEOUT: "500ms", KAMAL_PROXY_STALL_TIMEOUT: "500ms" },
  });
  const names = Object.keys(modes).map((mode) => `${mode}.test`);
  const certificate = saveCertificate(join(proxy.home, "app"), createCertificate(names));
  for (const [mode, flags] of Object.entries(modes)) {
    await proxy.deploy(mode, app.address, `--host=${mode}.test`, ...certificate, ...flags);
  }
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

let nextId = 0;
/** Request lines that may arrive, without a body, although their stream was refused in the end. */
const cutLines = new Set<string>();

/** True once for each of them. */
function isOfCutStream({ startLine, body }: StrictMessage): boolean {
  return body === "" && cutLines.delete(startLine);
}

for (const mode of Object.keys(modes)) {
  describe(`a request over HTTP/2, ${mode},`, () => {
    for (const [family, attacks] of Object.entries(http2AttackFamilies)) {
      test(`can't smuggle: ${family} (${attacks.length})`, async () => {
        const found = await Promise.all(attacks.map((attack) => verdict(attack, mode)));
        expect(found.filter((fault) => fault !== null)).toEqual([]);
        const innocent = await answerTo(mode);
        expect(innocent.body).toStartWith(`GET ${innocent.target} 0 `);
        expect(app.faults.splice(0)).toEqual([]);
        // Nothing has arrived but what was looked at.
        const others = app.requests.splice(0).filter((request) => !isOfCutStream(request));
        expect(others.map(({ startLine }) => startLine)).toEqual([
          `GET ${innocent.target} HTTP/1.1`,
        ]);
      });
    }

    test("is refused when its head is split by a frame of another stream", async () => {
      const block = headerBlock(fieldsOf(mode, "/split"));
      using client = await Http2Connection.open(proxy.httpsPort, [], `${mode}.test`);
      client.send(
        frame(frameTypes.headers, 1, 1, block.subarray(0, 10)),
        headersFrame(3, fieldsOf(mode, "/smuggled")),
        frame(9, 4, 1, block.subarray(10)),
      );
      await client.ended(1);
      await answerTo(mode);
      expect(
        app.requests.splice(0).filter(({ startLine }) => /split|smug/.test(startLine)),
      ).toEqual([]);
    });

    test("is one request, whatever follows its end on the same stream", async () => {
      using client = await Http2Connection.open(proxy.httpsPort, [], `${mode}.test`);
      client.send(
        headersFrame(1, fieldsOf(mode, "/once")),
        headersFrame(1, fieldsOf(mode, "/smuggled")),
        dataFrame(1, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", true),
      );
      await client.ended(1);
      await answerTo(mode);
      const seen = app.requests.splice(0).map(({ startLine }) => startLine);
      expect(seen.filter((line) => line.includes("smuggled"))).toEqual([]);
      expect(seen.filter((line) => line.includes("once")).length).toBeLessThanOrEqual(1);
      expect(app.faults.splice(0)).toEqual([]);
    });

    test("is refused when it repeats a stream or uses one of the server's", async () => {
      for (const stream of [1, 2]) {
        using client = await Http2Connection.open(proxy.httpsPort, [], `${mode}.test`);
        client.send(headersFrame(1, fieldsOf(mode, "/first")));
        expect(await client.ended(1)).toBe("ended");
        client.send(headersFrame(stream, fieldsOf(mode, "/smuggled")));
        // The one after it on the same connection may or may not be served.
        client.send(headersFrame(5, fieldsOf(mode, "/after")));
        await client.ended(5);
      }
      await answerTo(mode);
      const seen = app.requests.splice(0).map(({ startLine }) => startLine);
      expect(seen.filter((line) => line.includes("smuggled"))).toEqual([]);
    });
  });
}

/** Null when all is well, else what went wrong. */
async function verdict(attack: Http2Attack, mode: string): Promise<string | null> {
  const host = `${mode}.test`;
  const id = `attack-${++nextId}-`;
  const fill = (text: string): string =>
    text.replaceAll("{host}", host).replaceAll("{HOST}", host.toUpperCase()).replaceAll("{id}", id);
  const filled = (fields: Field[]): Field[] =>
    fields.map(([name, value]) => [fill(name), fill(value)]);
  const fault = (text: string): string => `${attack.name}: ${text}`;

  using client = await Http2Connection.open(proxy.httpsPort, [], host);
  const { data, trailers, ends = true } = attack;
  client.send(headersFrame(1, filled(attack.fields), data === null));
  if (data !== null) client.send(dataFrame(1, fill(data), trailers === undefined));
  if (trailers !== undefined) client.send(headersFrame(1, filled(trailers), ends));
  const outcome = await client.ended(1);
  const status = responseStatus(client.frames, 1);
  const refused = outcome !== "ended" || status === null || status >= 400;

  const wanted = attack.forwarded;
  const expected = `${wanted?.method ?? "GET"} ${fill(wanted?.target ?? "/{id}")} HTTP/1.1`;
  if (attack.isCut) {
    cutLines.add(expected);
    return refused ? null : fault(`not refused: ${status}`);
  }
  const arrived = app.requests.filter(({ startLine }) => startLine.includes(id));
  for (const request of arrived) app.requests.splice(app.requests.indexOf(request), 1);
  if (wanted === undefined) {
    if (!refused) return fault(`not refused: ${outcome} ${status}`);
    return arrived.length === 0 ? null : fault("refused, but it reached the app");
  }
  if (refused) return fault(`refused: ${outcome} ${status}`);
  if (arrived.length !== 1) return fault(`reached the app ${arrived.length} times`);
  const { startLine, fields, body } = arrived[0]!;
  if (startLine !== expected) return fault(`${startLine} instead of ${expected}`);
  if (body !== fill(wanted.body ?? "")) return fault(`body ${JSON.stringify(body)}`);
  const required: Field[] = [["host", wanted.host ?? "{host}"], ...(wanted.fields ?? [])];
  for (const [name, value] of filled(required)) {
    const values = fields.filter(([key]) => key === name).map((field) => field[1]);
    if (values.length !== 1 || values[0] !== value) {
      return fault(`${name} ${JSON.stringify(values)} instead of ${JSON.stringify(value)}`);
    }
  }
  for (const [name] of fields) {
    if (/^(upgrade|http2-settings|keep-alive|proxy-connection|x.*_.*)$/.test(name)) {
      return fault(`${name} reached the app`);
    }
  }
  return null;
}

/** An ordinary request of somebody else. */
async function answerTo(mode: string): Promise<{ target: string; body: string }> {
  const target = `/innocent-${++nextId}`;
  using client = await Http2Connection.open(proxy.httpsPort, [], `${mode}.test`);
  client.send(headersFrame(1, fieldsOf(mode, target)));
  expect(await client.ended(1)).toBe("ended");
  return { target, body: client.body(1).toString("latin1") };
}

function fieldsOf(mode: string, path: string): Field[] {
  return [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", `${mode}.test`],
    [":path", path],
  ];
}
