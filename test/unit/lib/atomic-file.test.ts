import { describe, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import {
  type FileOperations,
  fileOperations,
  writeFileAtomically,
} from "../../../src/lib/atomic-file.ts";
import { messageOf } from "../../../src/lib/error-text.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** The real operations, but the step of this name fails. */
function failingAt(step: keyof FileOperations): FileOperations {
  return { ...fileOperations, [step]: () => Promise.reject(new Error(`${step} failed`)) };
}

describe("atomic file", () => {
  test("it replaces the content and leaves nothing beside it", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    await writeFileAtomically(path, "old, and longer");
    await writeFileAtomically(path, "new", { mode: 0o600 });
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(["state"]);
  });

  test("a link stays, and the file that it names is replaced", async () => {
    using folder = tempFolder();
    const file = folder.file("elsewhere");
    const path = folder.file("state");
    writeFileSync(file, "old");
    symlinkSync(file, path);
    await writeFileAtomically(path, "new");
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(readlinkSync(path)).toBe(file);
    expect(readdirSync(folder.path).toSorted()).toEqual(["elsewhere", "state"]);
  });

  test("what is no file is never replaced, nor what a link to it names", async () => {
    using folder = tempFolder();
    const [path, link] = [folder.file("state"), folder.file("link")];
    symlinkSync(path, link);
    const refusal = async (): Promise<string> =>
      await writeFileAtomically(link, "new").then(() => "written", messageOf);
    const socket = Bun.listen({ unix: path, socket: { data() {} } });
    expect(await refusal()).toBe(`${path}: is no regular file`);
    expect(statSync(path).isSocket()).toBe(true);
    socket.stop();
    rmSync(path, { force: true });
    mkdirSync(path);
    expect(await refusal()).toBe(`${path}: is a folder`);
    expect(readdirSync(folder.path).toSorted()).toEqual(["link", "state"]);
  });

  test("a link that leads nowhere yet stays, and its file is made", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    symlinkSync("elsewhere", path);
    await writeFileAtomically(path, "new");
    expect(readFileSync(folder.file("elsewhere"), "utf8")).toBe("new");
    expect(readlinkSync(path)).toBe("elsewhere");
  });

  test.each(["EBUSY", "EXDEV"])(
    "what can't be renamed over (%s) is written in place",
    async (code) => {
      using folder = tempFolder();
      const path = folder.file("state");
      writeFileSync(path, "old, and longer");
      const steps: string[] = [];
      const operations: FileOperations = {
        ...fileOperations,
        rename: () => Promise.reject(Object.assign(new Error(code), { code })),
        async overwriteSynced(at, data) {
          steps.push(readFileSync(`${path}.tmp`, "utf8"));
          await fileOperations.overwriteSynced(at, data);
        },
      };
      const { ino } = statSync(path);
      await writeFileAtomically(path, "new", { operations });
      expect(readFileSync(path, "utf8")).toBe("new");
      expect(statSync(path).ino).toBe(ino);
      // The whole of it was beside meanwhile.
      expect(steps).toEqual(["new"]);
      expect(readdirSync(folder.path)).toEqual(["state"]);
      operations.overwriteSynced = () => Promise.reject(new Error("ENOSPC"));
      await expect(writeFileAtomically(path, "newer", { operations })).rejects.toThrow("ENOSPC");
      expect(readFileSync(`${path}.tmp`, "utf8")).toBe("newer");
    },
  );

  test("what somebody else has put in the place of the temporary file is not written to", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    writeFileSync(folder.file("victim"), "untouched");
    symlinkSync("victim", `${path}.tmp`);
    await writeFileAtomically(path, "new", { mode: 0o640 });
    expect(readFileSync(folder.file("victim"), "utf8")).toBe("untouched");
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  test("what a crash left behind does not disturb the next write", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    writeFileSync(`${path}.tmp`, "half a fi");
    await writeFileAtomically(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(readdirSync(folder.path)).toEqual(["state"]);
  });

  test.each(["writeSynced", "rename"] as const)("a failing %s keeps the old file", async (step) => {
    using folder = tempFolder();
    const path = folder.file("state");
    writeFileSync(path, "old");
    await expect(writeFileAtomically(path, "new", { operations: failingAt(step) })).rejects.toThrow(
      `${step} failed`,
    );
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder.path)).toEqual(["state"]);
  });

  test("the data is on disk before the name changes, and the name before the end", async () => {
    using folder = tempFolder();
    const path = folder.file("state");
    const steps: string[] = [];
    await writeFileAtomically(path, "new", {
      operations: {
        writeSynced: async (at) => void steps.push(`write ${at}`),
        overwriteSynced: async (at) => void steps.push(`overwrite ${at}`),
        rename: async (from, to) => void steps.push(`rename ${from} ${to}`),
        syncFolder: async (at) => void steps.push(`sync ${at}`),
        unlink: async (at) => void steps.push(`unlink ${at}`),
      },
    });
    expect(steps).toEqual([
      `write ${path}.tmp`,
      `rename ${path}.tmp ${path}`,
      `sync ${dirname(path)}`,
    ]);
  });
});
