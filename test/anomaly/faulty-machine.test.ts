/** No descriptors, no disk, a broken state file: the proxy goes on with what it has. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type App, startApp } from "../support/app.ts";
import { type LogLine, ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { openSpillFiles } from "../support/spill-files.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { canMount, tinyDisk } from "../support/tiny-disk.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const part of opened.splice(0).toReversed()) await part[Symbol.asyncDispose]();
});

async function startProxy(options: Parameters<typeof ProxyProcess.start>[0] = {}) {
  const proxy = await ProxyProcess.start(options);
  opened.push(proxy);
  return proxy;
}

function app(): App {
  const app = startApp(async (request) => new Response(`got ${(await request.bytes()).length}`));
  opened.push(app);
  return app;
}

/** The path of a file system of so many kilobytes. */
function smallDisk(kilobytes: number): string {
  const disk = tinyDisk(kilobytes);
  opened.push({
    async [Symbol.asyncDispose]() {
      disk[Symbol.dispose]();
    },
  });
  return disk.path;
}

describe("a proxy without file descriptors", () => {
  test("serves on, does not fill the log, and recovers", async () => {
    const proxy = await startProxy({ maxDescriptors: 64 });
    await proxy.deploy("app", app().address);
    using kept = await connectRaw(proxy.httpPort);
    const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    kept.send(request);
    expect((await readResponse(kept)).status).toBe(200);

    const lines = proxy.logs.length;
    const flood = await floodOf(proxy, 200);
    try {
      for (let i = 0; i < 50; i++) {
        kept.send(request);
        expect((await readResponse(kept)).status).toBe(200);
      }
      const reports = (): LogLine[] => proxy.logs.filter(({ limit }) => limit === 64);
      await waitFor(
        () => reports().reduce((sum, { connections }) => sum + Number(connections), 0) >= 100,
        "the log to say that connections were turned away",
      );
      expect(reports()[0]).toMatchObject({ level: "WARN", limit: 64 });
      expect(String(reports()[0]!["msg"])).toContain("raise the limit");
      const times = reports().map(({ time }) => Date.parse(String(time)));
      for (const [i, time] of times.entries()) {
        // Timer and clock round in their own ways.
        if (i > 0) expect(time - times[i - 1]!).toBeGreaterThan(950);
      }
      const others = proxy.logs.slice(lines).filter(({ msg }) => msg !== "Request");
      expect(others.length).toBeLessThan(10);
      expect(proxy.output).toBe("");
      // The last descriptors are kept for apps and commands.
      expect((await proxy.runHere("list")).code).toBe(0);
      await proxy.deploy("app", app().address);
      kept.send(request);
      expect((await readResponse(kept)).status).toBe(200);
    } finally {
      for (const connection of flood) connection.reset();
    }
    await waitFor(async () => (await fetch(proxy.url)).ok, "new connections to be served");
    expect(proxy.running).toBeTrue();
    expect((await proxy.runHere("list")).code).toBe(0);
  });

  test("answers 502 when it can't reach the app, and reaches it later", async () => {
    const proxy = await startProxy({ maxDescriptors: 64 });
    const target = app();
    await proxy.deploy("app", target.address);
    const flood = await floodOf(proxy, 100);
    try {
      for (const connection of flood) connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const answered = flood.filter((connection) => !connection.isClosed).slice(0, 20);
      const answers = await Promise.all(answered.map((one) => readResponse(one)));
      for (const { status } of answers) expect(status).toBeOneOf([200, 502]);
      expect(answers.length).toBeGreaterThan(10);
    } finally {
      for (const connection of flood) connection.reset();
    }
    await waitFor(async () => (await fetch(proxy.url)).ok, "requests to be served again");
  });
});

describe("a state file that is a mount of its own", () => {
  test.skipIf(!canMount)("is written in place", async () => {
    const home = tempFolder();
    const file = home.file("elsewhere");
    const state = home.file(".config/kamal-proxy/kamal-proxy.state");
    mkdirSync(dirname(state), { recursive: true });
    for (const path of [file, state]) writeFileSync(path, "[]");
    expect(Bun.spawnSync(["mount", "--bind", file, state]).success).toBeTrue();
    try {
      const proxy = await startProxy({ env: { HOME: home.path } });
      await proxy.deploy("first", app().address, "--host=first.test");
      expect(readFileSync(file, "utf8")).toContain('"first"');
      expect(readdirSync(dirname(state))).toEqual(["kamal-proxy.state"]);
    } finally {
      Bun.spawnSync(["umount", "--lazy", state]);
      home[Symbol.dispose]();
    }
  });
});

