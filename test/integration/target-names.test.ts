/** Names of targets whose address changes, in a file of hosts that only the proxy sees. */
import { writeFileSync } from "node:fs";
import { expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";

function appAt(hostname: string, port: number): Bun.Server<undefined> {
  return Bun.serve({
    hostname,
    port,
    // Kept connections would go on to the old address.
    fetch: () => new Response(hostname, { headers: { Connection: "close" } }),
  });
}

/** Runs a command with `file` in place of /etc/hosts. */
function withHosts(file: string): string[] {
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, file];
}

function succeeds(...command: string[]): boolean {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
  } catch {
    return false;
  }
}

const mayMount = succeeds(...withHosts("/etc/hosts"), "true");

test.skipIf(!mayMount)("a target's name is looked up anew for each connection", async () => {
  using folder = tempFolder();
  const hosts = folder.file("hosts");
  writeFileSync(hosts, "127.0.0.2 app\n");
  await using first = appAt("127.0.0.2", 0);
  await using _ = appAt("127.0.0.3", first.port!);
  await using proxy = await ProxyProcess.start({ launcher: withHosts(hosts) });
  await proxy.deploy("web", `app:${first.port}`);
  const answer = async (): Promise<string> => (await fetch(proxy.url)).text();
  expect(await answer()).toBe("127.0.0.2");
  writeFileSync(hosts, "127.0.0.3 app\n");
  await waitFor(async () => (await answer()) === "127.0.0.3", "the new address", 5_000);
});
