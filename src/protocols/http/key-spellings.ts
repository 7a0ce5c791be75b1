/** Keys in every spelling that a recipient may take for the same. */

/**
 * A set of keys to leave out. Servers that turn names into CGI variables can't tell `_` from
 * `-`, so that `X_Forwarded_For` would count as the field that the proxy vouches for: every such
 * spelling of a key is in the set as well.
 */
export function skippedKeys(...groups: Iterable<string>[]): ReadonlySet<string> {
  const all = new Set<string>();
  for (const group of groups) {
    for (const key of group) for (const spelling of spellings(key)) all.add(spelling);
  }
  return all;
}

function spellings(key: string): string[] {
  let found = [""];
  for (const [index, part] of key.split("-").entries()) {
    found =
      index === 0 ? [part] : found.flatMap((start) => [`${start}-${part}`, `${start}_${part}`]);
  }
  return found;
}
