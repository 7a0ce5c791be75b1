import { expect, test } from "bun:test";
import {
  certificateFolder,
  dataFolder,
  socketPath,
  statePath,
  temporaryFolder,
} from "../../../src/config/paths.ts";

test.each([
  [{ KAMAL_PROXY_SOCKET: "/a/b", XDG_RUNTIME_DIR: "/run" }, "/a/b"],
  [
    { KAMAL_PROXY_SOCKET: "", XDG_RUNTIME_DIR: "/run/user/", TMPDIR: "/t" },
    "/run/user/kamal-proxy.sock",
  ],
  [{ XDG_RUNTIME_DIR: "", TMPDIR: "/t" }, "/t/kamal-proxy.sock"],
  [{}, "/tmp/kamal-proxy.sock"],
])("socketPath of %j is %s", (environment, path) => {
  expect(socketPath(environment)).toBe(path);
});

test("dataFolder is below the home folder, else below the temporary one", () => {
  expect(dataFolder({ HOME: "/home/me", XDG_CONFIG_HOME: "/x" })).toBe(
    "/home/me/.config/kamal-proxy",
  );
  expect(dataFolder({ HOME: "/" })).toBe("/.config/kamal-proxy");
  expect(dataFolder({ HOME: "", TMPDIR: "/t" })).toBe("/t/.config/kamal-proxy");
  expect(temporaryFolder({})).toBe("/tmp");
});

test("the state file and the certificates are in the data folder", () => {
  expect(statePath("/data")).toBe("/data/kamal-proxy.state");
  expect(certificateFolder("/data")).toBe("/data/certs");
});
