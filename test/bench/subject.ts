/** What a bench compares: a proxy that can be started in front of some services. */
import { nginxSubject } from "./nginx-subject.ts";
import { haproxySubject } from "./haproxy-subject.ts";
import { kamalSubject } from "./kamal-subject.ts";
import { binaryPath } from "../../scripts/project.ts";

/** One service behind the proxy. */
export interface ServicePlan {
  name: string;
  /** Host that it is asked for by. */
  host: string;
  /** `host:port` of the app. */
  target: string;
  /** The app speaks gRPC; `healthPort` is where it is asked over HTTP/1.1. */
  grpc: { healthPort: number } | null;
  /** Requests and responses are taken whole before they go on, as Kamal sets it by default. */
  buffered: boolean;
}

/** PEM files that https is to be served with. */
export interface CertificateFiles {
  certificatePath: string;
  privateKeyPath: string;
  /** Both in one file. */
  combinedPath: string;
}

export interface RunningSubject extends AsyncDisposable {
  readonly name: string;
  /** Where the load goes: https when there is a certificate. */
  readonly port: number;
  readonly pid: number;
  /** Deploys a service again; those that know no deploys have none. */
  redeploy?(service: ServicePlan): Promise<void>;
}

export interface Subject {
  readonly name: string;
  /** The same with so many workers, or threads that run at once; those that can't be told have none. */
  limitedTo?(processors: number): Subject;
  /** `folder` is the subject's own, for its files. With a certificate it serves HTTP/1.1 and 2 over TLS. */
  start(
    services: ServicePlan[],
    folder: string,
    certificate: CertificateFiles | null,
  ): Promise<RunningSubject>;
}

/** Measured in place of `dist/kamal-proxy`, as the tests take it. */
export const otherBinary = process.env["KAMAL_PROXY_TEST_BINARY"] || null;

/** The name that ratios are computed to. */
export const originalName = "original";

/** Those that are there; says what is missing and how to get it. */
export function findSubjects(wanted: string[]): Subject[] {
  const subjects: Subject[] = [];
  const wants = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

  const ours = { processorsVariable: "KAMAL_PROXY_WORKERS" } as const;
  if (wants("ours")) subjects.push(kamalSubject("ours", otherBinary ?? binaryPath, ours));
  // Only when it is asked for: what policies cost, beside the same without them.
  if (wanted.includes("policies")) {
    const policies = { ...ours, more: commonPolicies };
    subjects.push(kamalSubject("policies", otherBinary ?? binaryPath, policies));
  }
  if (wants(originalName)) {
    const path = process.env["KAMAL_PROXY_ORIGINAL"];
    if (path) subjects.push(kamalSubject(originalName, path, { processorsVariable: "GOMAXPROCS" }));
    else console.log(originalMissing);
  }
  for (const [name, make] of [
    ["nginx", nginxSubject],
    ["haproxy", haproxySubject],
  ] as const) {
    if (!wants(name)) continue;
    const path = Bun.which(name, { PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin` });
    if (path === null) console.log(`${name} is not installed: left out.`);
    else subjects.push(make(path));
  }
  return subjects;
}

/** Of each kind one that passes every request. */
const commonPolicies = [
  "--set-request-header=X-Real-IP: $client_ip",
  "--set-response-header=X-Frame-Options: DENY",
  "--allow-ip=127.0.0.0/8,10.0.0.0/8,192.168.0.0/16",
  "--rate-limit=1000000/s",
  "--retry=2",
];

const originalMissing = `The original is left out: KAMAL_PROXY_ORIGINAL is not set. To compare with it, in a clone of basecamp/kamal-proxy:
  go build -o kamal-proxy ./cmd/kamal-proxy
and set KAMAL_PROXY_ORIGINAL to the path of that binary.`;
