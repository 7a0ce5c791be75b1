/** A healthy app on a port of its own, answering with a function. */
import type { Server } from "bun";

export type AppHandler = (
  request: Request,
  server: Server<undefined>,
) => Response | Promise<Response>;

export interface App extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port`, as `--target` takes it. */
  readonly address: string;
  /** Requests other than health checks so far. */
  readonly requestCount: number;
  /** False lets health checks fail. */
  healthy: boolean;
}

/** `GET /up` is the health check; everything else goes to `handler`. The port is any that is free. */
export function startApp(handler: AppHandler, fixedPort = 0): App {
  let requestCount = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: fixedPort,
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch(request, bunServer) {
      if (new URL(request.url).pathname === "/up") {
        return new Response("up", { status: app.healthy ? 200 : 503 });
      }
      requestCount += 1;
      return handler(request, bunServer);
    },
  });
  const port = server.port ?? 0;
  const app: App = {
    port,
    address: `127.0.0.1:${port}`,
    healthy: true,
    get requestCount() {
      return requestCount;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return app;
}
