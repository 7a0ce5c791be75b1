/** Expected pages are what Go's html/template makes of the same source and data. */
import { describe, expect, test } from "bun:test";
import { TemplateSet } from "../../../src/go/html-template.ts";
import type { PageData } from "../../../src/go/html-template/values.ts";

function render(source: string, data: PageData = { Message: "Gone" }): string {
  const templates = TemplateSet.parse({ "a.html": source });
  templates.prepare("a.html");
  const rendered = templates.render("a.html", data);
  if (rendered.kind === "error") throw new Error(rendered.message);
  return rendered.text;
}

describe("a template's actions", () => {
  test.each([
    ["{{.Message}}", "Gone"],
    ["{{ .Message }}", "Gone"],
    ["{{.}}|{{$.Message}}", "map[Message:Gone]|Gone"],
    ["a  {{- .Message -}}  b", "aGoneb"],
    ["a {{/* {{note}} */}} b", "a  b"],
    ["a {{- /* note\nof two lines */ -}}\n b", "ab"],
    ["<p cl{{/* in the middle */}}ass=x>", "<p class=x>"],
    ["{{if .Message}}yes{{else}}no{{end}}", "yes"],
    ["{{if not .Message}}no{{else if false}}other{{else}}else{{end}}", "else"],
    ['{{if eq .Message "Gone"}}A{{end}}{{if ne .Message "Gone"}}B{{end}}', "A"],
    ["{{if and .Message (or false (eq (len .Message) 4))}}both{{end}}", "both"],
    ['{{and .Message "b"}} {{and "" "b"}} {{or "" "b"}} {{or "" 0}}', "b  b 0"],
    ["{{with .Message}}<p>{{.}}</p>{{else}}none{{end}}", "<p>Gone</p>"],
    ["{{with not .Message}}<p>{{.}}</p>{{else}}none{{end}}", "none"],
    ["{{with not .Message}}{{else with .Message}}{{.}}{{end}}", "Gone"],
    ["{{with $x := .Message}}{{$x}}{{end}}", "Gone"],
    ['{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}{{$x = "c"}}{{$x}}', "bac"],
    ["{{$x := .}}{{$x.Message}}", "Gone"],
    ['{{.Message | printf "%s, %s! 100 %%" "Oh"}}', "Oh, Gone! 100 %"],
    ['{{"a" | eq .Message}} {{eq 1 2 1}}', "false true"],
    ["{{len .Message}} {{len `ü`}}", "4 2"],
    ['{{print 1 2 "a" 3}}{{print}}', "1 2a3"],
    ["{{1}} {{-15}} {{true}} {{`raw\\`}}", "1 -15 true raw\\"],
    ['{{"\\u00e9\\x41\\n\\101\\""}}', "éA\nA&#34;"],
    ['{{"{{"}}', "{{"],
    ['{{define "x"}}[{{.}}]{{end}}{{template "x" .Message}}{{template "x"}}', "[Gone][]"],
    ['{{block "x" .Message}}({{.}}){{end}}', "(Gone)"],
  ])("%s", (source, page) => {
    expect(render(source)).toBe(page);
  });

  test("give nothing for what is not there", () => {
    expect(render("<p>{{.Message}}</p>{{if .Message}}a{{else}}b{{end}}", null)).toBe("<p></p>b");
  });
});

describe("a template's values", () => {
  const hostile = { Message: `<b>"it's" & +x</b>` };
  const asText = "&lt;b&gt;&#34;it&#39;s&#34; &amp; &#43;x&lt;/b&gt;";

  test.each([
    ["{{.Message}}", asText],
    ["<title>{{.Message}}</title>", `<title>${asText}</title>`],
    ["<textarea>{{.Message}}</textarea>", `<textarea>${asText}</textarea>`],
    ['<p title="{{.Message}}">', `<p title="${asText}">`],
    ["<p title='a{{.Message}}b'>", `<p title='a${asText}b'>`],
    ["<p a=b/c title = '{{.Message}}'>", `<p a=b/c title = '${asText}'>`],
    ["<track srclang='{{.Message}}'>", `<track srclang='${asText}'>`],
    ["{{.Message | html}}", "&lt;b&gt;&#34;it&#39;s&#34; &amp; +x&lt;/b&gt;"],
    ["{{html .Message}}", "&lt;b&gt;&#34;it&#39;s&#34; &amp; +x&lt;/b&gt;"],
    ["<!-- {{.Message}} -->x", "x"],
    ["{{.Message | print}}", asText],
  ])("are escaped for their place: %s", (source, page) => {
    expect(render(source, hostile)).toBe(page);
  });

  test("are escaped in a template that is called in several places", () => {
    const source = `{{define "x"}}{{.}}{{end}}{{template "x" .Message}}<p id="{{template "x" .Message}}">`;
    expect(render(source, { Message: '"<' })).toBe('&#34;&lt;<p id="&#34;&lt;">');
  });

  test.each([
    ["{{if .Message}}class='x'{{end}}", "<p class='x'>"],
    ['class="{{if .Message}}x{{end}}" id=y', '<p class="x" id=y>'],
    ['class="a {{if .Message}}x{{else}}y{{end}}"', '<p class="a x">'],
  ])("may decide about attributes: <p %s>", (attributes, page) => {
    expect(render(`<p ${attributes}>`)).toBe(page);
  });
});

