/**
 * `npm start`: builds the proxy when needed, runs it on free ports with a demo app behind it, and deploys a new
 * version of the app under load. Keeps running until Ctrl-C; with `--once` it ends after the deploy.
 */
import { messageOf } from "../src/lib/error-text.ts";
import { DemoProxy } from "./demo-proxy.ts";
import { binaryIsStale, binaryPath, bunPath, projectFolder, runTool } from "./project.ts";
import { SteadyRequests } from "./steady-requests.ts";

const clients = 8;

interface DemoApp extends AsyncDisposable {
  target: string;
  process: Bun.Subprocess;
}

const once = process.argv.includes("--once");
const ending = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => ending.resolve());

/** What is to be ended, last started first. */
const started: AsyncDisposable[] = [];

process.exitCode = await main();

async function main(): Promise<number> {
  const demo = runDemo();
  try {
    await Promise.race([demo, ending.promise]);
    return 0;
  } catch (error) {
    console.error(`\nThe demo failed: ${messageOf(error)}`);
    return 1;
  } finally {
    await cleanUp();
    // It may have been starting something when the signal came.
    await demo.catch(() => undefined);
    await cleanUp();
  }
}

async function cleanUp(): Promise<void> {
  for (const part of started.splice(0).toReversed()) await part[Symbol.asyncDispose]();
}

async function runDemo(): Promise<void> {
  if (await binaryIsStale()) {
    console.log("Building dist/kamal-proxy…");
    if ((await runTool([bunPath, "scripts/build.ts"])) !== 0) throw new Error("the build failed");
  }

  const proxy = await DemoProxy.start();
  started.push(proxy);
  console.log(`The proxy is running (process ${proxy.pid}) at ${proxy.url}`);

  const first = await startDemoApp("1");
  say(`Version 1 of the demo app is starting at ${first.target}; deploying it:`);
  await deploy(proxy, first.target);
  const answer = await (await fetch(proxy.url)).text();
  if (!answer.includes("version 1")) throw new Error(`unexpected answer: ${answer}`);
  console.log(`A request to the proxy was answered: "${answer.trim()}"`);

  const second = await startDemoApp("2");
  say(
    `Version 2 is starting at ${second.target}; deploying it while ${clients} clients keep sending requests:`,
  );
  await replaceUnderLoad(proxy, first, second);

  say("The proxy's own list:");
  process.stdout.write(await proxy.run("list"));
  if (once) return;
  say("Try it yourself:");
  console.log(`  curl -i ${proxy.url}`);
  console.log(`  export KAMAL_PROXY_SOCKET=${proxy.socketPath}`);
  console.log(`  ${binaryPath} deploy demo --target=${second.target}`);
  console.log(`  ${binaryPath} list`);
  console.log(`  curl http://127.0.0.1:${proxy.metricsPort}/metrics`);
  console.log("\nCtrl-C ends the demo.");
  await proxy.ended;
  throw new Error("the proxy has ended");
}

async function replaceUnderLoad(proxy: DemoProxy, first: DemoApp, second: DemoApp): Promise<void> {
  const load = new SteadyRequests(proxy.url, clients);
  try {
    await load.until(() => load.answeredWith("version 1").length >= 50);
    const beganMs = load.elapsedMs;
    await deploy(proxy, second.target);
    const deployMs = load.elapsedMs - beganMs;
    // As Kamal does it: the old version is stopped as soon as the deploy has returned.
    await first[Symbol.asyncDispose]();
    const before = load.outcomes.length;
    await load.until(() => load.outcomes.length >= before + 50);
    await load.stop();

    const old = load.answeredWith("version 1");
    const fresh = load.answeredWith("version 2");
    const since = (atMs = 0): string => `${Math.round(atMs - beganMs)} ms`;
    console.log(
      `The deploy took ${Math.round(deployMs)} ms; version 1 was stopped right after it.`,
    );
    console.log(`${load.outcomes.length} requests, ${load.failures.length} failed.`);
    console.log(
      `  version 1 answered ${old.length}, the last one ${since(old.at(-1)?.atMs)} after the deploy began`,
    );
    console.log(
      `  version 2 answered ${fresh.length}, the first one ${since(fresh[0]?.atMs)} after the deploy began`,
    );
    const [failure] = load.failures;
    if (failure !== undefined) throw new Error(`a request failed: ${failure.error}`);
    if (fresh.length === 0) throw new Error("version 2 never answered");
  } finally {
    await load.stop();
  }
}

async function startDemoApp(version: string): Promise<DemoApp> {
  const child = Bun.spawn([bunPath, "scripts/demo-app.ts"], {
    cwd: projectFolder,
    env: { ...process.env, VERSION: version },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const app: DemoApp = {
    target: "",
    process: child,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
  started.push(app);
  for await (const chunk of child.stdout) {
    app.target = `127.0.0.1:${new TextDecoder().decode(chunk).trim()}`;
    break;
  }
  if (app.target === "") throw new Error(`version ${version} of the demo app did not start`);
  return app;
}

async function deploy(proxy: DemoProxy, target: string): Promise<void> {
  const args = ["deploy", "demo", `--target=${target}`];
  console.log(`  kamal-proxy ${args.join(" ")}`);
  await proxy.run(...args);
}

function say(text: string): void {
  console.log(`\n${text}`);
}
