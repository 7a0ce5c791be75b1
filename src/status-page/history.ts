/** What is known of the last hour of one service, or of all. */

export type Values = (number | null)[];

/** As the proxy sends it: times in milliseconds since 1970, and one list for each figure. */
export interface SentHistory {
  at: number[];
  figures: Values[];
}

const hourMs = 3_600_000;

export class History {
  readonly at: number[];
  readonly figures: Values[];

  constructor({ at, figures }: SentHistory) {
    this.at = at;
    this.figures = figures;
  }

  add(atMs: number, point: Values): void {
    if (atMs <= (this.at.at(-1) ?? 0)) return;
    this.at.push(atMs);
    for (const [index, list] of this.figures.entries()) list.push(point[index] ?? null);
    while (this.at[0]! < atMs - hourMs) {
      this.at.shift();
      for (const list of this.figures) list.shift();
    }
  }
}
