/** Requests as forwarding hands them to a transport. */
import { noBody } from "../../src/protocols/http/body-framing.ts";
import type { UpstreamRequest } from "../../src/data-plane/upstream/upstream-request.ts";

export function upstreamRequest(
  method = "GET",
  options: Partial<UpstreamRequest> & { fields?: string } = {},
): UpstreamRequest {
  const { fields = "", ...rest } = options;
  return {
    method,
    head: `${method} / HTTP/1.1\r\nHost: app\r\n${fields}\r\n`,
    framing: noBody,
    body: null,
    rewindBody: null,
    upgrade: null,
    responseTimeoutMs: 0,
    ...rest,
  };
}
