/** Why a head is refused: the status to answer with, and a reason for the log. */
export class HeadFault {
  constructor(
    readonly status: 400 | 405 | 413 | 417 | 431 | 501 | 505,
    readonly reason: string,
    /** Of the head, counted from 1; null when it is not that of a line. */
    readonly line: number | null = null,
  ) {}

  /** For those who have to mend it. */
  get description(): string {
    return this.line === null ? this.reason : `${this.reason} in line ${this.line}`;
  }
}
