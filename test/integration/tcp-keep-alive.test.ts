/** Peers that vanish without a word: TCP asks for them, also when nothing else has a time limit. */
import { readFileSync } from "node:fs";
import { expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

/** Whether the kernel's timer for silent connections runs on this one (proc(5), `tr` of /proc/net/tcp). */
function hasKeepAliveTimer(localPort: number, remotePort: number): boolean {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFileSync(path, "latin1"));
  return tables
    .flatMap((table) => table.split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local, remote, state]) =>
        state === "01" && portOf(local) === localPort && portOf(remote) === remotePort,
    )
    .some((fields) => fields[5]!.startsWith("02:"));
}

function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(":")[1] ?? "", 16);
}

test("clients of the http and the https port are asked for when they are silent", async () => {
  // With PROXY headers the https port has a socket of its own kind.
  for (const args of [[], ["--proxy-protocol", "--trusted-proxies=10.0.0.1"]]) {
    await using proxy = await ProxyProcess.start({ args });
    for (const port of [proxy.httpPort, proxy.httpsPort]) {
      using client = await connectRaw(port);
      await waitFor(() => hasKeepAliveTimer(port, client.localPort), `the timer of port ${port}`);
    }
  }
});

test("targets are asked for when they are silent", async () => {
  using app = startScriptedApp();
  await using proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
  using client = await connectRaw(proxy.httpPort);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect((await readResponse(client)).status).toBe(200);
  const port = app.connections.at(-1)!.socket.remotePort;
  await waitFor(() => hasKeepAliveTimer(port, app.port), "the timer of the target's connection");
});
