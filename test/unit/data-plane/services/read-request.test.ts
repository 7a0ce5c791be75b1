import { expect, test } from "bun:test";
import { isReadRequest } from "../../../../src/data-plane/services/read-request.ts";

test.each([
  ["GET", null, false, true],
  ["HEAD", null, false, true],
  ["POST", null, true, false],
  ["OPTIONS", null, true, false],
  ["get", null, true, false],
  ["GET", "WebSocket", false, false],
  ["GET", "websocket", true, true],
  ["GET", "other", false, true],
])("%s with upgrade %p, readers accept WebSockets %p: read is %p", (method, upgrade, ws, read) => {
  expect(isReadRequest(method, upgrade, ws)).toBe(read);
});
