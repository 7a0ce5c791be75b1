/** The newest points of a few figures, in memory of fixed size. */

export interface FigurePoints {
  /** Milliseconds since 1970, the oldest first. */
  at: number[];
  /** One list for each figure; null: there was nothing to tell of. */
  figures: (number | null)[][];
}

export class FigureRing {
  readonly #capacity: number;
  readonly #width: number;
  readonly #at: Float64Array;
  readonly #values: Float32Array;
  #count = 0;

  /** `width`: figures in each point. */
  constructor(capacity: number, width: number) {
    this.#capacity = capacity;
    this.#width = width;
    this.#at = new Float64Array(capacity);
    this.#values = new Float32Array(capacity * width);
  }

  add(atMs: number, figures: ArrayLike<number | null>): void {
    const slot = this.#count++ % this.#capacity;
    this.#at[slot] = atMs;
    for (let i = 0; i < this.#width; i++) {
      this.#values[slot * this.#width + i] = figures[i] ?? Number.NaN;
    }
  }

  /** To go on with elsewhere: what `fill` takes. */
  packed(): string {
    const size = Math.min(this.#count, this.#capacity);
    const at = new Float64Array(size);
    const values = new Float32Array(size * this.#width);
    for (let row = 0; row < size; row++) {
      const slot = (this.#count - size + row) % this.#capacity;
      at[row] = this.#at[slot]!;
      values.set(this.#rowOf(this.#values, slot), row * this.#width);
    }
    const bytes = [new Uint8Array(at.buffer), new Uint8Array(values.buffer)];
    return Buffer.concat(bytes).toString("base64");
  }

  /** Adds what `packed` has told; of figures of another number nothing. */
  fill(packed: string): void {
    const { buffer } = Uint8Array.from(Buffer.from(packed, "base64"));
    const size = buffer.byteLength / (8 + 4 * this.#width);
    if (!Number.isInteger(size)) return;
    const at = new Float64Array(buffer, 0, size);
    const values = new Float32Array(buffer, 8 * size);
    for (const [row, atMs] of at.entries()) this.add(atMs, this.#rowOf(values, row));
  }

  #rowOf(values: Float32Array, row: number): Float32Array {
    return values.subarray(row * this.#width, (row + 1) * this.#width);
  }

  points(): FigurePoints {
    const size = Math.min(this.#count, this.#capacity);
    const at: number[] = [];
    const figures: (number | null)[][] = Array.from({ length: this.#width }, () => []);
    for (let index = this.#count - size; index < this.#count; index++) {
      const slot = index % this.#capacity;
      at.push(this.#at[slot]!);
      for (let i = 0; i < this.#width; i++) {
        figures[i]!.push(rounded(this.#values[slot * this.#width + i]!));
      }
    }
    return { at, figures };
  }
}

/** Three digits that count are more than a picture shows. */
function rounded(value: number): number | null {
  if (Number.isNaN(value)) return null;
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
