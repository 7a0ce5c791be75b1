/**
 * One connection to a target: its socket, what is written to it, the parser of what comes back, and
 * whether it is connecting, serving a call, idle or closed. The call decides what the bytes mean.
 */
import type { Socket } from "bun";
import { tcpKeepAliveMs } from "../../../config/limits.ts";
import type { DeadlineEntry, DeadlineQueue } from "../../../lib/deadline-queue.ts";
import { ListMember } from "../../../lib/member-list.ts";
import type {
  ConnectOwner,
  Connector,
  Endpoint,
  PendingConnection,
  SocketOwner,
} from "../../../net/connector.ts";
import { hasMoreToRead } from "../../../net/socket-copy.ts";
import { MeasuredReads, type ReadOwner } from "../../../net/measured-reads.ts";
import { type ReceivedOwner, receivedMemory } from "../../../net/received-memory.ts";
import { SocketWriter } from "../../../net/socket-writer.ts";
import { type BudgetedReader, workBudget } from "../../../net/work-budget.ts";
import { ResponseParser, type ResponseHandler } from "../../../protocols/http1/response-parser.ts";

/** The request that a connection serves. */
export interface ServedCall extends ResponseHandler {
  /** The connection is ready: the request can be written. */
  onReady(connection: Connection): void;
  onConnectFailed(error: Error): void;
  onConnectTimeout(): void;
  /** What was handed on so far should go out: the rest of the read waits for its turn. */
  onReadPause(): void;
  /** All bytes of one read were handed on; the buffer is of no more use to the connection. */
  onReadEnd(bytes: Buffer): void;
  /** Everything written so far was taken by the kernel. */
  onDrained(): void;
  onMalformed(reason: string): void;
  /** The connection is gone before the response was complete. */
  onLost(error: Error | null): void;
}

/** Keeps connections between two requests. */
export interface ConnectionOwner {
  /** The connection is idle, and its target keeps it open so long. */
  keep(connection: Connection, lifeMs: number): void;
}

const tooMuchWaits = new Error("too much of what targets have sent waits here");

/** Bun's types leave the descriptor out. */
type DescribedSocket = Socket<SocketOwner> & { readonly fd: number };
type State = "connecting" | "busy" | "idle" | "closed";

/** What is left of a read, and how the peer ended meanwhile. */
interface KeptRead {
  bytes: Buffer;
  position: number;
  ending: { closed: boolean; error: Error | null } | null;
}

