/** Texts that are made of values which are often the same as the last time. */
type Value = string | number | undefined;
type Make<Values extends readonly Value[]> = (...values: Values) => string;
type AnyMake = (a?: Value, b?: Value, c?: Value, d?: Value) => string;

/**
 * Gives `make` of up to four values, and keeps the last one, as well as the values: strings that were cut out of a
 * head keep all of it. When it is wanted a second time it becomes one piece: the engine would go through all that
 * it was put together from each time that it becomes part of another text. One alone is kept: to keep many, by one of
 * the values, was slower when a hundred came in turn, because none was in the processor's cache when it was wanted.
 */
export function keptText<Values extends readonly Value[]>(make: Make<Values>): Make<Values> {
  const kept = new KeptText(make as unknown as AnyMake);
  const text: AnyMake = (a, b, c, d) => kept.of(a, b, c, d);
  return text as unknown as Make<Values>;
}

class KeptText {
  readonly #make: AnyMake;
  #first: Value;
  #second: Value;
  #third: Value;
  #fourth: Value;
  #text = "";
  #isMade = false;
  #isOnePiece = false;

  constructor(make: AnyMake) {
    this.#make = make;
  }

  of(a: Value, b: Value, c: Value, d: Value): string {
    const isSame =
      this.#isMade &&
      a === this.#first &&
      b === this.#second &&
      c === this.#third &&
      d === this.#fourth;
    if (!isSame) {
      this.#first = a;
      this.#second = b;
      this.#third = c;
      this.#fourth = d;
      this.#text = this.#make(a, b, c, d);
      this.#isMade = true;
      this.#isOnePiece = false;
    } else if (!this.#isOnePiece) {
      this.#text = Buffer.from(this.#text).toString();
      this.#isOnePiece = true;
    }
    return this.#text;
  }
}
