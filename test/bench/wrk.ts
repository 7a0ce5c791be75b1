/** Load by wrk, with its results taken from the numbers of its script interface. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { end, track } from "./cleanup.ts";

export interface LoadPlan {
  connections: number;
  path: string;
  /** Asked for in turn. */
  hosts: string[];
  /** Size of the body of a POST; 0: GET. */
  uploadBytes: number;
  /** More fields of each request, for HTTP/2 alone. */
  fields: readonly string[];
  /** A new connection for each request. */
  closeConnections: boolean;
  /** Requests at once on each connection; more than one means HTTP/2. */
  streams: number;
  tls: boolean;
}

export interface LoadResult {
  requests: number;
  requestsPerSecond: number;
  p99Micros: number;
  /** Socket errors, timeouts and statuses beyond 399. */
  errors: number;
}

export function findWrk(): string {
  const path = Bun.which("wrk");
  if (path === null) throw new Error("wrk is not installed; it makes the load (apt install wrk)");
  return path;
}

export async function runWrk(
  wrk: string,
  plan: LoadPlan,
  port: number,
  seconds: number,
  folder: string,
): Promise<LoadResult> {
  const scriptPath = join(folder, "load.lua");
  writeFileSync(scriptPath, script(plan));
  const threads = Math.min(2, plan.connections);
  const args = [
    `-t${threads}`,
    `-c${plan.connections}`,
    `-d${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    scriptPath,
  ];
  const { output, errorOutput } = await runLoad([wrk, ...args, loadUrl(plan, port)], seconds);
  const found = /^RESULT (\d+) (\d+) (\d+) (\d+)$/m.exec(output);
  if (found === null) throw new Error(`wrk failed: ${output}${errorOutput}`);
  const [requests = 0, micros = 1, p99Micros = 0, errors = 0] = found.slice(1).map(Number);
  return { requests, requestsPerSecond: (requests / micros) * 1e6, p99Micros, errors };
}

/** Runs a load generator to its end; it is ended with the bench. */
export async function runLoad(
  command: string[],
  seconds: number,
): Promise<{ output: string; errorOutput: string }> {
  const child = Bun.spawn(command, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: (seconds + 30) * 1000,
  });
  const running = track({
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  });
  const [output, errorOutput] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await end(running);
  return { output, errorOutput };
}

/** Over TLS the name is the server name as well. */
export function loadUrl({ tls, path }: LoadPlan, port: number): string {
  return tls ? `https://localhost:${port}${path}` : `http://127.0.0.1:${port}${path}`;
}

function script(plan: LoadPlan): string {
  const hosts = plan.hosts.map((host) => `"${host}"`).join(", ");
  return `
local hosts = { ${hosts} }
local turn = 0
local prepared = {}
init = function()
  wrk.method = "${plan.uploadBytes > 0 ? "POST" : "GET"}"
  ${plan.uploadBytes > 0 ? `wrk.body = string.rep("x", ${plan.uploadBytes})` : ""}
  ${plan.closeConnections ? 'wrk.headers["Connection"] = "close"' : ""}
  for index, host in ipairs(hosts) do
    wrk.headers["Host"] = host
    prepared[index] = wrk.format(nil, "${plan.path}")
  end
end
request = function()
  turn = turn % #prepared + 1
  return prepared[turn]
end
done = function(summary, latency)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(99), errors))
end
`;
}
