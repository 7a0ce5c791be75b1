/** Answers of an app that can be read in two ways, or that break off, by family. */

export interface ResponseAttack {
  name: string;
  /** What the app sends as soon as it has the head of the request; it closes then, if `closes`. */
  bytes: string;
  closes?: boolean;
  method?: "GET" | "HEAD" | "POST";
  /** The whole body that a client may get. Without it the client must get a 502 or a visibly broken answer. */
  body?: string;
}

const poison = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned";
const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

const lines = (text: string, rest = "hello"): ResponseAttack => ({
  name: JSON.stringify(text),
  bytes: `${ok}${text}\r\n\r\n${rest}${poison}`,
});

const start = (text: string): ResponseAttack => ({
  name: JSON.stringify(text),
  bytes: `${text}\r\nContent-Length: 5\r\n\r\nhello`,
});

const chunks = (text: string): ResponseAttack => ({
  name: JSON.stringify(text.slice(0, 60)),
  bytes: chunked + text,
});

const surplus = (name: string, bytes: string, body: string): ResponseAttack => ({
  name,
  bytes: bytes + poison,
  body,
});

const cut = (name: string, bytes: string): ResponseAttack => ({ name, bytes, closes: true });

export const responseFamilies: Record<string, ResponseAttack[]> = {
  "ambiguous framing": [
    lines("Content-Length: 5\r\nContent-Length: 6"),
    lines("Content-Length: 5, 6"),
    lines("Content-Length: 5,5"),
    lines("Content-Length: +5"),
    lines("Content-Length: -5"),
    lines("Content-Length: 0x5"),
    lines("Content-Length: 5x"),
    lines("Content-Length: 5 5"),
    lines("Content-Length:"),
    lines("Content-Length: 99999999999999999999999"),
    lines("Content-Length: 9223372036854775808"),
    lines("Content-Length : 5"),
    surplus(
      "length before chunks",
      `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n\r\n`,
      "he",
    ),
    surplus(
      "chunks before lengths",
      `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n0\r\n\r\n`,
      "",
    ),
    lines("Transfer-Encoding: gzip", "0\r\n\r\n"),
    lines("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
    lines("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
    lines("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    lines("Transfer-Encoding: xchunked", "0\r\n\r\n"),
    lines("Transfer-Encoding: \x0bchunked", "0\r\n\r\n"),
    lines("Transfer-Encoding:", "0\r\n\r\n"),
    lines("Transfer-Encoding : chunked", "0\r\n\r\n"),
    {
      name: "Transfer-Encoding on HTTP/1.0",
      bytes: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    },
    {
      name: "conflicting lengths for HEAD",
      method: "HEAD",
      bytes: `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${poison}`,
      body: "",
    },
    {
      name: "length and coding with 304",
      bytes: `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${poison}`,
      body: "",
    },
  ],
  "malformed heads": [
    start("HTTP/1.2 200 OK"),
    start("HTTP/2 200 OK"),
    start("HTTP/2.0 200 OK"),
    start("HTTP/0.9 200 OK"),
    start("HTTP/1.1 20 OK"),
    start("HTTP/1.1 2000 OK"),
    start("HTTP/1.1 099 OK"),
    start("HTTP/1.1 +20 OK"),
    start("HTTP/1.1 abc OK"),
    start("HTTP/1.1  200 OK"),
    start("HTTP/1.1\t200 OK"),
    start("HTTP/1.1200 OK"),
    start("HTTP/1.1"),
    start("http/1.1 200 OK"),
    start("ICY 200 OK"),
    start("200 OK"),
    start(" HTTP/1.1 200 OK"),
    start("\r\nHTTP/1.1 200 OK"),
    start("HTTP/1.1 200 O\x00K"),
    start("HTTP/1.1 200 O\rK"),
    start("HTTP/1.1 200 OK\nX: y"),
    start(`${ok.trimEnd()}\r\nA : b`),
    start(`${ok.trimEnd()}\r\nA: b\r\n c`),
    start(`${ok.trimEnd()}\r\n: b`),
    start(`${ok.trimEnd()}\r\nnonsense`),
    start(`${ok.trimEnd()}\r\nA: \x00`),
    start(`${ok.trimEnd()}\r\nA: \x1b`),
    start(`${ok.trimEnd()}\r\nA: b\nSet-Cookie: c`),
    start(`${ok.trimEnd()}\r\nA: b\rSet-Cookie: c`),
    start(`${ok.trimEnd()}\r\nA(: b`),
    { name: "bare LF throughout", bytes: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello" },
    { name: "no head at all", bytes: "hello, world\r\n\r\n", closes: true },
    { name: "TLS alert", bytes: "\x15\x03\x01\x00\x02\x02\x46", closes: true },
    { name: "FTP greeting", bytes: "220 ready\r\n", closes: true },
    { name: "too many fields", bytes: `${ok}${"A: b\r\n".repeat(5_000)}Content-Length: 0\r\n\r\n` },
    { name: "oversized head", bytes: `${ok}A: ${"a".repeat(2_000_000)}\r\n\r\n` },
    {
      name: "100 with a body",
      bytes: `HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello${poison}`,
    },
    {
      name: "103 with chunks",
      bytes: `HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${poison}`,
    },
    {
      name: "101 that nobody asked for",
      bytes: `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${poison}`,
    },
    {
      name: "1xx by the hundred",
      bytes: "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".repeat(500),
    },
  ],
  "malformed chunks": [
    chunks("x\r\nhello\r\n0\r\n\r\n"),
    chunks("\r\nhello\r\n0\r\n\r\n"),
    chunks("-5\r\nhello\r\n0\r\n\r\n"),
    chunks("0x5\r\nhello\r\n0\r\n\r\n"),
    chunks(" 5\r\nhello\r\n0\r\n\r\n"),
    chunks("5\nhello\r\n0\r\n\r\n"),
    chunks("5\rhello\r\n0\r\n\r\n"),
    chunks("5\r\nhello\n0\r\n\r\n"),
    chunks("5\r\nhello0\r\n\r\n"),
    chunks("5\r\nhello!\r\n0\r\n\r\n"),
    chunks("5\r\nhello\r\n0\n\r\n"),
    chunks("5\r\nhello\r\n0\r\n\n"),
    chunks("5\r\nhello\r\n0\r\nnonsense\r\n\r\n"),
    chunks("5\r\nhello\r\n0\r\nA : b\r\n\r\n"),
    chunks("5\r\nhello\r\n0\r\nA: \x00\r\n\r\n"),
    chunks("5;\x00\r\nhello\r\n0\r\n\r\n"),
    chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"),
    chunks("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    chunks(`5;${"a".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
    chunks(`5\r\nhello\r\n0\r\nA: ${"a".repeat(100_000)}\r\n\r\n`),
  ],
  "answers that break off": [
    cut("before a byte", ""),
    cut("in the status line", "HTTP/1.1 20"),
    cut("behind the status line", ok),
    cut("in a field", `${ok}Content-Length: 5\r\nA: b`),
    cut("before the empty line", `${ok}Content-Length: 5\r\n`),
    cut("before a body with a length", `${ok}Content-Length: 5\r\n\r\n`),
    cut("in a body with a length", `${ok}Content-Length: 5\r\n\r\nhell`),
    cut("before the first chunk", chunked),
    cut("in a chunk size", `${chunked}5`),
    cut("in a chunk", `${chunked}5\r\nhell`),
    cut("behind the data of a chunk", `${chunked}5\r\nhello`),
    cut("behind a chunk", `${chunked}5\r\nhello\r\n`),
    cut("in the last chunk", `${chunked}5\r\nhello\r\n0\r\n`),
    cut("in the trailers", `${chunked}5\r\nhello\r\n0\r\nA: b\r\n`),
    cut("behind a 1xx", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"),
  ],
  "bytes behind the answer": [
    surplus("behind a length", `${ok}Content-Length: 5\r\n\r\nhello`, "hello"),
    surplus("behind no length", `${ok}Content-Length: 0\r\n\r\n`, ""),
    surplus("behind chunks", `${chunked}5\r\nhello\r\n0\r\n\r\n`, "hello"),
    surplus("behind trailers", `${chunked}5\r\nhello\r\n0\r\nA: b\r\n\r\n`, "hello"),
    surplus("body with 204", "HTTP/1.1 204 No Content\r\n\r\n", ""),
    surplus(
      "body and length with 204",
      "HTTP/1.1 204 No Content\r\nContent-Length: 42\r\n\r\n",
      "",
    ),
    surplus("body with 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\n\r\n", ""),
    {
      ...surplus("body with HEAD", `${ok}Content-Length: 42\r\n\r\n`, ""),
      method: "HEAD",
    },
    { ...surplus("chunks with HEAD", `${chunked}`, ""), method: "HEAD" },
  ],
  "ordinary answers": [
    { name: "until close", bytes: `${ok}\r\nhello`, closes: true, body: "hello" },
    { name: "HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", body: "hello" },
    {
      name: "HTTP/1.0 until close",
      bytes: "HTTP/1.0 200 OK\r\n\r\nhello",
      closes: true,
      body: "hello",
    },
    { name: "no reason", bytes: "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", body: "hello" },
    {
      name: "equal lengths",
      bytes: `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
      body: "hello",
    },
    { name: "extensions", bytes: `${chunked}5;a=b\r\nhello\r\n0;c\r\n\r\n`, body: "hello" },
    {
      name: "103 first",
      bytes: `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${ok}Content-Length: 5\r\n\r\nhello`,
      body: "hello",
    },
    {
      name: "close named",
      bytes: `${ok}Connection: close\r\nContent-Length: 5\r\n\r\nhello`,
      closes: true,
      body: "hello",
    },
    {
      name: "unsafe trailers",
      bytes: `${chunked}5\r\nhello\r\n0\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\nX: y\r\n\r\n`,
      body: "hello",
    },
    {
      name: "unknown status",
      bytes: "HTTP/1.1 799 Odd\r\nContent-Length: 5\r\n\r\nhello",
      body: "hello",
    },
  ],
};
