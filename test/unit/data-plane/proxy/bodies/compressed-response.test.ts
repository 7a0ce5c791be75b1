import { describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import { MemoryBudget } from "../../../../../src/net/memory-budget.ts";
import type { BodySink, BodySource } from "../../../../../src/protocols/http/body.ts";
import {
  CompressedResponse,
  compressionBytes,
} from "../../../../../src/data-plane/proxy/bodies/compressed-response.ts";
import { waitFor } from "../../../../support/wait-for.ts";

const KB = 1_024;

class Client implements BodySink {
  readonly passesOn = true;
  readonly #parts: Buffer[] = [];
  ended = false;
  /** It takes no more than what it has got. */
  full = false;

  attach(_source: BodySource): void {}

  write(chunk: Uint8Array): boolean {
    this.#parts.push(Buffer.from(chunk));
    return !this.full;
  }

  flush(): void {}

  end(): void {
    this.ended = true;
  }

  abort(): void {}

  get body(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

describe("the memory of a compressed response", () => {
  test("is counted before anything of it has come, where its length is known", async () => {
    const body = crypto.getRandomValues(Buffer.alloc(1_024 * KB)).subarray(0, 1_000 * KB);
    const budget = new MemoryBudget(10 * 1_024 * KB);
    const client = new Client();
    client.full = true;
    const response = new CompressedResponse(client, "gzip", body.length, budget);
    const before = budget.usedBytes;
    expect(before).toBe(compressionBytes("gzip", body.length));
    // One read, of which the client takes a piece.
    expect(response.write(body.subarray(0, 512 * KB))).toBe(false);
    await waitFor(() => client.body.length > 0, "the first piece");
    expect(budget.usedBytes).toBe(before);
    client.full = false;
    response.resume();
    response.write(body.subarray(512 * KB));
    response.end(null);
    await waitFor(() => client.ended, "the end");
    expect(zlib.gunzipSync(client.body).equals(body)).toBe(true);
    expect(budget.usedBytes).toBe(0);
  });

  test("is that of the body alone where that is compressed at once", () => {
    expect(compressionBytes("zstd", 40 * KB)).toBe(40 * KB);
    expect(compressionBytes("br", 40 * KB)).toBeGreaterThan(1_024 * KB);
    expect(compressionBytes("gzip", null)).toBeLessThan(compressionBytes("gzip", 10_000 * KB));
    expect(compressionBytes("zstd", 1e9)).toBe(compressionBytes("zstd", 1e8));
  });
});
