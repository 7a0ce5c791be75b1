import { describe, expect, test } from "bun:test";
import { expositionType } from "../../../../src/control-plane/telemetry/exposition.ts";
import { listenForMetrics } from "../../../../src/control-plane/telemetry/metrics-listener.ts";
import { processFigures } from "../../../../src/control-plane/telemetry/process-figures.ts";

async function listening(
  hostname: string,
  run: (port: number) => Promise<void> | void,
): Promise<void> {
  let scrapes = 0;
  const listener = listenForMetrics(
    { hostname, port: 0 },
    expositionType,
    async () => `scrapes ${++scrapes}\n`,
  );
  try {
    await run(listener.port);
  } finally {
    await listener.close();
  }
}

describe("listenForMetrics", () => {
  test("answers every path with fresh text", async () => {
    await listening("127.0.0.1", async (port) => {
      const first = await fetch(`http://127.0.0.1:${port}/metrics`);
      expect(first.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(await first.text()).toBe("scrapes 1\n");
      const second = await fetch(`http://127.0.0.1:${port}/any/other?path`);
      expect(await second.text()).toBe("scrapes 2\n");
    });
  });

  test("listens on all addresses when none is given", async () => {
    await listening("", async (port) => {
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    });
  });

  test("says that the port is in use", async () => {
    await listening("", (port) => {
      const again = () => listenForMetrics({ hostname: "", port }, expositionType, async () => "");
      expect(again).toThrow(`listen tcp :${port}: bind: address already in use`);
    });
    await listening("127.0.0.1", (port) => {
      const again = () =>
        listenForMetrics({ hostname: "127.0.0.1", port }, expositionType, async () => "");
      expect(again).toThrow(`listen tcp 127.0.0.1:${port}: bind: address already in use`);
    });
  });

  test("refuses a port that can't be", () => {
    const listen = () =>
      listenForMetrics({ hostname: "", port: 99_999 }, expositionType, async () => "");
    expect(listen).toThrow("listen tcp: address 99999: invalid port");
  });

  test("is free again after close", async () => {
    let port = 0;
    await listening("127.0.0.1", (first) => void (port = first));
    const second = listenForMetrics(
      { hostname: "127.0.0.1", port },
      expositionType,
      async () => "",
    );
    await second.close();
  });
});

describe("processFigures", () => {
  test("reports the process under the common names", () => {
    const values = Object.fromEntries(
      processFigures().map(({ name, value }) => [name, Number(value)]),
    );
    expect(Object.keys(values)).toEqual([
      "process_cpu_seconds_total",
      "process_max_fds",
      "process_open_fds",
      "process_resident_memory_bytes",
      "process_start_time_seconds",
    ]);
    expect(values["process_open_fds"]!).toBeWithin(1, values["process_max_fds"]!);
    expect(values["process_resident_memory_bytes"]!).toBeGreaterThan(1_000_000);
    expect(values["process_start_time_seconds"]!).toBeWithin(1.6e9, Date.now() / 1_000 + 1);
  });
});
