/** Serves the metrics on a port of their own; every path answers. */
import { maxPort } from "../../config/limits.ts";
import { codeOf, messageOf } from "../../lib/error-text.ts";
import { listenOn } from "../../net/every-address.ts";
import { joinHostPort } from "../../net/socket-address.ts";

export interface MetricsListenerOptions {
  /** Empty: all addresses. */
  hostname: string;
  /** 0: any free port. */
  port: number;
}

export interface MetricsListener {
  readonly port: number;
  close(): Promise<void>;
}

/** `render` gives the text for each scrape. Throws an error whose text is meant for the user. */
export function listenForMetrics(
  options: MetricsListenerOptions,
  contentType: string,
  render: () => Promise<string>,
): MetricsListener {
  if (options.port > maxPort) throw new Error(`listen tcp: address ${options.port}: invalid port`);
  const server = serve(
    options,
    async () => new Response(await render(), { headers: { "Content-Type": contentType } }),
  );
  return {
    port: server.port ?? options.port,
    close: () => server.stop(true),
  };
}

function serve(
  options: MetricsListenerOptions,
  fetch: () => Promise<Response>,
): Bun.Server<undefined> {
  try {
    return listenOn(options.hostname, (hostname) =>
      Bun.serve({ hostname, port: options.port, fetch }),
    );
  } catch (error) {
    throw new Error(listenError(options, error), { cause: error });
  }
}

function listenError({ hostname, port }: MetricsListenerOptions, error: unknown): string {
  const address = joinHostPort(hostname, port);
  const reasons: Record<string, string> = {
    EADDRINUSE: "bind: address already in use",
    EACCES: "bind: permission denied",
    EADDRNOTAVAIL: "bind: cannot assign requested address",
  };
  return `listen tcp ${address}: ${reasons[codeOf(error)] ?? messageOf(error)}`;
}
