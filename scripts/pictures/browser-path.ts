/** Where a browser of Chromium's kind is. */

const names = ["chromium", "chromium-browser", "google-chrome"];

/** `KAMAL_PROXY_TEST_CHROMIUM`, or what Debian and others call it; null: there is none. */
export const browserPath: string | null =
  process.env["KAMAL_PROXY_TEST_CHROMIUM"] ??
  names.map((name) => Bun.which(name)).find((path) => path !== null) ??
  null;

/** Its sandbox needs rights that a container does not give; it only sees pages of our own. */
export const browserArguments = ["--no-sandbox", "--disable-dev-shm-usage"];
