import { test } from "bun:test";
import * as fc from "fast-check";
import { parseFlags } from "../../src/cli/flags/parse-flags.ts";
import { normalizeServiceOptions } from "../../src/config/validate-options.ts";
import { runLine } from "../support/command-line.ts";
import { serviceOptions } from "../support/service-options.ts";

const word = fc.oneof(
  fc.string(),
  fc.constantFrom("deploy", "rollout", "set", "list", "help", "--", "-", "-h", "--help", "run"),
  fc.constantFrom(
    "--target",
    "--target=a",
    "--tls",
    "--host",
    "--percent=5",
    "--list",
    "x",
    "=",
    "",
  ),
);

test("every command line ends in success or in one error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (args) => {
      const { exitCode, stdout, stderr } = await runLine(args, { reply: { ok: true } });
      if (exitCode === 0) return stderr === "" || stderr.startsWith("Unknown help topic");
      return exitCode === 1 && stdout === "" && stderr.startsWith("Error: ");
    }),
  );
});

test("quoted list values come through unchanged", () => {
  // Line ends are normalised and a lone empty value adds nothing.
  const value = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (list) => {
      const line = list.map((each) => `"${each.replaceAll('"', '""')}"`).join(",");
      const table = { host: { kind: "list", fallback: [], help: "" } } as const;
      const { values } = parseFlags(table, [`--host=${line}`, "--host", line]);
      return JSON.stringify(values.host) === JSON.stringify([...list, ...list]);
    }),
  );
});

test("normalizing the options of a service twice changes nothing", () => {
  const names = fc.array(fc.string());
  fc.assert(
    fc.property(names, names, fc.string(), (hosts, pathPrefixes, canonicalHost) => {
      const given = { hosts, pathPrefixes, canonicalHost, writerAffinityTimeoutMs: -1 };
      const once = normalizeServiceOptions(serviceOptions(given));
      return JSON.stringify(normalizeServiceOptions(once)) === JSON.stringify(once);
    }),
  );
});
