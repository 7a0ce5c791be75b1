/**
 * One health check: a GET over a connection of its own, redirects followed. Not `fetch`, which obeys
 * HTTP_PROXY, rewrites paths and refuses host names such as `web.1`.
 */
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { maxHealthCheckRedirects } from "../../config/defaults.ts";
import { connectionFaultOf, messageOf } from "../../lib/error-text.ts";
import { HealthAnswer } from "./health-answer.ts";
import { type HealthEndpoint, redirectedEndpoint } from "./health-endpoint.ts";

export type ProbeResult =
  | { healthy: true }
  /** `error` is for the log; `reason` follows the target's address in what the user sees. */
  | { healthy: false; error: string; reason: string };

/** Settles at once when the signal aborts: with its reason, unless the status or a redirect is known. */
export type Probe = (endpoint: HealthEndpoint, signal: AbortSignal) => Promise<ProbeResult>;

/** Of a location in messages: what the app answers may be long. */
const maxShownUrlLength = 200;
const redirects = new Set([301, 302, 303, 307, 308]);

export const probeTarget: Probe = async (endpoint, signal) => {
  let current = endpoint;
  /** The last redirect, which stands before whatever went wrong behind it. */
  let redirect = "";
  for (let hop = 0; hop <= maxHealthCheckRedirects; hop++) {
    const answer = await requestBehind(redirect, current, signal);
    if (typeof answer === "string") return failed(redirect + answer);
    const { status, location } = answer;
    if (status >= 200 && status <= 299) return { healthy: true };
    if (!redirects.has(status) || location === null) {
      return {
        healthy: false,
        error: `${redirect}unexpected status (${status})`,
        reason: `${redirect}answered ${status} on ${current.path}`,
      };
    }
    const next = redirectedEndpoint(current, location);
    if ("error" in next) return failed(`${redirect}${status}: ${next.error}`);
    current = next.endpoint;
    redirect = `${status} to ${current.url.slice(0, maxShownUrlLength)}: `;
  }
  return failed(`${redirect}stopped after ${maxHealthCheckRedirects} redirects`);
};

/** Running out of time behind a redirect is told here: only here it is known. */
async function requestBehind(
  redirect: string,
  endpoint: HealthEndpoint,
  signal: AbortSignal,
): Promise<HealthAnswer | string> {
  try {
    return await request(endpoint, signal);
  } catch (error) {
    if (redirect === "") throw error;
    return messageOf(error);
  }
}

function failed(reason: string): ProbeResult {
  return { healthy: false, error: reason, reason };
}

/** The answer, or why there is none. */
function request(endpoint: HealthEndpoint, signal: AbortSignal): Promise<HealthAnswer | string> {
  const { promise, resolve, reject } = Promise.withResolvers<HealthAnswer | string>();
  const answer = new HealthAnswer();
  let socket: Bun.Socket | undefined;
  let refusal: string | undefined;

  const finish = () => {
    if (answer.malformed) resolve("malformed answer");
    else if (answer.status > 0) resolve(answer);
    else resolve(refusal ?? "connection closed without an answer");
    socket?.terminate();
  };
  const onAbort = () => {
    // A body that never ends does not change the status that came before it.
    if (answer.status > 0) finish();
    else reject(signal.reason);
    socket?.terminate();
  };
  const send = (opened: Bun.Socket) => {
    opened.write(
      `GET ${endpoint.path} HTTP/1.1\r\nHost: ${endpoint.hostField}\r\n` +
        "User-Agent: kamal-proxy\r\nConnection: close\r\n\r\n",
    );
  };

  signal.throwIfAborted();
  signal.addEventListener("abort", onAbort, { once: true });
  Bun.connect({
    hostname: endpoint.host,
    port: endpoint.port,
    ...(endpoint.secure && { tls: { serverName: endpoint.host, rejectUnauthorized: true } }),
    socket: {
      open(opened) {
        socket = opened;
        if (signal.aborted) opened.terminate();
        else if (!endpoint.secure) send(opened);
      },
      handshake(opened, _ok, error) {
        refusal = certificateFault(opened, endpoint.host, error);
        if (refusal === undefined) send(opened);
        else opened.terminate();
      },
      data(_socket, bytes) {
        answer.push(bytes);
        if (answer.complete) finish();
      },
      end: finish,
      close: finish,
      error(_socket, error) {
        refusal ??= connectionFaultOf(error);
        finish();
      },
    },
  }).catch((error: unknown) => resolve(connectionFaultOf(error)));

  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}

function certificateFault(
  socket: Bun.Socket,
  host: string,
  error: Error | null,
): string | undefined {
  if (error !== null || !socket.authorized) {
    return `TLS handshake failed: ${error?.message ?? "certificate is not trusted"}`;
  }
  return checkServerIdentity(host, socket.getPeerCertificate() as PeerCertificate)?.message;
}
