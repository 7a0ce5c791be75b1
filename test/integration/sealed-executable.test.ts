/** The executable is kamal-proxy and nothing else, whatever is set for other programs on Bun and Node.js. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { proxyCommand } from "../support/proxy-process.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const isCompiled = !process.env["KAMAL_PROXY_TEST_SOURCE"];

describe.skipIf(!isCompiled)("the executable", () => {
  test("runs no foreign code and is nothing else", async () => {
    using folder = tempFolder();
    const foreign = folder.file("foreign.js");
    writeFileSync(foreign, 'console.log("FOREIGN"); process.exit(3);');
    writeFileSync(folder.file("bunfig.toml"), 'preload = ["./foreign.js"]');
    writeFileSync(folder.file(".env"), "KAMAL_PROXY_SOCKET=/from/the/folder");
    for (const env of [
      {},
      { BUN_BE_BUN: "1" },
      { BUN_OPTIONS: `--preload ${foreign}` },
      { BUN_OPTIONS: "--version" },
      { NODE_OPTIONS: `--require ${foreign}` },
      { BUN_INSPECT_PRELOAD: foreign },
    ]) {
      const child = Bun.spawn([...proxyCommand(), "list"], {
        cwd: folder.path,
        env: { TMPDIR: folder.path, ...env },
        stdout: "pipe",
        stderr: "pipe",
      });
      const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect({ env, output, errors }).toEqual({
        env,
        output: "",
        errors: `Error: dial unix ${folder.path}/kamal-proxy.sock: connect: no such file or directory\n`,
      });
    }
  });

  test.skipIf(process.platform !== "linux")("opens no port for a debugger", async () => {
    using folder = tempFolder();
    const socketPath = folder.file("proxy.sock");
    // A command that waits: its proxy does not answer.
    let asked = false;
    using _ = Bun.listen({
      unix: socketPath,
      socket: { data: () => void (asked = true) },
    });
    await using child = Bun.spawn([...proxyCommand(), "list"], {
      env: { KAMAL_PROXY_SOCKET: socketPath, BUN_INSPECT: "ws://127.0.0.1:0/debug" },
      stdout: "ignore",
      stderr: "ignore",
    });
    await waitFor(() => asked, "the command to ask");
    const listening = readFileSync(`/proc/${child.pid}/net/tcp`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === "0A")
      .map((columns) => columns[9]);
    const descriptors = `/proc/${child.pid}/fd`;
    const sockets = readdirSync(descriptors).map((fd) => readlinkSync(`${descriptors}/${fd}`));
    expect(listening.filter((inode) => sockets.includes(`socket:[${inode}]`))).toEqual([]);
  });
});
