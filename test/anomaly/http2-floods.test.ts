/** HTTP/2 clients that attack: others are served meanwhile, and memory stays bounded. */
import { afterAll, beforeAll, expect, test } from "bun:test";
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
  resetFrame,
  settingsFrame,
} from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  const certificate = saveCertificate(join(proxy.home, "app"), createCertificate(["app.test"]));
  await proxy.deploy("web", app.address, "--host=app.test", ...certificate);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

type Field = [name: string, value: string];
const get: Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "app.test"],
  [":path", "/x"],
];
const post: Field[] = [[":method", "POST"], ...get.slice(1)];
const continuation = 9;
const enhanceYourCalm = 11;

/** What one attacker sends again and again, by round. */
type Attack = (round: number) => Buffer[];

/** `ends`: with GOAWAY ENHANCE_YOUR_CALM, long before all of it was read. */
const attacks: Record<string, { opening?: Buffer[]; round: Attack; ends?: true }> = {
  "rapid reset": {
    ends: true,
    round: (round) =>
      range(100).flatMap((i) => {
        const stream = 2 * (100 * round + i) + 1;
        return [headersFrame(stream, get), resetFrame(stream)];
      }),
  },
  // CVE-2025-8671: the server is made to reset what it has begun.
  "resets by mistakes": {
    ends: true,
    round: (round) =>
      range(100).flatMap((i) => {
        const stream = 2 * (100 * round + i) + 1;
        return [
          headersFrame(stream, post, false),
          frame(frameTypes.windowUpdate, 0, stream, Buffer.alloc(4)),
        ];
      }),
  },
  "CONTINUATION without end": {
    ends: true,
    opening: [frame(frameTypes.headers, 1, 1, headerBlock(get))],
    round: (round) =>
      range(4).map((i) =>
        frame(continuation, 0, 1, headerBlock([[`x-${4 * round + i}`, "v".repeat(16_000)]])),
      ),
  },
  "empty CONTINUATION": {
    ends: true,
    opening: [frame(frameTypes.headers, 1, 1, headerBlock(get))],
    round: () => range(500).map(() => frame(continuation, 0, 1, Buffer.alloc(0))),
  },
  "trailers without end": {
    ends: true,
    opening: [headersFrame(1, post, false), frame(frameTypes.headers, 1, 1, headerBlock([]))],
    round: (round) =>
      range(4).map((i) =>
        frame(continuation, 0, 1, headerBlock([[`x-${4 * round + i}`, "v".repeat(16_000)]])),
      ),
  },
  PING: {
    ends: true,
    round: () => range(500).map(() => frame(frameTypes.ping, 0, 0, Buffer.alloc(8))),
  },
  SETTINGS: {
    ends: true,
    round: (round) => range(500).map((i) => settingsFrame([[4, 65_535 + round + i]])),
  },
  "empty DATA": {
    ends: true,
    opening: [headersFrame(1, post, false)],
    round: () => range(500).map(() => dataFrame(1, "", false)),
  },
  "window updates": {
    ends: true,
    round: () =>
      range(500).map(() => frame(frameTypes.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))),
  },
  PRIORITY: {
    ends: true,
    round: (round) =>
      range(500).map((i) => frame(2, 0, 2 * (500 * round + i) + 1, Buffer.from([0, 0, 0, 0, 1]))),
  },
  "frames of unknown types": {
    ends: true,
    round: () => range(500).map(() => frame(0xbe, 0, 0, Buffer.alloc(3))),
  },
  "streams that are never ended": {
    ends: true,
    round: (round) => range(100).map((i) => headersFrame(2 * (100 * round + i) + 1, post, false)),
  },
  "one field referred to a thousand times": { ends: true, ...references(4_000) },
  "one field referred to as often as fields are allowed": references(180),
};

/** The second head puts a field of 4,000 bytes into the table; the others name it by its index. */
function references(count: number): { opening: Buffer[]; round: Attack } {
  const head = (stream: number, more: Buffer): Buffer =>
    frame(frameTypes.headers, 5, stream, Buffer.concat([headerBlock(get), more]));
  const indexed = Buffer.concat([Buffer.from([0x40]), literalPair("x", "v".repeat(4_000))]);
  return {
    opening: [headersFrame(1, get), head(3, indexed)],
    round: (round) =>
      range(10).map((i) => head(2 * (10 * round + i) + 5, Buffer.alloc(count, 0x80 | 62))),
  };
}

test.each(Object.keys(attacks))("a flood: %s", async (name) => {
  const { opening = [], round, ends } = attacks[name]!;
  const before = await proxy.residentBytes();
  using attacker = await Http2Connection.open(proxy.httpsPort);
  attacker.send(...opening);
  using other = await Http2Connection.open(proxy.httpsPort);
  let stream = 1;
  const isServed = async (): Promise<void> => {
    other.send(headersFrame(stream, get));
    expect(await other.ended(stream)).toBe("ended");
    stream += 2;
  };
  for (let i = 0; i < 100 && !attacker.raw.peerEnded; i++) {
    attacker.send(...round(i));
    // A turn of the loop, so that what is refused is noticed.
    await new Promise((resolve) => setImmediate(resolve));
    if (i % 10 === 0) await isServed();
  }
  await isServed();
  using late = await Http2Connection.open(proxy.httpsPort);
  late.send(headersFrame(1, get));
  expect(await late.ended(1)).toBe("ended");
  expect((await proxy.residentBytes()) - before).toBeLessThan(120 << 20);
  if (ends) {
    await waitFor(() => attacker.raw.peerEnded, "the end of the attacker's connection");
    const goAway = attacker.frames.findLast(({ type }) => type === frameTypes.goAway);
    expect(goAway?.payload.readUInt32BE(4)).toBe(enhanceYourCalm);
  }
  attacker.raw.reset();
  const inFlight = async (): Promise<number> => {
    const { stdout } = await proxy.runHere("list", "--json");
    const { web } = JSON.parse(stdout) as Record<
      string,
      { target_details: { in_flight: number }[] }
    >;
    return web!.target_details[0]!.in_flight;
  };
  await waitFor(async () => (await inFlight()) === 0, "the attacker's requests to end");
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Name and value as they follow the first byte of a literal field. */
function literalPair(name: string, value: string): Buffer {
  return headerBlock([[name, value]]).subarray(1);
}
