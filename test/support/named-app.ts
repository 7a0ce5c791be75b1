/** An app that answers with its name, and takes its time for it, as apps do. */
import { startApp, type App } from "./app.ts";

/**
 * Clients that ask all the time wait for the app then, and not for a processor: something is under way at every
 * moment, and the machine is free for what is tested.
 */
const answerMs = 5;

/** Reads what it is sent before it answers. */
export function startNamedApp(name: string): App {
  return startApp(async (request) => {
    await request.text();
    await Bun.sleep(answerMs);
    return new Response(name);
  });
}
