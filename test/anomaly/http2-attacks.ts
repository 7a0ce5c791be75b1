/**
 * HTTP/2 requests that would be something else as HTTP/1.1, by family. `{host}` and `{id}` are filled in;
 * what must never be reached is `/smuggled`.
 */

export type Field = [name: string, value: string];

export interface Http2Attack {
  name: string;
  fields: Field[];
  /** DATA of the stream; null: HEADERS end it. */
  data: string | null;
  /** Follows the DATA. */
  trailers?: Field[];
  /** False leaves the stream open behind the last frame. */
  ends?: boolean;
  /** The stream is refused all the same; the request may or may not be on its way by then. */
  isCut?: boolean;
  /** What reaches the app, once. Without it a refusal is the only right answer. */
  forwarded?: Forwarded;
}

export interface Forwarded {
  /** `GET` when left out. */
  method?: string;
  /** `/{id}` when left out. */
  target?: string;
  /** `{host}` when left out. */
  host?: string;
  body?: string;
  /** Fields that must be there, with their values. */
  fields?: Field[];
}

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n";
const split = ` HTTP/1.1\r\nHost: {host}\r\n\r\n${smuggled}`;
const injected = `1\r\nContent-Length: 0\r\n\r\n${smuggled}`;

const ordinary: Record<string, string> = {
  ":method": "GET",
  ":scheme": "https",
  ":authority": "{host}",
  ":path": "/{id}",
};

/** The pseudo fields of a GET with some changed; null leaves one out. */
function pseudo(changes: Record<string, string | null>): Field[] {
  return Object.entries({ ...ordinary, ...changes }).filter(
    (entry): entry is Field => entry[1] !== null,
  );
}

const get = (name: string, fields: Field[], forwarded?: Forwarded): Http2Attack => ({
  name,
  fields: [...pseudo({}), ...fields],
  data: null,
  ...(forwarded === undefined ? {} : { forwarded }),
});

const post = (
  name: string,
  fields: Field[],
  data: string | null,
  forwarded?: Forwarded,
): Http2Attack => ({
  name,
  fields: [...pseudo({ ":method": "POST" }), ...fields],
  data,
  ...(forwarded === undefined ? {} : { forwarded: { method: "POST", ...forwarded } }),
});

const changed = (
  name: string,
  changes: Record<string, string | null>,
  forwarded?: Forwarded,
): Http2Attack => ({
  name,
  fields: pseudo(changes),
  data: null,
  ...(forwarded === undefined ? {} : { forwarded }),
});

const whole = (name: string, fields: Field[]): Http2Attack => ({ name, fields, data: null });

const trailing = (name: string, trailers: Field[], forwarded?: Forwarded): Http2Attack => ({
  ...post(name, [], "hello", forwarded),
  trailers,
});

/** Every control character that ends a line or a text somewhere, and where it stands. */
const breaks = ["\r", "\n", "\r\n", "\0", "\x0b", "\x0c", "\x1f", "\x7f"];
const places: [name: string, around: (text: string) => string][] = [
  ["inside", (text) => `a${text}b`],
  ["in front", (text) => `${text}b`],
  ["behind", (text) => `a${text}`],
];

const shown = (text: string): string => JSON.stringify(text.slice(0, 40));

