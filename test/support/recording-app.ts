/** A raw app that keeps every request that reaches it and answers what it can read strictly. */
import type { Socket } from "bun";
import { readRequestsStrictly, type StrictMessage } from "./strict-parser.ts";

export interface RecordingApp extends Disposable {
  /** `127.0.0.1:port`, as `--target` takes it. */
  readonly address: string;
  /** Complete requests other than health checks, in order of arrival. */
  readonly requests: StrictMessage[];
  /** What reached the app and could not be read in one way only. */
  readonly faults: string[];
  /** Incomplete requests of connections that have ended. */
  readonly unfinished: string[];
}

interface Received {
  text: string;
}

/** Each answer says which request it is for: its body is a receipt. */
export function startRecordingApp(): RecordingApp {
  const requests: StrictMessage[] = [];
  const faults: string[] = [];
  const unfinished: string[] = [];

  function read(socket: Socket<Received>, bytes: Buffer): void {
    const reading = readRequestsStrictly(socket.data.text + bytes.toString("latin1"));
    socket.data.text = reading.rest;
    for (const request of reading.messages) {
      const [method, target] = request.startLine.split(" ");
      if (target !== "/up") requests.push(request);
      const body = receiptFor(request);
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${method === "HEAD" ? "" : body}`,
      );
    }
    if (reading.fault === null) return;
    faults.push(`${reading.fault}: ${JSON.stringify(reading.rest.slice(0, 300))}`);
    socket.data.text = "";
    socket.terminate();
  }

  const listener = Bun.listen<Received>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { text: "" };
      },
      data: read,
      close(socket) {
        if (socket.data.text !== "") unfinished.push(socket.data.text);
        socket.data.text = "";
      },
    },
  });
  return {
    address: `127.0.0.1:${listener.port}`,
    requests,
    faults,
    unfinished,
    [Symbol.dispose]: () => listener.stop(true),
  };
}

/** Method, target and body of a request in a few words. */
export function receiptFor({ startLine, body }: StrictMessage): string {
  const [method, target] = startLine.split(" ");
  return `${method} ${target} ${body.length} ${Bun.hash(body).toString(36)}`;
}
