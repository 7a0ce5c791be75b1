/**
 * `bun run pictures`: makes the pictures of README.md, `docs/images/top-….svg` and `status-page-….png`, light and
 * dark, of a proxy with apps and visitors. Needs Chromium and some minutes, so that the charts have something to
 * show; `-- 60` takes one.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { frame, type Picture } from "../src/cli/top/frame.ts";
import { painter } from "../src/cli/top/text-cells.ts";
import { TrafficHistory } from "../src/cli/top/traffic-history.ts";
import { firstView } from "../src/cli/top/view.ts";
import { sendCommand } from "../src/control-plane/socket/client.ts";
import { browserArguments, browserPath } from "./pictures/browser-path.ts";
import { Stand } from "./pictures/stand.ts";
import { type Scheme, terminalPicture } from "./pictures/terminal-picture.ts";
import { binaryIsStale, bunPath, projectFolder, runTool } from "./project.ts";

const seconds = Number(process.argv[2] ?? 280);
const folder = join(projectFolder, "docs", "images");
const schemes: readonly Scheme[] = ["light", "dark"];
const terminal = { columns: 132, rows: 33 };
const page = { width: 1280, height: 800 };

mkdirSync(folder, { recursive: true });
if (browserPath === null)
  throw new Error("no Chromium: install it, or name it in KAMAL_PROXY_TEST_CHROMIUM");
if ((await binaryIsStale()) && (await runTool([bunPath, "scripts/build.ts"])) !== 0)
  process.exit(1);

await using stand = await Stand.start();
const history = new TrafficHistory();
let picture: Picture | null = null;
const watching = new AbortController();
const watched = watchTop();
await play();
watching.abort();
await watched;
for (const scheme of schemes) {
  const lines = frame(picture!, terminal, painter(true));
  await Bun.write(
    join(folder, `top-${scheme}.svg`),
    terminalPicture(lines, terminal.columns, scheme),
  );
}
await photographPage();

/** Waits for a share of the whole time. */
async function part(share: number): Promise<void> {
  await Bun.sleep(seconds * 1_000 * share);
}

/** A day in the life of a few services, in some minutes. */
async function play(): Promise<void> {
  const shop = [stand.app(14), stand.app(18), stand.app(12)];
  const api = [stand.app(6), stand.app(7)];
  await stand.deploy("shop", "shop.example.com,www.shop.example.com", shop);
  await stand.deploy("api", "shop.example.com", api, "--path-prefix=/api");
  await stand.deploy("blog", "blog.example.com", [stand.app(30)]);
  await stand.deploy("search", "search.example.com", [stand.app(9)]);
  stand.visit("shop.example.com", "/", 10, 90);
  stand.visit("shop.example.com", "/api/items", 7, 70);
  stand.visit("blog.example.com", "/", 3, 200);
  stand.visit("search.example.com", "/", 2, 200);
  await part(0.35);
  await stand.deploy("api", "shop.example.com", [api[0]!, stand.app(5)], "--path-prefix=/api");
  await part(0.2);
  api[0]!.failingShare = 0.12;
  await part(0.1);
  api[0]!.failingShare = 0;
  const sick = stand.app(10);
  sick.isHealthy = false;
  await stand.deploy("blog", "blog.example.com", [sick]);
  await part(0.15);
  await stand.deploy("shop", "shop.example.com,www.shop.example.com", [
    stand.app(10),
    stand.app(12),
    shop[0]!,
  ]);
  await part(0.15);
  shop[0]!.isHealthy = false;
  await part(0.05);
}

async function watchTop(): Promise<void> {
  const socket = stand.env["KAMAL_PROXY_SOCKET"]!;
  while (!watching.signal.aborted) {
    const [status, list] = await Promise.all([
      sendCommand(socket, { command: "status" }),
      sendCommand(socket, { command: "list" }),
    ]);
    if (!status.ok || !list.ok) throw new Error("the proxy does not answer");
    history.add(status.status!);
    const services = list.services!;
    picture = {
      status: status.status!,
      services,
      history,
      nowMs: Date.now(),
      view: firstView,
      fault: null,
    };
    await Bun.sleep(1_000);
  }
}

async function photographPage(): Promise<void> {
  const browser = await chromium.launch({ executablePath: browserPath!, args: browserArguments });
  for (const colorScheme of schemes) {
    const view = await browser.newPage({ viewport: page, colorScheme });
    await view.goto(`http://127.0.0.1:${stand.statusPort}/`);
    await view.locator("input[value='5']").check({ force: true });
    await view.locator("#processes tr").first().waitFor();
    await view.locator("#chart-requests path.c-2xx").waitFor();
    await view.screenshot({ path: join(folder, `status-page-${colorScheme}.png`) });
    await view.close();
  }
  await browser.close();
}
