import { describe, expect, test } from "bun:test";
import { Answers } from "../../../../src/data-plane/proxy/answers/answers.ts";
import { Forwarding } from "../../../../src/data-plane/proxy/forwarding.ts";
import type {
  Policy,
  PolicyContext,
  Verdict,
} from "../../../../src/data-plane/proxy/policies/policy.ts";
import { PolicyPhase } from "../../../../src/data-plane/proxy/policies/policy-phase.ts";
import {
  PolicyCompiler,
  ServicePolicies,
} from "../../../../src/data-plane/proxy/policies/service-policies.ts";
import {
  DeliveredRequest,
  ReceivedRequest,
  RoutedRequest,
} from "../../../../src/data-plane/proxy/request-stages.ts";
import { DeadlineQueue } from "../../../../src/lib/deadline-queue.ts";
import { LiveServices } from "../../../../src/data-plane/services/live-services.ts";
import type { Transport } from "../../../../src/data-plane/upstream/transport.ts";
import type {
  ResponseReceiver,
  UpstreamRequest,
} from "../../../../src/data-plane/upstream/upstream-request.ts";
import type { BodySink } from "../../../../src/protocols/http/body.ts";
import { chunkedBody, noBody } from "../../../../src/protocols/http/body-framing.ts";
import type { Exchange } from "../../../../src/protocols/http/exchange.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { poolSnapshot, serviceSnapshot, snapshot } from "../../../support/service-snapshots.ts";

const nameless = { logName: null };

function setUp() {
  const clock = new ManualClock();
  const events: string[] = [];
  const sent: { request: UpstreamRequest; receiver: ResponseReceiver }[] = [];
  const services = new LiveServices({
    clock,
    createTransport: () =>
      ({
        send(request: UpstreamRequest, receiver: ResponseReceiver) {
          sent.push({ request, receiver });
          return { cancel() {} };
        },
        retire() {},
      }) as unknown as Transport,
  });
  services.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["one", "two"]) })));
  const client: BodySink = {
    attach() {},
    write: (chunk) => events.push(`body ${Buffer.from(chunk).toString()}`) > 0,
    flush() {},
    end: () => void events.push("end"),
    abort() {},
  };
  const exchange = {
    request: {
      method: "GET",
      path: "/",
      query: "?q",
      host: "a",
      fields: Fields.of(["Host", "a"]),
      framing: noBody,
      body: null,
      upgrade: null,
    },
    onAbort: null,
    aborted: false,
    status: 0,
    respond: (status: number) => void events.push(`answer ${status}`),
    sendHead(status: number, _reason: string, fields: Fields, framing: { kind: string }): BodySink {
      events.push(`head ${status} ${fields.names.join()} ${framing.kind}`);
      return client;
    },
  };
  const origin = {
    fields: exchange.request.fields,
    clientAddress: "127.0.0.1",
    scheme: "http",
    host: "a",
    trusted: null,
    proxies: null,
  } as const;
  const received = new ReceivedRequest(
    exchange as unknown as Exchange,
    origin,
    "/",
    0,
    0,
    "i",
    "t",
  );
  const service = services.get("web")!;
  const routed = new RoutedRequest(received, service, "/", "/", false);
  const answers = new Answers(new RecordingLogger(), true);
  const ask = (...policies: Policy[]) =>
    new PolicyPhase(answers).run(routed, new ServicePolicies(policies));
  const forward = (...policies: Policy[]) => {
    const forwarded = { forwardedFor: "", forwardedHost: "", forwardedProto: "", kamalTarget: "" };
    const group = service.activeBalancer;
    const delivered = new DeliveredRequest(routed, group.targets[0]!, group, forwarded);
    new Forwarding(delivered, new ServicePolicies(policies), {
      responseSpool: null,
      responsePauses: new DeadlineQueue(clock, 10),
      clock,
    }).start();
    return sent.at(-1)!;
  };
  return { clock, events, exchange, services, service, routed, ask, forward };
}

