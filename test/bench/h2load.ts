/** Load over HTTP/2 by h2load, with its latencies taken from its log. */
import { join } from "node:path";
import { loadUrl, type LoadPlan, type LoadResult, runLoad } from "./wrk.ts";

export async function runH2load(
  plan: LoadPlan,
  port: number,
  seconds: number,
  folder: string,
): Promise<LoadResult> {
  const path = Bun.which("h2load");
  if (path === null) throw new Error("h2load is not installed (apt install nghttp2-client)");
  const logPath = join(folder, "h2load.log");
  const args = [
    `-c${plan.connections}`,
    `-m${plan.streams}`,
    `-D${seconds}`,
    `--log-file=${logPath}`,
  ];
  await Bun.write(logPath, "");
  if (plan.uploadBytes > 0) {
    const bodyPath = join(folder, "h2load.body");
    await Bun.write(bodyPath, Buffer.alloc(plan.uploadBytes));
    args.push(`--data=${bodyPath}`);
  }
  for (const field of plan.fields) args.push(`--header=${field}`);
  const { output, errorOutput } = await runLoad([path, ...args, loadUrl(plan, port)], seconds);
  const rate = /^finished in [\d.]+m?s, ([\d.]+) req\/s/m.exec(output);
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output);
  if (rate === null || counts === null) throw new Error(`h2load failed: ${output}${errorOutput}`);
  const [succeeded = 0, ...failures] = counts.slice(1).map(Number);
  return {
    requests: succeeded,
    requestsPerSecond: Number(rate[1]),
    p99Micros: p99(await Bun.file(logPath).text()),
    errors: failures.reduce((sum, count) => sum + count, 0),
  };
}

/** Lines hold start, status and duration in microseconds. */
function p99(log: string): number {
  const durations = log
    .split("\n")
    .map((line) => Number(line.split("\t")[2]))
    .filter((micros) => micros > 0)
    .toSorted((a, b) => a - b);
  return durations[Math.floor(durations.length * 0.99)] ?? 0;
}
