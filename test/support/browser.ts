/** A real browser without a window, where one is installed: Debian's `chromium`, or another of its kind. */
import { chromium, type Browser, type Page } from "playwright-core";
import { browserArguments, browserPath } from "../../scripts/pictures/browser-path.ts";

export interface OpenBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

export async function openBrowser(): Promise<OpenBrowser> {
  const browser = await chromium.launch({
    executablePath: browserPath!,
    args: browserArguments,
    timeout: 60_000,
  });
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
