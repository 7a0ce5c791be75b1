import { describe, expect, test } from "bun:test";
import { createLogger, formatMessage } from "../../../src/seam/process-log.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function loggerWithLines(debug = false) {
  const lines: string[] = [];
  const clock = new ManualClock();
  return {
    logger: createLogger({ write: (line) => void lines.push(line) }, clock, debug),
    lines,
    clock,
  };
}

describe("createLogger", () => {
  test("writes a line for each level with its fields in order", () => {
    const { logger, lines, clock } = loggerWithLines(true);
    logger.debug("Saved state", { path: "/state" });
    logger.info("Server started", { http: 80, https: 443 });
    logger.warn("Careful");
    logger.error("Failed", { error: new Error("no such file") });
    const time = new Date(clock.wallMs()).getTime();
    expect(lines.map((line) => new Date(JSON.parse(line).time).getTime())).toEqual([
      time,
      time,
      time,
      time,
    ]);
    expect(lines.map((line) => line.replace(/"time":"[^"]*",/, ""))).toEqual([
      '{"level":"DEBUG","msg":"Saved state","path":"/state"}\n',
      '{"level":"INFO","msg":"Server started","http":80,"https":443}\n',
      '{"level":"WARN","msg":"Careful"}\n',
      '{"level":"ERROR","msg":"Failed","error":"no such file"}\n',
    ]);
  });

  test("leaves debug messages out unless asked for", () => {
    const { logger, lines } = loggerWithLines();
    logger.debug("quiet");
    logger.info("loud");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["loud"]);
  });

  test("writes equal messages as often as they come", () => {
    const { logger, lines } = loggerWithLines();
    for (let i = 0; i < 20; i++) logger.info("Healthcheck failed", { url: "http://a/up" });
    expect(lines).toHaveLength(20);
  });

  test("takes fields that a console library would understand as its own", () => {
    const { logger, lines } = loggerWithLines();
    logger.info("x", { message: "m", args: [1], type: "error", level: 0 });
    expect(JSON.parse(lines[0]!)).toMatchObject({
      msg: "x",
      message: "m",
      args: [1],
      type: "error",
    });
  });
});

describe("formatMessage", () => {
  const fieldsOf = (fields: Record<string, unknown>) => {
    const {
      time: _time,
      level: _level,
      msg: _msg,
      ...rest
    } = JSON.parse(formatMessage(0, "INFO", "m", fields));
    return rest;
  };

  test("writes every kind of value as JSON", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    expect(
      fieldsOf({
        list: ["a", 1, null],
        yes: true,
        none: null,
        big: 12n,
        nan: Number.NaN,
        map: { a: 1 },
        left: undefined,
      }),
    ).toEqual({ list: ["a", 1, null], yes: true, none: null, big: 12, nan: "NaN", map: { a: 1 } });
    expect(fieldsOf({ circular, fn: () => 1 })).toMatchObject({
      circular: "[object Object]",
      fn: null,
    });
  });

  test("escapes message, keys and values", () => {
    const parsed = JSON.parse(formatMessage(0, "INFO", 'a"\n', { 'k"': "\u2028\ud800" }));
    expect(parsed).toMatchObject({ msg: 'a"\n', 'k"': "\u2028\ufffd" });
  });
});
