/** Text on a screen: columns, sections that share its rows, small pictures of numbers, colours. */

export type Style = "plain" | "strong" | "dim" | "warn" | "alarm" | "selected";

export type Paint = (text: string, style: Style) => string;

// The terminal's own colours, so that they can be read on light and on dark ones.
const codes: Readonly<Record<Exclude<Style, "plain">, string>> = {
  strong: "1",
  dim: "2",
  warn: "33",
  alarm: "1;31",
  selected: "7",
};

/** Without colours (https://no-color.org) what is selected has its mark all the same. */
export function painter(coloured: boolean): Paint {
  return (text, style) =>
    !coloured || style === "plain" ? text : `\u001b[${codes[style]}m${text}\u001b[0m`;
}

/** Columns of these widths, a blank between them; negative: to the right. */
export function cells(row: readonly (readonly [text: string, width: number])[]): string {
  return row
    .map(([text, width]) => {
      const columns = Math.abs(width);
      const shown = cut(text, columns);
      const padding = " ".repeat(columns - Bun.stringWidth(shown));
      return width < 0 ? padding + shown : shown + padding;
    })
    .join(" ");
}

/** No wider than that. */
export function cut(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text;
  let shown = "";
  let width = 0;
  for (const character of text) {
    width += Bun.stringWidth(character);
    if (width > columns - 1) break;
    shown += character;
  }
  return columns < 1 ? "" : `${shown}…`;
}

export interface Section {
  head: string;
  lines: readonly string[];
  /** The line that has to be seen. */
  focus: number;
}

/** Lines that each section has at least, when there are so many. */
const fewLines = 3;

/** The sections below each other, a blank line between them. What does not fit is counted; empty ones are left out. */
export function fitted(sections: readonly Section[], rows: number, paint: Paint): string[] {
  const shown = sections.filter(({ lines }) => lines.length > 0);
  const shares = shown.map(({ lines }) => Math.min(lines.length, fewLines));
  const overhead = shown.length * 2 - 1;
  let left = rows - overhead - shares.reduce((sum, share) => sum + share, 0);
  for (const [index, { lines }] of shown.entries()) {
    const more = Math.max(0, Math.min(lines.length - shares[index]!, left));
    shares[index]! += more;
    left -= more;
  }
  return shown.flatMap(({ head, lines, focus }, index) => [
    ...(index === 0 ? [] : [""]),
    paint(head, "strong"),
    ...around(lines, focus, shares[index]!, paint),
  ]);
}

function around(
  lines: readonly string[],
  focus: number,
  share: number,
  paint: Paint,
): readonly string[] {
  if (lines.length <= share) return lines;
  const shown = Math.max(0, share - 1);
  const first = Math.max(0, Math.min(focus - shown + 1, lines.length - shown));
  return [...lines.slice(first, first + shown), paint(`  … ${lines.length - shown} more`, "dim")];
}

const levels = "▁▂▃▄▅▆▇█";

/** The newest to the right; the highest of them has full height. */
export function sparkline(values: readonly number[], columns: number): string {
  const shown = values.slice(-columns);
  const highest = Math.max(...shown, 0);
  const level = (value: number): number =>
    highest === 0 ? 0 : Math.round((value / highest) * (levels.length - 1));
  return shown
    .map((value) => levels[level(value)]!)
    .join("")
    .padStart(columns);
}
