/** Requests that can be read in two ways are refused, or reach the app as one canonical request. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { type RecordingApp, startRecordingApp } from "../support/recording-app.ts";
import { readResponsesStrictly } from "../support/strict-parser.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { attackFamilies, type Attack } from "./smuggling-attacks.ts";

setDefaultTimeout(60_000);

const certificate = createCertificate(["encrypted.test"]);
const files = tempFolder();
const modes = {
  streamed: [],
  buffered: ["--buffer-requests", "--buffer-responses"],
  encrypted: [
    "--tls",
    `--tls-certificate-path=${files.file("certificate.pem")}`,
    `--tls-private-key-path=${files.file("key.pem")}`,
  ],
};

let proxy: ProxyProcess;
let app: RecordingApp;

beforeAll(async () => {
  writeFileSync(files.file("certificate.pem"), certificate.certificate);
  writeFileSync(files.file("key.pem"), certificate.privateKey);
  app = startRecordingApp();
  // What waits for more bytes is ended soon.
  proxy = await ProxyProcess.start({
    env: { KAMAL_PROXY_HEADER_TIMEOUT: "500ms", KAMAL_PROXY_STALL_TIMEOUT: "500ms" },
  });
  for (const [mode, flags] of Object.entries(modes)) {
    await proxy.deploy(mode, app.address, `--host=${mode}.test`, ...flags);
  }
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
  files[Symbol.dispose]();
});

let nextId = 0;

for (const mode of Object.keys(modes)) {
  describe(`a request, ${mode},`, () => {
    for (const [family, attacks] of Object.entries(attackFamilies)) {
      test(`can't smuggle: ${family} (${attacks.length})`, async () => {
        const found = await Promise.all(attacks.map((attack) => verdict(attack, mode)));
        expect(found.filter((fault) => fault !== null)).toEqual([]);
        expect(await innocent(mode)).toStartWith(`GET /innocent-${nextId} 0 `);
        expect(app.faults.splice(0)).toEqual([]);
        expect(app.requests.filter(({ startLine }) => startLine.includes("smuggled"))).toEqual([]);
      });
    }
  });
}

/** Null when all is well, else what went wrong. */
async function verdict(attack: Attack, mode: string): Promise<string | null> {
  const host = `${mode}.test`;
  const id = `attack-${++nextId}`;
  const fill = (text: string): string =>
    text.replaceAll("{host}", host).replaceAll("{HOST}", host.toUpperCase()).replaceAll("{id}", id);
  let received = await exchange(mode, fill(attack.bytes));
  // On a starved machine the time for a head may be over before it was sent.
  for (let tries = 1; attack.body !== undefined && received === "" && tries < 5; tries++) {
    received = await exchange(mode, fill(attack.bytes));
  }
  const fault = (text: string): string => `${attack.name}: ${text}`;
  const reading = readResponsesStrictly(received, [attack.bytes.split(" ")[0]!], true);
  if (reading.fault !== null) return fault(`${reading.fault} in ${JSON.stringify(received)}`);

  const answers = reading.messages.filter(
    (message) => !/^HTTP\/1.1 1\d\d /.test(message.startLine),
  );
  const arrived = app.requests.filter(({ startLine }) => startLine.includes(id));
  const refused = answers.length === 0 || / [45]\d\d /.test(answers[0]!.startLine);
  if (answers.length > 1) return fault(`${answers.length} answers: ${received}`);
  if (refused) {
    if (attack.body !== undefined) return fault(`refused: ${received.slice(0, 100)}`);
    return arrived.length === 0 ? null : fault("refused, but it reached the app");
  }
  if (attack.body === undefined) return fault(`not refused: ${received.slice(0, 200)}`);
  if (arrived.length !== 1) return fault(`reached the app ${arrived.length} times`);
  const target = arrived[0]!.startLine.split(" ")[1];
  const wanted = fill(attack.target ?? "/{id}");
  if (target !== wanted) return fault(`target ${target} instead of ${wanted}`);
  if (arrived[0]!.body !== attack.body) return fault(`body ${JSON.stringify(arrived[0]!.body)}`);
  for (const [name] of [...arrived[0]!.fields, ...arrived[0]!.trailers]) {
    if (/^(upgrade|http2-settings|keep-alive|proxy-connection|x.*_.*)$/.test(name)) {
      return fault(`${name} reached the app`);
    }
  }
  return null;
}

/** Everything that comes back until the proxy closes the connection, as it always does here. */
async function exchange(mode: string, bytes: string): Promise<string> {
  using connection = await connect(mode);
  connection.send(bytes);
  await waitFor(
    () => connection.peerEnded,
    `the answer to ${JSON.stringify(bytes.slice(0, 200))}`,
    20_000,
  );
  return connection.unread;
}

/** Body of the answer to an ordinary request of somebody else. */
async function innocent(mode: string): Promise<string> {
  const target = `/innocent-${nextId}`;
  using connection = await connect(mode);
  connection.send(`GET ${target} HTTP/1.1\r\nHost: ${mode}.test\r\nConnection: close\r\n\r\n`);
  const answer = (await connection.receiveAll()).toString();
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

/** The time for a head holds for the handshake, too. */
function connect(mode: string): Promise<RawConnection> {
  if (mode !== "encrypted") return connectRaw(proxy.httpPort);
  const tls = { rejectUnauthorized: false, serverName: `${mode}.test` };
  return waitFor(() => connectRaw(proxy.httpsPort, { tls }), "a handshake");
}
