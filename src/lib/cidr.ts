/** Lists of IPv4 and IPv6 address blocks in CIDR notation (RFC 4632, RFC 4291 2.3). */

/** Why a list could not be read. */
export class CidrError {
  constructor(
    readonly block: string,
    readonly reason: string,
  ) {}

  get message(): string {
    return `invalid CIDR block "${this.block}": ${this.reason}`;
  }
}

/** Eight groups of 16 bits. */
type Ipv6 = readonly number[];

interface Ipv4Block {
  network: number;
  mask: number;
}

interface Ipv6Block {
  network: Ipv6;
  bits: number;
}

export class CidrList {
  readonly #ipv4: readonly Ipv4Block[];
  readonly #ipv6: readonly Ipv6Block[];

  private constructor(ipv4: readonly Ipv4Block[], ipv6: readonly Ipv6Block[]) {
    this.#ipv4 = ipv4;
    this.#ipv6 = ipv6;
  }

  /**
   * Each entry is `address/bits`, or an address alone, which is a block of one. Bits behind the
   * prefix are ignored. IPv4 mapped into IPv6 counts as IPv4, here and in `contains`.
   */
  static parse(entries: readonly string[]): CidrList | CidrError {
    const ipv4: Ipv4Block[] = [];
    const ipv6: Ipv6Block[] = [];
    for (const entry of entries) {
      const block = parseBlock(entry.trim());
      if (block instanceof CidrError) return block;
      if ("mask" in block) ipv4.push(block);
      else ipv6.push(block);
    }
    return new CidrList(ipv4, ipv6);
  }

  /** False for anything that is not an address. */
  contains(address: string): boolean {
    if (!address.includes(":")) return this.#containsIpv4(parseIpv4(address));
    const groups = parseIpv6(withoutZone(address));
    if (groups === undefined) return false;
    if (isMappedIpv4(groups)) return this.#containsIpv4(embeddedIpv4(groups));
    return this.#ipv6.some((block) => sharesPrefix(groups, block.network, block.bits));
  }

  #containsIpv4(address: number | undefined): boolean {
    if (address === undefined) return false;
    for (const block of this.#ipv4) {
      if ((address & block.mask) === block.network) return true;
    }
    return false;
  }
}

function parseBlock(entry: string): Ipv4Block | Ipv6Block | CidrError {
  if (entry === "") return new CidrError(entry, "it is empty");
  const slash = entry.indexOf("/");
  const address = slash < 0 ? entry : entry.slice(0, slash);
  const length = slash < 0 ? undefined : entry.slice(slash + 1);
  if (address.includes(":")) return ipv6Block(entry, address, length);
  const ipv4 = parseIpv4(address);
  if (ipv4 === undefined) return new CidrError(entry, `"${address}" is not an IP address`);
  const bits = prefixLength(length, 32);
  return bits === undefined ? prefixError(entry, 32) : ipv4Block(ipv4, bits);
}

function ipv6Block(
  entry: string,
  address: string,
  length: string | undefined,
): Ipv4Block | Ipv6Block | CidrError {
  const network = parseIpv6(address);
  if (network === undefined) return new CidrError(entry, `"${address}" is not an IP address`);
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

function prefixError(entry: string, max: number): CidrError {
  return new CidrError(entry, `the prefix length must be a number from 0 to ${max}`);
}

/** As a signed 32-bit number. Leading zeros are refused: some readers take them as octal. */
function parseIpv4(text: string): number | undefined {
  let address = 0;
  let octet = -1;
  let octets = 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (octet < 0 || octets === 4) return undefined;
      address = (address << 8) | octet;
      octet = -1;
      octets++;
    } else if (code >= 0x30 && code <= 0x39 && octet !== 0) {
      octet = (octet < 0 ? 0 : octet * 10) + code - 0x30;
      if (octet > 255) return undefined;
    } else {
      return undefined;
    }
  }
  return octets === 4 && octet >= 0 ? (address << 8) | octet : undefined;
}

/** RFC 4291 2.2, in all three of its forms. */
function parseIpv6(text: string): Ipv6 | undefined {
  const gap = text.indexOf("::");
  if (gap < 0) {
    const all = parseGroups(text, true);
    return all?.length === 8 ? all : undefined;
  }
  const head = parseGroups(text.slice(0, gap), false);
  const tail = parseGroups(text.slice(gap + 2), true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (missing < 1) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    groups.push(ipv4 >>> 16, ipv4 & 0xffff);
  }
  return groups;
}

/** RFC 4007 11: `fe80::1%eth0`. */
function withoutZone(address: string): string {
  const percent = address.indexOf("%");
  return percent < 0 ? address : address.slice(0, percent);
}

/** RFC 4291 2.5.5.2. */
function isMappedIpv4(groups: Ipv6): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function embeddedIpv4(groups: Ipv6): number {
  return (groups[6]! << 16) | groups[7]!;
}

function sharesPrefix(a: Ipv6, b: Ipv6, bits: number): boolean {
  for (let group = 0; group * 16 < bits; group++) {
    const ignored = Math.max(0, 16 - (bits - group * 16));
    if (a[group]! >>> ignored !== b[group]! >>> ignored) return false;
  }
  return true;
}
