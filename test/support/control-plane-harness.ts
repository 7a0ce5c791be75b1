/** A control plane on its socket, with a fake data plane, in a folder of its own. */
import { existsSync, readFileSync } from "node:fs";
import { type StateEntryJson } from "../../src/control-plane/state/state-schema.ts";
import { sendCommand } from "../../src/control-plane/socket/client.ts";
import { ControlPlane, type ControlPlaneSettings } from "../../src/control-plane/control-plane.ts";
import type { Command, ServiceDescriptions } from "../../src/control-plane/socket/protocol.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { probeThrough } from "../../src/control-plane/health/health-probe.ts";
import { systemConnector } from "./system-connector.ts";
import { FakeDataPlane } from "./fake-data-plane.ts";
import { RecordingLogger } from "./recording-logger.ts";
import type { TempFolder } from "./temp-folder.ts";

export interface ControlPlaneHarness extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly dataPlane: FakeDataPlane;
  readonly logger: RecordingLogger;
  readonly socketPath: string;
  readonly statePath: string;
  /** Undefined when the command succeeded, else the error's text. */
  send(command: Command): Promise<string | undefined>;
  list(): Promise<ServiceDescriptions>;
  /** What is on disk. */
  savedState(): StateEntryJson[];
}

export async function startControlPlane(
  folder: TempFolder,
  settings: Partial<ControlPlaneSettings> = {},
): Promise<ControlPlaneHarness> {
  const dataPlane = new FakeDataPlane();
  const logger = new RecordingLogger();
  const socketPath = folder.file("sock");
  const statePath = folder.file("kamal-proxy.state");
  const plane = new ControlPlane({
    dataPlane,
    logger,
    clock: systemClock,
    statePath,
    socketPath,
    probe: probeThrough(systemConnector, systemClock),
    loadErrorPages: () => ({}),
    checkCertificate: () => {},
    canOrderWildcard: () => false,
    describeProxy: () => Promise.reject(new Error("nobody asks here")),
    ...settings,
  });
  await plane.restore();
  await plane.listen();
  return {
    plane,
    dataPlane,
    logger,
    socketPath,
    statePath,
    async send(command) {
      const reply = await sendCommand(socketPath, command);
      return reply.ok ? undefined : reply.error;
    },
    async list() {
      const reply = await sendCommand(socketPath, { command: "list" });
      if (!reply.ok || reply.services === undefined) throw new Error(JSON.stringify(reply));
      return reply.services;
    },
    savedState: () =>
      existsSync(statePath)
        ? (JSON.parse(readFileSync(statePath, "utf8")) as StateEntryJson[])
        : [],
    [Symbol.asyncDispose]: () => plane.close(),
  };
}
