/** The status page on a port of its own. It can be looked at, and changes nothing. */
import {
  type PasswordChecker,
  type PasswordVerdict,
  retryAfter,
} from "../../access/password-checker.ts";
import { givenCredentials } from "../../access/basic-credentials.ts";
import type { Credential } from "../../config/credentials.ts";
import { bindError } from "../../net/bind-error.ts";
import { listenOn } from "../../net/every-address.ts";
import { isKnownHost } from "./host-check.ts";
import { pageFiles } from "./page-files.ts" with { type: "macro" };
import type { StatusFeed } from "./status-feed.ts";

export interface StatusListenerOptions {
  hostname: string;
  port: number;
  /** Names in Host beside localhost and addresses. */
  hosts: readonly string[];
  /** Empty: everybody may look. */
  credentials: readonly Credential[];
  passwords: PasswordChecker;
  feed: Pick<StatusFeed, "stateText" | "historyText" | "join">;
}

export interface StatusListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Nothing but what the page is made of, from here alone; nobody else may frame it. */
const securityHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

const eventsPath = "/api/events";

const files = new Map(
  Object.entries(pageFiles()).map(([path, { type, text }]) => {
    return [path, { type, text, tag: `"${Bun.hash(text).toString(36)}"` }];
  }),
);

/** Throws a CommandError when the port can't be had. */
export function listenForStatus(options: StatusListenerOptions): StatusListener {
  const { hostname, port } = options;
  try {
    const server = listenOn(hostname, (address) =>
      Bun.serve({
        hostname: address,
        port,
        async fetch(request, bunServer) {
          const client = bunServer.requestIP(request)?.address ?? "";
          // Who does not read is dropped by what waits for it, without a word of Bun's.
          if (request.url.endsWith(eventsPath)) bunServer.timeout(request, 0);
          const answer = await respond(request, client, options);
          for (const [name, value] of Object.entries(securityHeaders)) {
            answer.headers.set(name, value);
          }
          return answer;
        },
        error: () => text(500, "the page can't be shown; the log of the proxy may have the reason"),
      }),
    );
    return { port: server.port ?? port, close: () => server.stop(true) };
  } catch (error) {
    throw bindError("tcp", hostname, port, error);
  }
}

async function respond(
  request: Request,
  client: string,
  options: StatusListenerOptions,
): Promise<Response> {
  const host = request.headers.get("host") ?? "";
  if (!isKnownHost(host, options.hosts)) {
    return text(421, "this name is not known here: KAMAL_PROXY_STATUS_HOSTS names those that are");
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return text(405, "this page can be looked at, and changes nothing", { Allow: "GET, HEAD" });
  }
  if (isOfAnotherSite(request)) return text(403, "pages of other sites may not ask this");
  const refusal = await refusalOf(request, client, options);
  return refusal ?? (await answerOf(request, options));
}

/** It could not read the answer, but take the places of those who may (Fetch Metadata). To lead here is no harm. */
function isOfAnotherSite({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  const isOwn = site === "same-origin" || site === "none";
  return !isOwn && headers.get("sec-fetch-mode") !== "navigate";
}

async function answerOf(request: Request, { feed }: StatusListenerOptions): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const file = files.get(pathname);
  if (file !== undefined) {
    const headers = { "Content-Type": file.type, ETag: file.tag, "Cache-Control": "no-cache" };
    const isKnown = request.headers.get("if-none-match") === file.tag;
    return isKnown
      ? new Response(null, { status: 304, headers })
      : new Response(file.text, { headers });
  }
  switch (pathname) {
    case "/api/state":
      return json(await feed.stateText());
    case "/api/history":
      return json(feed.historyText(searchParams.get("service")));
    case eventsPath:
      return request.method === "HEAD" ? events(null) : await openEvents(feed);
    default:
      return text(404, "there is no such page");
  }
}

async function openEvents(feed: Pick<StatusFeed, "join">): Promise<Response> {
  const stream = await feed.join();
  if (stream !== null) return events(stream);
  return text(503, "too many pages are open already", { "Retry-After": "10" });
}

function events(stream: ReadableStream<Uint8Array> | null): Response {
  const headers = { "Content-Type": "text/event-stream", "Cache-Control": "no-store" };
  return new Response(stream, { headers });
}

/** Null: it may go on. */
async function refusalOf(
  request: Request,
  client: string,
  { credentials, passwords }: StatusListenerOptions,
): Promise<Response | null> {
  const [decoy] = credentials;
  if (decoy === undefined) return null;
  const given = givenCredentials([request.headers.get("authorization") ?? ""]);
  if (given === null) return refusal("wrong");
  const credential = credentials.findLast(({ user }) => user === given.user) ?? null;
  const verdict = await passwords.check(client, given.user, given.password, credential, decoy);
  return verdict === "right" ? null : refusal(verdict);
}

function refusal(verdict: Exclude<PasswordVerdict, "right">): Response {
  if (verdict === "wrong") {
    return text(401, "user and password, please", {
      "WWW-Authenticate": 'Basic realm="kamal-proxy", charset="UTF-8"',
    });
  }
  if (verdict === "busy") {
    return text(503, "too many passwords are being checked", { "Retry-After": "1" });
  }
  return text(429, "too many wrong passwords", Object.fromEntries([retryAfter(verdict)]));
}

function json(body: string): Response {
  const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
  return new Response(body, { headers });
}

function text(status: number, line: string, headers: Record<string, string> = {}): Response {
  return new Response(`${line}\n`, {
    status,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Cache-Control": "no-store",
      ...headers,
    },
  });
}
