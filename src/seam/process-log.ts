/** Process messages as JSON lines, as Go's slog writes them, among the lines of the access log. */
import { createConsola } from "consola/core";
import type { Clock } from "../lib/clock.ts";
import type { LogFields, Logger } from "../lib/logger.ts";
import { jsonFromText } from "../go/json-string.ts";
import { formatLogTime } from "../lib/log-time.ts";

/** Takes one line with its newline. */
export interface LineWriter {
  write(line: string): void;
}

const debugLevel = 4;
const infoLevel = 3;
const levelNames: Readonly<Record<string, string>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
};

export function createLogger(writer: LineWriter, clock: Clock, debug: boolean): Logger {
  const consola = createConsola({
    level: debug ? debugLevel : infoLevel,
    // Equal messages in a row are news all the same.
    throttle: 0,
    reporters: [
      {
        log({ type, args }) {
          const [message, fields] = args as [string, LogFields];
          writer.write(formatMessage(clock.wallMs(), levelNames[type] ?? "INFO", message, fields));
        },
      },
    ],
  });
  return {
    debug: (message, fields = noFields) => consola.debug(message, fields),
    info: (message, fields = noFields) => consola.info(message, fields),
    warn: (message, fields = noFields) => consola.warn(message, fields),
    error: (message, fields = noFields) => consola.error(message, fields),
  };
}

const noFields: LogFields = {};

/** The line with its newline; fields that are undefined are left out. */
export function formatMessage(
  wallMs: number,
  level: string,
  message: string,
  fields: LogFields,
): string {
  let line = `{"time":"${formatLogTime(wallMs)}","level":"${level}","msg":${jsonFromText(message)}`;
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) line += `,${jsonFromText(key)}:${jsonFromValue(value)}`;
  }
  return `${line}}\n`;
}

function jsonFromValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return jsonFromText(value);
    case "number":
    case "boolean":
      return Number.isNaN(value) || Math.abs(Number(value)) === Infinity
        ? `"${value}"`
        : String(value);
    case "bigint":
      return String(value);
  }
  if (value instanceof Error) return jsonFromText(value.message);
  if (Array.isArray(value)) return `[${value.map(jsonFromValue).join(",")}]`;
  try {
    return JSON.stringify(value) ?? "null";
  } catch {
    return jsonFromText(String(value));
  }
}
