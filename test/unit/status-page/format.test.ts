import { describe, expect, test } from "bun:test";
import {
  agoText,
  bytesText,
  latencyText,
  numberText,
  percentText,
  spanText,
  untilText,
} from "../../../src/status-page/format.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");
const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe("figures as people read them", () => {
  test.each([
    [0, "0"],
    [0.04, "0.04"],
    [0.5, "0.5"],
    [5, "5"],
    [12.34, "12.3"],
    [234.5, "235"],
    [1_234, "1,234"],
    [12_345, "12.3 k"],
    [1_234_567, "1.2 M"],
  ])("a number: %p", (value, text) => expect(plain(numberText(value))).toBe(text));

  test.each([
    [null, "–"],
    [0.42, "0.4 ms"],
    [12.4, "12 ms"],
    [1_240, "1.2 s"],
    [9_990, "10 s"],
    [10_000, "> 10 s"],
  ])("a latency: %p", (value, text) => expect(plain(latencyText(value))).toBe(text));

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 KB"],
    [123_456, "121 KB"],
    [5 * 2 ** 30, "5.0 GB"],
  ])("bytes: %p", (value, text) => expect(plain(bytesText(value))).toBe(text));

  test.each([
    [0, "0 %"],
    [0.0004, "< 0.1 %"],
    [0.024, "2.4 %"],
    [0.6, "60 %"],
  ])("a share: %p", (value, text) => expect(plain(percentText(value))).toBe(text));

  test.each([
    [-3, "0 ms"],
    [250, "250 ms"],
    [2_340, "2.3 s"],
    [42 * second, "42 s"],
    [5 * minute, "5 min"],
    [3 * hour + 20 * minute, "3 h 20 min"],
    [5 * day, "5 days"],
  ])("how long something takes: %p", (value, text) => expect(plain(spanText(value))).toBe(text));

  test.each([
    [0, "now"],
    [20 * second, "20 s ago"],
    [3 * minute, "3 min ago"],
    [30 * hour, "30 h ago"],
    [3 * day, "3 days ago"],
  ])("how long ago: %p", (value, text) => expect(plain(agoText(value))).toBe(text));

  test.each([
    [61.5 * day, "in 61 days"],
    [26 * hour, "in 26 h"],
    [-3 * day, "3 days ago"],
  ])("what is left: %p", (value, text) => expect(plain(untilText(value))).toBe(text));
});
