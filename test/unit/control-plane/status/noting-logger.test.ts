import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EventJournal } from "../../../../src/control-plane/status/event-journal.ts";
import { notedMessages, notingLogger } from "../../../../src/control-plane/status/noting-logger.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";

test("the log goes on as it was, and what is worth it is in the journal", () => {
  const journal = new EventJournal(() => 0);
  const plain = new RecordingLogger();
  const logger = notingLogger(plain, journal);
  logger.info("Obtained certificate", { host: "app.example.com" });
  logger.info("Healthcheck failed", { url: "http://10.0.0.7/up" });
  logger.error("Unable to obtain certificate", { host: "b.example.com", error: "no address" });
  logger.error("Worker died", { worker: 1, pid: 5, signal: "SIGKILL" });
  logger.error("Service is degraded", { service: "web", error: "file is missing" });
  expect(plain.entries).toHaveLength(5);
  expect(
    journal.events.map(({ kind, outcome, service, text }) => [kind, outcome, service, text]),
  ).toEqual([
    ["certificate", "good", "", "Obtained a certificate for app.example.com"],
    ["certificate", "bad", "", "No certificate could be had for b.example.com: no address"],
    ["process", "bad", "", "A worker died (worker 1, SIGKILL); another one takes its place"],
    ["health", "bad", "web", "The service is degraded: file is missing"],
  ]);
});

test("every message that is noted is one that somebody logs", () => {
  const folder = join(import.meta.dir, "../../../../src");
  const sources = [...new Bun.Glob("**/*.ts").scanSync({ cwd: folder })]
    .filter((path) => !path.endsWith("noting-logger.ts"))
    .map((path) => readFileSync(join(folder, path), "utf8"))
    .join("\n");
  const missing = Object.keys(notedMessages).filter((message) => !sources.includes(`"${message}"`));
  expect(missing).toEqual([]);
});