describe("a template's text", () => {
  test.each([
    ["a < b <3 </ x", "a &lt; b &lt;3 &lt;/ x"],
    ["<!DOCTYPE html><!doctype x>", "<!DOCTYPE html><!doctype x>"],
    ["a<!-- note -->b", "ab"],
    ["<script>if (a<b) { '<!-- x -->' }</script>", "<script>if (a<b) { '<!-- x -->' }</script>"],
    ["<style>p > a { }</style>", "<style>p > a { }</style>"],
    ["<p a=\"x>y\" b='<'>", "<p a=\"x>y\" b='<'>"],
    ["<title>a<b></title><b>", "<title>a&lt;b></title><b>"],
    ["<br/><img src=/a.png alt>", "<br/><img src=/a.png alt>"],
  ])("stays what it is, but for comments and lone <: %s", (source, page) => {
    expect(render(source)).toBe(page);
  });

  test("is served even if it makes no sense, as long as no value is in it", () => {
    const source = '<p a="x"b"c>{{/* no value */}}<script>';
    expect(render(source)).toBe('<p a="x"b"c><script>');
  });
});

const inWord = "an action in a name, or in a value without quotes, is not supported";

describe("a template that can't be used", () => {
  test.each([
    ["\n\n{{.Message", 3, "unclosed action"],
    ["{{if .Message}}", 1, "unexpected EOF: an {{end}} is missing"],
    ["a\n{{end}}", 2, "unexpected {{end}}"],
    ["{{else}}", 1, "unexpected {{else}}"],
    ["{{if .Message}}{{else}}{{else}}{{end}}", 1, "expected {{end}}; found {{else}}"],
    ["{{if}}x{{end}}", 1, "missing value for if"],
    ["{{}}", 1, "missing value for action"],
    ["\n{{nope .Message}}", 2, 'function "nope" not defined'],
    ["{{constructor}}", 1, 'function "constructor" not defined'],
    ["{{$x}}", 1, 'undefined variable "$x"'],
    ["{{$x = 1}}", 1, 'undefined variable "$x"'],
    ["{{if $x := 1}}{{end}}{{$x}}", 1, 'undefined variable "$x"'],
    ["{{if 1}}{{$x := 1}}{{else}}{{$x}}{{end}}", 1, 'undefined variable "$x"'],
    ['{{"abc}}', 1, "unterminated quoted string"],
    ['{{"\\q"}}', 1, 'bad string "\\q"'],
    ["{{/* abc }}", 1, "unclosed or misplaced comment"],
    ["{{(.Message}}", 1, "unclosed left paren"],
    ["{{.Message)}}", 1, "unexpected right paren"],
    ["{{.Message | .Message}}", 1, "only a function can stand behind |"],
    ['{{.Message "x"}}', 1, "can't give operands to something that is not a function"],
    ['{{print .Message"x"}}', 1, 'unexpected "\\"x\\"" in action'],
    ["{{not}}", 1, "wrong number of args for not: want 1 got 0"],
    ['{{eq "a"}}', 1, "wrong number of args for eq: want at least 2 got 1"],
    ['{{template "x"}}', 1, 'no such template "x"'],
    ["{{template .Message}}", 1, 'unexpected ".Message" in template'],
    ['{{if 1}}{{define "x"}}{{end}}{{end}}', 1, "unexpected {{define}}"],
    ["{{ .Message ; . }}", 1, 'unexpected ";" in an action'],
    ['<p>\n{{define "x"}}{{template "x"}}{{end}}{{template "x"}}', 2, 'template "x" calls itself'],
    [
      "{{if .Message}}<p title='{{end}}{{.Message}}",
      1,
      "branches end in different places of the page: an attribute value in ' and text",
    ],
    ['\n<p\na=b"c>{{.Message}}', 3, 'expected blank, attribute or > in a tag, found "\\""'],
    ["<p {{if 1}}='x'{{end}}>", 1, 'expected blank, attribute or > in a tag, found "="'],
  ])("is refused with its file and line: %j", (source, line, reason) => {
    expect(() => render(source)).toThrow(`a.html:${line}: ${reason}`);
  });

  test.each([
    ["\n{{range .Message}}{{end}}", 2, '"range" is not supported in error pages'],
    ["{{break}}", 1, '"break" is not supported in error pages'],
    ["{{nil}}", 1, '"nil" is not supported in error pages'],
    ["{{index .Message 1}}", 1, '"index" is not supported in error pages'],
    ["{{.Message | urlquery}}", 1, '"urlquery" is not supported in error pages'],
    ["{{if lt 1 2}}{{end}}", 1, '"lt" is not supported in error pages'],
    ["{{.Other}}", 1, "field .Other is not known: error pages have .Message"],
    ["{{.Message.More}}", 1, "can't give operands to something that is not a function"],
    ["{{1.5}}", 1, "number 1.5 is not supported: whole ones only"],
    ["{{0x10}}", 1, "number 0x10 is not supported: whole ones only"],
    ['{{printf "%d" 1}}', 1, 'printf takes %s only, not "%d"'],
    ['{{printf "%s"}}', 1, "printf wants 1 values for its format, got 0"],
    ["{{printf .Message}}", 1, "the format of printf has to be a text in quotes"],
    ["{{.Message | html | print}}", 1, 'function "html" can\'t be used here'],
    ["{{if html .Message}}{{end}}", 1, 'function "html" can\'t be used here'],
    ["{{print (html .Message)}}", 1, 'function "html" can\'t be used here'],
    ["<script>\nvar a = {{.Message}}\n</script>", 2, "an action inside <script> is not supported"],
    ["<script>{{if 1}}a{{end}}</script>", 1, "an action inside <script> is not supported"],
    ["<style>{{.Message}}</style>", 1, "an action inside <style> is not supported"],
    ["<p onclick='{{.Message}}'>", 1, 'a value in the attribute "onclick" is not supported'],
    ["<p style='{{.Message}}'>", 1, 'a value in the attribute "style" is not supported'],
    ['<a href="/?q={{.Message}}">', 1, 'a value in the attribute "href" is not supported'],
    ['<a xlink:href="{{.Message}}">', 1, 'a value in the attribute "xlink:href" is not supported'],
    ["<img srcset='{{.Message}}'>", 1, 'a value in the attribute "srcset" is not supported'],
    ["<meta content='{{.Message}}'>", 1, 'a value in the attribute "content" is not supported'],
    ["<p {{.Message}}>", 1, "a value as the name of an attribute is not supported"],
    ["<p title={{.Message}}>", 1, inWord],
    ["<p title=a{{.Message}}>", 1, inWord],
    ["<p class={{if .Message}}x{{end}}>", 1, inWord],
    ["<p cl{{.Message}}>", 1, inWord],
    ["<p{{.Message}}>", 1, inWord],
    ["<p {{if .Message}}a=b{{else}}c=d{{end}}>", 1, inWord],
  ])("is refused for what error pages have no use for: %j", (source, line, reason) => {
    expect(() => render(source)).toThrow(`a.html:${line}: ${reason}`);
  });

  test("is refused when it is nested too deeply", () => {
    expect(() => render(`${"{{if 1}}".repeat(5_000)}${"{{end}}".repeat(5_000)}`)).toThrow(
      "too deeply nested",
    );
    expect(() => render(`{{${"(".repeat(5_000)}1${")".repeat(5_000)}}}`)).toThrow(
      "too deeply nested",
    );
  });
});

