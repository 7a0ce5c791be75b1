/** Expected pages are what Go's html/template makes of the same source and data. */
import { describe, expect, test } from "bun:test";
import { TemplateSet, type TemplateValue } from "../../../src/go/html-template.ts";

function render(source: string, data: TemplateValue = { Message: "Gone" }): string {
  const templates = TemplateSet.parse({ "a.html": source });
  templates.prepare("a.html");
  const rendered = templates.render("a.html", data);
  if (rendered.kind === "error") throw new Error(rendered.message);
  return rendered.text;
}

const list = { list: ["a", "<b>", 3], map: { b: 1, a: "x" }, empty: [] };

describe("a template's actions", () => {
  test.each([
    ["{{.Message}}", "Gone"],
    ["{{ .Message }}", "Gone"],
    ["{{.}}|{{$.Message}}", "map[Message:Gone]|Gone"],
    ["a  {{- .Message -}}  b", "aGoneb"],
    ["a {{/* {{note}} */}} b", "a  b"],
    ["a {{- /* note\nof two lines */ -}}\n b", "ab"],
    ["{{if .Message}}yes{{else}}no{{end}}", "yes"],
    ["{{if not .Message}}no{{else if .Other}}other{{else}}else{{end}}", "else"],
    ['{{if eq .Message "Gone"}}A{{end}}{{if ne .Message "Gone"}}B{{end}}', "A"],
    ["{{if and .Message (or .Other (eq (len .Message) 4))}}both{{end}}", "both"],
    ["{{with .Message}}<p>{{.}}</p>{{else}}none{{end}}", "<p>Gone</p>"],
    ["{{with .Other}}<p>{{.}}</p>{{else}}none{{end}}", "none"],
    ["{{with $x := .Message}}{{$x}}{{end}}", "Gone"],
    ['{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}{{$x = "c"}}{{$x}}', "bac"],
    ['{{.Message | printf "%s! %q" "Oh"}}', "Oh! &#34;Gone&#34;"],
    [
      '{{printf "%v %5d|%-3s|%03d %t %.1f %x %%" "s" 42 "a" 7 true 2.55 255}}',
      "s    42|a  |007 true 2.5 ff %",
    ],
    ['{{printf "%d %s" "x"}}', "%!d(string=x) %!s(MISSING)"],
    ["{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}} {{eq 1 2 1}}", "true true false false true"],
    ["{{len .Message}} {{index .Message 0}} {{slice .Message 1 3}}", "4 71 on"],
    ['{{print 1 2 "a" 3}}', "1 2a3"],
    ["{{1}} {{-1.5}} {{0x10}} {{'a'}} {{true}} {{`raw\\`}}", "1 -1.5 16 97 true raw\\"],
    ['{{"\\u00e9\\x41\\n"}}', "éA\n"],
    ['{{define "x"}}[{{.}}]{{end}}{{template "x" .Message}}{{template "x"}}', "[Gone][]"],
    ['{{block "x" .Message}}({{.}}){{end}}', "(Gone)"],
    ["{{range 3}}{{.}}{{end}}", "012"],
    [
      "{{range $i := 5}}{{if eq $i 1}}{{continue}}{{end}}{{if eq $i 3}}{{break}}{{end}}{{$i}}{{end}}",
      "02",
    ],
  ])("%s", (source, page) => {
    expect(render(source)).toBe(page);
  });

  test.each([
    ["{{range .list}}<i>{{.}}</i>{{end}}", "<i>a</i><i>&lt;b&gt;</i><i>3</i>"],
    ["{{range $i, $e := .list}}{{if $i}}, {{end}}{{$e}}{{end}}", "a, &lt;b&gt;, 3"],
    ["{{range $k, $v := .map}}{{$k}}={{$v}};{{end}}", "a=x;b=1;"],
    [
      "{{range .empty}}x{{else}}empty{{end}}{{range .missing}}x{{else}}missing{{end}}",
      "emptymissing",
    ],
    ['{{index .map "a"}}{{index .list 2}}{{(index .map "a")}}', "x3x"],
    ["{{.map}} {{.list}}", "map[a:x b:1] [a &lt;b&gt; 3]"],
    ["{{.missing}}{{.missing.more}}", ""],
  ])("%s", (source, page) => {
    expect(render(source, list)).toBe(page);
  });

  test("give nothing for what is not there", () => {
    expect(render("<p>{{.Message}}</p>{{if .Message}}a{{else}}b{{end}}", null)).toBe("<p></p>b");
  });

  test("do not see what objects have by nature", () => {
    expect(render("{{.constructor}}{{.toString}}{{.__proto__}}", {})).toBe("");
  });
});

