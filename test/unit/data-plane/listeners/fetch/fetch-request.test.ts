import { expect, test } from "bun:test";
import { readFetchRequest } from "../../../../../src/data-plane/listeners/fetch/fetch-request.ts";
import { HeadFault } from "../../../../../src/protocols/http/head-fault.ts";

/** What Bun's server hands over; its own `Request` would make another URL of these. */
function read(url: string, host = "a.test") {
  const headers = new Headers({ host });
  return readFetchRequest({ method: "GET", url, headers, body: null } as Request, []);
}

test.each([
  ["https://a.test/x/%2F?y=%C3%A9", "/x/%2F", "?y=%C3%A9"],
  ["https://a.test/a#b", "/a%23b", ""],
  ["https://a.test//b", "//b", ""],
])("a request for %j asks for %j", (url, path, query) => {
  expect(read(url)).toMatchObject({ path, query, hostName: "a.test" });
});

test("a host of which Bun can make no URL has its path", () => {
  expect(read("/x", "web.1")).toMatchObject({ path: "/x", hostName: "web.1" });
});

test.each([
  ["a path without its slash", "x"],
  ["a blank in front", " /a"],
  ["a blank", "/a b"],
  ["a tab", "/a\tb"],
  ["a path whose bytes are lost", "https://a.test/caf%EF%BF%BD"],
  ["a query whose bytes are lost", "https://a.test/?q=%EF%BF%BD"],
])("%s is refused", (_, url) => {
  expect(read(url)).toEqual(expect.objectContaining({ status: 400 }));
  expect(read(url)).toBeInstanceOf(HeadFault);
});
