import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { AcmeError } from "../../../../../src/control-plane/certificates/acme/acme-error.ts";
import {
  AcmeHttp,
  type Fetch,
} from "../../../../../src/control-plane/certificates/acme/acme-http.ts";
import { acmeRequestTimeoutMs } from "../../../../../src/config/limits.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { tempFolder } from "../../../../support/temp-folder.ts";
import { waitFor } from "../../../../support/wait-for.ts";

const url = "https://ca.test/order";
const noAbort = new AbortController().signal;

function problem(status: number, type: string, headers: Record<string, string> = {}): Response {
  return new Response(
    JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: "the detail" }),
    {
      status,
      headers: { "content-type": "application/problem+json", ...headers },
    },
  );
}

function httpOf(fetch: Fetch, caFiles: string[] = [], clock = new ManualClock()): AcmeHttp {
  return new AcmeHttp({ fetch, clock, userAgent: "test/1", caFiles });
}

async function errorOf(promise: Promise<unknown>): Promise<AcmeError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AcmeError);
  return error as AcmeError;
}

test("acme-http names itself and sends bodies as JOSE", async () => {
  const sent: BunFetchRequestInit[] = [];
  const http = httpOf(async (_, init) => {
    sent.push(init);
    return Response.json({ a: 1 }, { headers: { "Replay-Nonce": "n" } });
  });
  const response = await http.request(url, "post", { payload: "x" }, noAbort);
  expect(response).toMatchObject({ status: 200, headers: { "replay-nonce": "n" }, data: { a: 1 } });
  expect(sent[0]).toMatchObject({
    method: "POST",
    body: '{"payload":"x"}',
    headers: { "user-agent": "test/1", "content-type": "application/jose+json" },
  });
});

test("acme-http leaves a certificate as text", async () => {
  const headers = { "content-type": "application/pem-certificate-chain" };
  const http = httpOf(async () => new Response("-----BEGIN", { headers }));
  expect((await http.request(url, "post", {}, noAbort)).data).toBe("-----BEGIN");
});

test("acme-http hands a bad nonce back to whoever repeats the request", async () => {
  const http = httpOf(async () => problem(400, "badNonce", { "replay-nonce": "fresh" }));
  const response = await http.request(url, "post", {}, noAbort);
  expect([response.status, response.headers["replay-nonce"]]).toEqual([400, "fresh"]);
});

test.each([
  [403, "rejectedIdentifier", "refused"],
  [400, "malformed", "refused"],
  [429, "rateLimited", "busy"],
  [500, "serverInternal", "busy"],
] as const)("acme-http calls a %i %s %s", async (status, type, kind) => {
  const http = httpOf(async () => problem(status, type, { "retry-after": "7" }));
  const error = await errorOf(http.request(url, "post", {}, noAbort));
  expect(error).toMatchObject({ kind, problem: type, retryAfterMs: 7_000 });
  expect(error.message).toBe(`https://ca.test answered ${status} ${type}: the detail`);
});

test("acme-http names the authority that it could not reach", async () => {
  const http = httpOf(async () => {
    throw new TypeError("ECONNREFUSED");
  });
  const error = await errorOf(http.request(url, "get", undefined, noAbort));
  expect(error.kind).toBe("unreachable");
  expect(error.message).toBe("https://ca.test could not be asked: ECONNREFUSED");
});

test("acme-http gives up a request that is not answered", async () => {
  const clock = new ManualClock();
  let started = false;
  const http = httpOf(
    (_, init) => {
      started = true;
      return new Promise((__, reject) => {
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    },
    [],
    clock,
  );
  const answer = errorOf(http.request(url, "get", undefined, noAbort));
  await waitFor(() => started, "the request");
  clock.advance(acmeRequestTimeoutMs);
  expect((await answer).message).toContain("no answer within 30 s");
  expect(clock.pendingTimers).toBe(0);
});

test("acme-http trusts the bundles besides the well-known authorities", async () => {
  using folder = tempFolder();
  writeFileSync(folder.file("ca.pem"), "BUNDLE");
  let roots: unknown;
  const http = httpOf(
    async (_, init) => {
      roots = (init.tls as { ca: string[] }).ca;
      return Response.json({});
    },
    [folder.file("ca.pem")],
  );
  await http.request(url, "get", undefined, noAbort);
  expect(roots).toBeArray();
  expect((roots as string[]).at(-1)).toBe("BUNDLE");
  expect((roots as string[]).length).toBeGreaterThan(50);
});

test("acme-http sends nothing when a bundle can't be read, and names it", async () => {
  let requests = 0;
  const http = httpOf(async () => {
    requests++;
    return Response.json({});
  }, ["/missing/ca.pem"]);
  const error = await errorOf(http.request(url, "get", undefined, noAbort));
  expect(error.message).toContain("/missing/ca.pem");
  expect(requests).toBe(0);
});
