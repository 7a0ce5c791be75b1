/** What somebody tries who may not use a service: over every protocol it changes nothing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import { ask, type Carrier, type Field } from "./carrier.ts";
import { http3 } from "./http3-carrier.ts";
import { carriers, deployBelow, portOf, startSite } from "./site.ts";

/** The client of the runtime resolves segments, and joins lines of one name. */
const sendsAsTold = carriers.filter((carrier) => carrier !== http3);

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await startSite(app.address, {
    args: ["--trusted-proxies=10.0.0.0/8,127.0.0.1,::1"],
  });
  const hash = await Bun.password.hash("pä:ss", { algorithm: "bcrypt", cost: 4 });
  const services: Record<string, string[]> = {
    auth: [`--basic-auth=ann:${hash}`],
    ip: ["--deny-ip=203.0.113.66"],
    agent: ["--deny-user-agent=evil"],
    rate: ["--rate-limit=1/h", "--rate-limit-path=/rate/a/login", "--rate-limit-key=header:X-Key"],
  };
  for (const [name, flags] of Object.entries(services)) {
    await deployBelow(proxy, name, app.address, ...flags);
  }
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

async function statusOf(carrier: Carrier, path: string, fields: Field[]): Promise<number> {
  const port = portOf(proxy, carrier);
  return (await ask(carrier, port, { path, fields })).status;
}

const basic = (text: string | Uint8Array, scheme = "Basic"): Field => [
  "Authorization",
  `${scheme} ${Buffer.from(text as string).toString("base64")}`,
];

describe.each(carriers)("over $name", (carrier: Carrier) => {
  // A network of its own for each test: wrong passwords count.
  let tests = 0;
  const client = (): Field => [
    "X-Forwarded-For",
    `2001:db8:${carriers.indexOf(carrier)}:${tests}::1`,
  ];
  const status = (path: string, ...fields: Field[]): Promise<number> =>
    statusOf(carrier, path, [client(), ...fields]);

  test.each([
    ["the right ones", [basic("ann:pä:ss")], 200],
    ["a scheme in capitals", [basic("ann:pä:ss", "BASIC")], 200],
    ["Latin-1 in place of UTF-8", [basic(Buffer.from("ann:pä:ss", "latin1"))], 401],
    ["NUL behind the password", [basic("ann:pä:ss\0")], 401],
    ["NUL behind the user", [basic("ann\0:pä:ss")], 401],
    ["a line end", [basic("ann:pä:ss\r\n")], 401],
    ["the part before the second colon", [basic("ann:pä")], 401],
    ["another user with them in the password", [basic("x:ann:pä:ss")], 401],
    ["a user in capitals", [basic("ANN:pä:ss")], 401],
    ["the hash for a password", [basic("ann:$2b$04$")], 401],
    ["no user", [basic(":pä:ss")], 401],
    ["another scheme", [basic("ann:pä:ss", "Bearer")], 401],
    ["a field of another name", [["X-Authorization", basic("ann:pä:ss")[1]]], 401],
    ["a field with _", [["Proxy_Authorization", basic("ann:pä:ss")[1]]], 401],
  ] as [string, Field[], number][])("credentials: %s", async (_what, fields, wanted) => {
    tests++;
    expect(await status("/auth/a", ...fields)).toBe(wanted);
  });

  test.each([
    [[["X-Forwarded-For", "203.0.113.66"]]],
    [[["x-FORWARDED-for", "203.0.113.66"]]],
    [[["X-Forwarded-For", "198.51.100.1, 203.0.113.66, 10.9.9.9"]]],
    [[["X-Forwarded-For", "::ffff:203.0.113.66"]]],
    [[["X-Forwarded-For", "203.0.113.66:4711"]]],
    [
      [
        ["X-Forwarded-For", "203.0.113.66"],
        ["X_Forwarded_For", "198.51.100.1"],
      ],
    ],
    [
      [
        ["X-Forwarded-For", "203.0.113.66"],
        ["X-Real-IP", "198.51.100.1"],
      ],
    ],
    [
      [
        ["X-Forwarded-For", "203.0.113.66"],
        ["Forwarded", "for=198.51.100.1"],
      ],
    ],
    [
      [
        ["X-Forwarded-For", "203.0.113.66"],
        ["Client-IP", "198.51.100.1"],
      ],
    ],
    [
      [
        ["X-Forwarded-For", "203.0.113.66"],
        ["True-Client-IP", "198.51.100.1"],
      ],
    ],
  ] as [Field[]][])("an address that is denied stays so: %j", async (fields) => {
    expect(await statusOf(carrier, "/ip/a", fields)).toBe(403);
  });

  test.each([[[["user-AGENT", "EVIL/1"]]], [[["User-Agent", "Mozilla/5.0 (nothing) evil"]]]] as [
    Field[],
  ][])("a user agent that is denied stays so: %j", async (fields) => {
    expect(await statusOf(carrier, "/agent/a", fields)).toBe(403);
  });
});

describe.each(sendsAsTold)("over $name", (carrier: Carrier) => {
  test("lines that stand twice count together, or not at all", async () => {
    const right = basic("ann:pä:ss");
    const twice: [string, string, Field[], number][] = [
      ["/auth/b", "two credentials", [right, basic("bob:x")], 401],
      ["/auth/b", "the same twice", [right, right], 401],
      [
        "/agent/b",
        "the second user agent",
        [
          ["User-Agent", "good"],
          ["User-Agent", "evil"],
        ],
        403,
      ],
      [
        "/ip/b",
        "the last address",
        [
          ["X-Forwarded-For", "198.51.100.1"],
          ["X-Forwarded-For", "203.0.113.66"],
        ],
        403,
      ],
      [
        "/ip/b",
        "an address further left",
        [
          ["X-Forwarded-For", "203.0.113.66"],
          ["X-Forwarded-For", "198.51.100.1"],
        ],
        200,
      ],
    ];
    for (const [path, what, fields, wanted] of twice) {
      expect([what, await statusOf(carrier, path, fields)]).toEqual([what, wanted]);
    }
  });

  test.each([
    "/rate/a/login",
    "/rate/a/login/",
    "/rate/a/login/more",
    "/rate/a/LOGIN",
    "/rate/a/%6cogin",
    "/rate/a/%6Cogin",
    "/rate/a//login",
    "/rate/a/./login",
    "/rate/a/b/../login",
    "/rate/a/%2e/login",
    "/rate/a/b/%2e%2e/login",
    "/rate/a/b%2f..%2flogin",
    "/rate/a/%256cogin",
    "/rate/a;x/login",
    "/rate/a/login;jsessionid=1",
    "/rate/a\\login",
    "/rate/a/%5clogin",
    "/rate/a/login%00",
    "/rate/a/login?x",
  ])("a limit of a path holds for its spelling %s", async (path) => {
    const key: Field = ["X-Key", `${carrier.name} ${path}`];
    const first = await statusOf(carrier, "/rate/a/login", [key]);
    const second = await statusOf(carrier, path, [key]);
    expect([first, second]).toEqual([200, 429]);
  });
});
