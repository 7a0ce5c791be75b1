/** What a test asks of a protocol: to send a request in pieces and to give what was answered. */

export type Field = [name: string, value: string];

export interface RequestSpec {
  method?: string;
  path?: string;
  host?: string;
  fields?: Field[];
  /** Sent at once, with its length. */
  body?: Uint8Array;
  /** The body comes by `send` and `end`; a number is its length, announced ahead. */
  streams?: true | number;
}

export interface Answer {
  /** Of the 1xx before it, in order. */
  informational: number[];
  status: number;
  /** Names in lower case. */
  fields: Field[];
  body: Buffer;
  trailers: Field[];
}

export interface OpenRequest extends Disposable {
  send(bytes: Uint8Array): Promise<void>;
  /** `trailers` go only behind a body whose length was not announced. */
  end(trailers?: Field[]): void;
  /** Rejects when the answer breaks off. */
  answer(): Promise<Answer>;
  /** The client goes away, without a word. */
  leave(): void;
}

export interface Carrier {
  readonly name: string;
  /** As the log has it. */
  readonly protocol: string;
  readonly scheme: "http" | "https";
  /** How it asks for WebSocket, and the status that says yes. */
  readonly switching: { spec: RequestSpec; status: number };
  open(port: number, spec: RequestSpec): Promise<OpenRequest>;
}

/** As HTTP/1.1 asks (RFC 9110 7.8). */
export const upgradeToWebSocket: Carrier["switching"] = {
  spec: {
    fields: [
      ["Connection", "Upgrade"],
      ["Upgrade", "websocket"],
    ],
  },
  status: 101,
};

export async function ask(carrier: Carrier, port: number, spec: RequestSpec): Promise<Answer> {
  using request = await carrier.open(port, spec);
  return await request.answer();
}

export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([key]) => key === name).map(([, value]) => value);
}
