/** Whatever bytes an app answers, and however they are split, clients see canonical answers, whole or visibly broken. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { nextHead } from "../support/next-head.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { readResponsesStrictly, type StrictReading } from "../support/strict-parser.ts";
import { waitFor } from "../support/wait-for.ts";
import { mutated, pieces, wireSeeds } from "./wire-mutations.ts";

setDefaultTimeout(60_000);

/** What the app sends for `/case-<index>`, piece by piece; then it closes. */
const cases: string[][] = [];
let proxy: ProxyProcess;
let app: RawServer;

beforeAll(async () => {
  app = startRawServer(async (connection) => {
    for (;;) {
      const head = await nextHead(connection);
      if (head === null) return;
      await answer(connection, head);
    }
  });
  proxy = await ProxyProcess.start();
  await proxy.deploy("streamed", app.address, "--host=streamed.test", "--target-timeout=5s");
  await proxy.deploy("buffered", app.address, "--target-timeout=5s", "--buffer-responses");
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

async function answer(connection: RawConnection, head: string): Promise<void> {
  const target = head.split(" ")[1]!;
  const parts = cases[Number(/^\/case-(\d+)$/.exec(target)?.[1] ?? -1)];
  if (parts === undefined) {
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
    return;
  }
  for (const part of parts) {
    connection.send(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  connection.end();
}

const body = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const response = fc
  .record({
    status: fc.constantFrom("200 OK", "404 Not Found", "200 ", "799 \xe9"),
    fields: fc.array(fc.constantFrom("Set-Cookie: a=b", "X-A: \t b", "X:", "Connection: close"), {
      maxLength: 3,
    }),
    body,
    coding: fc.constantFrom("length", "chunked", "until-close"),
    interim: fc.constantFrom("", "", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"),
  })
  .map(({ status, fields, body, coding, interim }) => {
    const lines = [`HTTP/1.1 ${status}`, ...fields];
    let framed = body;
    if (coding === "length") lines.push(`Content-Length: ${body.length}`);
    if (coding === "chunked") {
      lines.push("Transfer-Encoding: chunked");
      const chunks = body.match(/[^]{1,7}/g) ?? [];
      framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
      framed += "0\r\n\r\n";
    }
    return `${interim}${lines.join("\r\n")}\r\n\r\n${framed}`;
  });

describe("bytes of an app", () => {
  for (const seed of wireSeeds()) {
    test(`that are well formed reach the client, split anywhere (seed ${seed})`, async () => {
      await check(seed, response, (sent, got, context) => {
        if (finalOf(got)?.body !== finalOf(sent)?.body) throw new Error(`another body: ${context}`);
      });
    });

    test(`that are damaged are refused or visibly broken (seed ${seed})`, async () => {
      await check(seed, mutated(response), (sent, got, context) => {
        const final = finalOf(got);
        if (final === undefined || / 50[24] /.test(final.startLine)) return;
        // What is a fault to the strict reader may still have one meaning, as extensions of chunks.
        if (sent.fault !== null) return;
        if (finalOf(sent) === undefined) throw new Error(`looks whole: ${context}`);
        if (final.body !== finalOf(sent)!.body) throw new Error(`another body: ${context}`);
      });
    });
  }
});

function finalOf(reading: StrictReading) {
  return reading.messages.find(({ startLine }) => !/^HTTP\/1\.1 1\d\d /.test(startLine));
}

async function check(
  seed: number,
  answers: fc.Arbitrary<string>,
  judge: (sent: StrictReading, got: StrictReading, context: string) => void,
): Promise<void> {
  const one = fc.tuple(
    answers,
    fc.infiniteStream(fc.nat()),
    fc.constantFrom("streamed", "buffered"),
  );
  const batch = fc.array(one, { minLength: 20, maxLength: 30 });
  const property = fc.asyncProperty(batch, async (values) => {
    await Promise.all(
      values.map(async ([text, cuts, mode]) => {
        const parts = pieces(text, cuts);
        const index = cases.push(parts) - 1;
        const { received, ended } = await request(`/case-${index}`, mode);
        const got = readResponsesStrictly(received, ["GET"], ended);
        const sent = readResponsesStrictly(text, ["GET"], true);
        const context = JSON.stringify({ parts, mode, received, ended });
        // An answer without length that was reset is visibly broken.
        if (got.fault !== null && ended) throw new Error(`${got.fault}: ${context}`);
        judge(sent, got, context);
      }),
    );
    const { received } = await request(`/innocent-${cases.length}`, "streamed");
    expect(received).toEndWith(`\r\n\r\n/innocent-${cases.length}`);
  });
  await fc.assert(property, { seed, numRuns: 15, endOnFailure: true });
}

async function request(
  target: string,
  mode: string,
): Promise<{ received: string; ended: boolean }> {
  using connection = await connectRaw(proxy.httpPort);
  connection.send(`GET ${target} HTTP/1.1\r\nHost: ${mode}.test\r\nConnection: close\r\n\r\n`);
  await waitFor(() => connection.peerEnded, `the end of ${target}`, 25_000);
  return { received: connection.unread, ended: connection.endedInOrder };
}
