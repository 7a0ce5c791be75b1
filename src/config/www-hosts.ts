/** Which hosts of a service lead to others of it by `--www`. */

const prefix = "www.";

/** From each host to the one that it is redirected to. Both are hosts of the service: no other is ever named. */
export function wwwRedirects(
  hosts: readonly string[],
  direction: "none" | "redirect" | "strip" | "add",
): Map<string, string> {
  const found = new Map<string, string>();
  for (const [index, bare] of hosts.entries()) {
    const long = prefix + bare;
    const longIndex = hosts.indexOf(long);
    if (bare === "" || longIndex < 0) continue;
    const toBare = direction === "strip" || (direction === "redirect" && index < longIndex);
    if (toBare) found.set(long, bare);
    else if (direction !== "none") found.set(bare, long);
  }
  return found;
}
