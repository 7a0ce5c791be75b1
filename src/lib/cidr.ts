/** Lists of IPv4 and IPv6 address blocks in CIDR notation (RFC 4632, RFC 4291 2.3). */
import { embeddedIpv4, type Ipv6Groups, isMappedIpv4, parseIpv4, parseIpv6 } from "./ip-address.ts";

/** Why a list could not be read. */
export class CidrFault {
  constructor(
    readonly block: string,
    readonly reason: string,
  ) {}

  get message(): string {
    return `invalid CIDR block "${this.block}": ${this.reason}`;
  }
}

interface Ipv4Block {
  network: number;
  mask: number;
}

interface Ipv6Block {
  network: Ipv6Groups;
  bits: number;
}

/** Networks by mask, and by prefix length: lists of countries have 100,000 of them, in a few lengths. */
type Ipv4Networks = Map<number, Set<number>>;
type Ipv6Networks = Map<number, Set<string>>;

export class CidrList {
  readonly #ipv4: Ipv4Networks;
  readonly #ipv6: Ipv6Networks;

  private constructor(ipv4: Ipv4Networks, ipv6: Ipv6Networks) {
    this.#ipv4 = ipv4;
    this.#ipv6 = ipv6;
  }

  /**
   * Each entry is `address/bits`, or an address alone, which is a block of one. Bits behind the
   * prefix are ignored. IPv4 mapped into IPv6 counts as IPv4, here and in `contains`.
   */
  static parse(entries: readonly string[]): CidrList | CidrFault {
    const ipv4: Ipv4Networks = new Map();
    const ipv6: Ipv6Networks = new Map();
    for (const entry of entries) {
      const block = parseBlock(entry.trim());
      if (block instanceof CidrFault) return block;
      if ("mask" in block) add(ipv4, block.mask, block.network);
      else add(ipv6, block.bits, networkKey(block.network, block.bits));
    }
    return new CidrList(ipv4, ipv6);
  }

  /** False for anything that is not an address. */
  contains(address: string): boolean {
    if (!address.includes(":")) return this.#containsIpv4(parseIpv4(address));
    const groups = parseIpv6(withoutZone(address));
    if (groups === undefined) return false;
    if (isMappedIpv4(groups)) return this.#containsIpv4(embeddedIpv4(groups));
    for (const [bits, networks] of this.#ipv6) {
      if (networks.has(networkKey(groups, bits))) return true;
    }
    return false;
  }

  #containsIpv4(address: number | undefined): boolean {
    if (address === undefined) return false;
    for (const [mask, networks] of this.#ipv4) {
      if (networks.has(address & mask)) return true;
    }
    return false;
  }
}

function parseBlock(entry: string): Ipv4Block | Ipv6Block | CidrFault {
  if (entry === "") return new CidrFault(entry, "it is empty");
  const slash = entry.indexOf("/");
  const address = slash < 0 ? entry : entry.slice(0, slash);
  const length = slash < 0 ? undefined : entry.slice(slash + 1);
  if (address.includes(":")) return ipv6Block(entry, address, length);
  const ipv4 = parseIpv4(address);
  if (ipv4 === undefined) return new CidrFault(entry, `"${address}" is not an IP address`);
  const bits = prefixLength(length, 32);
  return bits === undefined ? prefixError(entry, 32) : ipv4Block(ipv4, bits);
}

function ipv6Block(
  entry: string,
  address: string,
  length: string | undefined,
): Ipv4Block | Ipv6Block | CidrFault {
  const network = parseIpv6(address);
  if (network === undefined) return new CidrFault(entry, `"${address}" is not an IP address`);
  const bits = prefixLength(length, 128);
  if (bits === undefined) return prefixError(entry, 128);
  if (isMappedIpv4(network) && bits >= 96) return ipv4Block(embeddedIpv4(network), bits - 96);
  return { network, bits };
}

function ipv4Block(address: number, bits: number): Ipv4Block {
  // A shift by 32 would be a shift by 0.
  const mask = bits === 0 ? 0 : -1 << (32 - bits);
  return { network: address & mask, mask };
}

function prefixLength(text: string | undefined, max: number): number | undefined {
  if (text === undefined) return max;
  if (!/^(0|[1-9]\d{0,2})$/.test(text)) return undefined;
  return Number(text) <= max ? Number(text) : undefined;
}

function prefixError(entry: string, max: number): CidrFault {
  return new CidrFault(entry, `the prefix length must be a number from 0 to ${max}`);
}

/** RFC 4007 11: `fe80::1%eth0`. */
function withoutZone(address: string): string {
  const percent = address.indexOf("%");
  return percent < 0 ? address : address.slice(0, percent);
}

function add<Key, Network>(networks: Map<Key, Set<Network>>, key: Key, network: Network): void {
  const known = networks.get(key);
  if (known === undefined) networks.set(key, new Set([network]));
  else known.add(network);
}

/** Equal for addresses that share so many bits. */
function networkKey(groups: Ipv6Groups, bits: number): string {
  let key = "";
  for (let group = 0; group * 16 < bits; group++) {
    const ignored = Math.max(0, 16 - (bits - group * 16));
    key += `${groups[group]! >>> ignored}:`;
  }
  return key;
}
