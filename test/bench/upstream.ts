/** The app behind every subject: small answers, files, and uploads that are read to their end. */
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../support/free-ports.ts";
import { end, track } from "./cleanup.ts";
import { startNginx } from "./nginx.ts";

export const megabyte = 1024 * 1024;
export const slowBodyBytes = 200 * megabyte;
/** 31 bytes. */
const smallBody = "Hello from the app of the bench";

export interface Upstream extends AsyncDisposable {
  /** Who serves: `nginx`, or `bun` when it is not installed. */
  readonly kind: string;
  /** `host:port`. */
  readonly target: string;
  /** The same of an app that speaks gRPC; null: there is none. */
  readonly grpcTarget: string | null;
}

/** Paths: `/` and `/up` small, `/1mb`, `/20mb` and `/200mb` files, `/upload` reads the body. */
export async function startUpstream(folder: string): Promise<Upstream> {
  writeFileSync(join(folder, "1mb"), Buffer.alloc(megabyte, "x"));
  writeFileSync(join(folder, "20mb"), Buffer.alloc(20 * megabyte, "x"));
  writeFileSync(join(folder, "200mb"), "");
  truncateSync(join(folder, "200mb"), slowBodyBytes);
  const nginx = Bun.which("nginx", { PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin` });
  return nginx === null ? startBunUpstream(folder) : await startNginxUpstream(nginx, folder);
}

async function startNginxUpstream(binary: string, folder: string): Promise<Upstream> {
  const [port = 0, sinkPort = 0, grpcPort = 0] = freePorts(3);
  // A request is only proxied when its body was read completely.
  const http = `
  access_log off;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "${smallBody}"; }
    location = /1mb { root ${folder}; }
    location = /20mb { root ${folder}; }
    location = /200mb { root ${folder}; }
    location = /upload {
      client_body_buffer_size 2m;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_pass http://127.0.0.1:${sinkPort}/;
    }
  }
  server { listen 127.0.0.1:${sinkPort}; location / { return 200 "${smallBody}"; } }
  server {
    listen 127.0.0.1:${grpcPort} http2;
    http2_max_requests 100000000;
    default_type application/grpc;
    add_trailer grpc-status 0;
    location / { return 200 "${smallBody}"; }
  }`;
  const server = await startNginx(binary, folder, port, http);
  return {
    kind: "nginx",
    target: `127.0.0.1:${port}`,
    grpcTarget: `127.0.0.1:${grpcPort}`,
    [Symbol.asyncDispose]: () => end(server),
  };
}

function startBunUpstream(folder: string): Upstream {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (/^\/\d+mb$/.test(pathname)) return new Response(Bun.file(join(folder, pathname)));
      if (pathname === "/upload") await request.arrayBuffer();
      return new Response(smallBody);
    },
  });
  const upstream: Upstream = {
    kind: "bun",
    target: `127.0.0.1:${server.port}`,
    grpcTarget: null,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return track(upstream);
}
