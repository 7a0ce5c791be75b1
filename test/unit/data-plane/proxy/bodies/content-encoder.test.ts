/** Content codings in pieces, decoded by node:zlib: what the encoder does is behind no public interface of Bun's. */
import { describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import { contentCodings } from "../../../../../src/config/compression-settings.ts";
import { compressionPieceBytes } from "../../../../../src/config/limits.ts";
import { ContentEncoder } from "../../../../../src/data-plane/proxy/bodies/content-encoder.ts";

const decoders = {
  zstd: zlib.createZstdDecompress,
  br: zlib.createBrotliDecompress,
  gzip: zlib.createGunzip,
};
const text = Buffer.from(
  Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 6113} `).join(""),
);
const noise = crypto.getRandomValues(new Uint8Array(60_000));

async function decode(
  coding: keyof typeof decoders,
  parts: readonly Uint8Array[],
): Promise<Buffer> {
  const decoder = decoders[coding]();
  decoder.end(Buffer.concat(parts));
  return Buffer.concat(await Array.fromAsync(decoder as AsyncIterable<Buffer>));
}

/** What is handed on is written over by the next piece. */
function taken(work: (take: (encoded: Uint8Array) => void) => void): Uint8Array {
  const parts: Buffer[] = [];
  work((encoded) => void parts.push(Buffer.from(encoded)));
  return Buffer.concat(parts);
}

describe.each(contentCodings)("%s", (coding) => {
  test("pieces and flushes make one body", async () => {
    const encoder = new ContentEncoder(coding);
    const parts: Uint8Array[] = [];
    for (const piece of [text, noise, text]) {
      parts.push(
        taken((take) => encoder.encode(piece, take)),
        taken((take) => encoder.flush(take)),
        taken((take) => encoder.flush(take)),
      );
    }
    parts.push(taken((take) => encoder.finish(noise, take)));
    encoder.close();
    expect((await decode(coding, parts)).equals(Buffer.concat([text, noise, text, noise]))).toBe(
      true,
    );
  });

  test("little of a body is saved up for one long piece of work", () => {
    const encoder = new ContentEncoder(coding);
    const mostSaved = { zstd: 64 * 1_024, br: compressionPieceBytes, gzip: 128 * 1_024 };
    let [silent, longestSilence] = [0, 0];
    for (let round = 0; round < 20; round++) {
      for (let at = 0; at < noise.length; at += compressionPieceBytes) {
        const piece = noise.subarray(at, at + compressionPieceBytes);
        const isSilent = taken((take) => encoder.encode(piece, take)).length === 0;
        silent = isSilent ? silent + piece.length : 0;
        longestSilence = Math.max(longestSilence, silent);
      }
    }
    encoder.close();
    expect(longestSilence).toBeLessThan(mostSaved[coding]);
  });

  test("pieces that come small make little more than large ones", () => {
    const size = (pieceBytes: number) => {
      const encoder = new ContentEncoder(coding);
      let bytes = 0;
      const count = (encoded: Uint8Array) => void (bytes += encoded.length);
      for (let at = 0; at < text.length; at += pieceBytes) {
        encoder.encode(text.subarray(at, at + pieceBytes), count);
      }
      encoder.flush(count);
      encoder.close();
      return bytes;
    };
    expect(size(500)).toBeLessThan(size(compressionPieceBytes) * 1.02);
  });

  test("a body that comes at once, and one without a byte", async () => {
    for (const body of [text.subarray(0, 40_000), Buffer.alloc(0)]) {
      const encoder = new ContentEncoder(coding);
      expect(
        (await decode(coding, [taken((take) => encoder.finish(body, take))])).equals(body),
      ).toBe(true);
      encoder.close();
    }
  });

  test("nothing more comes when it is closed by whoever takes a piece", () => {
    const encoder = new ContentEncoder(coding);
    let pieces = 0;
    encoder.encode(Buffer.concat(Array.from({ length: 40 }, () => noise)), () => {
      pieces++;
      encoder.close();
    });
    expect(pieces).toBe(1);
  });

  test("what was flushed can be read before the end", async () => {
    const encoder = new ContentEncoder(coding);
    const decoder = decoders[coding]();
    const received: Buffer[] = [];
    const arrived = Promise.withResolvers<void>();
    decoder.on("data", (bytes: Buffer) => {
      received.push(bytes);
      if (Buffer.concat(received).equals(text)) arrived.resolve();
    });
    decoder.write(
      Buffer.concat([
        taken((take) => encoder.encode(text, take)),
        taken((take) => encoder.flush(take)),
      ]),
    );
    await arrived.promise;
    decoder.destroy();
    encoder.close();
  });

  test("a closed encoder is not used again", () => {
    const encoder = new ContentEncoder(coding);
    encoder.encode(text, () => {});
    encoder.close();
    encoder.close();
    expect(encoder.mostAtOnce).toBeGreaterThan(0);
  });
});
