import { expect, test } from "bun:test";
import { IncomingBody } from "../../../../src/data-plane/http2/incoming-body.ts";

const blockBytes = 65_536;

function emptyBody(): IncomingBody {
  const ignore = (): void => {};
  return new IncomingBody({
    bodyStarted: ignore,
    bodyTaken: ignore,
    keepRead: ignore,
    flushLater: ignore,
    bodyDone: ignore,
    bodyCancelled: ignore,
  });
}

function bodyThatWaits(): IncomingBody {
  const body = emptyBody();
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

test.each([true, false])(
  "small pieces are put together, for a sink that passes on: %p",
  (passesOn) => {
    const chunks: Uint8Array[] = [];
    const copies: string[] = [];
    const body = emptyBody();
    body.start({
      passesOn,
      attach() {},
      write(chunk) {
        chunks.push(chunk);
        copies.push(Buffer.from(chunk).toString());
        return true;
      },
      flush() {},
      end() {},
      abort() {},
    });
    for (const text of ["ab", "cd"]) {
      for (const letter of text) body.receive(Buffer.from(letter), 0, 1);
      body.flush();
    }
    expect(copies).toEqual(["ab", "cd"]);
    // One memory serves for all, unless somebody keeps it.
    expect(Buffer.from(chunks[0]!).toString()).toBe(passesOn ? "cd" : "ab");
  },
);
