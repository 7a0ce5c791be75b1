/** The syntax of IP addresses as text, which standard functions each take a little differently. */

/** Eight groups of 16 bits. */
export type Ipv6Groups = readonly number[];

export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

export function isIpv4(text: string): boolean {
  return parseIpv4(text) !== undefined;
}

/** Also with the zone of a link-local address behind it (RFC 4007 11), as the system writes and takes it. */
export function isZonedIpAddress(text: string): boolean {
  const zoneAt = text.indexOf("%");
  return zoneAt < 0 ? isIpAddress(text) : zoneAt < text.length - 1 && isIpv6(text.slice(0, zoneAt));
}

/** Without brackets and without a zone. */
export function isIpv6(text: string): boolean {
  return parseIpv6(text) !== undefined;
}

/** As a signed 32-bit number. Leading zeros are refused: some readers take them as octal. */
export function parseIpv4(text: string): number | undefined {
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
export function parseIpv6(text: string): Ipv6Groups | undefined {
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

/** RFC 4291 2.5.5.2. */
export function isMappedIpv4(groups: Ipv6Groups): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

export function embeddedIpv4(groups: Ipv6Groups): number {
  return (groups[6]! << 16) | groups[7]!;
}
