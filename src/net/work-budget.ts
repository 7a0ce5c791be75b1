/**
 * How much work what was received may cause before others have their turn. One read brings up to 512 KB,
 * which may be 19,000 requests or 85,000 chunks, and Bun reads a socket again while it is full. So whoever
 * reads asks here before each further piece; told to stop, it pauses its socket, which also ends Bun's
 * reading again, keeps the rest, and is called when its turn comes. All such readers together have a
 * fraction of a millisecond in each turn of the event loop: everybody else waits no longer, however many they
 * are. What their work writes is to be flushed once for each of their slices.
 */
import { freeWorkUnits, workSliceMs, workTurnMs } from "../config/limits.ts";
import { type ListMember, MemberList } from "../lib/member-list.ts";

/** What pieces cost, in units of about a microsecond. */
export const requestUnits = 16;
export const chunkUnits = 1;
/** For each byte that is read and thrown away. */
export const discardUnits = 1 / 4096;

export interface BudgetedReader extends ListMember {
  /** Its turn has come: it goes on with what it kept, behind a `begin`. */
  readOn(): void;
  /** `readOn` threw: the state of the reader is not to be trusted, its connection must end. */
  fail(error: Error): void;
}

export interface WorkBudgetContext {
  nowMs(): number;
  /** Calls back in a later turn of the event loop, behind its input. */
  later(callback: () => void): void;
}

/** So many units are spent between two looks at the clock. */
const unitsPerLook = 16;

export class WorkBudget {
  readonly #context: WorkBudgetContext;
  /** Readers that keep something, the one that has waited longest first. */
  readonly #waiting = new MemberList<BudgetedReader>();
  #spender: BudgetedReader | null = null;
  /** Until the next look at the clock. */
  #unitsLeft = 0;
  #sliceEndMs = 0;
  #turnEndMs = 0;
  #turnOpen = false;

  constructor(context: WorkBudgetContext) {
    this.#context = context;
  }

  /** A read begins. Its first units are free: whoever sends one request at a time never waits here. */
  begin(reader: BudgetedReader): void {
    this.#spender = reader;
    this.#unitsLeft = freeWorkUnits;
    this.#sliceEndMs = 0;
  }

  /** False: no more now. The reader pauses its source, keeps the rest, and `readOn` is called later. */
  spend(reader: BudgetedReader, units: number): boolean {
    if (reader !== this.#spender) this.begin(reader);
    this.#unitsLeft -= units;
    return this.#unitsLeft >= 0 || this.#look(reader);
  }

  /** The reader keeps something and goes on behind the others. */
  wait(reader: BudgetedReader): void {
    this.#waiting.add(reader);
    if (!this.#turnOpen) this.#open(this.#context.nowMs());
  }

  #look(reader: BudgetedReader): boolean {
    const nowMs = this.#context.nowMs();
    if (!this.#turnOpen) this.#open(nowMs);
    if (this.#sliceEndMs === 0) this.#sliceEndMs = Math.min(nowMs + workSliceMs, this.#turnEndMs);
    if (nowMs < this.#sliceEndMs) {
      this.#unitsLeft = unitsPerLook;
      return true;
    }
    this.#waiting.add(reader);
    return false;
  }

  #open(nowMs: number): void {
    this.#turnOpen = true;
    this.#turnEndMs = nowMs + workTurnMs;
    this.#context.later(this.#turn);
  }

  /** Those that wait go on one after the other, a slice each, again and again until the turn is over. */
  readonly #turn = (): void => {
    const endMs = this.#context.nowMs() + workTurnMs;
    this.#turnEndMs = endMs;
    try {
      for (let reader = this.#waiting.first; reader !== null; reader = this.#waiting.first) {
        if (this.#context.nowMs() >= endMs) break;
        this.#waiting.delete(reader);
        readOn(reader);
      }
    } finally {
      // Input that comes now finds this turn spent when somebody still waits.
      if (this.#waiting.size > 0) this.#context.later(this.#turn);
      else this.#turnOpen = false;
    }
  };
}

function readOn(reader: BudgetedReader): void {
  try {
    reader.readOn();
  } catch (error) {
    reader.fail(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/** The one of this process: it has one event loop. */
export const workBudget = new WorkBudget({
  nowMs: () => performance.now(),
  later: (callback) => void setImmediate(callback),
});
