/** Which commands somebody may have meant. */

const maxDistance = 2;

/** Names within two edits or that begin with what was typed, in their own order. */
export function suggestionsFor(typed: string, names: readonly string[]): string[] {
  const wanted = typed.toLowerCase();
  return names.filter(
    (name) => name.startsWith(wanted) || editDistance(wanted, name) <= maxDistance,
  );
}

/** Levenshtein distance of the bytes. */
function editDistance(from: string, to: string): number {
  const source = Buffer.from(from);
  const target = Buffer.from(to);
  let row = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (const [sourceIndex, byte] of source.entries()) {
    const next = [sourceIndex + 1];
    for (const [index, other] of target.entries()) {
      const diagonal = row[index]!;
      next.push(byte === other ? diagonal : 1 + Math.min(diagonal, row[index + 1]!, next[index]!));
    }
    row = next;
  }
  return row[target.length]!;
}
