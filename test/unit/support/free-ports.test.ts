import { expect, test } from "bun:test";
import { freePorts, releasePorts } from "../../support/free-ports.ts";

const module = new URL("../../support/free-ports.ts", import.meta.url).pathname;

test("freePorts gives no port twice, in this process and in others", async () => {
  const own = freePorts(1_000);
  const script = `const { freePorts } = await import(${JSON.stringify(module)}); console.log(freePorts(500).join(" "));`;
  const other = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const others = (await other.stdout.text()).trim().split(" ").map(Number);
  expect(others).toHaveLength(500);
  releasePorts(own);
  expect(new Set([...own, ...others]).size).toBe(1_500);
});
