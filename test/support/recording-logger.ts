/** A logger that keeps what it is told. */
import type { LogFields, Logger } from "../../src/lib/logger.ts";

export interface LogEntry {
  level: keyof Logger;
  message: string;
  fields: LogFields;
}

export class RecordingLogger implements Logger {
  readonly entries: LogEntry[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.entries.push({ level: "debug", message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.entries.push({ level: "info", message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.entries.push({ level: "warn", message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.entries.push({ level: "error", message, fields });
  }

  find(message: string): LogEntry | undefined {
    return this.entries.find((entry) => entry.message === message);
  }

  messages(level?: keyof Logger): string[] {
    return this.entries
      .filter((entry) => level === undefined || entry.level === level)
      .map((entry) => entry.message);
  }
}
