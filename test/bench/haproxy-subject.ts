/** HAProxy as a reverse proxy with HTTP log on. It has no mode that takes a whole body first. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../support/free-ports.ts";
import { end, startServer } from "./cleanup.ts";
import type { Subject } from "./subject.ts";

export function haproxySubject(binary: string): Subject {
  return {
    name: "haproxy",
    async start(services, folder, certificate) {
      const [port = 0] = freePorts(1);
      const tls =
        certificate === null ? "" : ` ssl crt ${certificate.combinedPath} alpn h2,http/1.1`;
      const mapPath = join(folder, "hosts.map");
      writeFileSync(mapPath, services.map(({ host, name }) => `${host} ${name}\n`).join(""));
      const backends = services.map(
        ({ name, target, grpc }) =>
          `backend ${name}\n  server app ${target}${grpc === null ? "" : " proto h2"} pool-max-conn 100\n`,
      );
      const configPath = join(folder, "haproxy.cfg");
      writeFileSync(
        configPath,
        `global
  log stdout format raw local0
  maxconn 4096
defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend http
  bind 127.0.0.1:${port}${tls}
  use_backend %[req.hdr(host),field(1,:),lower,map(${mapPath})]
${backends.join("")}`,
      );
      const server = await startServer({
        command: [binary, "-f", configPath, "-db"],
        logPath: join(folder, "log"),
        port,
      });
      return { name: "haproxy", port, pid: server.pid, [Symbol.asyncDispose]: () => end(server) };
    },
  };
}
