/** Runs one scenario: starts the subjects, lets them take turns, and gives back a table. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCertificate } from "../support/certificates.ts";
import { end } from "./cleanup.ts";
import { availableParallelism } from "node:os";
import { runDeployNeighbour } from "./deploy-neighbour.ts";
import { runH2load } from "./h2load.ts";
import { treeUsage } from "./process-tree.ts";
import type { LoadScenario, ScalingScenario, Scenario, SlowPeerScenario } from "./scenarios.ts";
import { measureSlowPeer, startDeafApp } from "./slow-peer.ts";
import {
  type CertificateFiles,
  originalName,
  type RunningSubject,
  type ServicePlan,
  type Subject,
} from "./subject.ts";
import { formatMegabytes, formatRatio, formatTable, median } from "./table.ts";
import { runWrk, type LoadResult } from "./wrk.ts";

export interface BenchOptions {
  subjects: Subject[];
  upstreamTarget: string;
  /** Of an app that speaks gRPC; null: there is none. */
  grpcTarget: string | null;
  wrk: string;
  /** Scratch folder of the run. */
  folder: string;
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
}

export async function runScenario(scenario: Scenario, options: BenchOptions): Promise<string> {
  const deafApp =
    scenario.kind === "slow-peer" && scenario.direction === "upload" ? startDeafApp() : null;
  if (scenario.grpc && options.grpcTarget === null) return "needs nginx as the app";
  const target = scenario.grpc ? options.grpcTarget! : options.upstreamTarget;
  const services = planServices(scenario, deafApp?.target ?? target, options.upstreamTarget);
  const subjects: RunningSubject[] = [];
  const certificate = hasTls(scenario) ? writeCertificate(options.folder) : null;
  try {
    for (const subject of subjectsOf(scenario, options)) {
      const folder = join(options.folder, `${scenario.name}-${subject.name}`);
      mkdirSync(folder);
      subjects.push(await subject.start(services, folder, certificate));
    }
    if (scenario.kind === "load") return await runLoad(scenario, services, subjects, options);
    if (scenario.kind === "scaling") {
      const table = await runLoad(scenario, services, subjects, options);
      return `${table}\n${notMeasured(availableParallelism())}`;
    }
    return scenario.kind === "slow-peer"
      ? await runSlowPeer(scenario, services, subjects, options)
      : await runDeployNeighbour(scenario.load, services, subjects, options);
  } finally {
    for (const subject of subjects) await subject[Symbol.asyncDispose]();
    if (deafApp !== null) await end(deafApp);
  }
}

function subjectsOf(scenario: Scenario, { subjects }: BenchOptions): Subject[] {
  const wanted = subjects.filter(({ name }) => !scenario.without.includes(name));
  if (scenario.kind !== "scaling") return wanted;
  const counts = processorCounts(availableParallelism());
  return counts.flatMap((count) => wanted.flatMap((subject) => subject.limitedTo?.(count) ?? []));
}

/** One, two, four …, and all of them. */
function processorCounts(cores: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < cores; count *= 2) counts.push(count);
  return [...counts, cores];
}

/** What a reader must not conclude from the table. */
function notMeasured(cores: number): string {
  return (
    `Proxy, app and load share ${cores} cores, so that requests/s show less than it could serve alone; ` +
    `more than ${cores} workers were not measured.`
  );
}

function hasTls(scenario: Scenario): boolean {
  return scenario.kind === "load" && scenario.load.tls;
}

/** ECDSA on P-256 with the certificate of its issuer, as Let's Encrypt issues by default. */
function writeCertificate(folder: string): CertificateFiles {
  const issuer = createCertificate(["Issuer of the bench"], { isAuthority: true });
  const leaf = createCertificate([tlsHost], { issuer });
  const certificate = leaf.certificate + issuer.certificate;
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return {
    certificatePath: write("certificate.pem", certificate),
    privateKeyPath: write("certificate.key", leaf.privateKey),
    combinedPath: write("combined.pem", certificate + leaf.privateKey),
  };
}

