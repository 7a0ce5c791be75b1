/** A text that is made of values which are often the same as the last time. */
type Value = string | number;

/**
 * Gives `make` of the values, and keeps the last one, as well as the values: strings that were cut out of a head
 * keep all of it. When it is wanted a second time it becomes one piece: the engine would go through all that it
 * was put together from each time that it becomes part of another text.
 */
export function keptText<Values extends readonly Value[]>(
  make: (...values: Values) => string,
): (...values: Values) => string {
  let first: Value | undefined;
  let second: Value | undefined;
  let third: Value | undefined;
  let fourth: Value | undefined;
  let kept = "";
  let isOnePiece = false;
  const text = (a?: Value, b?: Value, c?: Value, d?: Value): string => {
    if (a !== first || b !== second || c !== third || d !== fourth) {
      first = a;
      second = b;
      third = c;
      fourth = d;
      kept = make(...([a, b, c, d] as unknown as Values));
      isOnePiece = false;
    } else if (!isOnePiece) {
      kept = Buffer.from(kept).toString();
      isOnePiece = true;
    }
    return kept;
  };
  return text as unknown as (...values: Values) => string;
}
