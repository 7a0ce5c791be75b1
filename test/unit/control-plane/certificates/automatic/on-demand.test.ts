import { expect, test } from "bun:test";
import type { Fetch } from "../../../../../src/control-plane/certificates/acme/acme-http.ts";
import {
  type AskTarget,
  OnDemandPolicy,
  questionUrl,
} from "../../../../../src/control-plane/certificates/automatic/on-demand.ts";
import {
  maxOnDemandQuestions,
  maxWaitingOnDemandQuestions,
  onDemandTimeoutMs,
} from "../../../../../src/config/limits.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../../support/recording-logger.ts";

const never: AskTarget = () => Promise.withResolvers<never>().promise;

class Setup {
  readonly clock = new ManualClock();
  readonly logger = new RecordingLogger();
  readonly questions: string[] = [];
  readonly policy: OnDemandPolicy;

  constructor({ askTarget = never, fetch }: { askTarget?: AskTarget; fetch?: Fetch }) {
    this.policy = new OnDemandPolicy({
      clock: this.clock,
      logger: this.logger,
      caFiles: [],
      askTarget: (service, path, host, signal) => {
        this.questions.push(`${service} ${path} ${host}`);
        return askTarget(service, path, host, signal);
      },
      fetch: async (url, init) => {
        this.questions.push(`${init.redirect} ${url}`);
        if (fetch === undefined) throw new Error("no fetch expected");
        return await fetch(url, init);
      },
    });
  }
}

test("on-demand asks the service's own target for a path", async () => {
  const setup = new Setup({ askTarget: async () => ({ status: 200, body: "" }) });
  expect(await setup.policy.denial("web", "/check?x=1", "a.test")).toBeNull();
  expect(setup.questions).toEqual(["web /check?host=a.test&x=1 a.test"]);
  expect(setup.logger.entries).toEqual([]);
});

test("on-demand asks an absolute URL itself and follows no redirects", async () => {
  const setup = new Setup({ fetch: async () => new Response("ok") });
  expect(await setup.policy.denial("web", "http://auth.test/check", "a.test")).toBeNull();
  expect(setup.questions).toEqual(["manual http://auth.test/check?host=a.test"]);
});

test.each([201, 204, 301, 403, 404, 500])("on-demand takes a %i for a denial", async (status) => {
  const body = status === 204 ? null : `no${"o".repeat(400)}`;
  const setup = new Setup({ fetch: async () => new Response(body, { status }) });
  expect(await setup.policy.denial("web", "http://auth.test/", "a.test")).not.toBeNull();
  expect(setup.logger.entries).toEqual([
    {
      level: "warn",
      message: "TLS on-demand check denied host",
      fields: { host: "a.test", status, body: body?.slice(0, 256) ?? "" },
    },
  ]);
});

test("on-demand denies when the endpoint can't be reached", async () => {
  const setup = new Setup({ fetch: async () => Promise.reject(new Error("refused")) });
  expect(await setup.policy.denial("web", "http://auth.test/", "a.test")).not.toBeNull();
  expect(setup.logger.entries[0]?.fields).toEqual({ host: "a.test", error: "refused" });
});

test("on-demand denies what is not answered in time, as a 504 of the service itself", async () => {
  const signals: AbortSignal[] = [];
  const setup = new Setup({
    askTarget: (...[, , , signal]) => {
      signals.push(signal);
      return never("", "", "", signal);
    },
  });
  const denial = setup.policy.denial("web", "/check", "a.test");
  setup.clock.advance(onDemandTimeoutMs);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  expect(await denial).toContain("status: 504");
  expect(setup.logger.entries[0]?.fields).toMatchObject({ host: "a.test", status: 504 });
  expect(setup.clock.pendingTimers).toBe(0);
});

test("on-demand asks once for handshakes that come together, and again later", async () => {
  const setup = new Setup({ askTarget: async () => ({ status: 403, body: "no" }) });
  const ask = (): Promise<string | null> => setup.policy.denial("web", "/check", "a.test");
  const denial = 'a.test is not allowed to get a certificate (status: 403, body: "no")';
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([denial, denial, denial]);
  expect(setup.questions).toHaveLength(1);
  await ask();
  expect(setup.questions).toHaveLength(2);
});

test("on-demand asks only so many questions at once, and denies when too many wait", async () => {
  const setup = new Setup({});
  const total = maxOnDemandQuestions + maxWaitingOnDemandQuestions;
  for (let index = 0; index < total; index++) {
    void setup.policy.denial("web", "/check", `h${index}.test`);
  }
  expect(setup.questions).toHaveLength(maxOnDemandQuestions);
  expect(await setup.policy.denial("web", "/check", "late.test")).toContain("too many");
  expect(setup.logger.entries[0]?.fields).toMatchObject({ host: "late.test" });
});

test.each([
  ["/check", "/check?host=a.test"],
  ["/check?", "/check?host=a.test"],
  ["/check?z=1&host=evil.test&a=b%20c", "/check?a=b+c&host=a.test&z=1"],
  ["/check?host=x&host=y#part", "/check?host=a.test"],
  ["https://u:p@auth.test:8443/a/b?x=1", "https://u:p@auth.test:8443/a/b?host=a.test&x=1"],
])("on-demand turns %p into %p", (url, expected) => {
  expect(questionUrl(url, "a.test")).toBe(expected);
});
