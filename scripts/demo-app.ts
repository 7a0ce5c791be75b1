/** The app of the demo: says its version. Environment: VERSION. Prints its port as its first line. */

const version = process.env["VERSION"] ?? "1";
/** An app needs a moment to boot and a moment for each answer, or a demo shows nothing. */
const bootMs = 500;
const answerMs = 20;
const startedMs = performance.now();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    if (new URL(request.url).pathname === "/up") {
      return new Response(null, { status: performance.now() - startedMs < bootMs ? 503 : 200 });
    }
    await Bun.sleep(answerMs);
    return new Response(`Hello from version ${version}\n`);
  },
});
console.log(server.port);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));
