/** A log reader that does not read: docker's or systemd's daemon that hangs. Nobody else may notice. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, constants, openSync } from "node:fs";
import { readMetrics } from "../support/proxy-metrics.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor, within } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

/** Together more than the proxy keeps. */
const requests = 4_000;
const userAgentBytes = 6_000;

test.skipIf(Bun.which("mkfifo") === null)(
  "a log that nobody reads loses lines, tells how many, and holds nobody up",
  async () => {
    using folder = tempFolder();
    const path = folder.file("log");
    Bun.spawnSync(["mkfifo", path]);
    const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      await using proxy = await ProxyProcess.start({
        launcher: ["sh", "-c", 'log=$1; shift; exec "$@" >"$log"', "sh", path],
      });
      using client = await connectRaw(proxy.httpPort);
      const userAgent = "x".repeat(userAgentBytes);
      const request = `GET /missing HTTP/1.1\r\nHost: app\r\nUser-Agent: ${userAgent}\r\n\r\n`;
      for (let i = 0; i < requests; i++) {
        client.send(request);
        expect((await readResponse(client)).status).toBe(404);
      }
      expect((await proxy.runHere("list")).code).toBe(0);
      const [, value] = /^kamal_proxy_log_lines_dropped_total (\d+)$/m.exec(
        await readMetrics(proxy),
      )!;
      const dropped = Number(value);
      expect(dropped).toBeGreaterThan(requests / 10);

      let log = "";
      const ended = (async () => {
        const decoder = new TextDecoder();
        for await (const chunk of Bun.file(path).stream()) log += decoder.decode(chunk);
      })();
      await waitFor(() => log.includes("Log lines dropped"), "the line that tells of the others");
      client.send(request);
      expect((await readResponse(client)).status).toBe(404);
      await proxy.stop();
      await within(ended, "the log to end");

      const lines = log
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      const told = lines.filter(({ msg }) => msg.startsWith("Log lines dropped"));
      expect(told).toEqual([expect.objectContaining({ level: "WARN", lines: dropped })]);
      expect(lines.filter((line) => line.path === "/missing")).toHaveLength(requests + 1 - dropped);
    } finally {
      closeSync(reading);
    }
  },
);
