/** What a request head asks for: parsed, framed and checked against the policy, or why it is refused. */
import { maxFieldCount } from "../../../config/limits.ts";
import { type BodyFraming, noBody } from "../../../protocols/http/body-framing.ts";
import { requestFraming } from "../../../protocols/http1/framing.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { parseRequestHead } from "../../../protocols/http1/head-parser.ts";
import type { RequestHead } from "../../../protocols/http/message-head.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import {
  connectionOptions,
  namesTooMuch,
  requestedProtocol,
} from "../../../protocols/http/hop-by-hop.ts";
import { checkRequest, type RequestTargetAndHost } from "../../../protocols/http/request-policy.ts";

export interface Http1Request {
  head: RequestHead;
  target: RequestTargetAndHost;
  framing: BodyFraming;
  /** The client wants no further response on this connection (RFC 9112 9.3). */
  clientCloses: boolean;
  /** The client waits to be told to send its body (RFC 9110 10.1.1). */
  expectsContinue: boolean;
  /** Protocol named by the Upgrade field of a real upgrade (RFC 9110 7.8), else null. */
  upgrade: string | null;
}

/** `text` is a whole head, as the parser takes it. */
export function readHttp1Request(text: string): Http1Request | HeadFault {
  const head = parseRequestHead(text, maxFieldCount);
  if (head instanceof HeadFault) return head;
  const framing = requestFraming(head);
  if (framing instanceof HeadFault) return framing;
  const target = checkRequest(head);
  if (target instanceof HeadFault) return target;
  const { fields, version } = head;
  if (namesTooMuch(fields)) return new HeadFault(431, "too many elements of Connection");
  const options = connectionOptions(fields);
  const isCurrent = version === "HTTP/1.1";
  return {
    head,
    target,
    framing,
    clientCloses: isCurrent ? options.close : options.close || !options.keepAlive,
    expectsContinue: isCurrent && framing !== noBody && expects(fields),
    upgrade: options.upgrade && isCurrent ? requestedProtocol(fields) : null,
  };
}

/** The policy has refused every expectation but 100-continue; an empty field asks for nothing. */
function expects(fields: Fields): boolean {
  return (fields.joined("expect") ?? "") !== "";
}
