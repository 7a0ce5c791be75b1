/** Many HTTP/2 clients, and deploys among their calls: nobody else loses anything. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type App, startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { type Http2App, type Http2AppRequest, startHttp2App } from "../support/http2-app.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import { dataFrame, headersFrame } from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: App;
let certificate: string[];

beforeAll(async () => {
  app = startApp(() => new Response("ok"));
  // As many as a quarter of it are kept for apps and commands.
  proxy = await ProxyProcess.start({ maxDescriptors: 256 });
  certificate = saveCertificate(join(proxy.home, "app"), createCertificate(["app.test"]));
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

type Field = [name: string, value: string];
const request = (path: string, ...more: Field[]): Field[] => [
  [":method", more.length > 0 ? "POST" : "GET"],
  [":scheme", "https"],
  [":authority", "app.test"],
  [":path", path],
  ...more,
];

test("idle clients take no more descriptors than they are: requests are served beside them", async () => {
  await proxy.deploy("web", app.address, "--host=app.test", ...certificate);
  const idle: Http2Connection[] = [];
  try {
    for (let i = 0; i < 144; i++) idle.push(await Http2Connection.open(proxy.httpsPort));
    for (let stream = 1; stream < 100; stream += 2) {
      for (const client of idle.slice(0, 3)) {
        client.send(headersFrame(stream, request("/")));
        expect(await client.ended(stream)).toBe("ended");
        expect(client.heads(stream)[0]).toContainEqual([":status", "200"]);
      }
    }
  } finally {
    for (const client of idle) client.raw.reset();
  }
  await proxy.runHere("remove", "web");
});

test("deploys lose no call of gRPC, whether it is short or under way for long", async () => {
  const port = app.address.split(":")[1]!;
  const deploy = (target: Http2App): Promise<void> =>
    proxy.deploy(
      "web",
      target.address,
      "--host=app.test",
      `--health-check-port=${port}`,
      ...certificate,
    );
  const answering = (): Http2App => {
    const each = startHttp2App();
    each.onEnd = answer;
    return each;
  };
  const apps = [answering()];
  const deploys: Promise<void>[] = [];
  const call = request("/pkg.Service/Call", ["content-type", "application/grpc"]);
  try {
    await deploy(apps[0]!);
    using client = await Http2Connection.open(proxy.httpsPort);
    client.openWindow(0, 1 << 30);
    // One that is not complete until after all deploys.
    client.send(headersFrame(1, call, false));
    await waitFor(() => apps[0]!.requests.length === 1, "the long call");
    let stream = 3;
    for (let round = 0; round < 5; round++) {
      apps.push(answering());
      deploys.push(deploy(apps.at(-1)!));
      // The drains wait for the long call: only the switch is looked for.
      while (apps.at(-1)!.requests.length < 10) {
        client.send(headersFrame(stream, call, false), dataFrame(stream, "hi", true));
        expect(await client.ended(stream)).toBe("ended");
        expect(client.heads(stream).at(-1)).toEqual([["grpc-status", "0"]]);
        stream += 2;
      }
    }
    client.send(dataFrame(1, "end", true));
    expect(await client.ended(1)).toBe("ended");
    expect(client.heads(1).at(-1)).toEqual([["grpc-status", "0"]]);
    await Promise.all(deploys);
  } finally {
    for (const each of apps) each[Symbol.dispose]();
  }
});

function answer({ connection, stream, body }: Http2AppRequest): void {
  connection.send(
    Buffer.concat([
      headersFrame(stream, [[":status", "200"]], false),
      dataFrame(stream, body.toString("latin1"), false),
      headersFrame(stream, [["grpc-status", "0"]], true),
    ]),
  );
}
