/** The looks from outside, by the runtime's own clients. */
import { lookup } from "node:dns/promises";
import { type ClientRequest, type RequestOptions, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { networkInterfaces } from "node:os";
import { checkServerIdentity, connect, type PeerCertificate } from "node:tls";
import { doctorTimeoutMs } from "../../config/operator-limits.ts";
import { listenersOf } from "./listeners.ts";
import { messageOf } from "../../lib/error-text.ts";
import type {
  ProbePlace,
  ProbeAnswer,
  ProbeFault,
  ProbeRequest,
  Probes,
  ServedCertificate,
} from "./probes.ts";

export const systemProbes: Probes = {
  async resolve(host) {
    try {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    } catch {
      return [];
    }
  },
  localAddresses: () =>
    Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ address }) => address),
    ),
  handshake,
  get,
  listeners: (port) => listenersOf(port),
};

function handshake(place: ProbePlace, serverName: string): Promise<ServedCertificate | ProbeFault> {
  const { promise, resolve } = Promise.withResolvers<ServedCertificate | ProbeFault>();
  const socket = connect({
    host: place.address,
    port: place.port,
    servername: serverName,
    rejectUnauthorized: false,
    timeout: doctorTimeoutMs,
  });
  socket.on("secureConnect", () => {
    resolve(describeCertificate(socket.getPeerCertificate(), serverName, distrustOf(socket)));
    socket.destroy();
  });
  socket.on("timeout", () => socket.destroy(new Error("timed out")));
  socket.on("error", (error) => resolve(fault(error)));
  socket.on("close", () => resolve(fault(new Error("closed"))));
  return promise;
}

function distrustOf(socket: { authorized: boolean; authorizationError: unknown }): string | null {
  if (socket.authorized) return null;
  const { authorizationError: error } = socket;
  return error instanceof Error ? error.message : String(error);
}

function describeCertificate(
  certificate: PeerCertificate,
  serverName: string,
  distrust: string | null,
): ServedCertificate {
  const { issuer, valid_to } = certificate;
  return {
    kind: "certificate",
    issuer: String(issuer?.O ?? issuer?.CN ?? "unknown"),
    expiresMs: Date.parse(valid_to),
    coversName: checkServerIdentity(serverName, certificate) === undefined,
    distrust,
  };
}

function get(place: ProbePlace, request: ProbeRequest): Promise<ProbeAnswer | ProbeFault> {
  const { promise, resolve } = Promise.withResolvers<ProbeAnswer | ProbeFault>();
  const sent = send(request.scheme, {
    host: place.address,
    port: place.port,
    path: request.path,
    headers: { Host: request.host, "User-Agent": "kamal-proxy-doctor" },
    agent: false,
    timeout: doctorTimeoutMs,
    servername: request.host.replace(/:\d+$/, ""),
    rejectUnauthorized: false,
  } as RequestOptions);
  sent.on("response", ({ statusCode = 0, headers }) => {
    const code = headers["x-kamal-proxy-error"];
    resolve({
      kind: "answer",
      status: statusCode,
      location: headers.location ?? null,
      errorCode: typeof code === "string" ? code : null,
      dateMs: headers.date === undefined ? null : Date.parse(headers.date) || null,
    });
    // What follows may have no end.
    sent.destroy();
  });
  sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
  sent.on("error", (error) => resolve(fault(error)));
  sent.end();
  return promise;
}

function send(scheme: ProbeRequest["scheme"], options: RequestOptions): ClientRequest {
  return scheme === "https" ? httpsRequest(options) : httpRequest(options);
}

function fault(error: unknown): ProbeFault {
  return { kind: "fault", reason: messageOf(error) };
}
