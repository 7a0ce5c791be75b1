/** Targets that speak HTTP/2 in plain, and gRPC end to end, through the real proxy. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startApp, type App } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import type { Field } from "../support/header-blocks.ts";
import { type Http2App, type Http2AppRequest, startHttp2App } from "../support/http2-app.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import { dataFrame, frame, frameTypes, headersFrame, resetFrame } from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { startScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let health: App;
let certificate: string[];
let app: Http2App;
let client: Http2Connection;

beforeAll(async () => {
  health = startApp(() => new Response("ok"));
  proxy = await ProxyProcess.start();
  certificate = saveCertificate(join(proxy.home, "app"), createCertificate(["app.test"]));
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await health[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await begin();
});
afterEach(() => {
  client[Symbol.dispose]();
  app[Symbol.dispose]();
});

async function begin(settings: [number, number][] = [], ...more: string[]): Promise<void> {
  app = startHttp2App(settings);
  await deploy(app.address, ...more);
  client = await Http2Connection.open(proxy.httpsPort);
}

async function deploy(address: string, ...more: string[]): Promise<void> {
  const port = health.address.split(":")[1]!;
  const flags = ["--host=app.test", `--health-check-port=${port}`, "--tls-redirect=false"];
  await proxy.deploy("web", address, ...flags, ...certificate, "--target-protocol=h2c", ...more);
}

async function beginAnew(settings: [number, number][], ...more: string[]): Promise<void> {
  client[Symbol.dispose]();
  app[Symbol.dispose]();
  await begin(settings, ...more);
}

function request(path = "/", method = "GET", ...more: Field[]): Field[] {
  return [
    [":method", method],
    [":scheme", "https"],
    [":authority", "app.test"],
    [":path", path],
    ...more,
  ];
}

function answer({ connection, stream }: Http2AppRequest, body = "ok"): void {
  connection.send(
    Buffer.concat([
      headersFrame(stream, [[":status", "200"]], false),
      dataFrame(stream, body, true),
    ]),
  );
}

/** The fields of that name. */
function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([each]) => each === name).map(([, value]) => value);
}

