/** nginx as a reverse proxy with keep-alive to the app, access log on. */
import { freePorts } from "../support/free-ports.ts";
import { end } from "./cleanup.ts";
import { startNginx } from "./nginx.ts";
import type { CertificateFiles, ServicePlan, Subject } from "./subject.ts";

export function nginxSubject(binary: string): Subject {
  return {
    name: "nginx",
    async start(services, folder, certificate) {
      const [port = 0] = freePorts(1);
      const http = services.map((service) => serverBlock(service, port, certificate)).join("\n");
      const server = await startNginx(
        binary,
        folder,
        port,
        `access_log access.log combined;\n${http}`,
      );
      return { name: "nginx", port, pid: server.pid, [Symbol.asyncDispose]: () => end(server) };
    },
  };
}

function serverBlock(
  service: ServicePlan,
  port: number,
  certificate: CertificateFiles | null,
): string {
  const tls =
    certificate === null
      ? ""
      : `ssl_certificate ${certificate.certificatePath};
  ssl_certificate_key ${certificate.privateKeyPath};`;
  const buffering = service.buffered ? "on" : "off";
  return `
upstream ${service.name} { server ${service.target}; keepalive 100; keepalive_requests 100000000; }
server {
  listen 127.0.0.1:${port}${certificate === null ? "" : " ssl http2"};
  ${tls}
  server_name ${service.host};
  location / {
    ${service.grpc === null ? "" : `grpc_pass grpc://${service.name};`}
    ${service.grpc === null ? "" : "#"}proxy_pass http://${service.name};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_buffer_size 16k;
    proxy_buffers 8 16k;
    proxy_buffering ${buffering};
    proxy_request_buffering ${buffering};
  }
}`;
}
