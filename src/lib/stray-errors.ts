/**
 * Mistakes of the program that nobody caught. They are logged and cost the work in which they happened,
 * not the process with everybody else's requests, as a panic in a handler of Go's net/http.
 */
import { stackOf } from "./error-text.ts";
import type { Logger } from "./logger.ts";

/** What is needed of `process`. */
export interface StrayErrorSource {
  on(
    event: "uncaughtException" | "unhandledRejection",
    listener: (error: unknown) => void,
  ): unknown;
}

export function logStrayErrors(source: StrayErrorSource, logger: Logger): void {
  const log = (error: unknown): void => {
    logger.error("Unexpected error inside the proxy", { error: stackOf(error) });
  };
  source.on("uncaughtException", log);
  source.on("unhandledRejection", log);
}
