import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { settingJson } from "../../../../src/config/setting-json.ts";
import { flaggedSettings } from "../../../../src/config/setting-layers.ts";
import { appLayer } from "../../../../src/control-plane/settings-layers/app-layer.ts";

const page = join(import.meta.dir, "../../../../docs/stock-kamal.md");

function fault(json: object): string | null {
  try {
    appLayer("app", JSON.stringify(json));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

describe("settings of an app", () => {
  test("are what it may say of itself, and the page names all that it may not", () => {
    const refused = [...flaggedSettings].flatMap(([flag, row]) =>
      fault({ [flag]: settingJson(row, row.fallback) })?.includes("can't be set") ? [flag] : [],
    );
    expect(refused).toContain("host");
    expect(refused).not.toContain("target-timeout");
    const text = readFileSync(page, "utf8").split("## The app itself")[1]!;
    const unnamed = refused.filter(
      (flag) => !/^(?:tls|health-check-)/.test(flag) && !text.includes(`\`${flag}\``),
    );
    expect(unnamed).toEqual([]);
    const left = [...flaggedSettings.keys()].filter((flag) => !refused.includes(flag));
    expect(left.filter((flag) => /^(?:tls|health-check-)/.test(flag))).toEqual([]);
  });

  test("name no files", () => {
    expect(appLayer("app", '{"allow-ip": ["10.0.0.0/8"]}')).toEqual({ "allow-ip": ["10.0.0.0/8"] });
    expect(fault({ "allow-ip": ["10.0.0.0/8", "@/etc/x"] })).toBe(
      `app: "allow-ip" can't name a file when an app sets it`,
    );
  });

  test.each(["", "null", "3", "[]", "<html>", '{"tls": '])("%p says nothing", (text) => {
    expect(appLayer("app", text)).toEqual({});
  });

  test.each(["__proto__", "constructor", "target"])("%s is no setting", (key) => {
    expect(() => appLayer("app", `{"${key}": {}}`)).toThrow("is no setting of a service");
  });
});
