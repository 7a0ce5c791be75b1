import { describe, expect, test } from "bun:test";
import {
  type AccessRecord,
  formatAccessLine,
} from "../../../../src/data-plane/telemetry/access-log.ts";

const record: AccessRecord = {
  wallMs: Date.UTC(2026, 10, 23, 15, 18, 57) + 846,
  host: "a.test:8080",
  port: 80,
  path: "/users",
  requestId: "55dc7ae0-094d-4d6f-b38c-ec357f784c62",
  status: 299,
  service: "a",
  target: "127.0.0.1:3000",
  durationNs: 733_133,
  method: "GET",
  reqContentLength: -1,
  reqContentType: "text/plain",
  respContentLength: 1,
  respContentType: "text/html",
  clientAddr: "192.0.2.1",
  clientPort: 59_584,
  remoteAddr: "198.51.100.7, 192.0.2.1",
  userAgent: "curl/7.88.1",
  proto: "HTTP/1.1",
  scheme: "http",
  query: "q=1",
  customFields: [
    ["req_x_foo", "bar"],
    ["resp_x_a", ""],
  ],
  policy: null,
  rollout: null,
  traceId: null,
  error: "",
};

describe("formatAccessLine", () => {
  test("has the keys of kamal-proxy in their order, and its types", () => {
    const line = formatAccessLine(record);
    expect(line.replace(/"time":"[^"]*"/, '"time":""')).toBe(
      '{"time":"","level":"INFO","msg":"Request","host":"a.test:8080","port":80,"path":"/users",' +
        '"request_id":"55dc7ae0-094d-4d6f-b38c-ec357f784c62","status":299,"service":"a",' +
        '"target":"127.0.0.1:3000","duration":733133,"method":"GET","req_content_length":-1,' +
        '"req_content_type":"text/plain","resp_content_length":1,"resp_content_type":"text/html",' +
        '"client_addr":"192.0.2.1","client_port":"59584","remote_addr":"198.51.100.7, 192.0.2.1",' +
        '"user_agent":"curl/7.88.1","proto":"HTTP/1.1","scheme":"http","query":"q=1",' +
        '"req_x_foo":"bar","resp_x_a":""}\n',
    );
  });

  test("tells when the request ended", () => {
    const { time } = JSON.parse(formatAccessLine(record));
    expect(new Date(time).getTime()).toBe(record.wallMs);
  });

  test("says whether the rollout or the targets beside it have served, and nothing without one", () => {
    const served = [true, false].map(
      (rollout) => JSON.parse(formatAccessLine({ ...record, rollout })).rollout,
    );
    expect(served).toEqual([true, false]);
    expect(formatAccessLine(record)).not.toContain('"rollout"');
  });

  test("names the policy that has answered, and has no such field for kamal-proxy's own answers", () => {
    expect(JSON.parse(formatAccessLine({ ...record, policy: "basic-auth" })).policy).toBe(
      "basic-auth",
    );
    expect(formatAccessLine(record)).not.toContain('"policy"');
  });

  test("has no further fields when no target was chosen", () => {
    const line = formatAccessLine({ ...record, customFields: null });
    expect(line).toEndWith(',"query":"q=1"}\n');
  });

  test("cuts values beyond 8 KB behind a whole character, and says how long they were", () => {
    const long = "a".repeat(8_191) + "\xe2\x82\xac".repeat(100);
    const line = formatAccessLine({
      ...record,
      method: "M".repeat(10_000),
      userAgent: long,
      path: "b".repeat(8_192),
      customFields: [["req_x_foo", "\xff".repeat(1_000_000)]],
    });
    const { method, user_agent, path, req_x_foo } = JSON.parse(line);
    expect(method).toBe(`${"M".repeat(8_192)} [cut, 10000 bytes]`);
    expect(user_agent).toBe(`${"a".repeat(8_191)} [cut, ${long.length} bytes]`);
    expect(path).toBe("b".repeat(8_192));
    expect(req_x_foo).toEndWith("\ufffd [cut, 1000000 bytes]");
    expect(line.length).toBeLessThan(100_000);
  });

  test("gives the duration in whole nanoseconds", () => {
    const durations = [1.9, -3, 12_345_678.000_000_1].map(
      (durationNs) => JSON.parse(formatAccessLine({ ...record, durationNs })).duration,
    );
    expect(durations).toEqual([1, 0, 12_345_678]);
  });

  test("has what the deploy named as it was given", () => {
    const service = 'café "<€>"\n';
    const line = formatAccessLine({ ...record, service, customFields: [["req_x_é", "a"]] });
    expect(JSON.parse(line)).toMatchObject({ service, req_x_é: "a" });
  });

  test("is valid JSON whatever clients send", () => {
    const nasty = '"}\n{"\\\xff\0\xc3\xa9';
    const parsed = JSON.parse(
      formatAccessLine({
        ...record,
        host: nasty,
        path: nasty,
        requestId: nasty,
        reqContentType: nasty,
        respContentType: nasty,
        remoteAddr: nasty,
        userAgent: nasty,
        query: nasty,
        customFields: [["req_x", nasty]],
      }),
    );
    const read = '"}\n{"\\\ufffd\0é';
    expect(parsed).toMatchObject({
      host: read,
      path: read,
      request_id: read,
      query: read,
      req_x: read,
    });
    expect(parsed).toMatchObject({ user_agent: read, remote_addr: read, resp_content_type: read });
  });
});
