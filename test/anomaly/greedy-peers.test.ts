/** One client or one app that sends more work than a turn may take: the clients of other services hardly notice. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bunPath } from "../../scripts/project.ts";
import {
  type Attack,
  hugeHeads,
  pipelinedRequests,
  planOf,
  startAttack,
  tinyPieces,
} from "../hostile/attacks.ts";
import { probe } from "../hostile/prober.ts";
import { hosts } from "../hostile/subject.ts";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess } from "../support/proxy-process.ts";

setDefaultTimeout(60_000);

/** Without a budget others waited for 0.4 to 5 s; a busy machine alone makes it some ten milliseconds. */
const boundMs = 150;
const boundRatio = 40;
const seconds = 1.5;

let app: Bun.Subprocess<"ignore", "pipe", "inherit">;
let proxy: ProxyProcess;
let quietMs = 0;

beforeAll(async () => {
  app = Bun.spawn([bunPath, join(import.meta.dir, "../hostile/app.ts")], {
    stdout: "pipe",
    stdin: "ignore",
  });
  const { value } = await app.stdout.getReader().read();
  const address = `127.0.0.1:${new TextDecoder().decode(value).trim()}`;
  proxy = await ProxyProcess.start();
  const { certificate, privateKey } = createCertificate([hosts.tls]);
  writeFileSync(join(proxy.home, "site.crt"), certificate);
  writeFileSync(join(proxy.home, "site.key"), privateKey);
  await proxy.deploy("other", address, `--host=${hosts.other}`);
  await proxy.deploy("plain", address, `--host=${hosts.plain}`);
  await proxy.deploy(
    "tls",
    address,
    `--host=${hosts.tls}`,
    "--tls",
    `--tls-certificate-path=${join(proxy.home, "site.crt")}`,
    `--tls-private-key-path=${join(proxy.home, "site.key")}`,
  );
  quietMs = (await probe(proxy.httpPort, hosts.other, 0.5)).medianMs;
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app.kill();
});

const attacks = (all: Attack[], names: string[]): [string, Attack][] =>
  names.map((name) => [name, all.find((attack) => attack.name === name)!]);

describe("a client of another service is served", () => {
  test.each([
    ...attacks(pipelinedRequests(), [
      "unknown host, 2 MB/s, 1",
      "unknown host, 30 MB/s, 32",
      "OPTIONS *, 30 MB/s, 1",
      "stopped service over TLS, 8 MB/s, 1",
    ]),
    ...attacks(tinyPieces(), ["app answers in one-byte chunks", "one-byte chunks up, 26 MB/s, 1"]),
    ...attacks(hugeHeads(), ["User-Agent of 0xff", "path of %ff", "Connection of 140,000 names"]),
  ])("while others send: %s", async (_, attack) => {
    const plan = planOf(attack, { name: "ours", proxy, [Symbol.asyncDispose]: never }, seconds + 1);
    const attacker = startAttack(plan);
    try {
      // What was sent before the first answers has to pile up first.
      await probe(proxy.httpPort, hosts.other, 0.3);
      const { medianMs, failed } = await probe(proxy.httpPort, hosts.other, seconds);
      expect(failed).toBe(0);
      expect(medianMs).toBeLessThan(Math.max(boundMs, boundRatio * quietMs));
    } finally {
      attacker.kill();
      await attacker.exited;
    }
  });
});

/** The proxy is the test's own. */
async function never(): Promise<void> {}
