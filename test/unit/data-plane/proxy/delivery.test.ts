import { describe, expect, test } from "bun:test";
import { noBody } from "../../../../src/protocols/http/body-framing.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import { Admission } from "../../../../src/data-plane/proxy/admission.ts";
import { Answers } from "../../../../src/data-plane/proxy/answers/answers.ts";
import { Delivery } from "../../../../src/data-plane/proxy/delivery.ts";
import type { Exchange } from "../../../../src/protocols/http/exchange.ts";
import { Collection } from "../../../../src/data-plane/proxy/collection.ts";
import { SpoolSpace } from "../../../../src/data-plane/proxy/bodies/spool-space.ts";
import { inOrder, runPhases } from "../../../../src/data-plane/proxy/phases.ts";
import { PolicyPhase } from "../../../../src/data-plane/proxy/policies/policy-phase.ts";
import { ServicePolicies } from "../../../../src/data-plane/proxy/policies/service-policies.ts";
import { ReceivedRequest, RoutedRequest } from "../../../../src/data-plane/proxy/request-stages.ts";
import { MemoryBudget } from "../../../../src/net/memory-budget.ts";
import { LiveServices } from "../../../../src/data-plane/services/live-services.ts";
import type { Transport } from "../../../../src/data-plane/upstream/transport.ts";
import {
  ExchangeError,
  type ExchangeErrorCode,
} from "../../../../src/protocols/http/exchange-error.ts";
import type { ResponseReceiver } from "../../../../src/data-plane/upstream/upstream-request.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { poolSnapshot, serviceSnapshot, snapshot } from "../../../support/service-snapshots.ts";

/** Targets that refuse when the test says so; the hosts that were asked, in order. */
function setUp(targetRetryMs = 10_000) {
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  const answered: number[] = [];
  const asked: { host: string; receiver: ResponseReceiver }[] = [];
  const services = new LiveServices({
    clock,
    createTransport: (host) =>
      ({
        send(_request: unknown, receiver: ResponseReceiver) {
          asked.push({ host, receiver });
          return { cancel() {} };
        },
        retire() {},
      }) as unknown as Transport,
  });
  const answers = new Answers(logger, true);
  const space = new SpoolSpace(new MemoryBudget(0), "/");
  const phases = {
    policies: new PolicyPhase(answers),
    admission: new Admission(answers, logger),
    collection: new Collection(space, answers),
    delivery: new Delivery({ clock, space, answers, targetRetryMs, onRetry() {} }),
  };
  const policies = new ServicePolicies([]);
  const deploy = (...targets: string[]): void =>
    services.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(targets) })));
  const pause = (...targets: string[]): void =>
    services.apply(
      snapshot(
        serviceSnapshot("web", {
          active: poolSnapshot(targets),
          pause: { state: "paused", stopMessage: "", failAfterMs: 10_000 },
        }),
      ),
    );
  const deliver = (): void => {
    const fields = Fields.of(["Host", "a"]);
    const exchange = {
      request: {
        method: "GET",
        path: "/",
        query: "",
        host: "a",
        fields,
        framing: noBody,
        body: null,
        upgrade: null,
      },
      onAbort: null,
      aborted: false,
      status: 0,
      respond: (status: number) => void answered.push(status),
    } as unknown as Exchange;
    const origin = {
      fields,
      clientAddress: "127.0.0.1",
      scheme: "http",
      host: "a",
      trusted: null,
      proxies: null,
    } as const;
    const received = new ReceivedRequest(exchange, origin, "/", 0, 0, "", "");
    const routed = new RoutedRequest(received, services.get("web")!, "/", "/", false);
    void runPhases(inOrder(phases), routed, policies);
  };
  /** Long enough for everything that follows without a timer. */
  const refuse = async (code: ExchangeErrorCode = "connect-failed"): Promise<void> => {
    asked.at(-1)!.receiver.onError(new ExchangeError(code, code));
    await new Promise(setImmediate);
  };
  return { clock, services, asked, answered, deploy, pause, deliver, refuse };
}

describe("Delivery, without waiting", () => {
  test("asks each target once, and answers when all have refused", async () => {
    const { asked, answered, deploy, deliver, refuse } = setUp(0);
    deploy("one", "two");
    deliver();
    await refuse();
    expect(asked.map(({ host }) => host).toSorted()).toEqual(["one", "two"]);
    expect(answered).toEqual([]);
    await refuse();
    expect([asked.length, answered]).toEqual([2, [502]]);
  });

  test("asks no other target after anything but a refused connection", async () => {
    const { asked, answered, deploy, deliver, refuse } = setUp(0);
    deploy("one", "two");
    deliver();
    await refuse("connection-lost");
    expect([asked.length, answered]).toEqual([1, [502]]);
  });

  test("answers 503 when there is no target to ask", async () => {
    const { answered, deploy, deliver } = setUp(0);
    deploy();
    deliver();
    await new Promise(setImmediate);
    expect(answered).toEqual([503]);
  });
});

describe("Delivery, with retries", () => {
  test("asks the other target when one refuses", async () => {
    const { asked, deploy, deliver, refuse } = setUp();
    deploy("one", "two");
    deliver();
    await refuse();
    expect(asked.map(({ host }) => host).toSorted()).toEqual(["one", "two"]);
  });

  test("asks no target that was replaced meanwhile", async () => {
    const { asked, deploy, deliver, refuse } = setUp();
    deploy("one", "two");
    deliver();
    deploy("three");
    await refuse();
    expect(asked.at(-1)!.host).toBe("three");
  });

  test("holds the request when a pause has come meanwhile", async () => {
    const { services, asked, deploy, pause, deliver, refuse } = setUp();
    deploy("one", "two");
    deliver();
    pause("one", "two");
    await refuse();
    expect(asked.length).toBe(1);
    expect(services.samples().held).toEqual({ web: 1 });
    deploy("one", "two");
    await new Promise(setImmediate);
    expect(asked.length).toBe(2);
  });
});
