/** A listener to which connections hang. */
import { connectRaw } from "./raw-connection.ts";

export interface FullListener extends AsyncDisposable {
  readonly port: number;
  acceptAll(): void;
}

/** A process that accepts nothing until it is told to, with no room for one more connection. */
export async function startFullListener(): Promise<FullListener> {
  const libc = `${import.meta.dir}/../../src/net/libc.ts`;
  const script = `
    import { openLibc } from ${JSON.stringify(libc)};
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    openLibc().listen(listener.fd, 0);
    console.log(listener.port);
  `;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  const port = Number(Buffer.from(value!).toString());
  child.kill("SIGSTOP");
  const filler = await connectRaw(port);
  return {
    port,
    acceptAll: () => child.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      filler.close();
      await child.exited;
    },
  };
}
