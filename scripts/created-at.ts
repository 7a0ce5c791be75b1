/** The time that archives carry: of the source, not of the build, so that a build can be repeated. */
import { projectFolder } from "./project.ts";

/** Seconds since 1970: SOURCE_DATE_EPOCH, else the last commit's time, else 0. */
export function createdAt(): number {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined && given !== "") {
    if (!/^\d{1,11}$/.test(given)) throw new Error("SOURCE_DATE_EPOCH must be a number of seconds");
    return Number(given);
  }
  if (Bun.which("git") === null) return 0;
  const log = Bun.spawnSync(["git", "log", "-1", "--format=%ct"], { cwd: projectFolder });
  return log.success ? Number(log.stdout.toString().trim()) : 0;
}
