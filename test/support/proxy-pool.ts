/**
 * Proxies that the tests of a file use one after the other: a start costs more than most tests. Whoever starts,
 * stops or reconfigures one for itself takes `ProxyProcess.start`.
 */
import { afterAll } from "bun:test";
import { ProxyProcess, type ProxyProcessOptions } from "./proxy-process.ts";

export interface ProxyPool {
  /** One that serves nothing, to be disposed of; never two tests have the same at once. */
  borrow(): Promise<ProxyProcess>;
}

/** To be called once in a file, whose last test ends them. */
export function proxyPool(options: ProxyProcessOptions = {}): ProxyPool {
  const idle: ProxyProcess[] = [];
  afterAll(async () => {
    await Promise.all(idle.map((proxy) => proxy.end()));
  });
  return {
    async borrow() {
      // The runner ends what was started by a test that took too long.
      while (idle.length > 0 && !idle.at(-1)!.running) idle.pop();
      const proxy = idle.pop() ?? (await ProxyProcess.start(options));
      proxy.giveBack = async () => {
        proxy.giveBack = null;
        if (!(await proxy.forget())) await proxy.end();
        else idle.push(proxy);
      };
      return proxy;
    },
  };
}
