import { expect, test } from "bun:test";
import { IncomingBody } from "../../../../src/data-plane/http2/incoming-body.ts";

const blockBytes = 65_536;

function bodyThatWaits(): IncomingBody {
  const ignore = (): void => {};
  const body = new IncomingBody({
    bodyStarted: ignore,
    bodyTaken: ignore,
    keepRead: ignore,
    flushLater: ignore,
    bodyDone: ignore,
    bodyCancelled: ignore,
  });
  body.receive(Buffer.alloc(blockBytes, "a"), 0, blockBytes);
  return body;
}

/** What a sink was given, looked at afterwards. */
function givenTo(passesOn: boolean): Uint8Array {
  const chunks: Uint8Array[] = [];
  bodyThatWaits().start({
    passesOn,
    attach() {},
    write: (chunk) => chunks.push(chunk) > 0,
    flush() {},
    end() {},
    abort() {},
  });
  expect(chunks).toHaveLength(1);
  return chunks[0]!;
}

test("memory of what has waited is given back when the sink has passed it on", () => {
  expect(givenTo(true).buffer.byteLength).toBe(0);
});

test("what has waited stays for a sink that keeps it", () => {
  expect(givenTo(false)).toEqual(new Uint8Array(blockBytes).fill(97));
});
