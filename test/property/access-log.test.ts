import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatAccessLine } from "../../src/data-plane/telemetry/access-log.ts";
import { formatMessage } from "../../src/seam/process-log.ts";

/** A byte string: one character per byte. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString("latin1")),
  fc.string({ unit: "binary" }).map((text) => Buffer.from(text).toString("latin1")),
);

const record = {
  wallMs: 0,
  port: 80,
  status: 200,
  service: "a",
  target: "a:80",
  durationNs: 1,
  method: "GET",
  reqContentLength: 0,
  reqContentType: "",
  respContentLength: 0,
  respContentType: "",
  clientAddr: "192.0.2.1",
  clientPort: 1,
  remoteAddr: "192.0.2.1",
  proto: "HTTP/1.1",
  scheme: "http",
  customFields: null,
  policy: null,
  rollout: null,
  traceId: null,
  error: "",
};

describe("formatAccessLine", () => {
  test("is one line of valid JSON whatever bytes come", () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, bytes, (host, path, requestId, userAgent, query) => {
        const line = formatAccessLine({ ...record, host, path, requestId, userAgent, query });
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(Object.keys(JSON.parse(line))).toHaveLength(23);
      }),
      { numRuns: 500 },
    );
  });

  test("gives back what was valid UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const path = Buffer.from(text).toString("latin1");
        const line = formatAccessLine({
          ...record,
          host: "",
          path,
          requestId: "",
          userAgent: "",
          query: "",
        });
        // Through bytes, as it is written.
        expect(JSON.parse(Buffer.from(line).toString()).path).toBe(Buffer.from(text).toString());
      }),
      { numRuns: 500 },
    );
  });
});

describe("formatMessage", () => {
  test("is one line of valid JSON whatever the fields are", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.dictionary(fc.string(), fc.anything()),
        (message, fields) => {
          const line = formatMessage(0, "INFO", message, fields);
          expect(line.indexOf("\n")).toBe(line.length - 1);
          expect(JSON.parse(line).level).toBeDefined();
        },
      ),
      { numRuns: 500 },
    );
  });
});
