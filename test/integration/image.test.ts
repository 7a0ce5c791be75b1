import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { elfNeeds } from "../../scripts/image/elf-needs.ts";
import { startApp } from "../support/app.ts";
import { copyCheckout } from "../support/checkout-copy.ts";
import { freePorts } from "../support/free-ports.ts";
import { type ImageArchive, readImageArchive } from "../support/image-archive.ts";
import { DockerEngine } from "../support/docker-engine.ts";
import { ImageContainer, obstacle } from "../support/image-container.ts";
import { KamalHost, uniqueName } from "../support/kamal-host.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import manifest from "../../package.json" with { type: "json" };

const projectFolder = join(import.meta.dir, "..", "..");
const folder = tempFolder();
const archivePath = folder.file("image.tar");
const sourceTime = 1_700_000_000;
/** Another run may use the same engine. */
const name = uniqueName();
const engine = await DockerEngine.find();
let image: ImageArchive;

async function writeImage(path: string, cwd: string, ...options: string[]): Promise<void> {
  const tag = `--tag=${name}:v${manifest.version}`;
  const command = ["scripts/image.ts", `--outfile=${path}`, "--level=1", tag, ...options];
  const child = Bun.spawn([process.execPath, ...command], {
    cwd,
    env: { ...process.env, SOURCE_DATE_EPOCH: String(sourceTime) },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [errors, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(errors);
}

beforeAll(async () => {
  // In a checkout as others have it: the one that is tested may have its packages elsewhere.
  const checkout = folder.file("checkout");
  copyCheckout(checkout);
  await writeImage(archivePath, checkout);
  image = readImageArchive(archivePath);
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("container image", () => {
  test("the same source gives the same bytes, also in another folder", async () => {
    const checkout = folder.file("another/checkout");
    copyCheckout(checkout);
    const again = folder.file("again.tar");
    await writeImage(again, checkout);
    expect(Buffer.compare(readFileSync(archivePath), readFileSync(again))).toBe(0);
    expect(image.created).toBe(new Date(sourceTime * 1_000).toISOString());
    const times = [...image.files, ...image.entries.values()].map(({ modifiedAt }) => modifiedAt);
    expect(new Set(times)).toEqual(new Set([sourceTime]));
  });

  test.each(["kamal-proxy", "registry:5000/kamal-proxy", "kamal-proxy:", ":v1.0.0"])(
    "a name without a version is refused before anything is built: %s",
    (tag) => {
      const command = [process.execPath, "scripts/image.ts", `--tag=${tag}`];
      const child = Bun.spawnSync(command, { cwd: projectFolder });
      expect(child.exitCode).toBe(1);
      expect(child.stderr.toString()).toContain("--tag must be NAME:VERSION");
    },
  );

  test("its name is that of the original, with the version that Kamal looks at", () => {
    const command = [process.execPath, "scripts/image.ts", "--help"];
    const { stdout } = Bun.spawnSync(command, { cwd: projectFolder });
    expect(stdout.toString()).toContain(`(default kamal-proxy:v${manifest.version})`);
  });

  test("configuration is what Kamal needs of the proxy's image", () => {
    expect(image.architecture).toBe(process.arch === "arm64" ? "arm64" : "amd64");
    expect(image.reference).toBe(`docker.io/library/${name}:v${manifest.version}`);
    const { config } = image;
    expect(config.Entrypoint).toBeUndefined();
    expect(config.Cmd).toEqual(["kamal-proxy", "run"]);
    expect(config.User).toBe("kamal-proxy:kamal-proxy");
    expect(config.WorkingDir).toBe("/");
    expect(Object.keys(config.ExposedPorts)).toContainValues(["80/tcp", "443/tcp"]);
    expect(config.Labels).toMatchObject({
      "org.opencontainers.image.title": "kamal-proxy",
      "org.opencontainers.image.version": manifest.version,
    });
    const path = config.Env.find((line) => line.startsWith("PATH="))?.slice("PATH=".length);
    expect(path?.split(":")).toContain("/usr/local/bin");
    expect(config.Env).toContain(`KAMAL_PROXY_IMAGE_VERSION=${manifest.version}`);
  });

  test("files have the modes and owners that the proxy's user needs", () => {
    const access = (path: string) => {
      const entry = image.entries.get(path);
      return entry && [entry.mode.toString(8), entry.uid, entry.gid];
    };
    expect(access("usr/local/bin/kamal-proxy")).toEqual(["755", 0, 0]);
    expect(access("tmp/")).toEqual(["1777", 0, 0]);
    expect(access("home/kamal-proxy/")).toEqual(["755", 1001, 1001]);
    expect(access("home/kamal-proxy/.config/kamal-proxy/")).toEqual(["700", 1001, 1001]);
    expect(access("etc/passwd")).toEqual(["644", 0, 0]);
    const text = (path: string) => image.entries.get(path)?.content.toString();
    expect(text("etc/passwd")).toContain("kamal-proxy:x:1001:1001::/home/kamal-proxy:");
    expect(text("etc/group")).toContain("kamal-proxy:x:1001:");
    expect(text("etc/ssl/certs/ca-certificates.crt")).toContain("-----BEGIN CERTIFICATE-----");
    expect(text("usr/share/licenses/kamal-proxy/THIRD_PARTY_LICENSES")).toContain("JavaScriptCore");
  });

  test("image holds the libraries that the executable needs and no other program", () => {
    const paths = [...image.entries.keys()];
    const executable = image.entries.get("usr/local/bin/kamal-proxy")!.content;
    const { interpreter, libraries } = elfNeeds(executable);
    expect(paths).toContain(interpreter.slice(1));
    for (const library of libraries) {
      expect(paths.filter((path) => path.endsWith(`/${library}`))).toHaveLength(1);
    }
    const programs = [...image.entries.values()].filter(
      ({ type, mode, path }) =>
        type === "file" && (mode & 0o111) !== 0 && !/\.so(\.\d+)*$/.test(path),
    );
    expect(programs.map(({ path }) => path)).toEqual(["usr/local/bin/kamal-proxy"]);
    expect([...image.entries.values()].filter(({ type }) => type === "other")).toEqual([]);
  });

  const reason = obstacle();
  test.skipIf(reason !== undefined)(
    `proxy runs in it, and keeps its services over a restart${reason === undefined ? "" : ` (not run: ${reason})`}`,
    async () => {
      using scratch = tempFolder();
      await using app = startApp(() => new Response("from the app"));
      const [httpPort = 0, httpsPort = 0] = freePorts(2);
      await using container = new ImageContainer(
        image,
        { HTTP_PORT: String(httpPort), HTTPS_PORT: String(httpsPort) },
        scratch,
      );
      const request = async () => (await fetch(`http://127.0.0.1:${httpPort}/`)).text();

      await container.start();
      await container.exec("kamal-proxy", "deploy", "web", `--target=${app.address}`);
      expect(await request()).toBe("from the app");
      expect(await container.stop()).toBe(0);
      await expect(request()).rejects.toThrow();

      await container.start();
      expect(await container.exec("kamal-proxy", "list")).toContain(app.address);
      expect(await request()).toBe("from the app");
      expect(await container.stop()).toBe(0);
    },
    60_000,
  );

  test.skipIf(engine === null)(
    `Kamal's commands boot, deploy to, stop, start, reboot and remove it${engine === null ? " (not run: no Docker engine)" : ""}`,
    async () => {
      await using host = await KamalHost.create(engine!, archivePath, image);
      const [httpPort = 0, httpsPort = 0] = freePorts(2);
      const request = () => engine!.fetch(`http://127.0.0.1:${httpPort}/`);
      const answers = (text: string) =>
        waitFor(async () => (await request()) === text, `the answer "${text}"`, 20_000);
      const logged = (message: string) =>
        waitFor(async () => (await host.logs()).includes(message), `"${message}" in the log`);
      const isUp = () => waitFor(() => host.proxy("list"), "the proxy to take commands", 20_000);

      await host.bootProxy(httpPort, httpsPort, "kamal-proxy", "run", "--debug");
      await isUp();
      await logged("No previous state to restore");
      expect(await host.proxyVersion()).toBe(`v${manifest.version}`);
      const deploy = async (text: string) => {
        const target = await host.bootApp(text);
        expect(await host.proxy("deploy", "app-web", `--target=${target}`)).toBe("");
        expect(await request()).toBe(text);
      };
      await deploy("version 1");
      await deploy("version 2");

      expect(await host.stopProxy()).toBe(0);
      await host.startProxy();
      await answers("version 2");

      expect(await host.stopProxy()).toBe(0);
      await host.removeStoppedProxy();
      await host.bootProxy(httpPort, httpsPort, "kamal-proxy", "run");
      await answers("version 2");
      await logged("Restored saved state");
      expect(await host.proxy("remove", "app-web")).toBe("");
      expect(await host.stopProxy()).toBe(0);
      await host.removeStoppedProxy();
      expect(await host.hasProxy()).toBe(false);
    },
    120_000,
  );

  test.skipIf(engine === null)(
    `the script of the release upgrades a running container in place${engine === null ? " (not run: no Docker engine)" : ""}`,
    async () => {
      const version = "99.0.0";
      const checkout = folder.file("next/checkout");
      copyCheckout(checkout, version);
      const nextArchive = folder.file("next.tar");
      const reference = `${name}:v${version}`;
      await writeImage(nextArchive, checkout, `--tag=${reference}`);
      await using host = await KamalHost.create(engine!, archivePath, image);
      await host.load(nextArchive, reference);
      const [httpPort = 0, httpsPort = 0] = freePorts(2);
      await host.bootProxy(httpPort, httpsPort, "kamal-proxy", "run");
      await waitFor(() => host.proxy("list"), "the proxy to take commands", 20_000);
      await host.proxy("deploy", "app-web", `--target=${await host.bootApp("app")}`);
      const { proxyName } = host;
      const upgrade = (): Promise<string> =>
        engine!.execute("sh", "scripts/release/upgrade-container.sh", reference, proxyName);
      /** How often the log has the line; each upgrade and each start writes one. */
      const told = async (message: string, from: string, to: string): Promise<number> =>
        (await host.logs()).split(`"msg":"${message}",${from},${to}`).length - 1;
      const differs = (): Promise<number> =>
        told(
          "Running another version than the image's",
          `"image":"${manifest.version}"`,
          `"running":"${version}"`,
        );

      const pid = await host.proxyPid();
      let answers = 0;
      const upgraded = new AbortController();
      const client = (async () => {
        while (!upgraded.signal.aborted) {
          expect(await engine!.fetch(`http://127.0.0.1:${httpPort}/`)).toBe("app");
          answers += 1;
        }
      })();
      const output = await upgrade().finally(() => upgraded.abort());
      expect(output).toStartWith(`Upgraded from ${manifest.version} to ${version}, which serves`);
      await client;
      expect(answers).toBeGreaterThan(0);
      expect(await host.proxyPid()).toBe(pid);
      expect(await differs()).toBe(1);
      expect(await upgrade()).toBe(`${proxyName} has version ${version} already`);

      // The file is in the container, which a restart leaves as it is.
      expect(await host.stopProxy()).toBe(0);
      await host.startProxy();
      await waitFor(
        async () => (await differs()) === 2,
        "the version that was upgraded to",
        20_000,
      );
      await engine!.run("kill", "--signal=HUP", proxyName);
      const upgrades = (): Promise<number> =>
        told("Upgraded", `"from":"${version}"`, `"to":"${version}"`);
      await waitFor(async () => (await upgrades()) === 1, "the upgrade by SIGHUP", 20_000);

      const executable = folder.file("executable");
      await engine!.run("cp", `${proxyName}:/usr/local/bin/kamal-proxy`, executable);
      const byInput = 'docker exec --interactive "$1" kamal-proxy upgrade - < "$2"';
      expect(await engine!.execute("sh", "-c", byInput, "sh", proxyName, executable)).toStartWith(
        `Upgraded from ${version} to ${version}, `,
      );
      expect(await engine!.fetch(`http://127.0.0.1:${httpPort}/`)).toBe("app");
    },
    120_000,
  );
});
