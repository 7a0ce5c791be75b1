import { describe, expect, test } from "bun:test";
import type { FlagTable } from "../../../../src/cli/flags/flags.ts";
import { parseFlags } from "../../../../src/cli/flags/parse-flags.ts";

const table = {
  tls: { kind: "switch", fallback: true, help: "" },
  port: { kind: "count", fallback: 0, help: "" },
  path: { kind: "text", fallback: "/up", help: "" },
  host: { kind: "list", fallback: [], help: "" },
  wait: { kind: "duration", fallback: 30_000, help: "" },
} as const satisfies FlagTable;

function parse(...args: string[]) {
  return parseFlags(table, args);
}

describe("parseFlags", () => {
  test("gives defaults and knows that no flag was given", () => {
    const { values, given, positionals, help } = parse();
    expect(values).toEqual({ tls: true, port: 0, path: "/up", host: [], wait: 30_000 });
    expect([...given]).toEqual([]);
    expect(positionals).toEqual([]);
    expect(help).toBe(false);
  });

  test("takes flags and positionals in any order", () => {
    const { values, positionals } = parse("a", "--port", "80", "b", "--path=/x=y", "-", "");
    expect(values.port).toBe(80);
    expect(values.path).toBe("/x=y");
    expect(positionals).toEqual(["a", "b", "-", ""]);
  });

  test("ends flags at `--`", () => {
    expect(parse("a", "--", "--port", "-h", "--").positionals).toEqual(["a", "--port", "-h", "--"]);
  });

  test("takes the next argument as a value whatever it is", () => {
    expect(parse("--path", "--tls").values).toMatchObject({ path: "--tls", tls: true });
    expect(parse("--path", "--").values.path).toBe("--");
  });

  test("takes a boolean's value only behind an equals sign", () => {
    const { values, positionals, given } = parse("--tls=F", "false");
    expect(values.tls).toBe(false);
    expect(positionals).toEqual(["false"]);
    expect([...given]).toEqual(["tls"]);
  });

  test("lets the last value of a scalar win", () => {
    expect(parse("--port=1", "--port=2").values.port).toBe(2);
  });

  test("collects lists, each value a line of CSV", () => {
    const { values } = parse("--host", 'a,"b,c"', "--host=", "--host", 'd\n"ignored');
    expect(values.host).toEqual(["a", "b,c", "d"]);
    expect(parse("--host=").given.has("host")).toBe(true);
  });

  test.each([["-h"], ["--help"], ["--help=T"], ["-hh"], ["-h=1"]])("%s asks for help", (arg) => {
    expect(parse(arg).help).toBe(true);
  });

  test("lets help be taken back", () => {
    expect(parse("-h", "--help=false").help).toBe(false);
  });

  test.each([
    [["--bogus"], "unknown flag: --bogus"],
    [
      ["--idle-timeout=300s"],
      "--idle-timeout is not supported: stopping idle containers needs the Docker socket, which is root on the host; take idle out of deploy.yml",
    ],
    [["--bogus=1"], "unknown flag: --bogus"],
    [["--por", "1"], "unknown flag: --por"],
    [["--constructor"], "unknown flag: --constructor"],
    [["--Port=1"], "unknown flag: --Port"],
    [["-x"], "unknown shorthand flag: 'x' in -x"],
    [["-hx"], "unknown shorthand flag: 'x' in -x"],
    [["-xh"], "unknown shorthand flag: 'x' in -xh"],
    [["-'"], "unknown shorthand flag: '\\'' in -'"],
    [["-é"], "unknown shorthand flag: 'Ã' in -é"],
    [["---a"], "bad flag syntax: ---a"],
    [["--=a"], "bad flag syntax: --=a"],
    [["--port"], "flag needs an argument: --port"],
    [
      ["--port="],
      'invalid argument "" for "--port" flag: strconv.ParseInt: parsing "": invalid syntax',
    ],
    [
      ["--port", "1k"],
      'invalid argument "1k" for "--port" flag: strconv.ParseInt: parsing "1k": invalid syntax',
    ],
    [
      ["--tls=maybe"],
      'invalid argument "maybe" for "--tls" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [
      ["-h=maybe"],
      'invalid argument "maybe" for "-h, --help" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [["--wait=30"], 'invalid argument "30" for "--wait" flag: time: missing unit in duration "30"'],
    [
      ["--host", 'a"b'],
      'invalid argument "a\\"b" for "--host" flag: parse error on line 1, column 2: bare " in non-quoted-field',
    ],
    [["--host", "\n"], 'invalid argument "\\n" for "--host" flag: EOF'],
    [
      ["--port=x", "--help"],
      'invalid argument "x" for "--port" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
  ])("refuses %j", (args, text) => {
    expect(() => parse(...args)).toThrow(new Error(text));
  });
});
