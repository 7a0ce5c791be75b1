/** Textual socket addresses. */

/** An IPv4 address that came mapped into IPv6 (`::ffff:a.b.c.d`, RFC 4291 2.5.5.2) as plain IPv4. */
export function unmapIpv4(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** `host:port` with brackets around an IPv6 address. */
export function joinHostPort(host: string, port: number | string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