describe("a template's values", () => {
  const hostile = `<b>"it's" & +x</b>`;
  const asText = "&lt;b&gt;&#34;it&#39;s&#34; &amp; &#43;x&lt;/b&gt;";

  test.each([
    ["{{.}}", asText],
    ["<title>{{.}}</title>", `<title>${asText}</title>`],
    ["<textarea>{{.}}</textarea>", `<textarea>${asText}</textarea>`],
    ['<p title="{{.}}">', `<p title="${asText}">`],
    ["<p title='a{{.}}b'>", `<p title='a${asText}b'>`],
    ["<p title={{.}}>", "<p title=&lt;b&gt;&#34;it&#39;s&#34;&#32;&amp;&#32;&#43;x&lt;/b&gt;>"],
    ["{{. | html}}", "&lt;b&gt;&#34;it&#39;s&#34; &amp; +x&lt;/b&gt;"],
    ["{{html .}}", "&lt;b&gt;&#34;it&#39;s&#34; &amp; +x&lt;/b&gt;"],
    ["<!-- {{.}} -->x", "x"],
    ['<a href="/?q={{.}}">', '<a href="/?q=%3cb%3e%22it%27s%22%20%26%20%2bx%3c%2fb%3e">'],
    ['<a href="/{{.}}">', '<a href="/%3cb%3e%22it%27s%22%20&amp;%20&#43;x%3c/b%3e">'],
    ["<meta name=description content='{{.}}'>", `<meta name=description content='${asText}'>`],
  ])("are escaped for their place: %s", (source, page) => {
    expect(render(source, hostile)).toBe(page);
  });

  test.each([
    ["javascript:alert(1)", "#ZgotmplZ"],
    ["JaVaScRiPt:alert(1)", "#ZgotmplZ"],
    ["data:text/html,x", "#ZgotmplZ"],
    ["https://x.test/a b?c=d&e", "https://x.test/a%20b?c=d&amp;e"],
    ["mailto:a@x.test", "mailto:a@x.test"],
    ["/path:with/colon", "/path:with/colon"],
    ["%20%zz é", "%20%25zz%20%c3%a9"],
  ])("are no script as an address: %s", (value, address) => {
    expect(render("<a href='{{.}}'>", value)).toBe(`<a href='${address}'>`);
    expect(render('<svg xlink:href="{{.}}">', value)).toBe(`<svg xlink:href="${address}">`);
  });

  test("are not escaped anew in a template that is called in several places", () => {
    const source = `{{define "x"}}{{.}}{{end}}{{template "x" .}}<a href="?{{template "x" .}}">`;
    expect(render(source, "a b<")).toBe('a b&lt;<a href="?a%20b%3c">');
  });

  test.each([
    ["{{if .}}class='x'{{end}}", "<p class='x'>"],
    ["class={{if .}}x{{else}}y{{end}}", "<p class=x>"],
    ['class="{{if .}}x{{end}}" id=y', '<p class="x" id=y>'],
  ])("may decide about attributes: <p %s>", (attributes, page) => {
    expect(render(`<p ${attributes}>`, "z")).toBe(page);
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
  ])("stays what it is, but for comments and lone <: %s", (source, page) => {
    expect(render(source)).toBe(page);
  });

  test("is served even if it makes no sense, as long as no value is in it", () => {
    const source = '<p a="x"b"c>{{/* no value */}}<script>';
    expect(render(source)).toBe('<p a="x"b"c><script>');
  });
});

