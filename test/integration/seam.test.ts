/** Both planes, and between them only what survives a copy and a real serialisation. */
import { EventJournal } from "../../src/control-plane/status/event-journal.ts";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { refuseUpgrade } from "../../src/control-plane/control-plane.ts";
import { wireControlPlane } from "../../src/control-plane/wired-control-plane.ts";
import { sendCommand } from "../../src/control-plane/socket/client.ts";
import type { Command } from "../../src/control-plane/socket/protocol.ts";
import { serveInOneProcess } from "../../src/control-plane/workers/serving.ts";
import { startWorker } from "../../src/data-plane/worker.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { DistantDataPlane } from "../../src/seam/distant-data-plane.ts";
import { dataPlaneOptions, type ListeningPorts } from "../../src/seam/plane-calls.ts";
import { joinedEnds, type SeamMessage } from "../../src/seam/seam-end.ts";
import { startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { runOptions } from "../support/run-options.ts";
import { deployCommand, serviceOptions } from "../support/service-options.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

/** Fails when JSON leaves anything out that a structured clone has. */
function serialised(message: SeamMessage): SeamMessage {
  const cloned = structuredClone(message);
  const parsed = JSON.parse(JSON.stringify(cloned)) as SeamMessage;
  expect(parsed).toStrictEqual(cloned);
  return parsed;
}

class Planes implements AsyncDisposable {
  readonly folder = tempFolder();
  readonly lines: string[] = [];
  readonly #options = runOptions(this.folder.path);
  readonly #ends = joinedEnds(serialised);
  readonly #wired = wireControlPlane(this.#options, {
    clock,
    logger: new RecordingLogger(),
    journal: new EventJournal(() => 0),
    version: "test",
    pid: 0,
    loadErrorPages: () => ({}),
    handover: null,
    upgrade: refuseUpgrade,
    serve: (questions) =>
      serveInOneProcess(
        new DistantDataPlane(this.#ends[0], questions),
        dataPlaneOptions(this.#options, 1, 1),
        clock,
      ),
  });

  async start(): Promise<ListeningPorts> {
    const { controlPlane, serving } = this.#wired;
    const output = { write: (line: string) => void this.lines.push(line) };
    startWorker({ end: this.#ends[1], output, clock, onEnd() {} });
    await this.#wired.restore();
    const ports = await serving.open();
    await controlPlane.listen();
    return ports;
  }

  async send(command: Command): Promise<void> {
    expect(await sendCommand(this.#options.socketPath, command)).toEqual({ ok: true });
  }

  async inFlight(): Promise<number> {
    const { targets } = await this.#wired.serving.plane.samples();
    return Object.values(targets).reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  metrics() {
    return this.#wired.serving.plane.metrics();
  }

  heldRequests = async (): Promise<number> =>
    (await this.#wired.serving.plane.samples()).held["web"] ?? 0;

  async [Symbol.asyncDispose](): Promise<void> {
    const { controlPlane, certificates, serving } = this.#wired;
    await Promise.all([controlPlane.close(), serving.plane.finish(0)]);
    await serving.end();
    certificates.close();
    this.folder[Symbol.dispose]();
  }
}

const pause = { command: "pause", service: "web", drainTimeoutMs: 5_000, maxPauseMs: 30_000 };

test("a proxy whose planes share nothing deploys, serves, pauses, drains and counts", async () => {
  await using planes = new Planes();
  const { http } = await planes.start();
  const slow = Promise.withResolvers<Response>();
  await using first = startApp((request) =>
    new URL(request.url).pathname === "/slow" ? slow.promise : new Response("first"),
  );
  await using second = startApp(() => new Response("second"));
  const get = async (path = "/"): Promise<string> =>
    (await fetch(`http://127.0.0.1:${http}${path}`)).text();

  await planes.send(deployCommand("web", [first.address]));
  expect(await get()).toBe("first");
  const underWay = get("/slow");
  await waitFor(async () => (await planes.inFlight()) === 1, "the slow request");
  const deployed = planes.send(deployCommand("web", [second.address]));
  await waitFor(async () => (await get()) === "second", "the switch");
  slow.resolve(new Response("slow"));
  expect(await underWay).toBe("slow");
  await deployed;

  await planes.send(pause as Command);
  const held = get();
  await waitFor(async () => (await planes.heldRequests()) === 1, "the held request");
  await planes.send({ command: "resume", service: "web" });
  expect(await held).toBe("second");
  const counted = (await planes.metrics()).find(({ service }) => service === "web");
  expect(counted?.series.map(({ count }) => count)).toEqual([planes.lines.length]);
});

test("handshakes are answered with what was pushed and what was asked for", async () => {
  await using planes = new Planes();
  const { https, http } = await planes.start();
  await using app = startApp((request) => {
    const { pathname, searchParams } = new URL(request.url);
    const isAllowed = searchParams.get("host") === "yes.test";
    return new Response(pathname, { status: pathname === "/allowed" && !isAllowed ? 403 : 200 });
  });
  const path = join(planes.folder.path, "files");
  saveCertificate(path, createCertificate(["files.test"]));
  const files = { tlsCertificatePath: `${path}.pem`, tlsPrivateKeyPath: `${path}.key` };
  await planes.send(
    deployCommand("files", [app.address], {
      options: serviceOptions({ hosts: ["files.test"], tlsEnabled: true, ...files }),
    }),
  );
  expect(await shakeHands(https, { name: "files.test" })).toMatchObject({
    certificate: "files.test",
  });
  expect(await shakeHands(https, { name: null })).toMatchObject({ certificate: "files.test" });
  expect((await shakeHands(https, { name: "other.test" })).error).not.toBeNull();

  await planes.send(
    deployCommand("demand", [app.address], {
      options: serviceOptions({ tlsEnabled: true, tlsOnDemandUrl: "/allowed" }),
    }),
  );
  // The question goes up, down to the target, and back; the name is refused.
  expect((await shakeHands(https, { name: "no.test" })).error).not.toBeNull();
  expect(app.requestCount).toBe(1);
  const challenge = await fetch(`http://127.0.0.1:${http}/.well-known/acme-challenge/token`, {
    headers: { host: "no.test" },
  });
  expect(challenge.status).toBe(403);
});
