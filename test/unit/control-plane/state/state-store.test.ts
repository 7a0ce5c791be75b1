import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { StateEntry } from "../../../../src/control-plane/state/state-entry.ts";
import { decodeState } from "../../../../src/control-plane/state/state-file.ts";
import { StateStore } from "../../../../src/control-plane/state/state-store.ts";
import { type FileOperations, fileOperations } from "../../../../src/lib/atomic-file.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { tempFolder } from "../../../support/temp-folder.ts";
import { waitFor } from "../../../support/wait-for.ts";

function broken(name: string): StateEntry {
  return { kind: "broken", name, raw: { name }, reason: "test" };
}

function createStore(path: string, operations?: FileOperations) {
  const logger = new RecordingLogger();
  const store = new StateStore({ path, logger, ...(operations && { operations }) });
  return { store, logger };
}

describe("state store", () => {
  test("a first start is not an error", async () => {
    using folder = tempFolder();
    const { store, logger } = createStore(folder.file("state"));
    expect(await store.load()).toEqual([]);
    expect(logger.find("No previous state to restore")).toMatchObject({
      level: "info",
      fields: { path: folder.file("state") },
    });
  });

  test("a save is on disk when it resolves", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    const { store } = createStore(path);
    await store.save(() => [broken("a")]);
    expect(readFileSync(path, "utf8")).toBe('[{"name":"a"}]\n');
  });

  test("saves never overlap, and those that wait share the last state", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    let writing = 0;
    let writes = 0;
    const { store } = createStore(path, {
      ...fileOperations,
      async writeSynced(...args) {
        writes++;
        expect(++writing).toBe(1);
        await fileOperations.writeSynced(...args);
        writing--;
      },
    });
    const names: string[] = [];
    const saves = Array.from({ length: 50 }, async (_, index) => {
      names.push(`s${index}`);
      await store.save(() => names.map(broken));
      expect(readFileSync(path, "utf8")).toContain(`"s${index}"`);
    });
    await Promise.all(saves);
    expect(decodeState(readFileSync(path, "utf8"))).toHaveLength(50);
    expect(writes).toBeLessThanOrEqual(2);
  });

  test("a save that comes while one is being written is written after it", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    const gate = Promise.withResolvers<void>();
    let started = 0;
    const { store } = createStore(path, {
      ...fileOperations,
      async writeSynced(...args) {
        started++;
        await gate.promise;
        return fileOperations.writeSynced(...args);
      },
    });
    const first = store.save(() => [broken("old")]);
    await waitFor(() => started === 1, "the first write");
    const second = store.save(() => [broken("new")]);
    gate.resolve();
    await Promise.all([first, second]);
    expect(started).toBe(2);
    expect(readFileSync(path, "utf8")).toBe('[{"name":"new"}]\n');
  });

  test.each(["writeSynced", "rename"] as const)(
    "a failing %s is logged, keeps the old file and stops nothing",
    async (step) => {
      using folder = tempFolder();
      const path = folder.file("state");
      writeFileSync(path, "[]");
      let failing = true;
      const fail = () => Promise.reject(new Error("ENOSPC: no space left on device"));
      const { store, logger } = createStore(path, {
        ...fileOperations,
        [step]: (from: string, to: string, mode: number) => {
          if (failing) return fail();
          return step === "rename"
            ? fileOperations.rename(from, to)
            : fileOperations.writeSynced(from, to, mode);
        },
      });
      expect(await store.save(() => [broken("a")])).toBe("ENOSPC: no space left on device");
      expect(readFileSync(path, "utf8")).toBe("[]");
      expect(logger.find("Unable to save state")).toMatchObject({
        level: "error",
        fields: { path, error: "ENOSPC: no space left on device" },
      });
      failing = false;
      expect(await store.save(() => [broken("a")])).toBeNull();
      expect(readFileSync(path, "utf8")).toBe('[{"name":"a"}]\n');
    },
  );

  test("a file that is no state is kept aside before anything overwrites it", async () => {
    using folder = tempFolder();
    const path = folder.file("kamal-proxy.state");
    writeFileSync(path, '[{"name":"web"');
    const { store, logger } = createStore(path);
    expect(await store.load()).toEqual([]);
    expect(logger.find("Failed to decode saved state")).toMatchObject({
      level: "error",
      fields: { path },
    });
    expect(readFileSync(path, "utf8")).toBe('[{"name":"web"');
    await store.save(() => []);
    await store.save(() => [broken("a")]);
    expect(readFileSync(path, "utf8")).toBe('[{"name":"a"}]\n');
    expect(readFileSync(`${path}.corrupt`, "utf8")).toBe('[{"name":"web"');
  });

  test("a file that can not be read is reported and kept aside as well", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    mkdirSync(path);
    const { store, logger } = createStore(path);
    expect(await store.load()).toEqual([]);
    expect(logger.find("Failed to restore saved state")).toMatchObject({ level: "error" });
    await store.save(() => [broken("a")]);
    expect(readFileSync(path, "utf8")).toBe('[{"name":"a"}]\n');
    expect(existsSync(`${path}.corrupt`)).toBe(true);
  });

  test("a pipe in its place does not hang the start, and is kept aside", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    execFileSync("mkfifo", [path]);
    const { store, logger } = createStore(path);
    expect(await store.load()).toEqual([]);
    expect(logger.find("Failed to restore saved state")?.fields).toMatchObject({
      error: `${path}: is no regular file`,
    });
    await store.save(() => [broken("a")]);
    expect(readFileSync(path, "utf8")).toBe('[{"name":"a"}]\n');
  });

  test("what was being written in place when the machine stopped is restored from its copy", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    writeFileSync(path, '[{"name"');
    writeFileSync(`${path}.tmp`, '[{"name":"web"}]\n');
    const { store, logger } = createStore(path);
    expect((await store.load()).length).toBe(1);
    expect(logger.find("Restored the copy of the saved state")).toMatchObject({
      fields: { path: `${path}.tmp` },
    });
  });

  test("killed at any moment, the file parses and holds every save that had ended", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    const script = `${import.meta.dir}/../../../support/state-writer.ts`;
    let saved = 0;
    for (let round = 0; round < 5; round++) {
      const writer = Bun.spawn([process.execPath, script, path], { stdout: "pipe" });
      const wanted = saved + 20 + round;
      let output = "";
      for await (const chunk of writer.stdout) {
        output += Buffer.from(chunk).toString();
        saved = Number(output.trimEnd().split("\n").at(-1));
        if (saved >= wanted) writer.kill("SIGKILL");
      }
      await writer.exited;
      const entries = decodeState(readFileSync(path, "utf8"));
      expect(entries.every((entry) => entry.kind === "service")).toBe(true);
      expect(entries.length).toBeGreaterThanOrEqual(saved);
      saved = entries.length;
    }
  }, 60_000);
});
