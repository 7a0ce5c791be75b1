/** Compiles the executable of a platform into a scratch folder. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bunPath, projectFolder } from "../project.ts";
import type { Platform } from "./platform.ts";

export type CLibrary = "glibc" | "musl";

/** The file's name is part of what is compiled, so it is the same for every platform. */
export async function buildExecutable(
  { arch }: Platform,
  cLibrary: CLibrary,
  folder: string,
): Promise<Buffer> {
  const outfile = join(folder, "kamal-proxy");
  const target = `bun-linux-${arch}${cLibrary === "musl" ? "-musl" : ""}`;
  const child = Bun.spawn(
    [bunPath, "scripts/build.ts", `--target=${target}`, `--outfile=${outfile}`],
    { cwd: projectFolder, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [output, errors, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`the build for ${target} failed\n${output}${errors}`);
  return readFileSync(outfile);
}
