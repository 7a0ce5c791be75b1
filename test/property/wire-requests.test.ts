/** Whatever bytes a client sends, and however they are split, the app sees canonical requests and each once. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { receiptFor, type RecordingApp, startRecordingApp } from "../support/recording-app.ts";
import { readRequestsStrictly, readResponsesStrictly } from "../support/strict-parser.ts";
import { waitFor } from "../support/wait-for.ts";
import { mutated, pieces, wireSeeds } from "./wire-mutations.ts";

setDefaultTimeout(60_000);

/** What is well formed needs no timeout to come to its end, however slow the machine is. */
let patient: ProxyProcess;
let hasty: ProxyProcess;
let app: RecordingApp;

beforeAll(async () => {
  app = startRecordingApp();
  patient = await ProxyProcess.start();
  hasty = await ProxyProcess.start({
    env: {
      KAMAL_PROXY_HEADER_TIMEOUT: "200ms",
      KAMAL_PROXY_IDLE_TIMEOUT: "200ms",
      KAMAL_PROXY_STALL_TIMEOUT: "200ms",
    },
  });
  for (const proxy of [patient, hasty]) {
    await proxy.deploy("streamed", app.address, "--host=streamed.test");
    await proxy.deploy("buffered", app.address, "--buffer-requests", "--buffer-responses");
  }
});

afterAll(async () => {
  await patient[Symbol.asyncDispose]();
  await hasty[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: streamed.test\r\n\r\n";
const bodyText = fc.oneof(
  fc.constantFrom("", "x", smuggled, `0\r\n\r\n${smuggled}`, `hello${smuggled}`),
  fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  }),
);
const host = fc.constantFrom("streamed.test", "buffered.test:80");
const target = fc.constantFrom("/", "/a/../b?c=d", "//x", "/%2F%00", "/?", "/a?%zz#".slice(0, 6));
const field = fc.constantFrom(
  "Accept: */*",
  "X-A:b",
  "X-B: \t c \t",
  "X-Empty:",
  "Cookie: a=b; c=d",
  "Connection: keep-alive, X-A",
  "TE: trailers",
  "X-Bytes: \xe9\xff",
);

const request = fc
  .record({
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "FOO"),
    target,
    host,
    fields: fc.array(field, { maxLength: 4 }),
    body: bodyText,
    chunkBytes: fc.integer({ min: 0, max: 20 }),
  })
  .map(({ method, target, host, fields, body, chunkBytes }) => {
    const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields];
    let framed = body;
    if (chunkBytes > 0) {
      lines.push("Transfer-Encoding: chunked");
      const chunks = body.match(new RegExp(`[^]{1,${chunkBytes}}`, "g")) ?? [];
      framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
      framed += "0\r\n\r\n";
    } else if (body !== "") {
      lines.push(`Content-Length: ${body.length}`);
    }
    return `${lines.join("\r\n")}\r\n\r\n${framed}`;
  });

const last = "GET /last HTTP/1.1\r\nHost: streamed.test\r\nConnection: close\r\n\r\n";
const conversation = fc.array(request, { minLength: 1, maxLength: 4 }).map((all) => all.join(""));

describe("bytes of a client", () => {
  for (const seed of wireSeeds()) {
    test(`that are well formed reach the app as they are, split anywhere (seed ${seed})`, async () => {
      await check(
        seed,
        5,
        fc.tuple(conversation, fc.infiniteStream(fc.nat())),
        async ([text, cuts]) => {
          const answers = await converse(patient, pieces(text + last, cuts));
          const sent = readRequestsStrictly(text + last);
          expect(sent.fault).toBeNull();
          expect(answers.map(({ body }) => body)).toEqual(sent.messages.map(receiptFor));
        },
      );
    });

    test(`that are damaged never become another request (seed ${seed})`, async () => {
      const damaged = fc.tuple(mutated(conversation), fc.infiniteStream(fc.nat()));
      await check(seed, 6, damaged, async ([text, cuts]) => {
        const answers = await converse(hasty, pieces(text, cuts));
        const accepted = answers.filter(({ startLine }) => startLine.includes(" 200 "));
        // Other notations of the same length are no damage.
        const sent = readRequestsStrictly(
          text.replaceAll(/(content-length:[ \t]*)0+(?=\d)/gi, "$1"),
        );
        for (const [index, { body }] of accepted.entries()) {
          const message = sent.messages[index];
          if (message === undefined) expect(body).not.toContain("/smuggled");
          else expect(body).toEqual(receiptFor(message));
        }
      });
    });
  }
});

/** Runs many cases at once, because what is incomplete has to wait for a timeout. */
async function check<T>(
  seed: number,
  runs: number,
  arbitrary: fc.Arbitrary<T>,
  run: (value: T) => Promise<void>,
): Promise<void> {
  const batch = fc.array(arbitrary, { minLength: 40, maxLength: 60 });
  const before = app.requests.length;
  const property = fc.asyncProperty(batch, async (values) => {
    await Promise.all(values.map(run));
    expect(app.faults.splice(0)).toEqual([]);
  });
  accepted = 0;
  await fc.assert(property, { seed, numRuns: runs, endOnFailure: true, verbose: 0 });
  expect(app.requests.length - before).toBe(accepted);
}

/** Answers of the app in the present test. */
let accepted = 0;

/** Sends the pieces and reads canonical answers until the proxy closes. */
async function converse(
  proxy: ProxyProcess,
  parts: string[],
): Promise<{ startLine: string; body: string }[]> {
  using connection = await connectRaw(proxy.httpPort);
  for (const part of parts) {
    connection.send(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor(() => connection.peerEnded, "the end of the conversation", 25_000);
  const received = connection.unread;
  const reading = readResponsesStrictly(received, Array<string>(2_000).fill("GET"), true);
  const context = JSON.stringify({ sent: parts, received, fault: reading.fault });
  if (reading.fault !== null || reading.rest !== "") throw new Error(`broken answer: ${context}`);
  const answers = reading.messages.filter(({ startLine }) => !/ 1\d\d /.test(startLine));
  accepted += answers.filter(({ startLine }) => startLine.includes(" 200 ")).length;
  return answers;
}
