/** Names with fixed addresses: hosts(5). It comes before DNS. */
import { isZonedIpAddress } from "../../lib/ip-address.ts";
import { linesOf, WatchedFile } from "./watched-file.ts";

export class HostsFile {
  readonly #file: WatchedFile<ReadonlyMap<string, string[]>>;

  constructor(path = "/etc/hosts") {
    this.#file = new WatchedFile(path, parseHosts);
  }

  /** The addresses of a name in lower case, without final dot; empty when it has none here. */
  lookup(name: string): readonly string[] {
    return this.#file.value.get(name) ?? none;
  }
}

const none: readonly string[] = [];

function parseHosts(text: string): ReadonlyMap<string, string[]> {
  const addresses = new Map<string, string[]>();
  for (const [address, ...names] of linesOf(text, /#.*/)) {
    if (!isZonedIpAddress(address!)) continue;
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, "");
      const known = addresses.get(key);
      if (known === undefined) addresses.set(key, [address!]);
      else if (!known.includes(address!)) known.push(address!);
    }
  }
  return addresses;
}
