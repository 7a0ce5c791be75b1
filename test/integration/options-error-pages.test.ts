import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { proxyPool } from "../support/proxy-pool.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp } from "../support/scripted-app.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const proxies = proxyPool();

setDefaultTimeout(30_000);

async function ask(proxy: ProxyProcess, path = "/", host = "web.test", fields = "", body = "") {
  using client = await connectRaw(proxy.httpPort);
  client.send(
    `${body === "" ? "GET" : "POST"} ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n${body}`,
  );
  const response = await readResponse(client);
  return {
    status: response.status,
    body: response.body.toString(),
    type: valuesOf(response, "content-type"),
  };
}

/** A folder of pages within `folder`. */
function pages(folder: TempFolder, name: string, files: Record<string, string>): string {
  const path = folder.file(name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

/** An app that makes the proxy answer itself: `/502` breaks off, `/504` never answers. */
const troubled = () =>
  startScriptedApp(({ startLine }, connection) => {
    if (startLine.includes("/502")) {
      connection.end();
      return null;
    }
    if (startLine.includes("/504")) return null;
    if (startLine.includes("/own")) {
      return "HTTP/1.1 503 Busy\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nown";
    }
    return ok;
  });

describe("the built-in pages", () => {
  test("each is a whole document in HTML", async () => {
    using app = troubled();
    await using proxy = await proxies.borrow();
    const limits = ["--buffer-requests", "--max-request-body=1", "--target-timeout=100ms"];
    await proxy.deploy("web", app.address, "--host=web.test", ...limits);
    const found = [
      await ask(proxy, "/", "unknown.test"),
      await ask(proxy, "/", "web.test", "Content-Length: 2\r\n", "ab"),
      await ask(proxy, "/502"),
      await ask(proxy, "/504"),
    ];
    await proxy.runHere("stop", "web");
    found.push(await ask(proxy));
    expect(found.map(({ status }) => status)).toEqual([404, 413, 502, 504, 503]);
    expect(found.map(({ body }) => /<title>(.*)<\/title>/.exec(body)?.[1])).toEqual([
      "404 — Not Found",
      "413 — Content Too Large",
      "502 — Bad Gateway",
      "504 — Gateway Timeout",
      "503 — Service Temporarily Unavailable",
    ]);
    for (const { body, type } of found) {
      expect(type).toEqual(["text/html; charset=utf-8"]);
      expect(body.toLowerCase()).toStartWith("<!doctype html>");
      expect(body.trimEnd()).toEndWith("</html>");
    }
  });
});

describe("--error-pages", () => {
  test("pages of its folder are used for its service, the built-in ones for what is missing", async () => {
    using app = troubled();
    using folder = tempFolder();
    const path = pages(folder, "pages", {
      "502.html": "<p>ours: bad gateway{{ .Message }}</p>",
      "503.html": "{{/* c */}}<p>{{ with .Message }}{{ . }}{{ else }}closed{{ end }}</p>",
      "notes.txt": "{{ broken",
    });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--host=web.test", `--error-pages=${path}`);
    await proxy.deploy("other", app.address, "--host=other.test");
    expect(await ask(proxy, "/502")).toEqual({
      status: 502,
      body: "<p>ours: bad gateway</p>",
      type: ["text/html; charset=utf-8"],
    });
    expect((await ask(proxy, "/502", "other.test")).body).toContain("502 — Bad Gateway");
    expect((await ask(proxy, "/own")).body).toBe("own");
    expect((await ask(proxy, "/", "unknown.test")).body).toContain("404 — Not Found");
    await proxy.runHere("pause", "web", "--max-pause=0");
    expect((await ask(proxy)).body).toContain("504 — Gateway Timeout");
    await proxy.runHere("stop", "web", `--message=<i>"Soon" & 'later'</i>`);
    expect((await ask(proxy)).body).toBe(
      "<p>&lt;i&gt;&#34;Soon&#34; &amp; &#39;later&#39;&lt;/i&gt;</p>",
    );
    await proxy.runHere("stop", "web");
    expect((await ask(proxy)).body).toBe("<p>closed</p>");
  });

  test("they are read at the deploy and at a restart, and a deploy without the flag forgets them", async () => {
    using app = troubled();
    using folder = tempFolder();
    const path = pages(folder, "pages", { "502.html": "first" });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, `--error-pages=${path}`);
    pages(folder, "pages", { "502.html": "second" });
    expect((await ask(proxy, "/502")).body).toBe("first");
    await proxy.stop();
    await proxy.startAgain();
    expect((await ask(proxy, "/502")).body).toBe("second");
    await proxy.deploy("web", app.address);
    expect((await ask(proxy, "/502")).body).toContain("502 — Bad Gateway");
  });

  test("an unusable folder fails the deploy and leaves everything as it was", async () => {
    using app = troubled();
    using newer = troubled();
    using folder = tempFolder();
    const good = pages(folder, "good", { "502.html": "good" });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, `--error-pages=${good}`);
    const before = await Bun.file(proxy.statePath).text();
    const unusable = {
      empty: pages(folder, "empty", {}),
      "without pages": pages(folder, "text", { "502.htm": "x" }),
      missing: folder.file("missing"),
      "a file": join(good, "502.html"),
      broken: pages(folder, "broken", { "404.html": "fine", "502.html": "{{ if .Message }}" }),
      "unknown function": pages(folder, "function", { "502.html": "{{ exec . }}" }),
    };
    for (const [name, path] of Object.entries(unusable)) {
      const args = ["deploy", "web", `--target=${newer.address}`, `--error-pages=${path}`];
      expect({ name, ...(await proxy.runHere(...args)) }).toEqual({
        name,
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/^Error: unable to load error pages: .+\n$/),
      });
    }
    expect(await Bun.file(proxy.statePath).text()).toBe(before);
    expect((await ask(proxy, "/502")).body).toBe("good");
    expect(newer.requests.length).toBe(0);
  });

  test("one that is gone at a restart concerns its own service only", async () => {
    using app = troubled();
    using folder = tempFolder();
    const path = pages(folder, "pages", { "502.html": "ours" });
    await using proxy = await proxies.borrow();
    await proxy.deploy("web", app.address, "--host=web.test", `--error-pages=${path}`);
    await proxy.deploy("other", app.address, "--host=other.test");
    await proxy.stop();
    rmSync(path, { recursive: true });
    await proxy.startAgain();
    expect((await ask(proxy, "/", "other.test")).status).toBe(200);
    const state = (await Bun.file(proxy.statePath).json()) as { name: string }[];
    expect(state.map(({ name }) => name).toSorted()).toEqual(["other", "web"]);
  });
});
