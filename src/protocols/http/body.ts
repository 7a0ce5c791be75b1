/**
 * How body bytes travel: a source pushes into a sink, and the sink holds the source back.
 * One pair of interfaces serves messages, buffers and tunnels; an object may be both.
 */
import type { Fields } from "./fields.ts";

export interface BodySource {
  /** Begins to push into `sink`; called once. May push before it returns. */
  start(sink: BodySink): void;
  pause(): void;
  resume(): void;
  /** Nobody wants the rest: nothing is pushed any more, the sink hears nothing more. */
  cancel(): void;
}

export interface BodySink {
  /** `write` keeps no part of its chunk: the memory may be used for something else behind it. */
  readonly passesOn?: boolean;
  /** Where bytes of the body may be written as they are, past `write`; -1 when not now. */
  readonly descriptor?: number;
  /** So many bytes of the body were written there. */
  passed?(bytes: number): void;
  /** Called by `pipe` before anything else; the sink calls `resume` on it after holding it back. */
  attach(source: BodySource): void;
  /**
   * Takes the bytes. Unless `passesOn` is set it may keep `chunk` without a copy: the source must not
   * change it afterwards.
   * False: taken, but the source should pause until it is resumed.
   */
  write(chunk: Uint8Array): boolean;
  /** No more bytes for now: what was collected should go out. Called after each read of the source. */
  flush(): void;
  /** The body is complete. */
  end(trailers: Fields | null): void;
  /** The source broke: the message must never look complete. */
  abort(error: Error): void;
}

/** For a body that nobody wants. */
export const nowhere: BodySink = {
  passesOn: true,
  attach() {},
  write: () => true,
  flush() {},
  end() {},
  abort() {},
};

/** Both directions of a connection after a switch of protocols. */
export interface Duplex {
  source: BodySource;
  sink: BodySink;
  /** Ends both directions at once. */
  destroy(): void;
}

export function pipe(source: BodySource, sink: BodySink): void {
  sink.attach(source);
  source.start(sink);
}