describe("a full disk", () => {
  test.skipIf(!canMount)("keeps the old state, and commands go on", async () => {
    const disk = smallDisk(64);
    const data = `${disk}/.config/kamal-proxy`;
    mkdirSync(data, { recursive: true });
    const proxy = await startProxy({ env: { HOME: disk, XDG_CONFIG_HOME: `${disk}/.config` } });
    const target = app();
    await proxy.deploy("first", target.address, "--host=first.test");
    const state = `${data}/kamal-proxy.state`;
    const saved = readFileSync(state, "utf8");
    fill(disk);
    const flags = [`--target=${target.address}`, "--host=second.test"];
    const { code, stderr } = await proxy.runHere("deploy", "second", ...flags);
    expect(code).toBe(0);
    expect(stderr).toStartWith("Warning: the state could not be saved, a restart undoes this: ");
    const line = await proxy.waitForLog("Unable to save state");
    expect(line["error"]).toContain("ENOSPC");
    expect(readFileSync(state, "utf8")).toBe(saved);
    expect(await statusOf(proxy, "second.test")).toBe(200);

    rmSync(`${disk}/filler`);
    await proxy.deploy("third", target.address, "--host=third.test");
    for (const name of ["first", "second", "third"]) {
      expect(readFileSync(state, "utf8")).toContain(name);
    }
  });

  test.skipIf(!canMount)(
    "fails only the requests that need it, and leaves nothing behind",
    async () => {
      const disk = smallDisk(512);
      const proxy = await startProxy({ env: { TMPDIR: disk } });
      await proxy.deploy("app", app().address, "--buffer-requests", "--buffer-memory=1000");
      const post = async (bytes: number): Promise<number> =>
        (await fetch(proxy.url, { method: "POST", body: new Uint8Array(bytes) })).status;
      expect(await post(200_000)).toBe(200);
      const large = await Promise.all([post(2_000_000), post(2_000_000), post(500), post(500)]);
      expect(large).toEqual([500, 500, 200, 200]);
      expect(await proxy.waitForLog("Error buffering request")).toBeDefined();
      expect(await post(200_000)).toBe(200);
      await expectNoSpillFiles(proxy);
    },
  );

  test("is a folder that is gone", async () => {
    using folder = tempFolder();
    const spill = folder.file("spill");
    const proxy = await startProxy({ env: { TMPDIR: spill } });
    await proxy.deploy("app", app().address, "--buffer-requests", "--buffer-memory=1000");
    const post = (): Promise<Response> =>
      fetch(proxy.url, { method: "POST", body: new Uint8Array(100_000) });
    expect((await post()).status).toBe(500);
    mkdirSync(spill);
    expect((await post()).status).toBe(200);
  });
});

describe("a state file", () => {
  test("that can't be written is logged, and saved when it can be", async () => {
    const proxy = await startProxy();
    const target = app();
    await proxy.deploy("first", target.address, "--host=first.test");
    // A file in place of the folder stops even root.
    const folder = dirname(proxy.statePath);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "");
    await proxy.deploy("second", target.address, "--host=second.test");
    await proxy.waitForLog("Unable to save state");
    expect(await statusOf(proxy, "second.test")).toBe(200);
    rmSync(folder);
    mkdirSync(folder, { recursive: true });
    await proxy.deploy("third", target.address, "--host=third.test");
    expect(readFileSync(proxy.statePath, "utf8")).toContain("first");
    expect(readFileSync(proxy.statePath, "utf8")).toContain("third");
  });

  test("that is broken anywhere stops no start, and is kept aside", async () => {
    const proxy = await startProxy();
    const target = app();
    await proxy.deploy("first", target.address, "--host=first.test");
    await proxy.stop();
    const whole = readFileSync(proxy.statePath);
    const broken = [
      Buffer.alloc(0),
      Buffer.from("null"),
      Buffer.from("{}"),
      Buffer.from("[null,1,{}]"),
      Buffer.from("\0\xff\xfe garbage", "latin1"),
      Buffer.alloc(100_000, "["),
      ...[0.1, 0.3, 0.5, 0.7, 0.9].map((part) =>
        whole.subarray(0, Math.floor(whole.length * part)),
      ),
    ];
    for (const bytes of broken) {
      writeFileSync(proxy.statePath, bytes);
      await proxy.startAgain();
      expect(await statusOf(proxy, "first.test")).toBe(404);
      await proxy.deploy("first", target.address, "--host=first.test");
      expect(await statusOf(proxy, "first.test")).toBe(200);
      expect(() => JSON.parse(readFileSync(proxy.statePath, "utf8"))).not.toThrow();
      await proxy.stop();
    }
  });
});

/** So many clients; those that were turned away are left out. */
async function floodOf(proxy: ProxyProcess, count: number): Promise<RawConnection[]> {
  const flood: RawConnection[] = [];
  for (let i = 0; i < count; i++) {
    const connection = await connectRaw(proxy.httpPort).catch(() => null);
    if (connection !== null) flood.push(connection);
  }
  return flood;
}

async function statusOf(proxy: ProxyProcess, host: string): Promise<number> {
  return (await fetch(proxy.url, { headers: { Host: host } })).status;
}

/** Takes what is left of the file system. */
function fill(folder: string): void {
  for (const bytes of [65_536, 4_096]) {
    try {
      for (;;) writeFileSync(`${folder}/filler`, new Uint8Array(bytes), { flag: "a" });
    } catch {
      // Full for pieces of this size.
    }
  }
  expect(statSync(`${folder}/filler`).size).toBeGreaterThan(0);
}

async function expectNoSpillFiles(proxy: ProxyProcess): Promise<void> {
  await waitFor(
    () => openSpillFiles(proxy).length === 0,
    "the files of buffered bodies to be closed",
  );
}