describe("a template that can't be used", () => {
  test.each([
    ["\n\n{{.Message", 3, "unclosed action"],
    ["{{if .Message}}", 1, "unexpected EOF: an {{end}} is missing"],
    ["a\n{{end}}", 2, "unexpected {{end}}"],
    ["{{else}}", 1, "unexpected {{else}}"],
    ["{{if .A}}{{else}}{{else}}{{end}}", 1, "expected {{end}}; found {{else}}"],
    ["{{if}}x{{end}}", 1, "missing value for if"],
    ["{{}}", 1, "missing value for command"],
    ["\n{{nope .Message}}", 2, 'function "nope" not defined'],
    ["{{$x}}", 1, 'undefined variable "$x"'],
    ["{{if $x := 1}}{{end}}{{$x}}", 1, 'undefined variable "$x"'],
    ['{{"abc}}', 1, "unterminated quoted string"],
    ["{{/* abc }}", 1, "unclosed comment"],
    ["{{(.A}}", 1, "unclosed left paren"],
    ["{{.A)}}", 1, "unexpected right paren"],
    ["{{.A | .B}}", 1, "only a function can stand behind |"],
    ["{{nil}}", 1, "nil is not a command"],
    ["{{break}}", 1, "{{break}} outside {{range}}"],
    ['{{template "x"}}', 1, 'no such template "x"'],
    ["{{ .A ; .B }}", 1, 'unexpected ";" in an action'],
    ["<script>\nvar a = {{.A}}\n</script>", 2, "a value inside <script> is not supported"],
    ["<style>{{.A}}</style>", 1, "a value inside <style> is not supported"],
    [
      "<p onclick='{{.A}}'>",
      1,
      "a value in a style, srcset, srcdoc or event attribute is not supported",
    ],
    ["<p {{.A}}>", 1, "a value as the name of an attribute is not supported"],
    [
      "{{if .A}}<p title='{{end}}{{.A}}",
      1,
      "branches end in different places of the page: an attribute value in ' and text",
    ],
    [
      "{{range .A}}<p {{end}}>",
      1,
      "branches end in different places of the page: attributeName and text",
    ],
    [
      "<a href='{{if .A}}/x{{else}}/y?{{end}}{{.A}}'>",
      1,
      "can't tell which part of an address this value is",
    ],
    ['\n<p\na=b"c>{{.A}}', 3, 'unexpected character in an attribute value without quotes: "b\\"c"'],
    ["{{.A | html | print}}", 1, 'function "html" can\'t be used here: values are escaped anyway'],
  ])("is refused with its file and line: %j", (source, line, reason) => {
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
  const failing = (source: string, data: TemplateValue = { Message: "Gone" }) => {
    const templates = TemplateSet.parse({ "a.html": source });
    templates.prepare("a.html");
    return templates.render("a.html", data);
  };

  test.each([
    ["{{eq 1 .Message}}", "incompatible types for comparison"],
    ["{{index .Message 9}}", "index out of range: 9"],
    ["{{.Message.More}}", 'can\'t evaluate field More in "Gone"'],
    ["{{len 1}}", "len of 1"],
    ["{{not}}", "wrong number of args for not: want 1 got 0"],
    ["{{range .Message}}{{end}}", 'range can\'t iterate over "Gone"'],
    [
      '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}',
      "templates call each other too often",
    ],
  ])("gives an error instead of throwing: %s", (source, message) => {
    expect(failing(source)).toEqual({ kind: "error", message: `a.html: ${message}` });
  });

  test("is bounded", () => {
    const source = "{{range 10000}}{{range 10000}}aaaaaaaaaaaaaaaaaaaa{{end}}{{end}}";
    expect(failing(source)).toEqual({ kind: "error", message: "a.html: the page is too long" });
  });

  test("can be repeated with other data", () => {
    const templates = TemplateSet.parse({
      "a.html": "{{$x := .}}{{$x}}",
      "b.html": '{{template "a.html" 1}}',
    });
    templates.prepare("a.html");
    templates.prepare("b.html");
    expect(["a", "b"].map((data) => templates.render("a.html", data))).toEqual([
      { kind: "page", text: "a" },
      { kind: "page", text: "b" },
    ]);
    expect(templates.render("b.html", null)).toEqual({ kind: "page", text: "1" });
  });
});
