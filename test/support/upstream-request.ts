/** Requests as forwarding hands them to a transport. */
import { noBody } from "../../src/protocols/http/body-framing.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import type { UpstreamRequest } from "../../src/data-plane/upstream/upstream-request.ts";

export function upstreamRequest(
  method = "GET",
  options: Partial<UpstreamRequest> = {},
): UpstreamRequest {
  return {
    protocol: "h1",
    head: {
      method,
      authority: "app",
      target: "/",
      received: Fields.of(),
      dropped: new Set(),
      added: [],
    },
    framing: noBody,
    body: null,
    rewindBody: null,
    upgrade: null,
    responseTimeoutMs: 0,
    ...options,
  };
}