describe("a request to a target of HTTP/2", () => {
  test("has pseudo fields, the forwarding fields and no field of a connection", async () => {
    app.onEnd = (seen) => answer(seen);
    client.send(headersFrame(1, request("/a?b=c", "GET", ["te", "trailers"], ["x-a", "1"])));
    expect(await client.ended(1)).toBe("ended");
    expect(client.body(1).toString()).toBe("ok");
    const { fields } = app.requests[0]!;
    expect(fields.slice(0, 4)).toEqual([
      [":method", "GET"],
      [":scheme", "http"],
      [":authority", "app.test"],
      [":path", "/a?b=c"],
    ]);
    expect(valuesOf(fields, "te")).toEqual(["trailers"]);
    expect(valuesOf(fields, "x-a")).toEqual(["1"]);
    expect(valuesOf(fields, "x-forwarded-proto")).toEqual(["https"]);
    for (const name of ["host", "connection", "transfer-encoding", "content-length"]) {
      expect(valuesOf(fields, name)).toEqual([]);
    }
  });

  test("of HTTP/1.1 is translated, with its body, trailers and answer", async () => {
    app.onEnd = ({ connection, stream }) =>
      connection.send(
        Buffer.concat([
          headersFrame(
            stream,
            [
              [":status", "103"],
              ["link", "</a.css>"],
            ],
            false,
          ),
          headersFrame(
            stream,
            [
              [":status", "200"],
              ["content-type", "text/plain"],
            ],
            false,
          ),
          dataFrame(stream, "abc", false),
          headersFrame(stream, [["x-sum", "6"]], true),
        ]),
      );
    using old = await connectRaw(proxy.httpPort);
    old.send(
      "POST /x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Up\r\n\r\n" +
        "2\r\nhi\r\n0\r\nX-Up: 1\r\n\r\n",
    );
    expect((await readResponse(old)).status).toBe(103);
    const response = await readResponse(old);
    expect([response.status, response.body.toString(), response.trailers]).toEqual([
      200,
      "abc",
      [["x-sum", "6"]],
    ]);
    const [seen] = app.requests;
    expect([seen!.body.toString(), seen!.trailers]).toEqual(["hi", [["x-up", "1"]]]);
  });

  test("with a length states it, and the answer's length is kept", async () => {
    app.onEnd = ({ connection, stream }) =>
      connection.send(
        Buffer.concat([
          headersFrame(
            stream,
            [
              [":status", "200"],
              ["content-length", "3"],
            ],
            false,
          ),
          dataFrame(stream, "abc", true),
        ]),
      );
    client.send(
      headersFrame(1, request("/", "POST", ["content-length", "2"]), false),
      dataFrame(1, "hi", true),
    );
    expect(await client.ended(1)).toBe("ended");
    expect(valuesOf(app.requests[0]!.fields, "content-length")).toEqual(["2"]);
    expect(valuesOf(client.heads(1)[0]!, "content-length")).toEqual(["3"]);
  });

  test("shares a connection with others, up to the target's limit", async () => {
    await beginAnew([[3, 2]]);
    // The first tells the limit.
    app.onEnd = (seen) => answer(seen);
    client.send(headersFrame(1, request()));
    await client.ended(1);
    app.onEnd = () => {};
    client.send(...[3, 5, 7, 9].map((stream) => headersFrame(stream, request(`/${stream}`))));
    await waitFor(() => app.requests.length === 5, "the requests");
    expect(app.requests.map(({ connectionIndex }) => connectionIndex)).toEqual([0, 0, 0, 1, 1]);
    for (const seen of app.requests.slice(1)) answer(seen, seen.fields[3]![1]);
    for (const stream of [3, 5, 7, 9]) {
      expect(await client.ended(stream)).toBe("ended");
      expect(client.body(stream).toString()).toBe(`/${stream}`);
    }
  });

  test("is cancelled there when its client resets it; others go on", async () => {
    client.send(headersFrame(1, request("/1")), headersFrame(3, request("/3")));
    await waitFor(() => app.requests.length === 2, "the requests");
    client.send(resetFrame(1));
    await waitFor(() => app.requests[0]!.reset !== null, "the reset");
    expect(app.requests[0]!.reset).toBe(8);
    answer(app.requests[1]!);
    expect(await client.ended(3)).toBe("ended");
  });

  test("is answered while other clients do not take what they asked for", async () => {
    const pieces: Buffer[] = [];
    let takenBytes = 65_535;
    const send = (): void => {
      for (; pieces.length > 0 && takenBytes >= 16_000; takenBytes -= 16_000)
        app.requests[0]!.connection.send(pieces.shift()!);
    };
    app.onWindow = (stream, bytes) => {
      if (stream === 0) takenBytes += bytes;
      send();
    };
    app.onHead = ({ connection, stream, fields }) => {
      connection.send(headersFrame(stream, [[":status", "200"]], false));
      const isLast = valuesOf(fields, ":path")[0] === "/last";
      // As much as may be sent on a stream that nobody takes.
      for (let i = 1; i <= 4; i++)
        pieces.push(dataFrame(stream, "x".repeat(16_000), isLast && i === 4));
      send();
    };
    // The client opens no window of a stream before it wants the body.
    client[Symbol.dispose]();
    client = await Http2Connection.open(proxy.httpsPort, [[4, 0]]);
    const held = [1, 3, 5, 7, 9];
    client.send(...held.map((stream) => headersFrame(stream, request("/held"))));
    await waitFor(() => app.requests.length === held.length, "the requests");
    client.send(headersFrame(11, request("/last"))).openWindow(11, 64_000);
    expect(await client.ended(11)).toBe("ended");
    expect(client.body(11).length).toBe(64_000);
  });

  test("that takes too long is a 504, and reset there", async () => {
    await beginAnew([], "--target-timeout=300ms");
    client.send(headersFrame(1, request()));
    expect(await client.ended(1)).toBe("ended");
    expect(valuesOf(client.heads(1)[0]!, ":status")).toEqual(["504"]);
    await waitFor(() => app.requests[0]!.reset !== null, "the reset");
  });
});

describe("a request that the target has not looked at is sent again", () => {
  const refusals: [string, (seen: Http2AppRequest) => void][] = [
    ["REFUSED_STREAM", ({ connection, stream }) => connection.send(resetFrame(stream, 7))],
    [
      "GOAWAY",
      ({ connection }) => {
        connection.send(frame(frameTypes.goAway, 0, 0, Buffer.alloc(8)));
        connection.end();
      },
    ],
  ];
  test.each(refusals)("%s, with what was sent of its body", async (_what, refuse) => {
    app.onHead = (seen) => {
      if (app.requests.length === 1) refuse(seen);
    };
    app.onEnd = (seen) => {
      if (seen !== app.requests[0]) answer(seen, seen.body.toString());
    };
    client.send(headersFrame(1, request("/", "POST"), false), dataFrame(1, "first ", false));
    await waitFor(() => app.requests.length === 2, "the second attempt");
    client.send(dataFrame(1, "second", true));
    expect(await client.ended(1)).toBe("ended");
    expect(client.body(1).toString()).toBe("first second");
  });

  test("but not for ever", async () => {
    app.onHead = ({ connection, stream }) => connection.send(resetFrame(stream, 7));
    client.send(headersFrame(1, request("/", "POST")));
    expect(await client.ended(1)).toBe("ended");
    expect(valuesOf(client.heads(1)[0]!, ":status")).toEqual(["502"]);
    expect(app.requests.length).toBe(3);
  });

  test("GOAWAY lets the streams before it end, and new ones go to another connection", async () => {
    client.send(headersFrame(1, request("/1")));
    await waitFor(() => app.requests.length === 1, "the request");
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(app.requests[0]!.stream);
    app.requests[0]!.connection.send(frame(frameTypes.goAway, 0, 0, payload));
    // Once the proxy has read GOAWAY, it opens another connection.
    app.onEnd = (seen) => {
      if (seen.connectionIndex > 0) answer(seen, "other");
    };
    let stream = 3;
    await waitFor(async () => {
      client.send(headersFrame(stream, request()));
      const mine = stream;
      stream += 2;
      await waitFor(() => app.requests.length > (mine - 1) / 2, "the request");
      return app.requests.at(-1)!.connectionIndex > 0;
    }, "another connection");
    answer(app.requests[0]!, "late");
    expect(await client.ended(1)).toBe("ended");
    expect(client.body(1).toString()).toBe("late");
  });
});

