/** `bun scripts/settings-schema.ts`: writes the JSON schema of files of settings, from the table of settings. */
import { join } from "node:path";
import { jsonFormOf, jsonForms, settingJson } from "../src/config/setting-json.ts";
import { flaggedSettings } from "../src/config/setting-layers.ts";
import type { Setting } from "../src/config/setting.ts";
import { projectFolder } from "./project.ts";

export const settingsSchemaPath = join(projectFolder, "docs", "proxy-settings.schema.json");

export function settingsSchema(): object {
  const entries = [...flaggedSettings].map(([flag, row]) => [flag, settingSchema(flag, row)]);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "kamal-proxy: settings of services",
    description: "A table for each service by its name; * stands for any characters.",
    type: "object",
    properties: { $schema: { type: "string" } },
    additionalProperties: { $ref: "#/definitions/service" },
    definitions: {
      service: {
        type: "object",
        additionalProperties: false,
        properties: Object.fromEntries(entries),
      },
    },
  };
}

export function settingsSchemaText(): string {
  return `${JSON.stringify(settingsSchema(), null, 2)}\n`;
}

function settingSchema(flag: string, row: Setting): object {
  const form = jsonFormOf(row.kind);
  // That of forward-headers is another one for services with TLS.
  const hasDefault = flag !== "forward-headers" && row.fallback.toString() !== "";
  return {
    description: row.help,
    ...jsonForms[form].schema,
    ...(row.kind === "choice" && { enum: row.words }),
    ...(row.kind === "percentage" && { minimum: 0, maximum: 100 }),
    ...(hasDefault && { default: settingJson(row, row.fallback) }),
  };
}

if (import.meta.main) await Bun.write(settingsSchemaPath, settingsSchemaText());
