import { expect, test } from "bun:test";
import { FirstOrder } from "../../../../../src/control-plane/certificates/automatic/first-order.ts";
import {
  type AddressFinding,
  preflightReport,
  type PreflightReport,
} from "../../../../../src/control-plane/certificates/automatic/preflight-report.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../../support/recording-logger.ts";

const minuteMs = 60_000;
const arrives: AddressFinding = { address: "192.0.2.1", kind: "arrives" };
const other: AddressFinding = {
  address: "192.0.2.2",
  kind: "answers",
  status: 404,
  location: null,
};
const redirected: AddressFinding = { ...other, status: 301, location: "https://app.test/x" };
const closed: AddressFinding = {
  address: "2001:db8::1",
  kind: "closed",
  reason: "connection refused",
};
const untested: AddressFinding = {
  address: "2001:db8::2",
  kind: "untested",
  reason: "network unreachable",
};

test.each<[AddressFinding[] | null, PreflightReport]>([
  [null, { verdict: "unknown", text: "no name server can tell the addresses of app.test" }],
  [[], { verdict: "nowhere", text: "app.test has no address" }],
  [[arrives, untested], { verdict: "arrives", text: null }],
  [
    [arrives, other],
    {
      verdict: "partly",
      text: "port 80 of app.test leads here by 192.0.2.1, but not by 192.0.2.2 (another server answers 404)",
    },
  ],
  [
    [other, closed],
    {
      verdict: "elsewhere",
      text: "port 80 of app.test does not lead here: 192.0.2.2 (another server answers 404), 2001:db8::1 (connection refused)",
    },
  ],
  [
    [closed, untested],
    {
      verdict: "closed",
      text: "port 80 of app.test does not lead here: 2001:db8::1 (connection refused), 2001:db8::2 (network unreachable)",
    },
  ],
  [
    [redirected],
    {
      verdict: "unknown",
      text: "port 80 of app.test does not lead here: 192.0.2.2 (another server answers 301 to https://app.test/x)",
    },
  ],
  [
    [untested],
    {
      verdict: "unknown",
      text: "port 80 of app.test does not lead here: 2001:db8::2 (network unreachable)",
    },
  ],
])("a preflight says what was found: %#", (findings, report) => {
  expect(preflightReport("app.test", 80, findings)).toEqual(report);
});

class Setup {
  readonly clock = new ManualClock();
  readonly logger = new RecordingLogger();
  findings: AddressFinding[] = [other];
  looks = 0;
  readonly order = new FirstOrder({
    name: "app.test",
    clock: this.clock,
    logger: this.logger,
    check: async () => {
      this.looks++;
      return preflightReport("app.test", 80, this.findings);
    },
  });

  /** Whether an order may be placed so much later. */
  async after(minutes: number): Promise<boolean> {
    this.clock.advance(minutes * minuteMs);
    return this.order.begin().then(
      () => true,
      (error: Error) => {
        expect(error.message).toStartWith("nothing was ordered: ");
        return false;
      },
    );
  }
}

test("an order in vain is placed once, and then once an hour", async () => {
  const setup = new Setup();
  expect(await setup.after(0)).toBe(true);
  expect([await setup.after(1), await setup.after(58)]).toEqual([false, false]);
  expect([await setup.after(1), await setup.after(59), await setup.after(1)]).toEqual([
    true,
    false,
    true,
  ]);
});

test("a name without an address is not even ordered once, but not held for ever", async () => {
  const setup = new Setup();
  setup.findings = [];
  expect([await setup.after(0), await setup.after(59), await setup.after(1)]).toEqual([
    false,
    false,
    true,
  ]);
});

test("a name that has got an address is ordered once, also when its port is closed", async () => {
  const setup = new Setup();
  setup.findings = [];
  expect(await setup.after(0)).toBe(false);
  setup.findings = [closed];
  expect([await setup.after(1), await setup.after(1)]).toEqual([true, false]);
});

test("when the name leads here, or somebody asks for it, an order is placed at once", async () => {
  const setup = new Setup();
  expect([await setup.after(0), await setup.after(1)]).toEqual([true, false]);
  setup.order.allowOne();
  expect([await setup.after(1), await setup.after(1)]).toEqual([true, false]);
  setup.findings = [arrives];
  expect([await setup.after(1), await setup.after(0)]).toEqual([true, true]);
  expect(setup.order.finding).toBeNull();
});

test("what is wrong is logged when it changes, and looked at once for all who ask together", async () => {
  const setup = new Setup();
  await Promise.all([setup.order.look(), setup.order.look(), setup.after(0)]);
  expect(setup.looks).toBe(1);
  await setup.after(1);
  expect(setup.looks).toBe(2);
  setup.findings = [closed];
  await setup.after(1);
  const warnings = setup.logger.entries.filter(({ level }) => level === "warn");
  expect(warnings.map(({ fields }) => fields["error"])).toEqual([
    expect.stringContaining("another server"),
    expect.stringContaining("connection refused"),
  ]);
  setup.order.done();
  expect(setup.order.finding).toBeNull();
});
