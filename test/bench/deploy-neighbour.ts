/** What a service notices while its neighbour is deployed again and again: its p99 with and without. */
import type { LoadPlan, LoadResult } from "./wrk.ts";
import { runWrk } from "./wrk.ts";
import { originalName, type RunningSubject, type ServicePlan } from "./subject.ts";
import { formatRatio, formatTable, median } from "./table.ts";

export interface NeighbourOptions {
  wrk: string;
  folder: string;
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
}

interface Round {
  quiet: LoadResult;
  deploying: LoadResult;
  deploys: number;
}

/** The load goes to the first service; the second is deployed. */
export async function runDeployNeighbour(
  load: Omit<LoadPlan, "hosts">,
  [asked, deployed]: ServicePlan[],
  subjects: RunningSubject[],
  options: NeighbourOptions,
): Promise<string> {
  const plan = { ...load, hosts: [asked!.host] };
  const measure = (subject: RunningSubject, seconds: number): Promise<LoadResult> =>
    runWrk(options.wrk, plan, subject.port, seconds, options.folder);

  for (const subject of subjects) await measure(subject, options.warmUpSeconds);
  const rounds = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]));
  for (let i = 0; i < options.rounds; i++) {
    for (const subject of subjects) {
      const quiet = await measure(subject, options.seconds);
      const deploying = deployConstantly(subject, deployed!);
      const result = await measure(subject, options.seconds);
      const deploys = await deploying.stop();
      rounds.get(subject.name)?.push({ quiet, deploying: result, deploys });
    }
  }

  const of = (name: string, value: (round: Round) => number): number =>
    median(rounds.get(name)!.map(value));
  const hasOriginal = rounds.has(originalName);
  const rows = subjects.map(({ name }) => {
    const quietMs = of(name, ({ quiet }) => p99(quiet));
    const deployingMs = of(name, ({ deploying }) => p99(deploying));
    const base = hasOriginal ? of(originalName, ({ deploying }) => p99(deploying)) : undefined;
    return [
      name,
      quietMs.toFixed(2),
      deployingMs.toFixed(2),
      `+${(deployingMs - quietMs).toFixed(2)}`,
      formatRatio(deployingMs, base),
      of(name, ({ quiet }) => quiet.requestsPerSecond).toFixed(0),
      of(name, ({ deploying }) => deploying.requestsPerSecond).toFixed(0),
      (of(name, ({ deploys }) => deploys) / options.seconds).toFixed(1),
      String(rounds.get(name)!.reduce((sum, r) => sum + r.quiet.errors + r.deploying.errors, 0)),
    ];
  });
  return formatTable(
    ["", "p99 ms", "deploying", "", "", "req/s", "deploying", "deploys/s", "errors"],
    rows,
  );
}

function p99({ p99Micros }: LoadResult): number {
  return p99Micros / 1000;
}

/** `stop` resolves to the number of deploys. */
function deployConstantly(
  subject: RunningSubject,
  service: ServicePlan,
): { stop(): Promise<number> } {
  const ending = new AbortController();
  const loop = async (): Promise<number> => {
    let deploys = 0;
    for (; !ending.signal.aborted; deploys++) await subject.redeploy!(service);
    return deploys;
  };
  const running = loop();
  // Seen when it is waited for.
  running.catch(() => undefined);
  return {
    stop() {
      ending.abort();
      return running;
    },
  };
}
