/** Why a head is refused: the status to answer with, and a reason for the log. */
export class HeadFault {
  constructor(
    readonly status: 400 | 405 | 413 | 417 | 431 | 501 | 505,
    readonly reason: string,
  ) {}
}
