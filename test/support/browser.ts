/** A real browser without a window, where one is installed: Debian's `chromium`, or another of its kind. */
import { chromium, type Browser, type Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** Null: there is none, and tests that need one are left out. */
export const browserPath: string | null =
  process.env["KAMAL_PROXY_TEST_CHROMIUM"] ??
  names.map((name) => Bun.which(name)).find((path) => path !== null) ??
  null;

export interface OpenBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

export async function openBrowser(): Promise<OpenBrowser> {
  // Its sandbox needs rights that a container does not give; it only sees the pages of this test.
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  const browser = await chromium.launch({ executablePath: browserPath!, args, timeout: 60_000 });
  return { browser, [Symbol.asyncDispose]: () => browser.close() };
}

/** Everything that the page complains of. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => {
    // What the end of the page cuts is no fault of it.
    if (!request.url().endsWith("/api/events")) complaints.push(`failed: ${request.url()}`);
  });
  return complaints;
}
