import { expect, test } from "bun:test";
import { isBodyless, reasonPhrase } from "../../../../src/protocols/http/status.ts";

test("reasonPhrase names known and unknown statuses", () => {
  expect(reasonPhrase(503)).toBe("Service Unavailable");
  expect(reasonPhrase(799)).toBe("Status 799");
});

test("isBodyless is true of 1xx, 204 and 304", () => {
  expect([100, 101, 199, 204, 304].every(isBodyless)).toBe(true);
  expect([200, 205, 206, 301, 404].some(isBodyless)).toBe(false);
});