describe("policies asked about a request", () => {
  test("are asked in order, without a promise, until one answers", () => {
    const { ask, routed } = setUp();
    const asked: string[] = [];
    const policy = (logName: string, verdict: Verdict): Policy => ({
      logName,
      onRequest: () => (asked.push(logName), verdict),
    });
    expect(ask(policy("a", "pass"), nameless, policy("b", "pass"))).toBe("next");
    expect([asked.splice(0), routed.answeredBy]).toEqual([["a", "b"], null]);
    expect(ask(policy("a", "pass"), policy("b", "answered"), policy("c", "pass"))).toBe("answered");
    expect([asked, routed.answeredBy]).toEqual([["a", "b"], "b"]);
  });

  test("may take their time, and the next one is asked behind them", async () => {
    const { ask, routed } = setUp();
    const question = Promise.withResolvers<Verdict>();
    const asked: string[] = [];
    const outcome = ask(
      { logName: "slow", onRequest: () => question.promise },
      { logName: "next", onRequest: () => (asked.push("next"), "answered") },
    );
    expect(asked).toEqual([]);
    question.resolve("pass");
    expect([await outcome, asked, routed.answeredBy]).toEqual(["answered", ["next"], "next"]);
  });

  test("let nobody pass who has left meanwhile", async () => {
    const { ask, exchange, routed } = setUp();
    const question = Promise.withResolvers<Verdict>();
    const outcome = ask({ logName: "slow", onRequest: () => question.promise });
    exchange.aborted = true;
    question.resolve("pass");
    expect(await outcome).toBe("answered");
    expect([routed.received.unsentStatus, routed.answeredBy]).toEqual([499, null]);
  });
});

describe("policies of a request on its way", () => {
  test("change what the target is sent, and how long it may take", () => {
    const { forward } = setUp();
    const { request } = forward({
      ...nameless,
      onOutgoing(delivered, head) {
        head.target = `/v2${head.target}`;
        head.added.push("X-Added", "1");
        delivered.responseTimeoutMs = 5;
      },
    });
    expect([request.head.target, request.responseTimeoutMs]).toEqual(["/v2/?q", 5]);
    const { added } = request.head;
    expect([added[added.length - 2], added[added.length - 1]]).toEqual(["X-Added", "1"]);
  });

  test("see the response the other way round, and may change its head and its body", () => {
    const { forward, events } = setUp();
    const marking = (mark: string): Policy => ({
      ...nameless,
      onResponse(_request, response) {
        response.fields.append(mark, "");
        response.framing = chunkedBody;
      },
      wrapBody: (_request, _response, client) => ({
        attach: (source) => client.attach(source),
        write: (chunk) => client.write(Buffer.concat([Buffer.from(mark), chunk])),
        flush: () => client.flush(),
        end: (trailers) => client.end(trailers),
        abort: (error) => client.abort(error),
        dispose() {},
      }),
    });
    const { receiver } = forward(marking("a"), marking("b"));
    const head = { status: 200, reason: "OK", fields: new Fields() };
    const sink = receiver.onHead(head, { kind: "length", length: 1 });
    sink.write(Buffer.from("."));
    sink.end(null);
    expect(events).toEqual(["head 200 b,a chunked", "body ab.", "end"]);
  });
});

describe("PolicyCompiler", () => {
  test("makes the policies of a service once for each snapshot, and hands on the ones before", () => {
    const { services } = setUp();
    const previous: (Policy | null)[] = [];
    const made: Policy[] = [];
    const compiler = new PolicyCompiler(
      [
        (_service, _context, before) => {
          previous.push(before);
          made.push({ ...nameless, onEnd() {} });
          return made.at(-1)!;
        },
        () => null,
      ],
      {} as PolicyContext,
    );
    const service = services.get("web")!;
    const policies = compiler.of(service);
    expect(compiler.of(service)).toBe(policies);
    expect([policies.onEnd.length, policies.onRequest.length, previous]).toEqual([1, 0, [null]]);
    services.apply(snapshot(serviceSnapshot("web", { active: poolSnapshot(["three"]) })));
    expect(compiler.of(service)).not.toBe(policies);
    expect(previous).toEqual([null, made[0]!]);
  });
});
