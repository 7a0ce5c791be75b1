/**
 * Requests that two parsers may read in two ways, by family. `{host}` and `{id}` are filled in; every target
 * that must never be reached is `/smuggled`.
 */

export interface Attack {
  name: string;
  bytes: string;
  /**
   * What may reach the app when the request is not refused: its body. Without it a refusal is the only
   * right answer.
   */
  body?: string;
  /** The target that the app sees then; `/{id}` when left out. */
  target?: string;
}

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n";
const head = "POST /{id} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n";
const getHead = "GET /{id} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n";
const chunkedSmuggled = `0\r\n\r\n${smuggled}`;

/** A POST with these field lines, and what follows the head. */
function post(lines: string, rest: string): string {
  return `${head}${lines}\r\n\r\n${rest}`;
}

const both = (name: string, lines: string): Attack => ({
  name,
  bytes: post(lines, chunkedSmuggled),
});

const coding = (value: string): Attack => ({
  name: JSON.stringify(value),
  bytes: post(`Transfer-Encoding: ${value}`, `5\r\nhello\r\n${chunkedSmuggled}`),
});

const length = (value: string): Attack => ({
  name: JSON.stringify(value),
  bytes: post(`Content-Length: ${value}`, `hello${smuggled}`),
});

const chunks = (name: string, body: string): Attack => ({
  name,
  bytes: post("Transfer-Encoding: chunked", `${body}${smuggled}`),
});

const chunksRead = (name: string, body: string, read: string): Attack => ({
  name,
  bytes: post("Transfer-Encoding: chunked", body),
  body: read,
});

const line = (name: string, text: string): Attack => ({
  name,
  bytes: `${head}Content-Length: 5\r\n${text}\r\n\r\nhello${smuggled}`,
});

const start = (name: string, text: string): Attack => ({
  name,
  bytes: `${text}\r\nHost: {host}\r\nConnection: close\r\n\r\n${smuggled}`,
});

const target = (text: string): Attack => start(JSON.stringify(text), `GET ${text} HTTP/1.1`);

const targetRead = (text: string, read: string): Attack => ({
  ...target(text),
  bytes: `GET ${text} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n`,
  body: "",
  target: read,
});

const host = (name: string, lines: string): Attack => ({
  name,
  bytes: `GET /{id} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n${smuggled}`,
});

