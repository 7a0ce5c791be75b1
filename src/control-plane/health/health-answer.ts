/**
 * Reads the answer to a health check: its status, where it redirects to, and when its body has
 * ended. It is told whatever arrives; no I/O here.
 */
import { maxFieldCount, maxHealthAnswerBytes } from "../../config/defaults.ts";

const statusLine = /^HTTP\/1\.[01] ([1-9]\d\d)(?: |$)/;
const lastChunk = "\r\n0\r\n\r\n";

export class HealthAnswer {
  #text = "";
  #status = 0;
  #location: string | null = null;
  #bodyLength: number | "chunked" | "until-close" = "until-close";
  #malformed = false;

  /** 0 until the head is complete. */
  get status(): number {
    return this.#status;
  }

  get location(): string | null {
    return this.#location;
  }

  get malformed(): boolean {
    return this.#malformed;
  }

  /** Nothing more needs to be read. */
  get complete(): boolean {
    if (this.#malformed) return true;
    if (this.#status === 0) return false;
    if (this.#status === 204 || this.#status === 304) return true;
    if (this.#text.length > maxHealthAnswerBytes) return true;
    if (this.#bodyLength === "chunked") return `\r\n${this.#text}`.endsWith(lastChunk);
    return this.#bodyLength !== "until-close" && this.#text.length >= this.#bodyLength;
  }

  push(chunk: Uint8Array): void {
    this.#text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    while (this.#status === 0 && !this.#malformed) {
      const end = this.#text.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#malformed = this.#text.length > maxHealthAnswerBytes || !this.#couldBeHead();
        return;
      }
      const head = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 4);
      this.#readHead(head.split("\r\n"));
    }
  }

  /** Whatever does not begin like HTTP is given up at once instead of at the timeout. */
  #couldBeHead(): boolean {
    const beginning = this.#text.slice(0, 7);
    return "HTTP/1.".startsWith(beginning);
  }

  #readHead(lines: string[]): void {
    const match = statusLine.exec(lines[0] ?? "");
    if (match === null || lines.length > maxFieldCount) {
      this.#malformed = true;
      return;
    }
    const status = Number(match[1]);
    // An informational response; the final one follows.
    if (status < 200) return;
    this.#status = status;
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === "location") this.#location = value;
      else if (name === "transfer-encoding") this.#bodyLength = "chunked";
      else if (name === "content-length" && this.#bodyLength !== "chunked") {
        this.#bodyLength = Number(value) || 0;
      }
    }
  }
}
