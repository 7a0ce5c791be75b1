/** Commands that touch every field of the state file; the fixtures hold what kamal-proxy wrote for them. */
import type { ProxyProcess } from "./proxy-process.ts";

/** In place of the one target that has to be healthy. */
const rolloutPlaceholder = "ROLLOUT-TARGET";

const commands: string[][] = [
  words("deploy plain --target=plain --force --host=plain.example.com"),
  words(
    "deploy web --force --target=web-1:3000 --target=web-2:3000",
    "--read-target=reader-1:3000,reader-2 --host=a.example.com,b.example.com",
    "--host=*.example.org --canonical-host=a.example.com",
    "--health-check-path=/health --health-check-port=9000 --health-check-host=check.local",
    "--health-check-interval=2s --health-check-timeout=1500ms --target-timeout=1m30s",
    "--buffer-requests --buffer-responses --buffer-memory=2097152",
    "--max-request-body=1000000 --max-response-body=9007199254740991",
    "--log-request-header=cache-control --log-request-header=User-Agent,x-REQUEST-id",
    "--log-response-header=etag --forward-headers=false --scope-cookie-paths",
    "--client-ip-header=CF-Connecting-IP --exclude-metrics-path=/up,/health",
    "--writer-affinity-timeout=3s --read-target-websockets",
  ),
  words(
    "deploy api --force --target=api.internal:8080 --host=api.example.com",
    "--path-prefix=api/v1/ --path-prefix=/other --strip-path-prefix=false",
    "--forward-headers --target-timeout=0",
  ),
  words("deploy secure --force --target=secure --host=s.example.com --tls --tls-staging"),
  words(
    "deploy demand --force --target=demand --tls --tls-redirect=false",
    "--path-prefix=/ --tls-on-demand-url=https://ask.example.com/may",
  ),
  words("deploy gone --force --target=gone --host=gone.example.com"),
  words(`rollout deploy plain --target=${rolloutPlaceholder}`),
  words("rollout set plain --percent=33 --list=alice,bob"),
  words("pause web --max-pause=1m"),
  ["stop", "api", '--message=Back <soon> & "fine" é'],
  words("pause secure --drain-timeout=1s"),
  words("resume secure"),
  words("remove gone"),
];

export type SavedEntry = Record<string, unknown> & { name: string };

/** Runs them all; `rolloutTarget` must be healthy. */
export async function runStateCommands(proxy: ProxyProcess, rolloutTarget: string): Promise<void> {
  for (const command of commands) {
    const args = command.map((arg) => arg.replace(rolloutPlaceholder, rolloutTarget));
    if (args[0] === "deploy") args.push("--tls-acme-cache-path=/certs");
    const { code, stderr } = await proxy.runHere(...args);
    if (code !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  }
}

/** The services in the order of their names, with the placeholder for the target. */
export function readState(text: string, rolloutTarget: string): SavedEntry[] {
  const entries = JSON.parse(text.replaceAll(rolloutTarget, rolloutPlaceholder)) as SavedEntry[];
  return entries.toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The file for a proxy whose rollout target is this one. */
export function stateFor(fixture: string, rolloutTarget: string): string {
  return fixture.replaceAll(rolloutPlaceholder, rolloutTarget);
}

function words(...parts: string[]): string[] {
  return parts.flatMap((part) => part.split(" "));
}
