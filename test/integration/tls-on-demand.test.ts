/** Certificates on demand through the whole product: the app or an endpoint beside it decides. */
import { expect, test } from "bun:test";
import { AcmeSite } from "../support/acme-site.ts";
import { startApp } from "../support/app.ts";
import { getOnce } from "../support/https-client.ts";
import { findPebble } from "../support/pebble.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { shakeHands } from "../support/tls-client.ts";

const binaries = await findPebble();
const timeoutMs = 60_000;

test.skipIf(binaries === null)(
  "a path is asked through the service's own target: 200 allows, all else is denied by an alert and logged",
  async () => {
    using app = startScriptedApp(({ startLine }) => {
      if (!startLine.includes("/allowed")) return ok;
      if (startLine.includes("host=good.")) return ok;
      const body = "no ".repeat(200);
      return `HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    });
    await using site = await AcmeSite.start(binaries!);
    const { proxy, pebble } = site;
    await proxy.deploy("web", app.address, "--tls", "--tls-on-demand-url=/allowed?z=1&a=2");
    const { stdout } = await proxy.runHere("list");
    expect(stdout).toContain("*");

    expect((await getOnce(proxy.httpsPort, "good.example.com")).status).toBe(200);
    const [question] = app.requests;
    expect(question!.startLine).toBe("GET /allowed?a=2&host=good.example.com&z=1 HTTP/1.1");
    expect(valuesOf(question!, "host")).toEqual(["good.example.com"]);
    expect(valuesOf(question!, "x-forwarded-proto")).toEqual(["http"]);
    // Not once more for the same name, whatever its case.
    expect((await shakeHands(proxy.httpsPort, { name: "GOOD.Example.com" })).error).toBeNull();
    expect(app.requests.filter(({ startLine }) => startLine.includes("/allowed"))).toHaveLength(1);

    for (const name of ["bad.example.com", "localhost", null]) {
      expect((await shakeHands(proxy.httpsPort, { name })).error).toContain("alert");
    }
    expect(pebble.orders).toBe(1);
    const denial = await proxy.waitForLog("TLS on-demand check denied host");
    expect(denial).toMatchObject({ level: "WARN", host: "bad.example.com", status: 403 });
    expect(denial["body"]).toBe("no ".repeat(200).slice(0, 256));
    expect(app.requests.filter(({ startLine }) => startLine.includes("/allowed"))).toHaveLength(2);
    // The question is no request of a client.
    expect(proxy.logs.some(({ path }) => path === "/allowed")).toBe(false);

    using connection = await connectRaw(proxy.httpPort);
    connection.send("GET /x HTTP/1.1\r\nHost: any.example.com\r\n\r\n");
    expect(valuesOf(await readResponse(connection), "location")).toEqual([
      "https://any.example.com/x",
    ]);
  },
  timeoutMs,
);

test.skipIf(binaries === null)(
  "an absolute URL is asked directly, and not at all for names with a certificate",
  async () => {
    await using app = startApp(() => new Response("the app"));
    const questions: string[] = [];
    await using endpoint = startApp((request) => {
      const { host, pathname, searchParams } = new URL(request.url);
      const name = searchParams.get("host") ?? "";
      questions.push(`${host} ${pathname} ${name}`);
      if (name.startsWith("moved.")) return Response.redirect("/yes", 302);
      return new Response("", { status: name.startsWith("good.") ? 200 : 404 });
    });
    await using site = await AcmeSite.start(binaries!);
    const { proxy, pebble } = site;
    const deploy = (): Promise<void> =>
      proxy.deploy(
        "web",
        app.address,
        "--tls",
        `--tls-on-demand-url=http://${endpoint.address}/ask`,
      );
    await deploy();
    expect((await getOnce(proxy.httpsPort, "good.example.com")).body.toString()).toBe("the app");
    for (const name of ["bad.example.com", "moved.example.com"]) {
      expect((await shakeHands(proxy.httpsPort, { name })).error).toContain("alert");
      await proxy.waitForLog(
        ({ msg, host }) => msg === "TLS on-demand check denied host" && host === name,
      );
    }
    const good = `${endpoint.address} /ask good.example.com`;
    expect(questions).toEqual([
      good,
      `${endpoint.address} /ask bad.example.com`,
      `${endpoint.address} /ask moved.example.com`,
    ]);
    expect(pebble.orders).toBe(1);

    // Without the endpoint and the authority: what was issued once was allowed.
    await endpoint[Symbol.asyncDispose]();
    await pebble.stop();
    await deploy();
    expect((await shakeHands(proxy.httpsPort, { name: "good.example.com" })).error).toBeNull();
    await proxy.stop();
    await proxy.startAgain();
    expect((await shakeHands(proxy.httpsPort, { name: "good.example.com" })).error).toBeNull();
    const denied = await shakeHands(proxy.httpsPort, { name: "new.example.com" });
    expect(denied.error).toContain("alert");
  },
  timeoutMs,
);
