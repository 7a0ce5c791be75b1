/**
 * The lane for large bodies of known length between plain sockets: while there are many bytes, they are
 * copied from socket to socket in full packets, and go back to the ordinary way as soon as there are none.
 */
import { type Clock, systemClock, type Timer } from "../lib/clock.ts";
import { ListMember, MemberList } from "../lib/member-list.ts";
import { fullPacketBytes } from "./full-packets.ts";
import { hasBacklog } from "./peer-backlog.ts";
import { SocketCopy } from "./socket-copy.ts";

/** With less still to come the lane costs more than it saves. */
const laneFromBytes = 256 * 1024;
/** Of one body, before the others have their turn; and of all, before other events have theirs. */
const turnBytes = 512 * 1024;
const roundBytes = 2 * 1024 * 1024;
/** Until a source that had nothing is looked at again, for a sink that has a backlog: twice as long each time. */
const firstPauseMs = 1;
const longestPauseMs = 64;

/** These fields belong to the lane. */
export abstract class LaneMember extends ListMember {
  /** Its source had nothing: until it is looked at again, and how long the next such pause is. */
  lanePause: Timer | null = null;
  lanePauseMs = 0;
}

export interface LaneTransfer extends LaneMember {
  /** Descriptor of the socket that is read; -1 when it must not be read this way, or not any more. */
  readonly laneSource: number;
  /** Descriptor of the socket that is written; -1 when other bytes go before, or it is of no use. */
  readonly laneSink: number;
  /** Bytes of the body that may still go this way. */
  readonly laneLimit: number;
  /** So many went this way; the last ones end the body. */
  moved(bytes: number): void;
  /** The sink takes no more: these bytes, which the source has given, come next. */
  undelivered(bytes: Buffer): void;
  /** Out of the lane: what is still to come is read in the ordinary way. */
  leftLane(): void;
}

export class BodyLane {
  readonly #clock: Pick<Clock, "after">;
  readonly #transfers = new MemberList<LaneTransfer>();
  #copy: SocketCopy | null = null;
  #scheduled = false;
  /** The last turn ended because there was no more to read. */
  #isDry = false;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /**
   * To be called behind an ordinary read, and when the sink takes more again. True: the source must not be read in
   * the ordinary way, which may bring 512 KB at once, until the transfer has left the lane. It begins with the next
   * turn of the event loop: more has come by then, measured at 5 % less than at once.
   */
  enter(transfer: LaneTransfer): boolean {
    if (transfer.laneLimit < laneFromBytes) return false;
    if (transfer.laneSink < 0 || transfer.laneSource < 0) return false;
    this.#copy ??= SocketCopy.open();
    if (this.#copy === null) return false;
    transfer.lanePause?.cancel();
    this.#takeUp(transfer);
    return true;
  }

  #takeUp(transfer: LaneTransfer): void {
    transfer.lanePause = null;
    this.#transfers.add(transfer);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#round();
      if (this.#transfers.size > 0) this.#schedule();
    });
  }

  #round(): void {
    let left = roundBytes;
    const again: LaneTransfer[] = [];
    for (
      let transfer = this.#transfers.first;
      transfer !== null;
      transfer = this.#transfers.first
    ) {
      if (left <= 0) break;
      this.#transfers.delete(transfer);
      const moved = this.#turn(transfer);
      left -= moved;
      if (moved > 0) transfer.lanePauseMs = firstPauseMs;
      // Behind the others for the next round.
      if (moved >= turnBytes) this.#transfers.add(transfer);
      else if (moved > 0 && this.#isDry) again.push(transfer);
      else if (!this.#isDry || !this.#waits(transfer)) transfer.leftLane();
    }
    for (const transfer of again) this.#transfers.add(transfer);
  }

  /**
   * To learn of more from Bun is to have it read, 512 KB maybe, which would wait here for a sink that takes nothing.
   * False: the sink may run dry meanwhile.
   */
  #waits(transfer: LaneTransfer): boolean {
    if (!hasBacklog(transfer.laneSink)) return false;
    const pauseMs = Math.max(transfer.lanePauseMs, firstPauseMs);
    transfer.lanePauseMs = Math.min(2 * pauseMs, longestPauseMs);
    transfer.lanePause = this.#clock.after(pauseMs, () => this.#takeUp(transfer));
    return true;
  }

  /** Returns how many bytes were moved; less than a turn's when there are no more now. */
  #turn(transfer: LaneTransfer): number {
    const copy = this.#copy!;
    const packetBytes = fullPacketBytes(transfer.laneSink);
    this.#isDry = false;
    let total = 0;
    while (total < turnBytes) {
      const from = transfer.laneSource;
      const to = transfer.laneSink;
      const limit = Math.min(transfer.laneLimit, packetBytes);
      if (from < 0 || to < 0 || limit <= 0) return total;
      const taken = copy.move(from, to, limit);
      this.#isDry = copy.isDry;
      if (taken === 0) return total;
      total += taken;
      const { undelivered } = copy;
      transfer.moved(taken - (undelivered?.length ?? 0));
      if (undelivered !== null) transfer.undelivered(undelivered);
    }
    return total;
  }
}

/** The one of this process. */
export const bodyLane = new BodyLane(systemClock);