describe("rendering", () => {
  test.each([
    ["{{eq 1 .Message}}", "incompatible types for comparison"],
    ['{{eq "a" .}}', "non-comparable type"],
    ["{{with .Message}}{{.Message}}{{end}}", 'can\'t evaluate field Message in "Gone"'],
    ["{{len 1}}", "len of 1"],
  ])("gives an error instead of throwing: %s", (source, message) => {
    const templates = TemplateSet.parse({ "a.html": source });
    templates.prepare("a.html");
    const error = { kind: "error", message: `a.html: ${message}` } as const;
    expect(templates.render("a.html", { Message: "Gone" })).toEqual(error);
  });

  test("is bounded, however often templates call each other", () => {
    const levels = Array.from({ length: 40 }, (_, level) => {
      const call = `{{template "${level + 1}"}}`;
      return `{{define "${level}"}}${call}${call}{{end}}`;
    });
    const source = `${levels.join("")}{{define "40"}}{{end}}{{template "0"}}`;
    expect(() => render(source)).toThrow("a.html: templates call each other too often");
  });

  test("has a limit for the length of a page", () => {
    const long = `{{define "x"}}${"x".repeat(100_000)}{{end}}${'{{template "x"}}'.repeat(200)}`;
    expect(() => render(long)).toThrow("a.html: the page is too long");
  });

  test("can be repeated with other data", () => {
    const templates = TemplateSet.parse({
      "a.html": "{{$x := .Message}}{{$x}}",
      "b.html": '{{define "x"}}{{.}}{{end}}{{template "x" 1}}',
    });
    templates.prepare("a.html");
    templates.prepare("b.html");
    const pages = ["a", "b"].map((Message) => templates.render("a.html", { Message }));
    expect(pages).toEqual([
      { kind: "page", text: "a" },
      { kind: "page", text: "b" },
    ]);
    expect(templates.render("b.html", null)).toEqual({ kind: "page", text: "1" });
  });
});
