import { describe, expect, test } from "bun:test";
import { descriptorCeiling } from "../../../src/net/descriptor-ceiling.ts";

describe("descriptor ceiling", () => {
  test("keeps a quarter back, but never more than is needed", () => {
    expect(descriptorCeiling(64)).toBe(48);
    expect(descriptorCeiling(1_024)).toBe(768);
    expect(descriptorCeiling(1_048_576)).toBe(1_048_320);
    expect(descriptorCeiling(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  });

  test("knows the limit of this process", () => {
    expect(descriptorCeiling()).toBeGreaterThan(0);
  });
});
