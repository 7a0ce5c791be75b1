/** One response body in a content coding, piece by piece and on the event loop: whoever calls bounds the pieces. */
import zlib from "node:zlib";
import { compressionPieceBytes } from "../../../config/limits.ts";
import type { ContentCoding } from "../../../config/compression-settings.ts";

const { constants } = zlib;

/**
 * What Node.js and Bun make `gzipSync` and its kin of, and have behind every stream of `node:zlib`: it works at
 * once. Their public way in pieces goes through a thread and a stream, for twice the CPU time.
 */
interface SynchronousStream {
  readonly _handle: {
    writeSync(
      operation: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void;
  };
  /** After each write: what is left of the output, and of the input. */
  readonly _writeState: Uint32Array;
  close(): void;
}

interface CodingKind {
  /** Memory that a stream takes, measured behind a megabyte. */
  readonly memoryBytes: number;
  /**
   * Is told to compress what it has when that is so much: else zstd saves up 128 KB (0.75 ms without another's
   * turn, and a request of another waits for two of them), brotli 64 KB and more (2 ms).
   */
  readonly flushBytes: number;
  readonly flush: number;
  readonly finish: number;
  open(): unknown;
  /** Cheaper for a body that is there as a whole; null where it would take too long at once. */
  readonly whole: ((body: Uint8Array) => Uint8Array) | null;
}

const KB = 1024;
const maxWholeBytes = 64 * KB;

/**
 * Measured on 40 KB of HTML: zstd 1 takes 68 µs for 5.5 KB, level 3 half as much again for 5 % less; gzip by
 * libdeflate 82 µs for 7.4 KB, by zlib in pieces 118 µs for 10.3 KB. Over 300 pages brotli 3 takes three times as
 * long as zstd and makes 7 % less of them; 4 takes five times as long for 5 % less again, and 1 is no better than
 * gzip. Windows of 128 and 256 KB keep a stream small: event streams last. zstd that is flushed behind 64 KB
 * takes 2 to 11 % longer than in blocks of 128 KB, and behind 32 KB 12 to 19 %, for bodies that are no larger; a window
 * of 64 KB instead takes no longer, and makes them 4 % larger.
 */
const kinds: Readonly<Record<ContentCoding, CodingKind>> = {
  zstd: {
    memoryBytes: 576 * KB,
    flushBytes: maxWholeBytes,
    flush: constants.ZSTD_e_flush,
    finish: constants.ZSTD_e_end,
    open: () =>
      zlib.createZstdCompress({
        params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 17 },
      }),
    whole: (body) => Bun.zstdCompressSync(body, { level: 1 }),
  },
  br: {
    memoryBytes: 1_216 * KB,
    flushBytes: compressionPieceBytes,
    flush: constants.BROTLI_OPERATION_FLUSH,
    finish: constants.BROTLI_OPERATION_FINISH,
    open: () =>
      zlib.createBrotliCompress({
        params: { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_LGWIN]: 18 },
      }),
    whole: null,
  },
  gzip: {
    memoryBytes: 320 * KB,
    // zlib's level 1 compresses as it goes.
    flushBytes: Number.POSITIVE_INFINITY,
    flush: constants.Z_SYNC_FLUSH,
    finish: constants.Z_FINISH,
    open: () => zlib.createGzip({ level: 1 }),
    whole: (body) =>
      Bun.gzipSync(body as Uint8Array<ArrayBuffer>, { level: 1, library: "libdeflate" }),
  },
};

/** Is to keep nothing of what it is given. */
type Take = (encoded: Uint8Array) => void;

export class ContentEncoder {
  readonly #kind: CodingKind;
  #stream: SynchronousStream | null = null;
  #unflushedBytes = 0;

  constructor(coding: ContentCoding) {
    this.#kind = kinds[coding];
  }

  /** Bytes of memory that it takes while it is used, about. */
  static memoryBytes(coding: ContentCoding): number {
    return kinds[coding].memoryBytes;
  }

  /** Bytes that it may be given at once: less than half a millisecond of work. */
  get mostAtOnce(): number {
    const isWhole = this.#stream === null && this.#kind.whole !== null;
    return isWhole ? maxWholeBytes : compressionPieceBytes;
  }

  /** Hands on what is ready of it, which may be nothing. What `take` is given is written over afterwards. */
  encode(bytes: Uint8Array, take: Take): void {
    const { flushBytes, flush } = this.#kind;
    this.#unflushedBytes += bytes.length;
    this.#process(bytes, this.#unflushedBytes >= flushBytes ? flush : goOn, take);
  }

  /** With all that is pending: whoever decodes has everything so far. */
  flush(take: Take): void {
    this.#process(nothing, this.#kind.flush, take);
  }

  /** The rest, and the end; `close` follows. Of a body that comes at once, the whole. */
  finish(last: Uint8Array, take: Take): void {
    const { whole, finish } = this.#kind;
    if (this.#stream === null && whole !== null) take(whole(last));
    else this.#process(last, finish, take);
  }

  /** Frees its memory. */
  close(): void {
    this.#stream?.close();
    this.#stream = null;
  }

  #process(bytes: Uint8Array, operation: number, take: Take): void {
    this.#stream ??= this.#kind.open() as SynchronousStream;
    if (operation !== goOn) this.#unflushedBytes = 0;
    // oxlint-disable-next-line no-underscore-dangle
    const { _handle: handle, _writeState: state } = this.#stream;
    let offset = 0;
    let isFull = true;
    // Whoever takes the bytes may find that nobody wants them any more, and close.
    while (isFull && this.#stream !== null) {
      const length = bytes.length - offset;
      handle.writeSync(operation, bytes, offset, length, output, 0, output.length);
      offset = bytes.length - state[1]!;
      // It stopped for want of room.
      isFull = state[0] === 0;
      const written = output.length - state[0]!;
      if (written > 0) take(output.subarray(0, written));
    }
  }
}

/** The operation of all codings that takes bytes and may keep them. */
const goOn = 0;
const nothing = new Uint8Array(0);
/** Of all encoders in turn. */
const output = Buffer.allocUnsafeSlow(16 * KB);