export const attackFamilies: Record<string, Attack[]> = {
  "Content-Length beside Transfer-Encoding": [
    both("length first", "Content-Length: 6\r\nTransfer-Encoding: chunked"),
    both("coding first", "Transfer-Encoding: chunked\r\nContent-Length: 6"),
    both("length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
    both("length of everything", "Content-Length: 60\r\nTransfer-Encoding: chunked"),
    both("odd case", "content-length: 6\r\ntRANSFER-eNCODING: cHUNKED"),
    both("malformed length", "Content-Length: x\r\nTransfer-Encoding: chunked"),
    both("empty length", "Content-Length:\r\nTransfer-Encoding: chunked"),
    both("identity coding", "Content-Length: 6\r\nTransfer-Encoding: identity"),
    both("empty coding", "Content-Length: 6\r\nTransfer-Encoding:"),
    both(
      "coding hidden by Connection",
      "Connection: Transfer-Encoding\r\nContent-Length: 6\r\nTransfer-Encoding: chunked",
    ),
    both(
      "length hidden by Connection",
      "Connection: Content-Length\r\nContent-Length: 6\r\nTransfer-Encoding: chunked",
    ),
    {
      name: "on a GET",
      bytes: `${getHead}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n${chunkedSmuggled}`,
    },
    {
      name: "Transfer-Encoding on HTTP/1.0",
      bytes: `POST /{id} HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n${chunkedSmuggled}`,
    },
    {
      name: "both on HTTP/1.0",
      bytes: `POST /{id} HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n${chunkedSmuggled}`,
    },
  ],
  "Transfer-Encoding that is not exactly chunked": [
    ...[
      "",
      ",",
      "identity",
      "gzip",
      "gzip, chunked",
      "chunked, gzip",
      "chunked, identity",
      "identity, chunked",
      "chunked, chunked",
      "chunked,",
      ",chunked",
      ", chunked",
      "chunked;",
      "chunked;q=1",
      "chunked ; a=b",
      '"chunked"',
      "'chunked'",
      "xchunked",
      "chunkedx",
      "x chunked",
      "chunked x",
      "chunk",
      "\x0bchunked",
      "\x0cchunked",
      "chunked\x00",
      "\x00chunked",
      "chunked\x01",
      "\x7fchunked",
      "\xa0chunked",
      "\xffchunked",
      "chunked\xa0",
      "chun\tked",
      "\rchunked",
      "chunked\r",
      "\r\n chunked",
      "\r\n\tchunked",
      "chunked\r\nTransfer-Encoding: chunked",
      "chunked\r\nTransfer-Encoding: identity",
      "identity\r\nTransfer-Encoding: chunked",
      "chunked\r\nTransfer-Encoding:",
      "\r\nTransfer-Encoding: chunked",
      "ch\xffunked",
      // KELVIN SIGN, which lower-cases to k.
      "chun\xe2\x84\xaaed",
    ].map(coding),
    { name: "blank before the colon", bytes: post("Transfer-Encoding : chunked", chunkedSmuggled) },
    { name: "tab before the colon", bytes: post("Transfer-Encoding\t: chunked", chunkedSmuggled) },
    { name: "NUL in the name", bytes: post("Transfer\x00-Encoding: chunked", chunkedSmuggled) },
    { name: "VT before the name", bytes: post("\x0bTransfer-Encoding: chunked", chunkedSmuggled) },
    { name: "blank before the name", bytes: post(" Transfer-Encoding: chunked", chunkedSmuggled) },
    { name: "behind a bare LF", bytes: post("X: y\nTransfer-Encoding: chunked", chunkedSmuggled) },
    { name: "behind a bare CR", bytes: post("X: y\rTransfer-Encoding: chunked", chunkedSmuggled) },
    { name: "behind LF CR", bytes: post("X: y\n\rTransfer-Encoding: chunked", chunkedSmuggled) },
    { name: "no colon", bytes: post("Transfer-Encoding chunked", chunkedSmuggled) },
    { name: "colon twice", bytes: post("Transfer-Encoding:: chunked", chunkedSmuggled) },
    {
      name: "blanks around",
      bytes: post("Transfer-Encoding: \t chunked \t", "5\r\nhello\r\n0\r\n\r\n"),
      body: "hello",
    },
    {
      name: "odd case",
      bytes: post("tRaNsFeR-EnCoDiNg: ChUnKeD", "5\r\nhello\r\n0\r\n\r\n"),
      body: "hello",
    },
    {
      name: "named by Connection",
      bytes: post(
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "5\r\nhello\r\n0\r\n\r\n",
      ),
      body: "hello",
    },
  ],
  "Content-Length that is not one number": [
    ...[
      "",
      "+5",
      "-5",
      "-0",
      "5 5",
      "5, 5",
      "5,6",
      "5,",
      ",5",
      "0x5",
      "5x",
      "5.0",
      "5e0",
      "0b101",
      "0o5",
      "5;",
      "5_0",
      '"5"',
      "\x005",
      "5\x00",
      "\x0b5",
      "\xb2",
      "\xa05",
      "5\xa0",
      "9223372036854775808",
      "18446744073709551616",
      "18446744073709551621",
      "340282366920938463463374607431768211461",
      "99999999999999999999999999999999999999",
      "5\r\nContent-Length: 6",
      "6\r\nContent-Length: 5",
      "5\r\nContent-Length:",
      "\r\nContent-Length: 5",
      "5\r\nContent-Length: 05",
      "\r\n 5",
      "5\r\n 0",
    ].map(length),
    { name: "blank before the colon", bytes: post("Content-Length : 5", `hello${smuggled}`) },
    { name: "in the name", bytes: post("Content Length: 5", `hello${smuggled}`) },
    {
      name: "equal repeats",
      bytes: post("Content-Length: 5\r\nContent-Length: 5", "hello"),
      body: "hello",
    },
    { name: "leading zeros", bytes: post("Content-Length: 0005", "hello"), body: "hello" },
    {
      name: "named by Connection",
      bytes: post("Connection: content-length\r\nContent-Length: 5", "hello"),
      body: "hello",
    },
    {
      name: "with an underscore",
      bytes: post("Content-Length: 5\r\nContent_Length: 99", "hello"),
      body: "hello",
    },
    {
      name: "coding with an underscore",
      bytes: post("Content-Length: 5\r\nTransfer_Encoding: chunked", "hello"),
      body: "hello",
    },
    { name: "on a GET", bytes: `${getHead}Content-Length: 5\r\n\r\nhello`, body: "hello" },
  ],
  "chunk syntax": [
    chunks("no size", "\r\nhello\r\n0\r\n\r\n"),
    chunks("blank before the size", " 5\r\nhello\r\n0\r\n\r\n"),
    chunks("tab before the size", "\t5\r\nhello\r\n0\r\n\r\n"),
    chunks("blank behind the size", "5 \r\nhello\r\n0\r\n\r\n"),
    chunks("0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    chunks("plus", "+5\r\nhello\r\n0\r\n\r\n"),
    chunks("minus", "-5\r\nhello\r\n0\r\n\r\n"),
    chunks("minus zero", "5\r\nhello\r\n-0\r\n\r\n"),
    chunks("underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
    chunks("not hexadecimal", "g\r\nhello\r\n0\r\n\r\n"),
    chunks("two sizes", "5 5\r\nhello\r\n0\r\n\r\n"),
    chunks("comma", "5,5\r\nhello\r\n0\r\n\r\n"),
    chunks("NUL behind the size", "5\x00\r\nhello\r\n0\r\n\r\n"),
    chunks("2^64 + 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    chunks("2^63", "8000000000000000\r\nhello\r\n0\r\n\r\n"),
    chunks("2^32 + 5 of 5", "100000005\r\nhello\r\n0\r\n\r\n"),
    chunks("many zeros", `${"0".repeat(64)}5\r\nhello\r\n0\r\n\r\n`),
    chunks("bare LF behind the size", "5\nhello\r\n0\r\n\r\n"),
    chunks("bare CR behind the size", "5\rhello\r\n0\r\n\r\n"),
    chunks("CR CR LF behind the size", "5\r\r\nhello\r\n0\r\n\r\n"),
    chunks("bare LF behind the data", "5\r\nhello\n0\r\n\r\n"),
    chunks("nothing behind the data", "5\r\nhello0\r\n\r\n"),
    chunks("two bytes behind the data", "5\r\nhelloXY0\r\n\r\n"),
    chunks("data too long", "5\r\nhello!\r\n0\r\n\r\n"),
    chunks("bare LF behind the last size", "5\r\nhello\r\n0\n\r\n"),
    chunks("bare LF as the end", "5\r\nhello\r\n0\r\n\n"),
    chunks("bare CR as the end", "5\r\nhello\r\n0\r\n\rX"),
    chunks("bare LF in an extension", "5;a=\nb\r\nhello\r\n0\r\n\r\n"),
    chunks("bare LF behind an extension", "5;a\nhello\r\n0\r\n\r\n"),
    chunks("bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    chunks("NUL in an extension", "5;\x00\r\nhello\r\n0\r\n\r\n"),
    chunks("endless extension", `5;${"a".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
    chunks(
      "extensions by the thousand",
      `${"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(2_000)}0\r\n\r\n`,
    ),
    chunks("quoted line end in an extension", '5;a="\r\n\r\n"\r\nhello\r\n0\r\n\r\n'),
    chunksRead("extensions are dropped", '5;a=b;c="d e"\r\nhello\r\n0;last\r\n\r\n', "hello"),
    chunksRead(
      "upper and lower case",
      "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
      "01234567890123456789",
    ),
    chunksRead("leading zeros", "005\r\nhello\r\n000\r\n\r\n", "hello"),
    chunksRead("nothing but the end", "0\r\n\r\n", ""),
  ],
  trailers: [
    chunks("no colon", "5\r\nhello\r\n0\r\nnonsense\r\n\r\n"),
    chunks("blank before the colon", "5\r\nhello\r\n0\r\nA : b\r\n\r\n"),
    chunks("folded", "5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n"),
    chunks("bare LF", "5\r\nhello\r\n0\r\nA: b\n\r\n"),
    chunks("bare CR", "5\r\nhello\r\n0\r\nA: b\rC: d\r\n\r\n"),
    chunks("NUL", "5\r\nhello\r\n0\r\nA: \x00\r\n\r\n"),
    chunks("empty name", "5\r\nhello\r\n0\r\n: b\r\n\r\n"),
    chunks("request as trailers", `5\r\nhello\r\n0\r\n${smuggled}`),
    chunks("oversized", `5\r\nhello\r\n0\r\nA: ${"a".repeat(100_000)}\r\n\r\n`),
    chunks("too many", `5\r\nhello\r\n0\r\n${"A: b\r\n".repeat(5_000)}\r\n`),
    chunksRead(
      "framing fields are dropped",
      "5\r\nhello\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\nHost: other\r\nConnection: keep-alive\r\nX-Fine: 1\r\n\r\n",
      "hello",
    ),
  ],
  "line ends, blanks and control bytes": [
    line("bare LF between fields", "A: b\nC: d"),
    line("bare CR between fields", "A: b\rC: d"),
    line("bare CR at the end of a value", "A: b\r\r\nC: d"),
    line("folded with a blank", "A: b\r\n c"),
    line("folded with a tab", "A: b\r\n\tc"),
    line("folded to nothing", "A: b\r\n "),
    line("NUL in a value", "A: \x00"),
    line("NUL in a name", "A\x00: b"),
    line("SOH in a value", "A: \x01"),
    line("ESC in a value", "A: \x1b[0m"),
    line("VT in a value", "A: \x0bb"),
    line("DEL in a value", "A: \x7f"),
    line("BS in a value", "A: \x08"),
    line("blank before the colon", "A : b"),
    line("tab before the colon", "A\t: b"),
    line("blank in a name", "A B: c"),
    line("blank before a name", " A: b"),
    line("no colon", "nonsense"),
    line("empty name", ": b"),
    line("only a colon", ":"),
    {
      name: "blank before the first field",
      bytes: `POST /{id} HTTP/1.1\r\n Host: {host}\r\nContent-Length: 5\r\n\r\nhello${smuggled}`,
    },
    {
      name: "fold before the first field",
      bytes: `GET /{id} HTTP/1.1\r\n\tX: y\r\nHost: {host}\r\n\r\n${smuggled}`,
    },
    { name: "LF LF ends the head", bytes: `GET /{id} HTTP/1.1\nHost: {host}\n\n${smuggled}` },
    { name: "CRLF LF ends the head", bytes: `GET /{id} HTTP/1.1\r\nHost: {host}\r\n\n${smuggled}` },
    { name: "LF CRLF ends the head", bytes: `GET /{id} HTTP/1.1\r\nHost: {host}\n\r\n${smuggled}` },
    { name: "CR CR ends the head", bytes: `GET /{id} HTTP/1.1\rHost: {host}\r\r${smuggled}` },
    {
      name: "many empty lines first",
      bytes: `${"\r\n".repeat(2_000)}GET /{id} HTTP/1.1\r\nHost: {host}\r\n\r\n`,
    },
    { name: "LF first", bytes: `\nGET /{id} HTTP/1.1\r\nHost: {host}\r\n\r\n` },
    { name: "NUL first", bytes: `\x00GET /{id} HTTP/1.1\r\nHost: {host}\r\n\r\n` },
    { name: "an empty line first", bytes: `\r\n${getHead}\r\n`, body: "" },
  ],
  "field names": [
    ...[...'()<>@,;\\"/[]?={}'].map((character) =>
      line(`${character} in a name`, `A${character}: b`),
    ),
    line("byte beyond ASCII in a name", "A\xe9: b"),
    {
      name: "names that CGI-like apps take for those of the proxy",
      bytes: `${getHead}X_Forwarded_For: 1.2.3.4\r\nX-Forwarded_Proto: https\r\nX_Request_Id: a\r\n\r\n`,
      body: "",
    },
    line("quoted name", '"A": b'),
    line("line and colon", "Content-Length 6: x"),
  ],
  "request line": [
    start("two blanks before the target", "GET  /{id} HTTP/1.1"),
    start("two blanks behind the target", "GET /{id}  HTTP/1.1"),
    start("tab before the target", "GET\t/{id} HTTP/1.1"),
    start("tab behind the target", "GET /{id}\tHTTP/1.1"),
    start("blank first", " GET /{id} HTTP/1.1"),
    start("blank behind the version", "GET /{id} HTTP/1.1 "),
    start("tab behind the version", "GET /{id} HTTP/1.1\t"),
    start("CR behind the version", "GET /{id} HTTP/1.1\r"),
    start("blank in the target", "GET /{id} /smuggled HTTP/1.1"),
    start("two versions", "GET /{id} HTTP/1.1 HTTP/1.1"),
    start("no target", "GET HTTP/1.1"),
    start("no target but blanks", "GET  HTTP/1.1"),
    start("no method", "/{id} HTTP/1.1"),
    start("method no token", "G(E)T /{id} HTTP/1.1"),
    start("method with a colon", "GET: /{id} HTTP/1.1"),
    start("NUL in the method", "GE\x00T /{id} HTTP/1.1"),
    start("NUL in the target", "GET /{id}\x00 HTTP/1.1"),
    start("VT for a blank", "GET\x0b/{id} HTTP/1.1"),
    start("FF for a blank", "GET\x0c/{id} HTTP/1.1"),
    start("NBSP for a blank", "GET\xa0/{id} HTTP/1.1"),
    start("bare CR in the target", "GET /{id}\rX HTTP/1.1"),
    start("HTTP/0.9 as such", "GET /{id}"),
    start("HTTP/0.9", "GET /{id} HTTP/0.9"),
    start("HTTP/1.2", "GET /{id} HTTP/1.2"),
    start("HTTP/1.10", "GET /{id} HTTP/1.10"),
    start("HTTP/2", "GET /{id} HTTP/2"),
    start("HTTP/2.0", "GET /{id} HTTP/2.0"),
    start("HTTP/3.0", "GET /{id} HTTP/3.0"),
    start("HTTP/01.1", "GET /{id} HTTP/01.1"),
    start("HTTP/1.01", "GET /{id} HTTP/1.01"),
    start("HTTP/1,1", "GET /{id} HTTP/1,1"),
    start("HTTP/1", "GET /{id} HTTP/1"),
    start("HTTP/+1.1", "GET /{id} HTTP/+1.1"),
    start("HTTP/9.9", "GET /{id} HTTP/9.9"),
    start("http/1.1", "GET /{id} http/1.1"),
    start("ICAP/1.1", "GET /{id} ICAP/1.1"),
    {
      // A whole one begins HTTP/2, which has tests of its own.
      name: "a preface that HTTP/2 does not have",
      bytes: "PRI * HTTP/2.0\r\n\r\nSM \r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    },
    {
      name: "TLS on the plain port",
      bytes: "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".padEnd(200, "\x00"),
    },
    { name: "SSH on the HTTP port", bytes: "SSH-2.0-OpenSSH_9.2\r\n" },
    {
      name: "Host in the request line",
      bytes: `GET /{id} HTTP/1.1 Host: {host}\r\n\r\n${smuggled}`,
    },
  ],
  "request target": [
    target("{id}"),
    target("*"),
    target("/{id}#fragment"),
    target("http:/{id}"),
    target("http:///{id}"),
    target("http://"),
    target("http://user@{host}/{id}"),
    target("http://user:secret@{host}/{id}"),
    target("http://a b/{id}"),
    target("http://{host}:x/{id}"),
    target("http://{host}:99999/{id}"),
    target("ftp://{host}/{id}"),
    target("file:///{id}"),
    target("{host}:80"),
    target("?{id}"),
    target("\\{id}"),
    target("/{id}%"),
    target("/{id}%zz"),
    target("/{id}%0"),
    targetRead("http://{host}/{id}", "/{id}"),
    targetRead("HTTP://{host}/{id}?a=b", "/{id}?a=b"),
    targetRead("http://{host}?{id}", "/?{id}"),
    targetRead("//{host}/{id}", "//{host}/{id}"),
    targetRead("/{id}\xe9\x80\xff", "/{id}%E9%80%FF"),
    // Apps sign query strings: not a byte of them may change.
    targetRead("/{id}?\xe9", "/{id}?\xe9"),
    targetRead("/{id}/../%2e%2e//./%2F%00%0d%0a", "/{id}/../%2e%2e//./%2F%00%0d%0a"),
    targetRead("/{id}?%0d%0aHost:%20x", "/{id}?%0d%0aHost:%20x"),
    targetRead('/{id}?"<>^`{|}', '/{id}?"<>^`{|}'),
  ],
  Host: [
    host("none", ""),
    host("two", "Host: {host}\r\nHost: other\r\n"),
    host("two equal ones", "Host: {host}\r\nHost: {host}\r\n"),
    host("two, one empty", "Host: {host}\r\nHost:\r\n"),
    host("odd case twice", "Host: {host}\r\nhOST: other\r\n"),
    host("blank before the colon", "Host : {host}\r\n"),
    host("list", "Host: {host}, other\r\n"),
    host("blank within", "Host: {host} other\r\n"),
    host("slash", "Host: {host}/x\r\n"),
    host("question mark", "Host: {host}?x\r\n"),
    host("fragment", "Host: {host}#x\r\n"),
    host("user", "Host: user@{host}\r\n"),
    host("backslash", "Host: {host}\\x\r\n"),
    host("port no number", "Host: {host}:x\r\n"),
    host("port with a sign", "Host: {host}:+80\r\n"),
    host("port too high", "Host: {host}:65536\r\n"),
    host("two ports", "Host: {host}:80:80\r\n"),
    host("port alone", "Host: :80\r\n"),
    host("NUL", "Host: {host}\x00\r\n"),
    host("byte beyond ASCII", "Host: {host}\xe9\r\n"),
    host("open bracket", "Host: [::1\r\n"),
    host("bad IPv6", "Host: [:::::1]\r\n"),
    host("zone", "Host: [fe80::1%25eth0]\r\n"),
    host("angle bracket", "Host: <{host}>\r\n"),
    host("quote", 'Host: "{host}"\r\n'),
    host("folded", "Host:\r\n {host}\r\n"),
    {
      name: "two on HTTP/1.0",
      bytes: `GET /{id} HTTP/1.0\r\nHost: {host}\r\nHost: other\r\n\r\n${smuggled}`,
    },
    {
      name: "two with an absolute target",
      bytes: `GET http://{host}/{id} HTTP/1.1\r\nHost: {host}\r\nHost: other\r\n\r\n${smuggled}`,
    },
    {
      name: "none with an absolute target",
      bytes: `GET http://{host}/{id} HTTP/1.1\r\n\r\n${smuggled}`,
    },
    {
      name: "malformed with an absolute target",
      bytes: `GET http://{host}/{id} HTTP/1.1\r\nHost: a b\r\n\r\n${smuggled}`,
    },
    {
      name: "the absolute target wins",
      bytes: "GET http://{host}/{id} HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
      body: "",
    },
    {
      name: "named by Connection",
      bytes: "GET /{id} HTTP/1.1\r\nHost: {host}\r\nConnection: close, host\r\n\r\n",
      body: "",
    },
    {
      name: "upper case and final dot",
      bytes: "GET /{id} HTTP/1.1\r\nHost: {HOST}.:80\r\nConnection: close\r\n\r\n",
      body: "",
    },
  ],
  "CONNECT, Upgrade and Expect": [
    start("CONNECT with an authority", "CONNECT {host}:80 HTTP/1.1"),
    start("CONNECT with a path", "CONNECT /{id} HTTP/1.1"),
    start("CONNECT with an absolute target", "CONNECT http://{host}/{id} HTTP/1.1"),
    {
      name: "CONNECT with a body",
      bytes: `CONNECT {host}:80 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello${smuggled}`,
    },
    {
      name: "unknown expectation",
      bytes: post("Expect: 200-ok\r\nContent-Length: 5", `hello${smuggled}`),
    },
    {
      name: "two expectations",
      bytes: post("Expect: 100-continue, other\r\nContent-Length: 5", `hello${smuggled}`),
    },
    {
      name: "unknown expectation without a body",
      bytes: `${getHead}Expect: nonsense\r\n\r\n${smuggled}`,
    },
    {
      name: "100-continue with the body at once",
      bytes: post("Expect: 100-continue\r\nContent-Length: 5", "hello"),
      body: "hello",
    },
    {
      name: "100-continue on HTTP/1.0",
      bytes:
        "POST /{id} HTTP/1.0\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
      body: "hello",
    },
    {
      name: "h2c upgrade",
      bytes:
        "GET /{id} HTTP/1.1\r\nHost: {host}\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
      body: "",
    },
    {
      name: "h2c upgrade with a body",
      bytes: post(
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 5",
        "hello",
      ),
      body: "hello",
    },
    {
      name: "h2c among others",
      bytes:
        "GET /{id} HTTP/1.1\r\nHost: {host}\r\nConnection: close, Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
      body: "",
    },
    {
      name: "upgrade that Connection does not name",
      bytes: `${getHead}Upgrade: websocket\r\n\r\n`,
      body: "",
    },
  ],
  "what no request is": [
    { name: "an HTTP response", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { name: "nothing but blanks", bytes: "   \r\n\r\n" },
    { name: "nothing but a colon", bytes: ":\r\n\r\n" },
    { name: "binary", bytes: "\x80\x0b\x01\x03\x01\xff\xfe\x00\x00" },
    { name: "a head without end", bytes: "GET /{id} HTTP/1.1\r\nHost: {host}\r\nA: b" },
    { name: "a body without end", bytes: post("Content-Length: 50", "hello") },
    { name: "chunks without end", bytes: post("Transfer-Encoding: chunked", "5\r\nhello\r\n") },
    { name: "a chunk without end", bytes: post("Transfer-Encoding: chunked", "ff\r\nhello") },
  ],
};
