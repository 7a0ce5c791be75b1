/** Go's `fmt.Sprintf` for the kinds of values that templates have. Pure. */
import { isList, isMap, type TemplateValue, textOf } from "./values.ts";

const verbPattern = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.|$)/gsu;
const maxWidth = 10_000;

export function formatted(format: string, operands: readonly TemplateValue[]): string {
  let used = 0;
  const text = format.replace(
    verbPattern,
    (whole, flags: string, width?: string, precision?: string, verb?: string) => {
      if (verb === "") return "%!(NOVERB)";
      if (verb === "%") return "%";
      if (width === "*" || precision === "*") return whole;
      if (used >= operands.length) return `%!${verb}(MISSING)`;
      const value = operands[used++];
      const digits = precision === undefined ? null : Math.min(Number(precision), 100);
      return padded(
        one(verb!, flags, digits, value),
        flags,
        Math.min(Number(width ?? 0), maxWidth),
        typeof value === "number",
      );
    },
  );
  if (used >= operands.length) return text;
  const extra = operands.slice(used).map((value) => `${typeName(value)}=${textOf(value)}`);
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

function one(verb: string, flags: string, digits: number | null, value: TemplateValue): string {
  if (verb === "v") return typeof value === "number" ? signed(flags, textOf(value)) : textOf(value);
  if (verb === "T") return typeName(value);
  if (isList(value))
    return `[${value.map((element) => one(verb, flags, digits, element)).join(" ")}]`;
  const text =
    typeof value === "string"
      ? textVerb(verb, digits, value)
      : typeof value === "number"
        ? numberVerb(verb, flags, digits, value)
        : typeof value === "boolean" && verb === "t"
          ? String(value)
          : undefined;
  if (text !== undefined) return text;
  return value === null || value === undefined
    ? `%!${verb}(<nil>)`
    : `%!${verb}(${typeName(value)}=${textOf(value)})`;
}

function textVerb(verb: string, digits: number | null, value: string): string | undefined {
  const text = digits === null ? value : [...value].slice(0, digits).join("");
  switch (verb) {
    case "s":
      return text;
    case "q":
      return JSON.stringify(text);
    case "x":
      return Buffer.from(text).toString("hex");
    case "X":
      return Buffer.from(text).toString("hex").toUpperCase();
  }
  return undefined;
}

function numberVerb(
  verb: string,
  flags: string,
  digits: number | null,
  value: number,
): string | undefined {
  if ("eEfFgG".includes(verb)) return signed(flags, floatText(verb, digits, value));
  if (!Number.isInteger(value)) return undefined;
  switch (verb) {
    case "d":
      return signed(flags, String(value));
    case "b":
      return signed(flags, value.toString(2));
    case "o":
      return signed(flags, value.toString(8));
    case "x":
      return signed(flags, value.toString(16));
    case "X":
      return signed(flags, value.toString(16).toUpperCase());
    case "c":
      return value >= 0 && value <= 0x10ffff ? String.fromCodePoint(value) : "\ufffd";
  }
  return undefined;
}

function floatText(verb: string, digits: number | null, value: number): string {
  if (verb === "f" || verb === "F") return value.toFixed(digits ?? 6);
  if (verb === "g" || verb === "G")
    return digits === null ? String(value) : String(Number(value.toPrecision(digits || 1)));
  const text = value.toExponential(digits ?? 6).replace(/e([+-])(\d)$/, "e$10$2");
  return verb === "E" ? text.toUpperCase() : text;
}

function signed(flags: string, text: string): string {
  if (text.startsWith("-")) return text;
  return flags.includes("+") ? `+${text}` : flags.includes(" ") ? ` ${text}` : text;
}

function padded(text: string, flags: string, width: number, isNumber: boolean): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0") || !isNumber) return " ".repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function typeName(value: TemplateValue): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return isMap(value) ? "map[string]interface {}" : "[]interface {}";
}
