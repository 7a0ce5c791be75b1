import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { IncomingBody } from "../../src/data-plane/http2/incoming-body.ts";

const frameBytes = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 20_000 }));
const frames = fc.array(frameBytes, { maxLength: 12 });
/**
 * Behind how many chunks of a read the sink holds back, if at all, before which frame somebody else does, and
 * whether they go on behind the read.
 */
const read = fc.record({
  frames,
  holdsAfter: fc.option(fc.nat(3)),
  pausesBefore: fc.option(fc.nat(11)),
  resumes: fc.boolean(),
});
const reads = fc.array(read, { maxLength: 8 });

/** Before each frame in a read. */
const headerBytes = 9;
/** Bytes that tell where they belong, more than all reads together have. */
const numbered = Buffer.from(Uint8Array.from({ length: 8 * 12 * 20_000 + 251 }, (_, i) => i % 251));

describe("an HTTP/2 body, however it is cut and held back,", () => {
  test("comes whole and in order, in chunks that stay as they are, and is taken once", () => {
    fc.assert(
      fc.property(reads, (list) => {
        let taken = 0;
        let ended = 0;
        let toFlush = false;
        let holdsAfter: number | null = null;
        const chunks: Uint8Array[] = [];
        const copies: Uint8Array[] = [];
        const body = new IncomingBody({
          bodyStarted() {},
          bodyTaken: (bytes) => void (taken += bytes),
          keepRead() {},
          flushLater: () => void (toFlush = true),
          bodyDone: () => void ended++,
          bodyCancelled() {},
        });
        body.start({
          attach() {},
          write(chunk) {
            chunks.push(chunk);
            copies.push(chunk.slice());
            if (holdsAfter === null) return true;
            return holdsAfter-- > 0;
          },
          flush() {},
          end() {},
          abort() {},
        });
        const flush = (): void => {
          if (toFlush) body.flush();
          toFlush = false;
        };
        let sent = 0;
        for (const read of list) {
          ({ holdsAfter } = read);
          const bytes = Buffer.alloc(
            read.frames.reduce((sum, count) => sum + headerBytes + count, 0),
          );
          let at = 0;
          for (const [index, count] of read.frames.entries()) {
            if (index === read.pausesBefore) body.pause();
            at += headerBytes;
            numbered.copy(bytes, at, sent % 251, (sent % 251) + count);
            sent += count;
            body.receive(bytes, at, at + count);
            at += count;
          }
          flush();
          if (read.resumes) {
            holdsAfter = null;
            body.resume();
            flush();
          }
          expect(taken).toBeLessThanOrEqual(sent);
        }
        holdsAfter = null;
        body.resume();
        body.end(null);
        expect([taken, ended]).toEqual([sent, 1]);
        expect(chunks.every((chunk, i) => Buffer.compare(chunk, copies[i]!) === 0)).toBe(true);
        expect(Buffer.concat(copies).equals(numbered.subarray(0, sent))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
