import { describe, expect, test } from "bun:test";
import {
  stripDecodedPrefix,
  stripPrefix,
} from "../../../../src/data-plane/services/routed-path.ts";

describe("stripPrefix", () => {
  test.each([
    ["/api/x", "/api", "/x"],
    ["/api", "/api", "/"],
    ["/api/", "/api", "/"],
    ["/api/api/x", "/api", "/api/x"],
    ["/api//x", "/api", "//x"],
    ["/api/a%2Fb", "/api", "/a%2Fb"],
    ["/%61pi/%61pi", "/api", "/%61pi"],
    ["/a%70%69", "/api", "/"],
    ["/api/%zz|{}", "/api", "/%zz|{}"],
    ["/api%2Fx", "/api", "/x"],
    ["/a%2fb/c", "/a/b", "/c"],
    ["/caf%C3%A9/x", "/caf\xc3\xa9", "/x"],
    ["/caf\xc3\xa9/x", "/caf\xc3\xa9", "/x"],
    ["/a%25b/x", "/a%b", "/x"],
    ["/a%2520b/x", "/a%20b", "/x"],
    ["/x%20y", "/", "/x%20y"],
  ])("%s without %s is %s", (path, prefix, expected) => {
    expect(stripPrefix(path, prefix)).toBe(expected);
  });

  test("leaves a path alone that does not begin with the prefix", () => {
    expect(stripPrefix("/other", "/api")).toBe("/other");
    expect(stripPrefix("/ap", "/api")).toBe("/ap");
  });
});

test.each([
  ["/api/x", "/api", "/x"],
  ["/api", "/api", "/"],
  ["/api", "/", "/api"],
])("stripDecodedPrefix: %s without %s is %s", (path, prefix, expected) => {
  expect(stripDecodedPrefix(path, prefix)).toBe(expected);
});
