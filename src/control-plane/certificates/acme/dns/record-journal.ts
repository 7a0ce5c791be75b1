/** The DNS records that stand at providers now, in a file, so that a crash leaves none behind for ever. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { maxNamedFileBytes } from "../../../../config/limits.ts";
import { readRegularFileSync } from "../../../../lib/regular-file.ts";
import * as v from "valibot";
import type { Logger } from "../../../../lib/logger.ts";
import { messageWithCause } from "../../../../lib/error-text.ts";

const entrySchema = v.object({
  provider: v.string(),
  name: v.string(),
  value: v.string(),
  handle: v.string(),
});
export type JournalEntry = v.InferOutput<typeof entrySchema>;

export class RecordJournal {
  readonly #path: string;
  readonly #logger: Logger;
  #entries: JournalEntry[];

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
    this.#entries = this.#read();
  }

  entries(): readonly JournalEntry[] {
    return [...this.#entries];
  }

  add(entry: JournalEntry): void {
    this.#entries.push(entry);
    this.#save();
  }

  delete({ provider, name, value }: JournalEntry): void {
    this.#entries = this.#entries.filter(
      (entry) => entry.provider !== provider || entry.name !== name || entry.value !== value,
    );
    this.#save();
  }

  #read(): JournalEntry[] {
    try {
      const parsed = v.safeParse(
        v.array(entrySchema),
        JSON.parse(readRegularFileSync(this.#path, maxNamedFileBytes).toString()),
      );
      return parsed.success ? parsed.output : [];
    } catch {
      // None was left behind, or nothing that can be read.
      return [];
    }
  }

  /** Small and rare. A lost entry costs a record that stays: it is no secret and does no harm. */
  #save(): void {
    try {
      if (this.#entries.length === 0) {
        rmSync(this.#path, { force: true });
        return;
      }
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(this.#path, JSON.stringify(this.#entries), { mode: 0o600 });
    } catch (error) {
      const fields = { path: this.#path, error: messageWithCause(error) };
      this.#logger.warn("Unable to note a DNS record", fields);
    }
  }
}
