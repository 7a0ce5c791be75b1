/** The status page in a real browser: what somebody sees of deploys and failing targets, and who can read it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { browserPath } from "../../scripts/pictures/browser-path.ts";
import { startApp } from "../support/app.ts";
import { complaintsOf, openBrowser, type OpenBrowser } from "../support/browser.ts";
import { startStatusSite } from "../support/status-site.ts";
import { patienceMs, waitFor } from "../support/wait-for.ts";

const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let opened: OpenBrowser | null = null;
let browser: Browser;

beforeAll(async () => {
  if (browserPath === null) return;
  opened = await openBrowser();
  ({ browser } = opened);
}, 90_000);
afterAll(() => opened?.[Symbol.asyncDispose]());

const look = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

async function openPage(url: string, options: Parameters<Browser["newPage"]>[0] = look.desktop) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(patienceMs);
  const complaints = complaintsOf(page);
  await page.goto(url);
  await page.waitForSelector("#connection[data-state=live]");
  return { page, complaints, [Symbol.asyncDispose]: () => page.close() };
}

interface Finding {
  id: string;
  impact: string | null;
  nodes: { html: string }[];
}

/** What axe finds that keeps somebody from reading or using the page. */
async function seriousFindings(page: Page): Promise<string[]> {
  // By the protocol of the debugger: the page itself lets no foreign script in.
  await page.evaluate(axeSource);
  const findings = await page.evaluate<Finding[]>("axe.run().then(({ violations }) => violations)");
  return findings
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

describe.skipIf(browserPath === null)("the status page in a browser", () => {
  test("shows a deploy within a second, and a failing target in red, without a complaint", async () => {
    await using app = startApp(() => new Response("hello"));
    await using other = startApp(() => new Response("hello"));
    await using site = await startStatusSite();
    await using opened = await openPage(site.url);
    const { page, complaints } = opened;
    await page.waitForSelector("#services-empty:visible");
    // When it was shown is noted by the page itself, so that nobody's waiting counts.
    await page.evaluate(`
      globalThis.shownAt = {};
      new MutationObserver(() => {
        for (const { dataset } of document.querySelectorAll("#services > [data-key]")) {
          shownAt[dataset.key] ??= Date.now();
        }
      }).observe(document.body, { childList: true, subtree: true });
    `);
    const delays: number[] = [];
    // A machine that has too much to do may be late once, and not each time.
    for (const name of ["web", "api", "shop"]) {
      const targets = name === "web" ? `${app.address},${other.address}` : app.address;
      const flags = [`--host=${name}.example.com`, "--health-check-interval=100ms"];
      await site.proxy.deploy(name, targets, ...flags);
      const line = await site.proxy.waitForLog(({ msg, service: deployed }) => {
        return msg === "Deployed" && deployed === name;
      });
      await page.waitForSelector(`#services > [data-key=${name}]`);
      const shownMs = await page.evaluate<number>(`shownAt[${JSON.stringify(name)}]`);
      delays.push(shownMs - Date.parse(String(line["time"])));
    }
    expect(Math.min(...delays)).toBeLessThan(1_000);
    const service = page.locator("#services [data-key=web]");
    expect(await service.locator(".state").textContent()).toBe("serving");
    expect(await page.locator("#verdict-title").textContent()).toBe("All is well");
    expect(await page.locator("#events .event").first().textContent()).toContain("Deployed");

    other.healthy = false;
    await page.waitForSelector("#services [data-key=web][data-outcome=bad]");
    const target = service.locator("tbody tr", { hasText: other.address });
    expect(await target.locator(".badge").textContent()).toBe("unhealthy");
    expect(await target.textContent()).toContain("answered 503 on /up");
    const colour = await page.evaluate<string>(
      `getComputedStyle(document.querySelector("#services tbody .badge[data-outcome=bad]")).color`,
    );
    const [red = 0, green = 0, blue = 0] = colour.match(/[\d.]+/g)!.map(Number);
    expect(red).toBeGreaterThan(2 * Math.max(green, blue));
    expect(await page.locator("#problems").textContent()).toContain(
      `${other.address} is unhealthy`,
    );
    expect(await page.title()).toBe("(1) kamal-proxy");

    other.healthy = true;
    await page.waitForSelector("#verdict[data-outcome=good]");
    expect(complaints).toEqual([]);
  });

  test("has charts of the traffic, of one service or all, and of the moment that is asked for", async () => {
    await using app = startApp(() => new Response("hello"));
    await using site = await startStatusSite();
    await site.proxy.deploy("web", app.address);
    await using opened = await openPage(site.url);
    const { page, complaints } = opened;
    for (let i = 0; i < 30; i++) await fetch(site.proxy.url);
    const area = page.locator("#chart-requests path.c-2xx");
    await waitFor(async () => /L/.test((await area.getAttribute("d")) ?? ""), "a drawn area");
    expect(await page.locator("#chart-requests .plot").getAttribute("aria-label")).toMatch(
      /^Requests: .*2xx [\d.]+$/,
    );
    // By the keyboard alone.
    await page.locator("#moment").focus();
    await page.keyboard.press("ArrowLeft");
    expect(await page.locator("#moment-text").textContent()).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(await page.locator("#moment").getAttribute("aria-valuetext")).toContain("Latency");
    await page.keyboard.press("End");
    expect(await page.locator("#moment-text").textContent()).toBe("now");
    await page.locator("#services summary").focus();
    await page.keyboard.press("Enter");
    await page.locator("#services button").focus();
    await page.keyboard.press("Enter");
    expect(await page.locator("#service").inputValue()).toBe("web");
    expect(complaints).toEqual([]);
  });

  test("shows names as texts, whatever is in them", async () => {
    await using site = await startStatusSite();
    await using opened = await openPage(site.url);
    const { page, complaints } = opened;
    const markup = '<img src=x onerror="globalThis.caught=1">';
    // It would turn around what follows.
    const name = `${markup}\u202e1`;
    await site.proxy.run(
      "deploy",
      "web",
      "--target=127.0.0.1:1",
      "--force",
      "--host=a.example.com",
    );
    await site.proxy.run("deploy", name, "--target=127.0.0.1:1", "--force", "--host=b.example.com");
    await site.proxy.run("pause", name);
    await page.waitForSelector("#services [data-key=web]");
    await waitFor(
      async () =>
        (await page.locator("main").textContent())!.includes(`${markup}\\u202e1: Deployed`),
      "the name in the charts",
    );
    expect(await page.locator("main").textContent()).not.toContain("\u202e");
    expect(await page.locator("main img").count()).toBe(0);
    expect(await page.evaluate<boolean>(`"caught" in globalThis`)).toBe(false);
    expect(complaints).toEqual([]);
  });

  test("can be held, so that nothing moves while somebody reads", async () => {
    await using app = startApp(() => new Response("hello"));
    await using site = await startStatusSite();
    await using opened = await openPage(site.url);
    const { page } = opened;
    await page.click("#pause");
    expect(await page.locator("#connection").textContent()).toBe("Paused");
    await site.proxy.deploy("web", app.address);
    // What it is told meanwhile is the same that the next page is told at once.
    await using second = await openPage(site.url);
    await second.page.waitForSelector("#services [data-key=web]");
    expect(await page.locator("#services .service").count()).toBe(0);
    await page.click("#pause");
    await page.waitForSelector("#services [data-key=web]");
  });

  test.each([
    ["desktop", "light"],
    ["desktop", "dark"],
    ["phone", "light"],
    ["phone", "dark"],
  ] as const)(
    "can be read by everybody: axe finds nothing serious on a %s, %s",
    async (device, colorScheme) => {
      await using app = startApp(() => new Response("hello"));
      await using other = startApp(() => new Response("hello"));
      await using site = await startStatusSite();
      await site.proxy.deploy(
        "web",
        `${app.address},${other.address}`,
        "--host=app.example.com",
        "--health-check-interval=100ms",
      );
      await site.proxy.deploy("api", app.address, "--host=api.example.com");
      await site.proxy.run("pause", "api");
      const long = "a-service-with-a-rather-long-name-of-its-own-production";
      await site.proxy.deploy(long, app.address, `--host=${long}.internal.example.com`);
      other.healthy = false;
      await using opened = await openPage(site.url, {
        ...look[device],
        colorScheme,
        reducedMotion: "reduce",
      });
      const { page, complaints } = opened;
      await page.waitForSelector("#services [data-key=web][data-outcome=bad]");
      await page.waitForSelector("#processes tr");
      expect(await seriousFindings(page)).toEqual([]);
      // Nothing is wider than the screen.
      const overhang = await page.evaluate<number>(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      expect(overhang).toBe(0);
      const cut = await page.evaluate<string[]>(
        `[...document.querySelectorAll(".scroll:has(#routes)")]
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
          .map(({ textContent }) => textContent)`,
      );
      expect(cut).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );
});
