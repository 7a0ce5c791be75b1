import { describe, expect, test } from "bun:test";
import { countTests, formatCounts } from "../../../scripts/test-report.ts";

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="8" assertions="1" failures="3" skipped="2" time="0.01">
  <testsuite name="test/a.test.ts" file="test/a.test.ts" tests="8" assertions="1" failures="3" skipped="2">
    <testsuite name="inner" file="test/a.test.ts" line="2" tests="1" assertions="0" failures="0" skipped="0">
    </testsuite>
  </testsuite>
</testsuites>`;

describe("countTests", () => {
  test("takes the totals of the report", () => {
    expect(countTests(report, ["test/a.test.ts"])).toEqual({ passed: 3, failed: 3, skipped: 2 });
  });

  test("counts a file that is missing in the report as a failure", () => {
    expect(countTests(report, ["test/a.test.ts", "test/b.test.ts"]).failed).toBe(4);
  });

  test("counts nothing without a report", () => {
    expect(countTests("", [])).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});

test("formatCounts names skipped tests only when there are any", () => {
  expect(formatCounts({ passed: 2, failed: 0, skipped: 0 })).toBe("2 passed, 0 failed");
  expect(formatCounts({ passed: 2, failed: 1, skipped: 3 })).toBe("2 passed, 1 failed, 3 skipped");
});