/** The tools send the name that they connect to. */
const tlsHost = "localhost";

function planServices(scenario: Scenario, target: string, healthy: string): ServicePlan[] {
  const healthPort = Number(healthy.split(":")[1]);
  return Array.from({ length: scenario.serviceCount }, (_, i) => ({
    name: `app${i}`,
    host: hasTls(scenario) ? tlsHost : `app${i}.test`,
    target,
    grpc: scenario.grpc ? { healthPort } : null,
    buffered: scenario.buffered,
  }));
}

interface Round extends LoadResult {
  cpuMicrosPerRequest: number;
}

async function runLoad(
  scenario: LoadScenario | ScalingScenario,
  services: ServicePlan[],
  subjects: RunningSubject[],
  options: BenchOptions,
): Promise<string> {
  const plan = { ...scenario.load, hosts: services.map((service) => service.host) };
  const load = (subject: RunningSubject, seconds: number): Promise<LoadResult> =>
    plan.streams > 1
      ? runH2load(plan, subject.port, seconds, options.folder)
      : runWrk(options.wrk, plan, subject.port, seconds, options.folder);

  const idleBytes = new Map(subjects.map(({ name, pid }) => [name, treeUsage(pid).residentBytes]));
  for (const subject of subjects) await load(subject, options.warmUpSeconds);
  const rounds = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]));
  for (let i = 0; i < options.rounds; i++) {
    for (const subject of subjects) {
      const before = treeUsage(subject.pid).cpuMicros;
      const result = await load(subject, options.seconds);
      const cpuMicros = treeUsage(subject.pid).cpuMicros - before;
      rounds.get(subject.name)?.push({
        ...result,
        cpuMicrosPerRequest: cpuMicros / Math.max(1, result.requests),
      });
    }
  }

  const medians = new Map(Array.from(rounds, ([name, of]) => [name, medianRound(of)]));
  const rows = subjects.map(({ name, pid }) => {
    const result = medians.get(name)!;
    const base = medians.get(baseOf(name));
    return [
      name,
      result.cpuMicrosPerRequest.toFixed(1),
      formatRatio(result.cpuMicrosPerRequest, base?.cpuMicrosPerRequest),
      result.requestsPerSecond.toFixed(0),
      formatRatio(result.requestsPerSecond, base?.requestsPerSecond),
      (result.p99Micros / 1000).toFixed(2),
      formatRatio(result.p99Micros, base?.p99Micros),
      formatMegabytes(idleBytes.get(name) ?? 0),
      formatMegabytes(treeUsage(pid).residentBytes),
      String(result.errors),
    ];
  });
  return formatTable(
    ["", "CPU µs/req", "", "req/s", "", "p99 ms", "", "idle MB", "end MB", "errors"],
    rows,
  );
}

/** Who it is compared with: the original, with as many processors where there are several. */
function baseOf(name: string): string {
  return name.replace(/^\S+/, originalName);
}

function medianRound(rounds: Round[]): Round {
  const of = (key: keyof Round): number => median(rounds.map((round) => round[key]));
  return {
    requests: of("requests"),
    requestsPerSecond: of("requestsPerSecond"),
    p99Micros: of("p99Micros"),
    cpuMicrosPerRequest: of("cpuMicrosPerRequest"),
    errors: rounds.reduce((sum, round) => sum + round.errors, 0),
  };
}

async function runSlowPeer(
  scenario: SlowPeerScenario,
  services: ServicePlan[],
  subjects: RunningSubject[],
  options: BenchOptions,
): Promise<string> {
  const rows: string[][] = [];
  for (const subject of subjects) {
    const { growthBytes, takenBytes } = await measureSlowPeer(
      scenario.direction,
      subject,
      services[0]!.host,
      options.seconds,
    );
    rows.push([
      subject.name,
      formatMegabytes(growthBytes),
      takenBytes === null ? "" : formatMegabytes(takenBytes),
    ]);
  }
  return formatTable(["", "growth MB", scenario.direction === "upload" ? "taken MB" : ""], rows);
}
