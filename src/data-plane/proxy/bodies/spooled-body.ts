/**
 * A body that is collected whole before it goes on: in memory up to a limit, the rest in a temporary
 * file without a name, so that nothing can be left behind.
 */
import { closeSync, read, writev } from "node:fs";
import { maxSpoolQueueBytes } from "../../../config/limits.ts";
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { ByteBlocks } from "../../../net/byte-blocks.ts";
import type { MemoryBudget } from "../../../net/memory-budget.ts";
import { openNamelessFile } from "../../../net/nameless-file.ts";
import { type BodyFraming, chunkedBody } from "../../../protocols/http/body-framing.ts";
import { type ReadFile, SpoolReader } from "./spool-reader.ts";

export interface SpoolOptions {
  /** Of the body; what is beyond goes to the file. */
  maxMemoryBytes: number;
  /** 0 means no limit. */
  maxBytes: number;
  /** Shared by all spooled bodies, or by those of one connection. */
  memory: MemoryBudget;
  folder: string;
  /** Of a body that comes in one piece: up to here it goes on without being collected. */
  maxDirectBytes: number;
}

export type SpoolOutcome =
  | { kind: "complete" }
  | { kind: "too-large" }
  /** The source broke off. */
  | { kind: "aborted"; error: Error }
  /** The body could not be stored: disk full, no folder. */
  | { kind: "failed"; error: Error };

export class SpooledBody implements BodySink {
  readonly passesOn = true;
  readonly #options: SpoolOptions;
  readonly #collected = Promise.withResolvers<SpoolOutcome>();
  #settled = false;
  #from: BodySource | null = null;
  readonly #inMemory: ByteBlocks;
  #fd = -1;
  #fileBytes = 0;
  /** On their way to the file. */
  readonly #queue: ByteBlocks;
  #writing = false;
  #ended = false;
  #disposed = false;
  #readers = 0;
  #sizeBytes = 0;
  trailers: Fields | null = null;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#inMemory = new ByteBlocks(options.memory);
    this.#queue = new ByteBlocks(options.memory);
  }

  /** Resolves when the body is complete, or can't become so. */
  get collected(): Promise<SpoolOutcome> {
    return this.#collected.promise;
  }

  /** Bytes are on their way to the file; the source may be held back because of it. */
  get writing(): boolean {
    return this.#writing;
  }

  attach(source: BodySource): void {
    this.#from = source;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#settled) return true;
    this.#sizeBytes += chunk.length;
    const { maxBytes, maxMemoryBytes, memory } = this.#options;
    if (maxBytes > 0 && this.#sizeBytes > maxBytes) {
      this.#settle({ kind: "too-large" });
      this.#from?.cancel();
      return true;
    }
    const { length } = chunk;
    if (
      this.#fd < 0 &&
      this.#inMemory.length + length <= maxMemoryBytes &&
      memory.fits(this.#inMemory.memoryFor(length))
    ) {
      this.#inMemory.append(chunk);
      return true;
    }
    if (this.#fd < 0 && !this.#open()) return true;
    this.#queue.append(chunk);
    this.#writeNext();
    return this.#queue.length < maxSpoolQueueBytes && !memory.exhausted;
  }

  flush(): void {}

  end(trailers: Fields | null): void {
    this.#ended = true;
    this.trailers = trailers;
    if (!this.#writing) this.#settle({ kind: "complete" });
  }

  abort(error: Error): void {
    this.#settle({ kind: "aborted", error });
  }

  /** Of the collected body: its length is known by now, and only trailers need chunks. */
  get framing(): BodyFraming {
    return this.trailers === null ? { kind: "length", length: this.#sizeBytes } : chunkedBody;
  }

  /** The collected body from its first byte; may be asked for again to send it again. */
  source(): BodySource {
    return new SpoolReader(this.#inMemory.views(), this.trailers, this.#fileBytes, this.#read);
  }

  /** Frees memory and file. A reader under way stops where it is. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#settle({ kind: "aborted", error: new Error("the buffered body was given up") });
    this.#inMemory.clear();
    this.#queue.clear();
    this.#closeFile();
  }

  /** Once the body was disposed of, nobody is told of anything: the client of its reader has gone. */
  readonly #read: ReadFile = (buffer, position, done) => {
    if (this.#disposed) return;
    this.#readers++;
    read(this.#fd, buffer, 0, buffer.length, position, (error, count) => {
      this.#readers--;
      if (this.#disposed) this.#closeFile();
      else done(error, count);
    });
  };

  #open(): boolean {
    try {
      this.#fd = openNamelessFile(this.#options.folder);
      return true;
    } catch (error) {
      this.#settle({ kind: "failed", error: error as Error });
      this.#from?.cancel();
      return false;
    }
  }

  #writeNext(): void {
    if (this.#writing || this.#settled) return;
    if (this.#queue.length === 0) {
      if (this.#ended) this.#settle({ kind: "complete" });
      else this.#from?.resume();
      return;
    }
    this.#writing = true;
    writev(this.#fd, this.#queue.views(), this.#fileBytes, (error, count) => {
      this.#writing = false;
      if (this.#disposed) {
        this.#closeFile();
      } else if (error !== null) {
        this.#settle({ kind: "failed", error });
        this.#from?.cancel();
      } else {
        this.#fileBytes += count;
        this.#queue.release(count);
        this.#writeNext();
      }
    });
  }

  /** A file under way in a system call is closed by that call's end. */
  #closeFile(): void {
    if (this.#fd < 0 || this.#writing || this.#readers > 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #settle(outcome: SpoolOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#collected.resolve(outcome);
  }
}
