/** The help of a command, and what all help is made of. */
import { kinds } from "../config/kinds.ts";
import { goQuote } from "../go/quote.ts";
import { type Flag, type FlagTable, helpFlag } from "./flags/flags.ts";

interface CommandPage {
  path: string;
  operands?: string;
  summary: string;
  aliases?: readonly string[];
  notes?: string;
}

export function commandHelp(page: CommandPage, flags: FlagTable): string {
  const operands = page.operands === undefined ? "" : ` ${page.operands}`;
  const sections = [
    page.summary,
    `Usage:\n  kamal-proxy ${page.path}${operands} [flags]`,
    ...(page.aliases === undefined ? [] : [`Aliases:\n  ${page.aliases.join(", ")}`]),
    flagSection(flags),
    ...(page.notes === undefined ? [] : [page.notes]),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** Lines of two columns, indented. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join("\n");
}

export function flagSection(flags: FlagTable): string {
  const entries = Object.entries<Flag>({ ...flags, ...helpFlag });
  const rows = entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]): [string, string] => [flagTerm(name, flag), flagText(flag)]);
  return `Flags:\n${columns(rows)}`;
}

function flagTerm(name: string, flag: Flag): string {
  const short = flag.shorthand === undefined ? "    " : `-${flag.shorthand}, `;
  const { typeName } = kinds[flag.kind];
  return `${short}--${name}${typeName === "" ? "" : ` ${typeName}`}`;
}

function flagText(flag: Flag): string {
  const shown = defaultText(flag);
  const fallback = shown === "" ? "" : ` (default ${shown})`;
  const variables = flag.variables === undefined ? "" : ` [${flag.variables.join(", ")}]`;
  return `${flag.help}${fallback}${variables}`;
}

/** Empty for what needs no mention: false, 0, no text, no values. */
export function defaultText({ kind, fallback }: Flag): string {
  switch (kind) {
    case "duration":
      return kinds.duration.write(fallback);
    case "text":
      return fallback === "" ? "" : goQuote(fallback);
    case "list":
    case "lines":
      return fallback.length === 0 ? "" : `[${fallback.join(",")}]`;
    default:
      return fallback === kinds[kind].zero ? "" : String(fallback);
  }
}
