import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadErrorPages } from "../../../../../src/data-plane/proxy/answers/error-page-files.ts";
import { ErrorPages } from "../../../../../src/data-plane/proxy/answers/error-pages.ts";

describe("ErrorPages", () => {
  const builtIn = ErrorPages.compile(null);

  test.each([
    [404, "404 — Not Found"],
    [413, "413 — Content Too Large"],
    [502, "502 — Bad Gateway"],
    [503, "503 — Service Temporarily Unavailable"],
    [504, "504 — Gateway Timeout"],
  ])("has a whole page for %d that needs nothing from elsewhere", (status, title) => {
    const page = builtIn.render(status);
    expect(page).toStartWith("<!doctype html>");
    expect(page).toContain(`<title>${title}</title>`);
    expect(page).toEndWith("</html>\n");
    expect(page).not.toMatch(/<script|<link|src=|href=|url\(|\{\{/);
  });

  test.each([
    [400, "<h1>400 Bad Request</h1>"],
    [500, "<h1>500 Internal Server Error</h1>"],
  ])("has one line for %d", (status, page) => {
    expect(builtIn.render(status)).toBe(page);
  });

  test("shows the message of a stopped service, escaped", () => {
    const page = builtIn.render(503, "<b>Back</b> at 5 & later");
    expect(page).toContain("<p>&lt;b&gt;Back&lt;/b&gt; at 5 &amp; later</p>");
    expect(page).not.toContain("temporarily unavailable.");
  });

  test.each([undefined, ""])(
    "says that the service is unavailable without a message (%p)",
    (message) => {
      expect(builtIn.render(503, message)).toContain("The service is temporarily unavailable.");
    },
  );

  test("prefers a service's own pages, and falls back to the built-in ones", () => {
    const pages = ErrorPages.compile({ 503: "<p>Own: {{ .Message }}</p>", 418: "teapot" });
    expect(pages.render(503, "<")).toBe("<p>Own: &lt;</p>");
    expect(pages.render(503)).toBe("<p>Own: </p>");
    expect(pages.render(418)).toBe("teapot");
    expect(pages.render(404)).toBe(builtIn.render(404));
    expect(pages.render(500)).toBe("<h1>500 Internal Server Error</h1>");
  });

  test("lets pages call each other and define others", () => {
    const pages = ErrorPages.compile({
      layout: '{{define "frame"}}[{{.}}]{{end}}{{define "502.html"}}defined{{end}}',
      503: '{{template "frame" .Message}}',
    });
    expect(pages.render(503, "m")).toBe("[m]");
    expect(pages.render(502)).toBe("defined");
  });

  test("falls back to the built-in page when its own can't be rendered", () => {
    const pages = ErrorPages.compile({ 503: "{{len .}}" });
    expect(pages.render(503, "short")).toBe(builtIn.render(503, "short"));
  });

  test("refuses sources that are broken", () => {
    expect(() => ErrorPages.compile({ 404: "fine", 503: "\n{{ .Message" })).toThrow(
      "503.html:2: unclosed action",
    );
    expect(() => ErrorPages.compile({ 503: "<script>{{.Message}}</script>" })).toThrow(
      "503.html:1: ",
    );
  });
});

describe("loadErrorPages", () => {
  async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "error-pages-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test("reads every HTML file of a folder, by name", async () => {
    await inFolder(async (folder) => {
      writeFileSync(join(folder, "503.html"), "Größe {{ .Message }}");
      writeFileSync(join(folder, "layout.html"), "x");
      writeFileSync(join(folder, "notes.txt"), "{{");
      const sources = await loadErrorPages(folder);
      expect(sources).toEqual({ 503: "Größe {{ .Message }}", layout: "x" });
      expect(ErrorPages.compile(sources).render(503, "1")).toBe("Größe 1");
    });
  });

  test("says why it can't use a folder", async () => {
    await inFolder(async (folder) => {
      await expect(loadErrorPages(folder)).rejects.toThrow(`no *.html files in ${folder}`);
      await expect(loadErrorPages(join(folder, "none"))).rejects.toThrow(
        "no such file or directory",
      );
      writeFileSync(join(folder, "404.html"), "ok");
      writeFileSync(join(folder, "503.html"), "{{ nope }}");
      await expect(loadErrorPages(folder)).rejects.toThrow(
        '503.html:1: function "nope" not defined',
      );
    });
  });

  test("refuses what is not a file", async () => {
    await inFolder(async (folder) => {
      mkdirSync(join(folder, "503.html"));
      await expect(loadErrorPages(folder)).rejects.toThrow("503.html: is a folder");
    });
  });

  test("refuses a page that is too large", async () => {
    await inFolder(async (folder) => {
      writeFileSync(join(folder, "503.html"), "x".repeat(1024 * 1024 + 1));
      await expect(loadErrorPages(folder)).rejects.toThrow("503.html: larger than 1048576 bytes");
    });
  });
});
