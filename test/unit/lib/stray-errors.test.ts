import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { logStrayErrors } from "../../../src/lib/stray-errors.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";

test("stray errors are logged with the place where they happened", () => {
  const source = new EventEmitter();
  const logger = new RecordingLogger();
  logStrayErrors(source, logger);
  source.emit("uncaughtException", new Error("thrown"));
  source.emit("unhandledRejection", new Error("rejected"));
  source.emit("unhandledRejection", "text");
  const texts = logger.entries.map(({ fields }) => String(fields["error"]));
  expect(texts[0]).toMatch(/thrown[^]*stray-errors\.test\.ts/);
  expect(texts[1]).toMatch(/rejected[^]*stray-errors\.test\.ts/);
  expect(texts[2]).toBe("text");
  expect(logger.entries.every(({ level }) => level === "error")).toBeTrue();
});
