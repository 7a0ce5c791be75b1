/** The hash FNV-1a, 32 bits wide. */

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/** `bytes` is a byte string: one character per byte. */
export function fnv1a32(bytes: string): number {
  let hash = offsetBasis;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes.charCodeAt(i), prime);
  return hash >>> 0;
}
