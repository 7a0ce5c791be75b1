import { describe, expect, test } from "bun:test";
import {
  handedDescriptors,
  takeHandedSockets,
} from "../../../../src/control-plane/workers/handed-sockets.ts";

/** Descriptor 3 listens on port 80, 4 on 443; others do not listen. */
const ports: Record<number, number> = { 3: 80, 4: 443 };

function take(variables: Record<string, string>, httpPort = 80) {
  const environment: NodeJS.ProcessEnv = { HOME: "/root", LISTEN_PID: "7", ...variables };
  const portOf = (fd: number): number | null => ports[fd] ?? null;
  const sockets = takeHandedSockets({
    environment,
    pid: 7,
    httpPort,
    httpsPort: 443,
    portOf,
  });
  return { sockets, environment };
}

describe("handed sockets", () => {
  test("are those of the ports that they listen on", () => {
    const { sockets, environment } = take({ LISTEN_FDS: "2" });
    expect(sockets).toEqual({ http: 3, https: 4 });
    expect(environment).toEqual({ HOME: "/root" });
  });

  test("are what they are named, whatever their port", () => {
    const second = { LISTEN_FDS: "2", LISTEN_FDNAMES: "https:any" };
    expect(() => take(second)).toThrow(
      "LISTEN_FDS: socket 2 (any) is a second one for https: the proxy takes one of each",
    );
    expect(take({ LISTEN_FDS: "2", LISTEN_FDNAMES: "https:http" }).sockets).toEqual({
      http: 4,
      https: 3,
    });
  });

  test("that can't be meant are refused", () => {
    expect(() => take({ LISTEN_FDS: "1" }, 8080)).toThrow(
      "LISTEN_FDS: socket 1 is on port 80, which is neither the http port nor the https port",
    );
    expect(() => take({ LISTEN_FDS: "3", LISTEN_FDNAMES: "::x" })).toThrow(
      "LISTEN_FDS: socket 3 (x) is no TCP socket that listens",
    );
  });

  test.each([
    [{ LISTEN_FDS: "1", LISTEN_PID: "8" }],
    [{ LISTEN_FDS: "x" }],
    [{ LISTEN_FDS: "-1" }],
    [{}],
  ])("of others, and none, are left alone: %j", (variables) => {
    expect(take(variables).sockets).toEqual({ http: null, https: null });
    expect(handedDescriptors({ LISTEN_PID: "7", ...variables }, 7)).toEqual([]);
  });
});
