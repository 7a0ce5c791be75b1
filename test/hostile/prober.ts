/** How others fare: a keep-alive client of another service that asks every few milliseconds. */
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";

export interface Latencies {
  medianMs: number;
  p99Ms: number;
  worstMs: number;
  answered: number;
  failed: number;
}

const pauseMs = 3;
/** Who waits longer than this counts as failed, with this time. */
const patienceMs = 10_000;

export async function probe(port: number, host: string, seconds: number): Promise<Latencies> {
  const times: number[] = [];
  let failed = 0;
  let connection: RawConnection | null = null;
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    const startMs = performance.now();
    try {
      connection ??= await connectRaw(port);
      connection.send(`GET /quick HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const status = await answerOf(connection);
      if (status !== 200) failed++;
    } catch {
      failed++;
      connection?.close();
      connection = null;
    }
    times.push(Math.min(performance.now() - startMs, patienceMs));
    await Bun.sleep(pauseMs);
  }
  connection?.close();
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return {
    medianMs: at(0.5),
    p99Ms: at(0.99),
    worstMs: sorted.at(-1) ?? NaN,
    answered: times.length - failed,
    failed,
  };
}

async function answerOf(connection: RawConnection): Promise<number> {
  const head = await connection.receive("\r\n\r\n");
  const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  if (length > 0) await connection.receiveBytes(length);
  return Number(head.slice(9, 12));
}