export class Connection
  extends ListMember
  implements ConnectOwner, DeadlineEntry, BudgetedReader, ReadOwner, ReceivedOwner
{
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;

  readonly #owner: ConnectionOwner;
  /** What is on the socket are the bytes themselves, not encrypted. */
  readonly #isPlain: boolean;
  readonly #parser = new ResponseParser();
  #state: State = "connecting";
  #pending: PendingConnection | null = null;
  #socket: Socket<SocketOwner> | null = null;
  #writer: SocketWriter | null = null;
  #reads: MeasuredReads | null = null;
  #call: ServedCall | null;
  /** Bytes that were received and wait for their turn; nothing is read meanwhile. */
  #kept: KeptRead | null = null;
  readonly #share = receivedMemory.share(this);
  /** The call wants no more for now. */
  #held = false;
  #paused = false;
  #reused = false;

  constructor(owner: ConnectionOwner, call: ServedCall, isPlain = true) {
    super();
    this.#owner = owner;
    this.#isPlain = isPlain;
    this.#call = call;
  }

  /** Begins to connect; `call.onReady` or a failure follows, never before this returns. */
  connect(connector: Connector, to: Endpoint, within: DeadlineQueue): void {
    this.#pending = connector.connect(to, this, within);
  }

  /** The sending half; there is one from the moment when the connection is ready. */
  get writer(): SocketWriter {
    return this.#writer!;
  }

  /** Whether it served a request before the present one. */
  get reused(): boolean {
    return this.#reused;
  }

  /** Of the socket; -1 when it does not serve a request, or nobody else may read it. */
  get descriptor(): number {
    return this.#isPlain && this.#state === "busy" ? (this.#socket as DescribedSocket).fd : -1;
  }

  /** Bytes that are still to come of a response body of known length. */
  get bodyRemaining(): number {
    return this.#parser.bodyRemaining;
  }

  /** So many bytes of the response body went another way; the last ones end the response. */
  skipBody(bytes: number): void {
    const isLast = bytes === this.#parser.bodyRemaining;
    this.#parser.skipBody(bytes, isLast && hasMoreToRead(this.descriptor));
  }

  /** Whether a byte of the present response has come. */
  get responseStarted(): boolean {
    return this.#parser.started;
  }

  /** Gives an idle connection its next request. */
  serve(call: ServedCall): void {
    this.#state = "busy";
    this.#reused = true;
    this.#call = call;
    call.onReady(this);
  }

  expectResponse(method: string): void {
    this.#parser.start(method, this.#call!);
  }

  pauseReading(): void {
    if (this.#state !== "busy") return;
    this.#held = true;
    this.#pauseOrResume();
  }

  resumeReading(): void {
    if (!this.#held || this.#state !== "busy") return;
    this.#held = false;
    if (this.#kept === null) this.#pauseOrResume();
    else workBudget.wait(this);
  }

  #pauseOrResume(): void {
    const pause = this.#held || this.#kept !== null;
    if (pause === this.#paused || this.#state !== "busy") return;
    this.#paused = pause;
    if (pause) this.#reads!.pause();
    else this.#reads!.resume();
  }

  /** Counts a read of the response body. True: it is a large one, whose rest should not come by Bun. */
  countRead(bytes: number): boolean {
    return this.#isPlain && this.#state === "busy" && this.#reads!.counts(bytes);
  }

  /** The rest of the response body is read in pieces. */
  takePieces(): void {
    if (this.#state === "busy") this.#reads!.takePieces();
  }

  /** The response is complete and the next request may follow, so long. */
  release(lifeMs: number): void {
    const ending = this.#kept?.ending ?? null;
    if (ending !== null) {
      this.close();
      return;
    }
    // A paused socket would not show that the peer closed it.
    this.#kept = null;
    this.#share.set(0);
    this.#held = false;
    this.#paused = false;
    this.#reads!.end();
    this.#call = null;
    this.#state = "idle";
    this.#owner.keep(this, lifeMs);
  }

  /** Closes in good order; the call hears nothing. */
  close(): void {
    this.#leave()?.end();
  }

  /** Closes so that the peer sees a break (RST) and never a complete message; the call hears nothing. */
  destroy(): void {
    this.#writer?.breakOff();
    this.#leave()?.terminate();
  }

  /** Gives the socket away, with reading stopped; the connection is closed from then on. */
  detach(): Socket<SocketOwner> {
    this.#reads!.pause();
    const socket = this.#socket!;
    this.#forget();
    return socket;
  }

  /** Nobody needed it for long. */
  onDeadline(): void {
    if (this.#state === "idle") this.close();
  }

  onOpen(socket: Socket<SocketOwner>): void {
    this.#pending = null;
    socket.setKeepAlive(true, tcpKeepAliveMs);
    this.#socket = socket;
    this.#writer = new SocketWriter(socket, this.#isPlain);
    this.#reads = new MeasuredReads(socket as DescribedSocket, this);
    this.#state = "busy";
    this.#call!.onReady(this);
  }

  onConnectError(error: Error): void {
    const call = this.#call;
    this.#leave();
    call?.onConnectFailed(error);
  }

  onConnectTimeout(): void {
    const call = this.#call;
    this.#leave();
    call?.onConnectTimeout();
  }

  onData(bytes: Buffer): void {
    const kept = this.#kept;
    if (this.#call === null) {
      // Nobody asked for it: what follows could be taken for an answer to the next request.
      this.close();
    } else if (kept !== null) {
      // It was read before the pause counted.
      kept.bytes = Buffer.concat([kept.bytes.subarray(kept.position), bytes]);
      kept.position = 0;
      this.#share.set(kept.bytes.length);
    } else {
      this.#read(bytes, 0);
    }
  }

  /** The response goes on with what was kept, unless the call holds it back: `resumeReading` waits again. */
  readOn(): void {
    if (this.#kept !== null && !this.#held) this.#read(this.#kept.bytes, this.#kept.position);
  }

  /** Whether the call should be handed more of the present read in this turn. */
  mayReadOn(units: number): boolean {
    return workBudget.spend(this, units);
  }

  fail(error: Error): void {
    this.#lose(error);
  }

  giveUp(): void {
    this.#lose(tooMuchWaits);
  }

  #read(bytes: Buffer, start: number): void {
    const call = this.#call!;
    workBudget.begin(this);
    const end = this.#parser.feed(bytes, start);
    // The response may be over, and the connection serve the next request by now.
    if (this.#call !== call) return;
    if (typeof end === "string") {
      call.onMalformed(end);
    } else if (end < bytes.length) {
      this.#kept = { bytes, position: end, ending: this.#kept?.ending ?? null };
      this.#share.set(bytes.length);
      this.#pauseOrResume();
      call.onReadPause();
    } else {
      this.#readEnded(call, bytes);
    }
  }

  #readEnded(call: ServedCall, bytes: Buffer): void {
    const kept = this.#kept;
    this.#kept = null;
    this.#share.set(0);
    call.onReadEnd(bytes);
    if (kept === null) return;
    if (kept.ending === null) this.#pauseOrResume();
    else if (kept.ending.closed) this.onClose(kept.ending.error);
    else this.onPeerEnd();
  }

  onDrain(): void {
    const writer = this.#writer;
    // Bun calls this more often than needed.
    if (writer !== null && writer.drain() && !writer.closed) this.#call?.onDrained();
  }

  onPeerEnd(): void {
    if (this.#kept !== null) {
      this.#kept.ending = { closed: false, error: null };
      return;
    }
    const call = this.#call;
    if (call === null) {
      this.close();
      return;
    }
    // A reset that a failed write has used up looks like an orderly end.
    const isOrderly = this.#writer !== null && !this.#writer.closed;
    if (isOrderly && this.#parser.finish()) return;
    this.#lose(null);
  }

  onClose(error: Error | null): void {
    if (this.#kept === null) this.#lose(error);
    else this.#kept.ending = { closed: true, error };
  }

  #lose(error: Error | null): void {
    const call = this.#call;
    this.destroy();
    call?.onLost(error);
  }

  #leave(): Socket<SocketOwner> | null {
    const socket = this.#socket;
    this.#writer?.close();
    this.#forget();
    return socket;
  }

  #forget(): void {
    this.deadlineQueue?.delete(this);
    this.#parser.stop();
    this.#pending?.cancel();
    this.#reads?.stop();
    this.#state = "closed";
    this.#pending = this.#kept = null;
    this.#share.leave();
    this.#call = null;
    this.#socket = null;
  }
}