describe("an answer that is none is a 502:", () => {
  const answers: [string, (seen: Http2AppRequest) => void][] = [
    ["no status", ({ connection, stream }) => connection.send(headersFrame(stream, [["a", "b"]]))],
    [
      "a status of four digits",
      ({ connection, stream }) => connection.send(headersFrame(stream, [[":status", "2000"]])),
    ],
    [
      "101",
      ({ connection, stream }) =>
        connection.send(headersFrame(stream, [[":status", "101"]], false)),
    ],
    [
      "a field of a connection",
      ({ connection, stream }) =>
        connection.send(
          headersFrame(stream, [
            [":status", "200"],
            ["connection", "close"],
          ]),
        ),
    ],
    ["DATA first", ({ connection, stream }) => connection.send(dataFrame(stream, "x", true))],
    ["a reset", ({ connection, stream }) => connection.send(resetFrame(stream, 2))],
    ["the end of the connection", ({ connection }) => connection.end()],
  ];
  test.each(answers)("%s", async (_what, reply) => {
    app.onEnd = reply;
    client.send(headersFrame(1, request("/", "POST")));
    expect(await client.ended(1)).toBe("ended");
    expect(valuesOf(client.heads(1)[0]!, ":status")).toEqual(["502"]);
  });

  test("an answer in HTTP/1.1, which the log tells", async () => {
    using old = startScriptedApp();
    await deploy(old.address);
    client.send(headersFrame(1, request("/")));
    expect(await client.ended(1)).toBe("ended");
    expect(valuesOf(client.heads(1)[0]!, ":status")).toEqual(["502"]);
    const line = await proxy.waitForLog(({ error }) => String(error).includes("HTTP/1.1"));
    expect(line["error"]).toContain("the target answers in HTTP/1.1");
  });

  test("one that is shorter than its length is cut", async () => {
    app.onEnd = ({ connection, stream }) =>
      connection.send(
        Buffer.concat([
          headersFrame(
            stream,
            [
              [":status", "200"],
              ["content-length", "5"],
            ],
            false,
          ),
          dataFrame(stream, "abc", true),
        ]),
      );
    client.send(headersFrame(1, request()));
    expect(await client.ended(1)).toBe("reset");
  });
});

