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

describe("two HTTP/2 bodies whose frames come in turns", () => {
  test("are each whole", () => {
    const turns = fc.array(fc.tuple(fc.boolean(), frameBytes), { maxLength: 12 });
    fc.assert(
      fc.property(turns, (list) => {
        const toFlush = new Set<IncomingBody>();
        const make = (): { body: IncomingBody; sent: number; copies: Uint8Array[] } => {
          const copies: Uint8Array[] = [];
          const body: IncomingBody = new IncomingBody({
            bodyStarted() {},
            bodyTaken() {},
            keepRead() {},
            flushLater: () => void toFlush.add(body),
            bodyDone() {},
            bodyCancelled() {},
          });
          body.start({
            attach() {},
            write: (chunk) => copies.push(chunk.slice()) > 0,
            flush() {},
            end() {},
            abort() {},
          });
          return { body, sent: 0, copies };
        };
        const streams = [make(), make()] as const;
        const bytes = Buffer.alloc(list.reduce((sum, [, count]) => sum + headerBytes + count, 0));
        // All of one read has come before any of it is looked at.
        const placed = list.map(([isFirst, count], index) => {
          const start = list
            .slice(0, index)
            .reduce((sum, [, before]) => sum + headerBytes + before, headerBytes);
          const stream = streams[isFirst ? 0 : 1];
          numbered.copy(bytes, start, stream.sent % 251, (stream.sent % 251) + count);
          stream.sent += count;
          return { stream, start, end: start + count };
        });
        for (const { stream, start, end } of placed) stream.body.receive(bytes, start, end);
        for (const body of toFlush) body.flush();
        for (const { sent, copies } of streams) {
          expect(Buffer.concat(copies).equals(numbered.subarray(0, sent))).toBe(true);
        }
      }),
    );
  });
});
