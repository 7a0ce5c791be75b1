/** One record of comma separated values (RFC 4180), with the error texts of Go's `encoding/csv`. */

export type CsvRecord = { fields: string[] } | { error: string };

const bareQuote = 'bare " in non-quoted-field';
const strayQuote = 'extraneous or missing " in quoted-field';

/** The first record of the text; empty lines before it and whatever follows do not count. */
export function readCsvRecord(text: string): CsvRecord {
  const lines = splitLines(text);
  const first = lines.findIndex((line) => line !== "" && line !== "\n");
  return first < 0 ? { error: "EOF" } : new RecordReader(lines, first).read();
}

class RecordReader {
  readonly #lines: string[];
  readonly #firstLine: number;
  #lineIndex: number;
  #line: string;
  #position = 0;
  readonly #fields: string[] = [];

  constructor(lines: string[], firstLine: number) {
    this.#lines = lines;
    this.#firstLine = firstLine;
    this.#lineIndex = firstLine;
    this.#line = lines[firstLine]!;
  }

  read(): CsvRecord {
    for (;;) {
      const quoted = this.#line[this.#position] === '"';
      const end = quoted ? this.#readQuoted() : this.#readBare();
      if (end === "record") return { fields: this.#fields };
      if (end !== "field") return { error: end };
    }
  }

  #readBare(): string {
    const comma = this.#line.indexOf(",", this.#position);
    const end = comma < 0 ? this.#line.replace(/\n$/, "").length : comma;
    const field = this.#line.slice(this.#position, end);
    const quote = field.indexOf('"');
    if (quote >= 0) return this.#fault(this.#position + quote, bareQuote);
    this.#fields.push(field);
    this.#position = comma + 1;
    return comma < 0 ? "record" : "field";
  }

  #readQuoted(): string {
    let field = "";
    this.#position++;
    for (;;) {
      const quote = this.#line.indexOf('"', this.#position);
      if (quote < 0) {
        field += this.#line.slice(this.#position);
        if (!this.#nextLine()) return this.#fault(this.#line.length, strayQuote);
        continue;
      }
      field += this.#line.slice(this.#position, quote);
      this.#position = quote + 1;
      const next = this.#line[this.#position];
      if (next === '"') {
        field += '"';
        this.#position++;
        continue;
      }
      if (next !== undefined && next !== "," && next !== "\n") {
        return this.#fault(quote, strayQuote);
      }
      this.#fields.push(field);
      this.#position++;
      return next === "," ? "field" : "record";
    }
  }

  #nextLine(): boolean {
    const next = this.#lines[this.#lineIndex + 1];
    if (next === undefined || next === "") return false;
    this.#lineIndex++;
    this.#line = next;
    this.#position = 0;
    return true;
  }

  /** Lines and columns count from one, columns in bytes. */
  #fault(position: number, reason: string): string {
    const column = Buffer.byteLength(this.#line.slice(0, position)) + 1;
    const line = this.#lineIndex + 1;
    const start = this.#firstLine + 1;
    const where = `parse error on line ${line}, column ${column}: ${reason}`;
    return start === line ? where : `record on line ${start}; ${where}`;
  }
}

/** Lines with their final newline; a carriage return before it or at the very end is dropped. */
function splitLines(text: string): string[] {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return lines.map((line) => line.replace(/\r\n$/, "\n").replace(/\r$/, ""));
}
