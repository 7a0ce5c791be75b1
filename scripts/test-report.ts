/** Reads the counts out of the JUnit report of `bun test`. */

export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * `expectedFiles` are the test files that should have run: one that could not even be loaded is
 * missing in the report and counts as a failure.
 */
export function countTests(junitXml: string, expectedFiles: string[]): TestCounts {
  const root = /<testsuites\b[^>]*>/.exec(junitXml)?.[0] ?? "";
  const ran = new Set(
    Array.from(junitXml.matchAll(/<testsuite\b[^>]* file="([^"]*)"/g), ([, file]) => file),
  );
  const missing = expectedFiles.filter((file) => !ran.has(file)).length;
  const failures = attribute(root, "failures");
  const skipped = attribute(root, "skipped");
  return {
    passed: attribute(root, "tests") - failures - skipped,
    failed: failures + missing,
    skipped,
  };
}

export function formatCounts({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function attribute(tag: string, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
}
