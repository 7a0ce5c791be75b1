/** Starting nginx with a configuration of ours, as a proxy or as the app. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, type ServerProcess } from "./cleanup.ts";

/** `http` is what goes into the http block. All its files are in `folder`. */
export async function startNginx(
  binary: string,
  folder: string,
  port: number,
  http: string,
): Promise<ServerProcess> {
  const configPath = join(folder, "nginx.conf");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  writeFileSync(
    configPath,
    `${user}
daemon off;
pid nginx.pid;
worker_processes auto;
worker_rlimit_nofile 20000;
error_log error.log;
events { worker_connections 4096; }
http {
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  default_type application/octet-stream;
  keepalive_requests 100000000;
  client_max_body_size 0;
${http}
}
`,
  );
  return await startServer({
    command: [binary, "-p", folder, "-c", configPath, "-e", join(folder, "error.log")],
    logPath: join(folder, "output.log"),
    port,
  });
}
