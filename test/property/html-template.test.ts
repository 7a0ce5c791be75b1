import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TemplateSet } from "../../src/go/html-template.ts";
import { TemplateError } from "../../src/go/html-template/nodes.ts";

const fragments = [
  ..."ab <>\"'=/-\n".split(""),
  "<b>",
  '<p title="',
  "<a href='",
  "?x=",
  "<!--",
  "-->",
  "<title>",
  "</title>",
  "<script>",
  "</script>",
  "{{.Message}}",
  "{{- .Message -}}",
  "{{if .Message}}",
  "{{with .Message}}",
  "{{with $x := .}}",
  "{{else}}",
  "{{end}}",
  "{{.}}",
  "{{.Message | html}}",
  '{{printf "%s" .Message}}',
  "{{eq .Message 1}}",
  "{{len .}}",
  '{{define "x"}}',
  '{{template "x"}}',
  "{{/* x */}}",
  "{{",
  "}}",
  "$x",
];

describe("html-template", () => {
  test("never throws anything but a TemplateError, and never while rendering", () => {
    const source = fc
      .array(fc.constantFrom(...fragments), { maxLength: 15 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(source, fc.string({ unit: "binary" }), (text, message) => {
        let templates: TemplateSet;
        try {
          templates = TemplateSet.parse({ "a.html": text });
          templates.prepare("a.html");
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
          return;
        }
        expect(["page", "error"]).toContain(templates.render("a.html", { Message: message }).kind);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["<p>", "</p>"],
    ['<p title="', '">'],
    ["<p title='", "'>"],
    ["<title>", "</title>"],
  ])("keeps a value between %s and %s whatever it is", (before, after) => {
    const templates = TemplateSet.parse({ "a.html": `${before}{{.Message}}${after}` });
    templates.prepare("a.html");
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(
          fc.constantFrom(
            "<",
            ">",
            '"',
            "'",
            " ",
            "&",
            "\u00a0",
            "</title>",
            "javascript:",
            "\0",
            "a",
          ),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(value, (text) => {
        const rendered = templates.render("a.html", { Message: text });
        if (rendered.kind === "error") throw new Error(rendered.message);
        expect(rendered.text).toStartWith(before);
        expect(rendered.text).toEndWith(after);
        const inside = rendered.text.slice(before.length, rendered.text.length - after.length);
        expect(inside).not.toMatch(/["'<>]/);
      }),
    );
  });
});
