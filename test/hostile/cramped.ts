/** All attacks at once on a proxy that may use little memory: whether it lives, and others are served. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "../support/temp-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { hugeHeads, pipelinedRequests, planOf, startAttack, tinyPieces } from "./attacks.ts";
import { memoryCases, memoryPlan, type MeasuredRow } from "./measurements.ts";
import { probe } from "./prober.ts";
import { hosts, startSubject } from "./subject.ts";

const limitBytes = 512 * 1024 * 1024;
/** Of each kind. */
const slowReaders = 30;
/** Of version 1, as the machine of the measurement has it. */
export const controller = "/sys/fs/cgroup/memory";

export async function cramped(
  name: string,
  binary: string,
  app: string,
  seconds: number,
): Promise<MeasuredRow[]> {
  using group = new MemoryGroup(limitBytes);
  using folder = tempFolder();
  // Whatever it starts is in the group as well.
  const wrapper = join(folder.path, "cramped");
  const script = `#!/bin/sh\necho $$ > ${group.path}/cgroup.procs\nexec ${binary} "$@"\n`;
  writeFileSync(wrapper, script, { mode: 0o755 });
  const rows: MeasuredRow[] = [];
  {
    await using subject = await startSubject(name, wrapper, app);
    const { pid, httpPort } = subject.proxy;
    const before = group.processes;
    const plans = [
      ...pipelinedRequests().filter(({ name }) => name.includes("8 MB/s")),
      ...tinyPieces(),
      ...hugeHeads(),
    ].map((attack) => planOf(attack, subject, seconds));
    plans.push(...memoryCases(slowReaders).map((wanted) => memoryPlan(subject, wanted, seconds)));
    const attackers = plans.map(startAttack);
    const others = await probe(httpPort, hosts.other, seconds);
    for (const attacker of attackers) attacker.kill();
    await Promise.all(attackers.map(({ exited }) => exited));
    const after = group.processes;
    const lost = before.filter((process) => !after.includes(process));
    const calm = await probe(httpPort, hosts.other, 2);
    rows.push(
      { title: "attackers", value: String(attackers.length) },
      { title: "alive", value: after.includes(pid) ? "yes" : "no" },
      { title: "processes lost", value: `${lost.length} of ${before.length}` },
      { title: "killed for memory", value: String(group.kills) },
      { title: "most memory, MB", value: (group.mostBytes / 1024 / 1024).toFixed(0) },
      { title: "others answered", value: String(others.answered) },
      { title: "others failed", value: String(others.failed) },
      { title: "others' median, ms", value: others.medianMs.toFixed(1) },
      { title: "others' p99, ms", value: others.p99Ms.toFixed(1) },
      { title: "failed behind it", value: String(calm.failed) },
    );
    // Workers whose primary was ended by force go on until the last request is over, which may be held.
    group.endProcesses();
  }
  await waitFor(() => group.isEmpty, "its processes to end");
  return rows;
}

class MemoryGroup implements Disposable {
  readonly path = join(controller, `kamal-proxy-hostile-${process.pid}`);

  constructor(limitBytes: number) {
    mkdirSync(this.path);
    writeFileSync(join(this.path, "memory.limit_in_bytes"), String(limitBytes));
  }

  get mostBytes(): number {
    return Number(this.#read("memory.max_usage_in_bytes"));
  }

  /** Processes that the kernel has ended because the group had no more. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read("memory.oom_control"))?.[1] ?? NaN);
  }

  endProcesses(): void {
    for (const pid of this.processes) process.kill(pid, "SIGKILL");
  }

  get processes(): number[] {
    return this.#read("cgroup.procs").split("\n").filter(Boolean).map(Number);
  }

  get isEmpty(): boolean {
    return this.processes.length === 0;
  }

  [Symbol.dispose](): void {
    rmdirSync(this.path);
  }

  #read(file: string): string {
    return readFileSync(join(this.path, file), "latin1");
  }
}
