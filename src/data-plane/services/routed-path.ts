/** The path that a target sees: without the prefix that led to its service. */

/**
 * Removes the prefix (in decoded form) that the path matched. What follows stays byte for byte,
 * with its escapes; the prefix itself may have been escaped.
 */
export function stripPrefix(rawPath: string, prefix: string): string {
  if (prefix === "/") return rawPath;
  const end = endOfPrefix(rawPath, prefix);
  if (end < 0) return rawPath;
  if (end === rawPath.length) return "/";
  // Matching counts an escaped slash as one; a request target must begin with a real one.
  return rawPath.charCodeAt(end) === 0x25 ? `/${rawPath.slice(end + 3)}` : rawPath.slice(end);
}

/** The same for a path that is decoded already. */
export function stripDecodedPrefix(decodedPath: string, prefix: string): string {
  if (prefix === "/" || !decodedPath.startsWith(prefix)) return decodedPath;
  return decodedPath.length === prefix.length ? "/" : decodedPath.slice(prefix.length);
}

/** Index behind the (decoded) prefix in the escaped path, or -1 when it does not begin with it. */
export function endOfPrefix(rawPath: string, prefix: string): number {
  if (!prefix.includes("%") && rawPath.startsWith(prefix)) return prefix.length;
  let index = 0;
  for (let i = 0; i < prefix.length; i++) {
    let code = rawPath.charCodeAt(index);
    index++;
    if (code === 0x25) {
      code = Number.parseInt(rawPath.slice(index, index + 2), 16);
      index += 2;
    }
    if (code !== prefix.charCodeAt(i)) return -1;
  }
  return index;
}
