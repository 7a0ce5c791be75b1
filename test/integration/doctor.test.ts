/** `doctor` beside a real proxy: what it sees is what clients would get. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";

test("doctor sees ports, workers, certificate and targets, and follows a request", async () => {
  await using app = startApp(() => new Response("ok"));
  await using proxy = await ProxyProcess.start();
  const certificate = saveCertificate(join(proxy.home, "app"), createCertificate(["localhost"]));
  await proxy.deploy("web", app.address, "--host=localhost", ...certificate);

  const well = await proxy.run("doctor");
  expect(well.stdout).toContain(`ok    port http ${proxy.httpPort}: accepts and answers\n`);
  expect(well.stdout).toContain(
    `ok    target web ${app.address}: is healthy, answers 200 on /up\n`,
  );
  expect(well.stdout).toContain("certificate localhost: expires in 0 days");
  expect(well.stdout).toContain("redirect localhost: http goes to https\n");
  expect(well).toMatchObject({ code: 0, stderr: "" });

  const followed = await proxy.run("doctor", "https://localhost/some/where");
  expect(followed.stdout).toContain("answer https://localhost/some/where: 200 of the app\n");
  expect(followed.code).toBe(0);

  await proxy.deploy("dead", "127.0.0.1:1", "--host=dead.test", "--force");
  const ill = await proxy.run("doctor", "dead");
  expect(ill.stdout).toContain("FAIL  target dead 127.0.0.1:1: connection refused\n");
  expect(ill.code).toBe(1);
  const refused = await proxy.run("doctor", "http://dead.test/");
  expect(refused.stdout).toContain("503 of the proxy: no-healthy-target\n");
  expect(refused.code).toBe(1);
});