describe("gRPC", () => {
  const call = (...more: Field[]): Field[] =>
    request(
      "/pkg.Service/Call",
      "POST",
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ...more,
    );

  test("goes by HTTP/2 when nothing is said, other requests by HTTP/1.1", async () => {
    using old = startScriptedApp();
    await deploy(app.address, "--target-protocol=auto");
    app.onEnd = (seen) => answer(seen);
    client.send(headersFrame(1, call(), false), dataFrame(1, "", true));
    expect(await client.ended(1)).toBe("ended");
    expect(client.body(1).toString()).toBe("ok");
    await deploy(old.address, "--target-protocol=auto");
    client.send(headersFrame(3, request("/", "POST", ["content-type", "application/grpc-web"])));
    expect(await client.ended(3)).toBe("ended");
    expect(old.requests.at(-1)!.startLine).toBe("POST / HTTP/1.1");
  });

  test("streams both ways at once, message by message", async () => {
    client.send(headersFrame(1, call(), false));
    await waitFor(() => app.requests.length === 1, "the call");
    const [seen] = app.requests;
    seen!.connection.send(headersFrame(seen!.stream, [[":status", "200"]], false));
    await waitFor(() => client.heads(1).length === 1, "the head before any message");
    for (const text of ["one", "two", "three"]) {
      client.send(dataFrame(1, text, false));
      await waitFor(() => seen!.body.toString().endsWith(text), "the message at the app");
      seen!.connection.send(dataFrame(seen!.stream, text.toUpperCase(), false));
      await waitFor(() => client.body(1).toString().endsWith(text.toUpperCase()), "the answer");
    }
    client.send(dataFrame(1, "", true));
    await waitFor(() => seen!.ended, "the end at the app");
    seen!.connection.send(headersFrame(seen!.stream, [["grpc-status", "0"]], true));
    expect(await client.ended(1)).toBe("ended");
    expect(client.heads(1)[1]).toEqual([["grpc-status", "0"]]);
  });

  test("trailers alone are one head that ends the stream", async () => {
    app.onEnd = ({ connection, stream }) =>
      connection.send(
        headersFrame(stream, [
          [":status", "200"],
          ["content-type", "application/grpc"],
          ["grpc-status", "5"],
        ]),
      );
    client.send(headersFrame(1, call(), false), dataFrame(1, "", true));
    expect(await client.ended(1)).toBe("ended");
    const ofStream = client.frames.filter(({ stream }) => stream === 1);
    expect(ofStream.map(({ type }) => type)).toEqual([frameTypes.headers]);
    expect(valuesOf(client.heads(1)[0]!, "grpc-status")).toEqual(["5"]);
    expect(valuesOf(client.heads(1)[0]!, "content-length")).toEqual([]);
  });

  test("the deadline of the client reaches the app", async () => {
    app.onEnd = (seen) => answer(seen);
    client.send(headersFrame(1, call(["grpc-timeout", "5S"]), false), dataFrame(1, "", true));
    await client.ended(1);
    expect(valuesOf(app.requests[0]!.fields, "grpc-timeout")).toEqual(["5S"]);
  });

  test.each([
    ["a stopped service", "14", "503", async () => void (await proxy.runHere("stop", "web"))],
    ["an unknown host", "12", "404", async () => void (await proxy.runHere("remove", "web"))],
    ["a target that refuses", "14", "502", async () => void app[Symbol.dispose]()],
  ])(
    "what the proxy answers itself is trailers alone: %s",
    async (what, status, logged, change) => {
      const path = `/${what.replaceAll(" ", "-")}`;
      await change();
      const fields = call().map(([name, value]): Field => [name, name === ":path" ? path : value]);
      client.send(headersFrame(1, fields));
      expect(await client.ended(1)).toBe("ended");
      const ofStream = client.frames.filter(({ stream }) => stream === 1);
      expect(ofStream.map(({ type }) => type)).toEqual([frameTypes.headers]);
      const [head] = client.heads(1);
      expect(valuesOf(head!, ":status")).toEqual(["200"]);
      expect(valuesOf(head!, "content-type")).toEqual(["application/grpc"]);
      expect(valuesOf(head!, "grpc-status")).toEqual([status]);
      const line = await proxy.waitForLog(
        (each) => each["path"] === path && each["status"] !== undefined,
      );
      expect(line["status"]).toBe(Number(logged));
      await proxy.runHere("resume", "web");
    },
  );
});

describe("a health check by gRPC", () => {
  const healthAnswer =
    (message: string, status = "0") =>
    ({ connection, stream }: Http2AppRequest): void =>
      void connection.send(
        Buffer.concat([
          headersFrame(
            stream,
            [
              [":status", "200"],
              ["content-type", "application/grpc"],
            ],
            false,
          ),
          dataFrame(stream, message, false),
          headersFrame(stream, [["grpc-status", status]], true),
        ]),
      );
  const flags = [
    "--health-check-protocol=grpc",
    "--deploy-timeout=1500ms",
    "--health-check-interval=100ms",
  ];

  test("asks the health service, and takes SERVING for healthy", async () => {
    app.onEnd = healthAnswer("\0\0\0\0\x02\x08\x01");
    await proxy.deploy("checked", app.address, "--host=checked.test", ...flags);
    const [asked] = app.requests;
    expect(valuesOf(asked!.fields, ":path")).toEqual(["/grpc.health.v1.Health/Check"]);
    expect(valuesOf(asked!.fields, "content-type")).toEqual(["application/grpc"]);
    expect(asked!.body.toString("hex")).toBe("0000000000");
    await proxy.runHere("remove", "checked");
  });

  test.each([
    ["NOT_SERVING", healthAnswer("\0\0\0\0\x02\x08\x02"), "not serving"],
    ["no health service", healthAnswer("", "12"), "grpc-status 12"],
    [
      "a reset",
      ({ connection, stream }: Http2AppRequest) => void connection.send(resetFrame(stream, 2)),
      "reset",
    ],
  ])("takes nothing else: %s", async (_what, reply, reason) => {
    app.onEnd = reply;
    const target = `--target=${app.address}`;
    const result = await proxy.runHere(
      "deploy",
      "checked",
      target,
      "--host=checked.test",
      ...flags,
    );
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain(reason);
  });
});
