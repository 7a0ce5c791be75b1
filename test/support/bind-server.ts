/** BIND (Debian's package bind9) as a name server of its own, with a zone that takes updates signed by a key. */
import { chmodSync, writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { freePorts } from "./free-ports.ts";
import { tempFolder } from "./temp-folder.ts";
import { waitFor } from "./wait-for.ts";

const path = `${process.env["PATH"]}:/usr/sbin`;
export const bindPath = Bun.which("named", { PATH: path });

export interface BindServer extends AsyncDisposable {
  /** `127.0.0.1:port`, UDP and TCP. */
  readonly address: string;
  readonly key: { name: string; secret: string };
  txt(name: string): Promise<string[]>;
}

/** `records`: lines of the zone file besides SOA and NS. */
export async function startBind(
  zone: string,
  records: readonly string[] = [],
): Promise<BindServer> {
  const folder = tempFolder();
  const [port = 0] = freePorts(1);
  const key = {
    name: "kamal-key",
    secret: Buffer.from("0123456789abcdef0123456789abcdef").toString("base64"),
  };
  writeFileSync(
    folder.file("zone"),
    `$TTL 5\n@ SOA ns.${zone}. admin.${zone}. 1 60 60 600 5\n@ NS ns.${zone}.\nns A 127.0.0.1\n${records.join("\n")}\n`,
  );
  writeFileSync(
    folder.file("named.conf"),
    `options { directory "${folder.path}"; pid-file "${folder.file("pid")}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no; };
key "${key.name}" { algorithm hmac-sha256; secret "${key.secret}"; };
zone "${zone}" { type primary; file "${folder.file("zone")}"; update-policy { grant ${key.name} zonesub TXT; }; };
controls { };
`,
  );
  chmodSync(folder.path, 0o755);
  const child = Bun.spawn([bindPath!, "-g", "-c", folder.file("named.conf"), "-p", String(port)], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const address = `127.0.0.1:${port}`;
  /** A new one for each question: it remembers answers. */
  const resolver = (): Resolver => {
    const made = new Resolver({ timeout: 1_000, tries: 1 });
    made.setServers([address]);
    return made;
  };
  const server: BindServer = {
    address,
    key,
    async txt(name) {
      const answers = await resolver()
        .resolveTxt(name)
        .catch(() => []);
      return answers.map((parts) => parts.join("")).toSorted();
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      folder[Symbol.dispose]();
    },
  };
  await waitFor(async () => {
    const answer = await resolver()
      .resolveSoa(zone)
      .catch(() => null);
    return answer !== null;
  }, "BIND to answer");
  return server;
}
