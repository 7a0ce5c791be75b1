/** `HTTPS_PROXY` and `NO_PROXY` count for requests to certificate authorities. */
import { expect, test } from "bun:test";
import { AcmeStand } from "../support/acme-stand.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { findPebble, startPebble } from "../support/pebble.ts";

const binaries = await findPebble();
const name = "app.example.com";

/** The environment of this process, until disposed. */
function withEnvironment(changes: Record<string, string>): Disposable {
  const before = new Map(Object.keys(changes).map((key) => [key, process.env[key]]));
  Object.assign(process.env, changes);
  return {
    [Symbol.dispose]: () => {
      for (const [key, value] of before) {
        if (value === undefined) delete process.env[key];
        else process.env[key] = value;
      }
    },
  };
}

test.skipIf(binaries === null).each([
  ["goes through the proxy of HTTPS_PROXY", "", true],
  ["goes directly to a host in NO_PROXY", "127.0.0.1", false],
])(
  "ACME traffic %s",
  async (_, noProxy, isProxied) => {
    await using stand = new AcmeStand();
    await using pebble = await startPebble(binaries!, { httpPort: stand.httpPort });
    await using proxy = await startConnectProxy();
    using environment = withEnvironment({
      HTTPS_PROXY: proxy.url,
      NO_PROXY: noProxy,
      no_proxy: noProxy,
    });
    void environment;
    stand.start({ directory: pebble.directoryUrl, caFiles: [pebble.caFile] });
    stand.manager.update([stand.service([name])]);
    expect((await stand.handshake(name)).names).toBe(`DNS:${name}`);
    expect(new Set(proxy.tunnels)).toEqual(new Set(isProxied ? [`127.0.0.1:${pebble.port}`] : []));
  },
  60_000,
);
