/** What an app sends reaches the client as one canonical answer, a 502, or a visibly broken answer. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { nextHead } from "../support/next-head.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { readResponsesStrictly } from "../support/strict-parser.ts";
import { waitFor } from "../support/wait-for.ts";
import { responseFamilies, type ResponseAttack } from "./response-attacks.ts";

setDefaultTimeout(60_000);

const modes = { streamed: [], buffered: ["--buffer-requests", "--buffer-responses"] };
const scripts: ResponseAttack[] = Object.values(responseFamilies).flat();

let proxy: ProxyProcess;
let app: RawServer;

beforeAll(async () => {
  app = startRawServer(async (connection) => {
    for (;;) {
      const head = await nextHead(connection);
      if (head === null) return;
      answer(connection, head.split(" ")[1]!);
    }
  });
  proxy = await ProxyProcess.start();
  for (const [mode, flags] of Object.entries(modes)) {
    await proxy.deploy(mode, app.address, `--host=${mode}.test`, "--target-timeout=2s", ...flags);
  }
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

function answer(connection: RawConnection, target: string): void {
  const attack = scripts[Number(/^\/attack-(\d+)$/.exec(target)?.[1] ?? -1)];
  if (attack === undefined) {
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
    return;
  }
  connection.send(attack.bytes);
  if (attack.closes === true) connection.end();
}

for (const mode of Object.keys(modes)) {
  describe(`a ${mode} response`, () => {
    for (const [family, attacks] of Object.entries(responseFamilies)) {
      test(`is whole or visibly broken: ${family} (${attacks.length})`, async () => {
        const faults: string[] = [];
        for (const version of ["1.1", "1.0"]) {
          for (const attack of attacks) {
            const fault = await verdict(attack, mode, version);
            if (fault !== null) faults.push(`${attack.name}, HTTP/${version}: ${fault}`);
          }
        }
        expect(faults).toEqual([]);
      });
    }
  });
}

/** Null when all is well, else what went wrong. */
async function verdict(
  attack: ResponseAttack,
  mode: string,
  version: string,
): Promise<string | null> {
  const { method = "GET" } = attack;
  const index = scripts.indexOf(attack);
  using connection = await connectRaw(proxy.httpPort);
  connection.send(
    `${method} /attack-${index} HTTP/${version}\r\nHost: ${mode}.test\r\nConnection: close\r\n\r\n`,
  );
  await waitFor(() => connection.isClosed || connection.peerEnded, "the end", 20_000);
  const received = connection.unread;
  const fault = (text: string): string => `${text}: ${JSON.stringify(received.slice(0, 400))}`;

  // A reset is what shows an HTTP/1.0 client that an answer without length broke off.
  const ended = connection.endedInOrder;
  const reading = readResponsesStrictly(received, [method], ended);
  if (reading.fault !== null && !(reading.fault.startsWith("neither") && !ended)) {
    return fault(reading.fault);
  }
  if (received.includes("poisoned")) return fault("surplus bytes reached the client");
  const [final, ...more] = reading.messages.filter(({ startLine }) => !/ 1\d\d /.test(startLine));
  if (more.length > 0) return fault("several answers");
  if (attack.body !== undefined) {
    if (final === undefined) return fault("no whole answer");
    if (final.body !== attack.body) return fault("another body");
    if (/ 50\d /.test(final.startLine)) return fault("refused");
  } else if (final !== undefined && !/ 50[24] /.test(final.startLine)) {
    return fault("looks complete");
  }
  const innocent = await innocentAnswer(mode, `/innocent-${index}`);
  return innocent === `/innocent-${index}` ? null : `poisoned: ${innocent}`;
}

async function innocentAnswer(mode: string, target: string): Promise<string> {
  const answer = await rawRequest(
    proxy.httpPort,
    `GET ${target} HTTP/1.1\r\nHost: ${mode}.test\r\nConnection: close\r\n\r\n`,
  );
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}
