import { describe, expect, test } from "bun:test";
import { settingsSchemaPath, settingsSchemaText } from "../../scripts/settings-schema.ts";
import { parseDuration } from "../../src/go/duration.ts";
import { jsonForms, readSettingJson } from "../../src/config/setting-json.ts";
import { flaggedSettings } from "../../src/config/setting-layers.ts";

interface PropertySchema {
  type: string | string[];
  pattern?: string;
  enum?: string[];
  default?: unknown;
}

const schema = JSON.parse(settingsSchemaText()) as {
  definitions: { service: { properties: Record<string, PropertySchema> } };
};
const { properties } = schema.definitions.service;

describe("the JSON schema of files of settings", () => {
  test("is up to date; `bun scripts/settings-schema.ts` writes it", async () => {
    expect(await Bun.file(settingsSchemaPath).text()).toBe(settingsSchemaText());
  });

  test("has every setting, and takes what the proxy takes", () => {
    expect(Object.keys(properties)).toEqual([...flaggedSettings.keys()]);
    for (const [flag, row] of flaggedSettings) {
      const { type, pattern, enum: words, default: value } = properties[flag]!;
      if (value === undefined) continue;
      expect(readSettingJson(row, value), flag).not.toHaveProperty("error");
      expect([type].flat(), flag).toContain(typeOf(value));
      if (pattern !== undefined) expect(value, flag).toMatch(new RegExp(pattern));
      if (words !== undefined) expect(words, flag).toContain(value as string);
    }
  });

  test.each(["30s", "1h30m", "1.5h", "0", "0s", "-5s", "1µs", ".5s", "30", "s", "", "1 s", "1d"])(
    "calls %p a duration when the proxy does",
    (text) => {
      const isDuration = new RegExp(jsonForms.duration.schema.pattern).test(text);
      expect(isDuration).toBe(!("error" in parseDuration(text)));
    },
  );
});

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
