/** A handler in place of the pipeline that takes all of an upload. */
import { pipe } from "../../src/protocols/http/body.ts";
import type { Exchange } from "../../src/protocols/http/exchange.ts";
import { Fields } from "../../src/protocols/http/fields.ts";

/** Answers with the number of bytes of the request's body, when it is over. */
export function answerWithBodyLength(exchange: Exchange): void {
  let received = 0;
  pipe(exchange.request.body!, {
    attach() {},
    write(chunk) {
      received += chunk.length;
      return true;
    },
    flush() {},
    end: () => exchange.respond(200, new Fields(), Buffer.from(String(received))),
    abort() {},
  });
}
