/** Policies that say who may use a service: what holds for each of them over every protocol. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ProxyProcess, severalWorkers } from "../support/proxy-process.ts";
import { type ScriptedApp, startScriptedApp } from "../support/scripted-app.ts";
import { type Answer, ask, type Carrier, type Field, valuesOf } from "./carrier.ts";
import { plainHttp1 } from "./http1-carrier.ts";
import { carriers, deployBelow, portOf, startSite } from "./site.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

/** A service below its own path for each policy; the app sees the whole path. */
const services: Record<string, string[]> = {
  rate: [
    "--rate-limit=2/h",
    "--rate-limit-exempt-ip=203.0.113.66",
    "--rate-limit-path=/rate/login",
  ],
  key: ["--rate-limit=1/h", "--rate-limit-key=header:X-Api-Key"],
  agent: ["--deny-crawlers=ai", "--deny-user-agent=bad*/9", "--deny-user-agent=Über"],
  ip: ["--allow-ip=203.0.113.0/24,2001:db8::/32", "--deny-ip=203.0.113.66"],
};

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await startSite(app.address, {
    args: ["--trusted-proxies=127.0.0.1,::1,10.0.0.0/8"],
    env: severalWorkers,
  });
  services["auth"] = [
    `--basic-auth=ann:${await Bun.password.hash("pässwörd:✓", { algorithm: "bcrypt", cost: 4 })}`,
    `--basic-auth=bob:${await Bun.password.hash("other", { algorithm: "argon2id", memoryCost: 64, timeCost: 1 })}`,
    '--basic-auth-realm=Say "hi"',
    "--basic-auth-exempt-path=/auth/open",
  ];
  for (const [name, flags] of Object.entries(services)) {
    await deployBelow(proxy, name, app.address, ...flags);
  }
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

function get(
  carrier: Carrier,
  path: string,
  client: string,
  fields: Field[] = [],
): Promise<Answer> {
  const port = portOf(proxy, carrier);
  return ask(carrier, port, { path, fields: [["X-Forwarded-For", client], ...fields] });
}

describe.each(carriers)("over $name", (carrier: Carrier) => {
  describe("addresses", () => {
    test.each([
      ["203.0.113.7", 200],
      ["198.51.100.1, 203.0.113.7", 200],
      ["203.0.113.7, 10.1.2.3", 200],
      ["2001:db8::7", 200],
      ["[2001:DB8::7]:4711", 200],
      ["::ffff:203.0.113.7", 200],
      ["198.51.100.1", 403],
      ["203.0.113.66", 403],
      ["::ffff:203.0.113.66", 403],
      ["203.0.113.7, 203.0.113.66", 403],
      // What stands further left anybody may have made up.
      ["203.0.113.7, 198.51.100.1", 403],
      ["203.0.113.7, unknown", 403],
    ])("decide by what trusted proxies tell: %s is answered %d", async (client, status) => {
      expect((await get(carrier, "/ip/a", client)).status).toBe(status);
    });

    test("that are denied never reach the app, and the log names who answered", async () => {
      const before = app.requests.length;
      const path = `/ip/denied-${carrier.name.replaceAll(/\W/g, "")}`;
      const answer = await get(carrier, path, "203.0.113.66");
      expect(answer.body.toString()).toBe("<h1>403 Forbidden</h1>");
      expect(valuesOf(answer.fields, "x-kamal-proxy-error")).toEqual(["address-refused"]);
      expect(app.requests.length).toBe(before);
      const line = await proxy.waitForLog((each) => each["path"] === path);
      expect(line).toMatchObject({ policy: "ip", status: 403, remote_addr: "203.0.113.66" });
      expect(line["error"]).toStartWith("address-refused: ");
      // Other services are open to them.
      expect((await get(carrier, "/", "203.0.113.66")).status).toBe(200);
    });
  });
});

