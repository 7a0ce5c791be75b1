/**
 * One check by the health protocol of gRPC (grpc.health.v1.Health/Check) over a connection of its own, in plain
 * HTTP/2: the few frames that it takes, without the machinery of a connection for many requests.
 */
import type { Socket } from "bun";
import type { DeadlineQueue } from "../../lib/deadline-queue.ts";
import { connectionFaultOf } from "../../lib/error-text.ts";
import type {
  ConnectOwner,
  Connector,
  PendingConnection,
  SocketOwner,
} from "../../net/connector.ts";
import {
  clientPreface,
  FrameFlag,
  frameHeaderBytes,
  FrameType,
  writeFrameHeader,
} from "../../protocols/http2/frames.ts";
import { HpackEncoder } from "../../protocols/http2/hpack-encoder.ts";
import { SettingId, settingsFrame } from "../../protocols/http2/settings.ts";
import { type GrpcHealth, GrpcHealthAnswer, type GrpcHealthReader } from "./grpc-health-answer.ts";
import type { HealthEndpoint } from "./health-endpoint.ts";

const stream = 1;
/** HealthCheckRequest for the server as a whole: a message without a field, behind its prefix. */
const question = Buffer.alloc(5);

export class GrpcHealthRequest implements ConnectOwner, GrpcHealthReader {
  readonly #endpoint: HealthEndpoint;
  readonly #signal: AbortSignal;
  readonly #outcome = Promise.withResolvers<GrpcHealth>();
  readonly #answer = new GrpcHealthAnswer(this);
  readonly #onAbort = (): void => this.#abort();
  #pending: PendingConnection | null = null;
  #socket: Socket<SocketOwner> | null = null;

  constructor(endpoint: HealthEndpoint, signal: AbortSignal) {
    this.#endpoint = endpoint;
    this.#signal = signal;
  }

  /** Rejects with the signal's reason when that comes first. */
  ask(connector: Connector, within: DeadlineQueue): Promise<GrpcHealth> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#pending = connector.connect(this.#endpoint, this, within);
    return this.#outcome.promise;
  }

  onOpen(socket: Socket<SocketOwner>): void {
    this.#pending = null;
    this.#socket = socket;
    const { block } = requestBlock(this.#endpoint.hostField);
    this.send(
      Buffer.concat([
        clientPreface,
        settingsFrame([[SettingId.enablePush, 0]]),
        frameHeader(block.length, FrameType.headers, FrameFlag.endHeaders),
        block,
        frameHeader(question.length, FrameType.data, FrameFlag.endStream),
        question,
      ]),
    );
  }

  onConnectError(error: Error): void {
    this.finish(connectionFaultOf(error));
  }

  onConnectTimeout(): void {
    this.finish("connection timed out");
  }

  onData(bytes: Buffer): void {
    if (bytes.toString("latin1", 0, 7) === "HTTP/1.") this.finish("answered in HTTP/1.1");
    else this.#answer.receive(bytes);
  }

  onDrain(): void {}

  onPeerEnd(): void {
    this.finish("connection closed without an answer");
  }

  onClose(error: Error | null): void {
    this.finish(error === null ? "connection closed without an answer" : connectionFaultOf(error));
  }

  /** A new connection takes so few bytes at once. */
  send(frame: Buffer): void {
    this.#socket?.write(frame);
  }

  finish(outcome: GrpcHealth): void {
    this.#outcome.resolve(outcome);
    this.#release();
  }

  #abort(): void {
    this.#outcome.reject(this.#signal.reason);
    this.#release();
  }

  #release(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#pending?.cancel();
    this.#pending = null;
    this.#socket?.terminate();
    this.#socket = null;
  }
}

function requestBlock(authority: string): HpackEncoder {
  const encoder = new HpackEncoder();
  encoder.begin();
  encoder.field(":method", "POST");
  encoder.field(":scheme", "http");
  encoder.field(":authority", authority);
  encoder.field(":path", "/grpc.health.v1.Health/Check");
  encoder.field("content-type", "application/grpc");
  encoder.field("te", "trailers");
  encoder.field("user-agent", "kamal-proxy");
  return encoder;
}

function frameHeader(payloadBytes: number, type: number, flags: number): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  writeFrameHeader(header, 0, payloadBytes, type, flags, stream);
  return header;
}