export const http2AttackFamilies: Record<string, Http2Attack[]> = {
  "control characters in values": [
    ...breaks.flatMap((text) =>
      places.map(([place, around]) => get(`${shown(text)} ${place}`, [["x-attack", around(text)]])),
    ),
    get("a whole request in a value", [["x-attack", injected]]),
    get("bare LF in front of a request", [["x-attack", injected.replaceAll("\r", "")]]),
    get("bare CR in front of a field", [["x-attack", "1\rTransfer-Encoding: chunked"]]),
    get("a request in user-agent", [["user-agent", injected]]),
    get("a request in x-forwarded-for", [["x-forwarded-for", injected]]),
    get("obs-fold", [["x-attack", "1\r\n Transfer-Encoding: chunked"]]),
  ],
  "names that are none": [
    ...[
      "",
      " ",
      "a b",
      " a",
      "a ",
      "a\tb",
      "a:b",
      "a:",
      "a\r",
      "a\n",
      "a\0",
      "a\r\nb",
      "caf\xe9",
      "a(b",
      "a/b",
      "a,b",
      'a"b',
      "a\x7f",
      "transfer-encoding ",
      "transfer-encoding:",
      "content-length\0",
      "host:evil",
      "x: 1\r\ntransfer-encoding",
      `x: 1\r\n\r\n${smuggled}`,
    ].map((name) => get(shown(name), [[name, "chunked"]])),
    ...["X-Upper", "Transfer-Encoding", "Content-Length", "HOST", "cOnnection"].map((name) =>
      get(`upper case: ${name}`, [[name, "1"]]),
    ),
  ],
  "names that apps take for others": [
    post("content_length", [["content_length", "0"]], smuggled, { body: smuggled }),
    post("transfer_encoding", [["transfer_encoding", "chunked"]], "0\r\n\r\n", {
      body: "0\r\n\r\n",
    }),
    get("x_forwarded_for", [["x_forwarded_for", "6.6.6.6"]], {}),
  ],
  "blanks around values": [
    get("blank in front", [["x-attack", " a"]]),
    get("blank behind", [["x-attack", "a "]]),
    get("tab around", [["x-attack", "\ta\t"]]),
    get("only blanks", [["x-attack", "  "]]),
    post("blanks around a length", [["content-length", " 5 "]], "hello"),
  ],
  "fields of a connection": [
    get("connection: close", [["connection", "close"]]),
    get("connection names host", [["connection", "host"]]),
    post(
      "connection names content-length",
      [
        ["connection", "content-length"],
        ["content-length", "5"],
      ],
      "hello",
    ),
    get("keep-alive", [["keep-alive", "timeout=5"]]),
    get("proxy-connection", [["proxy-connection", "keep-alive"]]),
    get("upgrade: h2c", [["upgrade", "h2c"]]),
    get("upgrade: websocket", [
      ["upgrade", "websocket"],
      ["connection", "upgrade"],
    ]),
    get("http2-settings", [["http2-settings", "AAMAAABkAAQAAP__"]], {}),
    get("te: gzip", [["te", "gzip"]]),
    get("te: trailers, gzip", [["te", "trailers, gzip"]]),
    get("te: chunked", [["te", "chunked"]]),
    get("te: trailers", [["te", "trailers"]], {}),
  ],
  "transfer-encoding": [
    ...["chunked", "identity", "", "Chunked", "gzip, chunked", "x", "\x0bchunked"].map((value) =>
      post(shown(value), [["transfer-encoding", value]], `0\r\n\r\n${smuggled}`),
    ),
    get("on a GET", [["transfer-encoding", "chunked"]]),
    post(
      "beside a length",
      [
        ["content-length", "5"],
        ["transfer-encoding", "chunked"],
      ],
      "hello",
    ),
  ],
  "a length that does not fit": [
    // Complete with its head, so it may be on its way before the stream breaks the rules.
    {
      ...post("0 before a request", [["content-length", "0"]], smuggled, {}),
      isCut: true,
    },
    post("too short", [["content-length", "2"]], `ab${smuggled}`),
    post("too long", [["content-length", "100"]], "hello"),
    post("of a body that never comes", [["content-length", "5"]], null),
    ...[
      "+5",
      "-5",
      "0x5",
      "5,5",
      "5, 6",
      "five",
      "",
      "5 5",
      "5;",
      "1e1",
      "99999999999999999999",
    ].map((value) => post(shown(value), [["content-length", value]], "hello")),
    post(
      "two that differ",
      [
        ["content-length", "5"],
        ["content-length", "0"],
      ],
      "hello",
    ),
    post(
      "two that are the same",
      [
        ["content-length", "5"],
        ["content-length", "5"],
      ],
      "hello",
    ),
    get("on a GET without a body", [["content-length", "5"]]),
    {
      ...get("on a GET with a body", [["content-length", "5"]], { body: "hello" }),
      data: "hello",
    },
    { ...get("a GET with a request as its body", [], { body: smuggled }), data: smuggled },
    post("that fits", [["content-length", "5"]], "hello", { body: "hello" }),
    post("none, and a request as the body", [], smuggled, { body: smuggled }),
    post("none, and chunks as the body", [], `0\r\n\r\n${smuggled}`, {
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  "pseudo fields": [
    ...[":method", ":scheme", ":path"].flatMap((name) => [
      changed(`no ${name}`, { [name]: null }),
      changed(`empty ${name}`, { [name]: "" }),
    ]),
    changed("no :authority", { ":authority": null }),
    changed("empty :authority", { ":authority": "" }),
    ...Object.entries(ordinary).map(([name, value]) =>
      whole(`${name} twice`, [...pseudo({}), [name, value]]),
    ),
    ...Object.entries(ordinary).map(([name, value]) =>
      whole(`${name} behind a field`, [
        ...pseudo({ [name]: null }),
        ["x-first", "1"],
        [name, value],
      ]),
    ),
    whole("unknown", [...pseudo({}), [":unknown", "1"]]),
    whole("of a response", [...pseudo({}), [":status", "200"]]),
    whole("with an empty name", [...pseudo({}), [":", "1"]]),
    whole("with another case", [...pseudo({ ":path": null }), [":Path", "/{id}"]]),
    whole(":protocol without CONNECT", [...pseudo({}), [":protocol", "websocket"]]),
    whole("none", [["host", "{host}"]]),
  ],
  ":path": [
    ...[
      "{id}",
      "http://evil.test/{id}",
      "*",
      `/{id}${split}`,
      "/{id} HTTP/1.1",
      "/{id}\r\nx: y",
      "/{id}\nx: y",
      "/{id}\rx: y",
      "/{id}\0",
      "/{id}/%zz",
      "?{id}",
      "@evil.test/{id}",
      ":80/{id}",
    ].map((path) => changed(shown(path), { ":path": path })),
    changed("a fragment", { ":path": "/{id}#x" }, { target: "/{id}%23x" }),
    changed(
      "escaped line breaks",
      { ":path": "/{id}%0d%0aX:%20y" },
      {
        target: "/{id}%0d%0aX:%20y",
      },
    ),
    changed("DEL", { ":path": "/{id}\x7f" }),
    changed("a backslash", { ":path": "/{id}\\x" }, { target: "/{id}\\x" }),
    changed(
      "dot segments",
      { ":path": "/x/../{id}/%2e%2e/{id}/." },
      { target: "/x/../{id}/%2e%2e/{id}/." },
    ),
    changed("two slashes", { ":path": "//evil.test/{id}" }, { target: "//evil.test/{id}" }),
  ],
  ":authority and host": [
    ...[
      `{host}\r\n\r\n${smuggled}`,
      "{host}\r\nx: y",
      "{host}\n",
      "{host}\0",
      "user@{host}",
      "user:password@{host}",
      "{host}/smuggled",
      "{host}?a",
      "{host}#a",
      "{host}:99999",
      "{host}:x",
      "{host}:80:80",
      "a b",
      " {host}",
      "[::1",
      "{host},evil.test",
      "http://{host}",
    ].map((authority) => changed(shown(authority), { ":authority": authority })),
    get("another host", [["host", "evil.test"]]),
    get("the same host", [["host", "{host}"]], {}),
    get("two hosts", [
      ["host", "{host}"],
      ["host", "evil.test"],
    ]),
    whole("two hosts and no :authority", [
      ...pseudo({ ":authority": null }),
      ["host", "{host}"],
      ["host", "{host}"],
    ]),
    {
      ...whole("a host instead", [...pseudo({ ":authority": null }), ["host", "{host}"]]),
      forwarded: {},
    },
    changed("in upper case", { ":authority": "{HOST}" }, { host: "{HOST}" }),
  ],
  ":method and :scheme": [
    ...[
      "GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\nGET",
      "GET\r\nx: y",
      "GET ",
      " GET",
      "G\tET",
      "G\0",
      "GE(T",
      "CAF\xc9",
    ].map((method) => changed(shown(method), { ":method": method })),
    changed("a scheme with a line break", { ":scheme": "ht\r\ntp" }),
    changed("a scheme with NUL", { ":scheme": "\0" }),
    ...["https://evil.test/?", "h ttp", "ftp"].map((scheme) =>
      changed(shown(scheme), { ":scheme": scheme }),
    ),
    // What is told to the app is that of the connection.
    changed("http", { ":scheme": "http" }, { fields: [["x-forwarded-proto", "https"]] }),
    changed("PRI", { ":method": "PRI", ":path": "*" }),
  ],
  CONNECT: [
    whole("as it should be", [
      [":method", "CONNECT"],
      [":authority", "{host}:443"],
    ]),
    changed("with scheme and path", { ":method": "CONNECT" }),
    whole("extended", [...pseudo({ ":method": "CONNECT" }), [":protocol", "websocket"]]),
    {
      ...whole("with a request as its body", [
        [":method", "CONNECT"],
        [":authority", "127.0.0.1:80"],
      ]),
      data: smuggled,
    },
  ],
  cookies: [
    get("a line break in a crumb", [
      ["cookie", "a=1"],
      ["cookie", injected],
    ]),
    get("NUL in a crumb", [["cookie", "a=\0"]]),
    get(
      "many crumbs",
      [
        ["cookie", "a=1"],
        ["cookie", "b=2; c=3"],
        ["cookie", "d=4"],
      ],
      {
        fields: [["cookie", "a=1; b=2; c=3; d=4"]],
      },
    ),
  ],
  trailers: [
    trailing("a pseudo field", [[":path", "/smuggled"]]),
    trailing("a pseudo field of a response", [[":status", "200"]]),
    trailing("a line break", [["x-sum", injected]]),
    trailing("a name in upper case", [["X-Sum", "1"]]),
    trailing("a name with a blank", [["x sum", "1"]]),
    trailing("connection", [["connection", "close"]]),
    trailing("transfer-encoding", [["transfer-encoding", "chunked"]]),
    trailing("content-length", [["content-length", "100"]], { body: "hello" }),
    trailing("host", [["host", "evil.test"]], { body: "hello" }),
    trailing("an ordinary one", [["x-sum", "1"]], { body: "hello" }),
    { ...trailing("that do not end the stream", [["x-sum", "1"]]), ends: false },
  ],
};
