/** Names of targets whose address changes, in a file of hosts that only the proxy sees. */
import { writeFileSync } from "node:fs";
import { expect, test } from "bun:test";
import { mayMount, mountedOver } from "../support/private-mount.ts";
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

test.skipIf(!mayMount("/etc/hosts"))(
  "a target's name is looked up anew for each connection",
  async () => {
    using folder = tempFolder();
    const hosts = folder.file("hosts");
    writeFileSync(hosts, "127.0.0.2 app\n");
    await using first = appAt("127.0.0.2", 0);
    await using _ = appAt("127.0.0.3", first.port!);
    await using proxy = await ProxyProcess.start({ launcher: mountedOver("/etc/hosts", hosts) });
    await proxy.deploy("web", `app:${first.port}`);
    const answer = async (): Promise<string> => (await fetch(proxy.url)).text();
    expect(await answer()).toBe("127.0.0.2");
    writeFileSync(hosts, "127.0.0.3 app\n");
    await waitFor(async () => (await answer()) === "127.0.0.3", "the new address", 5_000);
  },
);
