/** From a Request of Bun's server to an Exchange, for HTTP/3. */
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { hasConnectionField } from "../../../protocols/http/hop-by-hop.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import { errorCodeField, headFaultCode } from "../../proxy/answers/failure.ts";
import type { FetchContext } from "./fetch-context.ts";
import { FetchExchange } from "./fetch-exchange.ts";
import { readFetchRequest } from "./fetch-request.ts";
import { segmentRoutes } from "./sent-path.ts";

/** What `Bun.serve` is given besides its sockets and certificates. */
export function fetchServer(context: FetchContext): FetchServerOptions {
  type Answer = Response | Promise<Response>;
  const answer = (request: Request, server: RequestServer, segments: readonly string[]): Answer => {
    const peer = server.requestIP(request);
    if (peer === null) return new Response(null, { status: 403 });
    const client = context.clientAt(peer.address, peer.port);
    if (client === null) return tooManyConnections();
    const head = readFetchRequest(request, segments);
    if (head instanceof HeadFault) return refusal(head, context);
    if (hasConnectionField(head.fields)) {
      return refusal(new HeadFault(400, "connection field"), context);
    }
    const exchange = new FetchExchange(request, head, client, context);
    context.handle(exchange);
    return exchange.response;
  };
  const onPath: RouteHandler = (request, server) =>
    answer(request, server, Object.values(request.params));
  const onPathWithSlash: RouteHandler = (request, server) =>
    answer(request, server, [...Object.values(request.params), ""]);
  return {
    development: false,
    http1: false,
    // Bodies are limited by whoever reads them, idle connections by the listener.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    idleTimeout: 0,
    error: () => new Response(null, { status: 500 }),
    routes: Object.fromEntries(
      segmentRoutes.map((route) => [route, route.endsWith("/") ? onPathWithSlash : onPath]),
    ),
    // Paths that no route shows.
    fetch: (request, server) => answer(request, server, []),
  };
}

type RequestServer = Pick<Bun.Server<undefined>, "requestIP">;
type RouteHandler = (
  request: Bun.BunRequest,
  server: Bun.Server<undefined>,
) => Response | Promise<Response>;

export interface FetchServerOptions {
  development: false;
  http1: false;
  maxRequestBodySize: number;
  idleTimeout: number;
  error(): Response;
  routes: Record<string, RouteHandler>;
  fetch(request: Request, server: Bun.Server<undefined>): Response | Promise<Response>;
}

/** Bun has no way to close the connection. */
function tooManyConnections(): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "retry-after": "1" };
  return new Response(`429 ${reasonPhrase(429)}`, { status: 429, headers });
}

function refusal({ status }: HeadFault, { altSvc, showsErrorCodes }: FetchContext): Response {
  const headers = new Headers({ "content-type": "text/plain; charset=utf-8" });
  if (altSvc !== null) headers.set("alt-svc", altSvc);
  if (showsErrorCodes) headers.set(errorCodeField, headFaultCode(status));
  return new Response(Buffer.from(`${status} ${reasonPhrase(status)}`, "latin1"), {
    status,
    headers,
  });
}