describe.each(carriers)("over $name", (carrier: Carrier) => {
  // A network of its own for each of them: they count together.
  const network = `2001:db8:0:${carriers.indexOf(carrier) + 1}`;
  const client = (host: number): string => `${network}::${host}`;

  test("a rate limit holds for a /64, whatever the path's spelling, and says when to come again", async () => {
    const spellings = ["/rate/login", "/rate//login", "/rate/LOGIN;x/now"];
    const answers: Answer[] = [];
    for (const [host, path] of spellings.entries()) {
      answers.push(await get(carrier, path, client(host)));
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    const told = (answer: Answer, name: string): string[] => valuesOf(answer.fields, name);
    expect(told(answers[0]!, "ratelimit")).toEqual(['"proxy";r=1;t=1800']);
    expect(told(answers[0]!, "ratelimit-policy")).toEqual(['"proxy";q=2;w=3600']);
    expect(told(answers[2]!, "ratelimit")).toEqual([
      expect.stringMatching(/^"proxy";r=0;t=1\d{3}$/),
    ]);
    expect(told(answers[2]!, "retry-after")).toEqual([expect.stringMatching(/^1\d{3}$/)]);
    // Other paths, other networks, and those that are exempt.
    expect((await get(carrier, "/rate/loginx", client(1))).status).toBe(200);
    expect(
      (await get(carrier, "/rate/login", `${network.slice(0, -1)}f${network.at(-1)}::1`)).status,
    ).toBe(200);
    for (let i = 0; i < 4; i++) {
      expect((await get(carrier, "/rate/login", "203.0.113.66")).status).toBe(200);
    }
  });

  test("a rate limit counts by a field, without case of its name, all its lines together", async () => {
    const key = carrier.name;
    const asked = async (...fields: Field[]): Promise<number> =>
      (await get(carrier, "/key/a", client(7), fields)).status;
    expect(await asked(["X-Api-Key", key])).toBe(200);
    expect(await asked(["x-api-key", key])).toBe(429);
    expect(await asked(["X-Api-Key", `${key} other`])).toBe(200);
    // Without the field by address.
    expect([await asked(), await asked()]).toEqual([200, 429]);
  });
});

describe.each(carriers)("over $name", (carrier: Carrier) => {
  const client = `2001:db8:1:${carriers.indexOf(carrier)}::1`;
  const basic = (text: string): Field => [
    "Authorization",
    `Basic ${Buffer.from(text).toString("base64")}`,
  ];
  const asked = (path: string, ...fields: Field[]): Promise<Answer> =>
    get(carrier, path, client, fields);

  test.each([
    ["Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", 403],
    ["mozilla/5.0 (compatible; gptbot/1.2)", 403],
    ["a BAD client /9.1", 403],
    ["/9 bad", 200],
    ["bad/8", 200],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 200],
  ])("%s is answered %d", async (agent, status) => {
    expect((await asked("/agent/a", ["User-Agent", agent])).status).toBe(status);
  });

  test("a password is asked for, checked, and kept from the app", async () => {
    const without = await asked("/auth/a");
    expect([without.status, valuesOf(without.fields, "www-authenticate")]).toEqual([
      401,
      ['Basic realm="Say \\"hi\\"", charset="UTF-8"'],
    ]);
    expect((await asked("/auth/a", basic("ann:pässwörd:✓"))).status).toBe(200);
    expect(app.requests.at(-1)!.fields.map(([name]) => name.toLowerCase())).not.toContain(
      "authorization",
    );
    expect((await asked("/auth/a", basic("bob:other"))).status).toBe(200);
    for (const wrong of ["ann:pässwörd:", "ann:other", "bob:pässwörd:✓", "nobody:other"]) {
      expect((await asked("/auth/a", basic(wrong))).status).toBe(401);
    }
    expect((await asked("/auth/a", ["Authorization", "Bearer x"])).status).toBe(401);
  });

  test.each([
    "/auth/open/../secret",
    "/auth/open/%2e%2e/secret",
    "/auth/open%2f..%2fsecret",
    "/auth/open/%252e%252e/secret",
    "/auth/open;/../secret",
    "/auth//open",
    "/auth/OPEN",
    "/auth/openly",
  ])("no password is asked for below an exempt path, of which %s is none", async (path) => {
    expect((await asked("/auth/open/a")).status).toBe(200);
    expect((await asked(path)).status).toBe(401);
  });
});

test("policies that answered are counted in the metrics, and shown by list", async () => {
  await get(plainHttp1, "/ip/a", "203.0.113.66");
  const metrics = await (await fetch(`http://127.0.0.1:${proxy.metricsPort}/`)).text();
  expect(metrics).toMatch(/^kamal_proxy_policy_answers_total\{policy="ip",service="ip"\} [1-9]/m);
  const { stdout } = await proxy.runHere("list", "--json");
  expect(JSON.parse(stdout).ip.options).toMatchObject({
    allow_ips: ["203.0.113.0/24", "2001:db8::/32"],
    deny_ips: ["203.0.113.66"],
  });
});
