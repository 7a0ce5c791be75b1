import { expect, test } from "bun:test";
import { settledEnvironment } from "../../src/engine-environment.ts";

const GB = 1024 ** 3;

test("engine environment drops what others set for the runtime, and keeps the rest", () => {
  const others = { HOME: "/root", KAMAL_PROXY_DEBUG: "1", SSL_CERT_FILE: "/ca.pem", UVX: "1" };
  const settled = settledEnvironment(
    {
      ...others,
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      NODE_EXTRA_CA_CERTS: "/ca.pem",
      NODE_OPTIONS: "--require ./x.js",
      BUN_INSPECT: "ws://0.0.0.0:6499/",
      BUN_CONFIG_MAX_HTTP_REQUESTS: "1",
      BUN_JSC_useJIT: "0",
      BUN_JSC_numberOfGCMarkers: "7",
      UV_THREADPOOL_SIZE: "1",
      MIMALLOC_PURGE_DELAY: "-1",
    },
    8 * GB,
  )!;
  expect(settled).toMatchObject(others);
  const own = Object.keys(settled).filter((name) => !(name in others));
  expect(own.toSorted()).toEqual(["BUN_JSC_numberOfGCMarkers", "MIMALLOC_PURGE_DELAY"]);
  expect(settled["BUN_JSC_numberOfGCMarkers"]).toBe("1");
  expect(settled["MIMALLOC_PURGE_DELAY"]).toBe("200");
});

test("engine environment is settled by one start", () => {
  const settled = settledEnvironment({ HOME: "/root", NODE_ENV: "production" }, GB / 2)!;
  expect(settledEnvironment(settled, GB / 2)).toBeNull();
  expect(settledEnvironment({ ...settled, NODE_ENV: "production" }, GB / 2)).not.toBeNull();
});

test("engine looks for garbage sooner, and gives memory back at once, where there is little of it", () => {
  const name = "BUN_JSC_forceRAMSize";
  expect(settledEnvironment({}, GB / 2)![name]).toBe(String(GB / 16));
  expect(settledEnvironment({}, 8 * GB)![name]).toBeUndefined();
  expect(settledEnvironment({}, GB / 2)!["MIMALLOC_PURGE_DELAY"]).toBeUndefined();
});
