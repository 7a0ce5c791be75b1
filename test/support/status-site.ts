/** A proxy with its status page, and the ways to look at it. */
import { freePorts, releasePorts } from "./free-ports.ts";
import { ProxyProcess } from "./proxy-process.ts";

export interface StatusSite extends AsyncDisposable {
  readonly proxy: ProxyProcess;
  readonly port: number;
  readonly url: string;
}

export async function startStatusSite(env: Record<string, string> = {}): Promise<StatusSite> {
  const [port = 0] = freePorts(1);
  const proxy = await ProxyProcess.start({
    metrics: false,
    args: [`--status-port=${port}`],
    env,
  });
  return {
    proxy,
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      releasePorts([port]);
    },
  };
}

export interface SentEvent {
  name: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  data: any;
}

/** The server-sent events of a page that is open, as they come. */
export async function* eventsOf(response: Response): AsyncGenerator<SentEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body!) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const [, name = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? [];
      yield { name, data: JSON.parse(data) };
    }
  }
}
