/** Lines for a terminal, with its codes of colours, as an SVG. */

export type Scheme = "light" | "dark";

interface Colours {
  page: string;
  ink: string;
  dim: string;
  alarm: string;
  warn: string;
  bar: string;
}

const colours: Readonly<Record<Scheme, Colours>> = {
  light: {
    page: "#fbfbfc",
    ink: "#1c2128",
    dim: "#656d76",
    alarm: "#b3161f",
    warn: "#8a5a00",
    bar: "#e3e6ea",
  },
  dark: {
    page: "#12161c",
    ink: "#d9e0e8",
    dim: "#8b95a1",
    alarm: "#ff8080",
    warn: "#e8b75a",
    bar: "#262d37",
  },
};

const columnWidth = 8.4;
const lineHeight = 19;
const padding = 18;
const barHeight = 34;

interface Run {
  text: string;
  column: number;
  codes: string;
}

export function terminalPicture(lines: readonly string[], columns: number, scheme: Scheme): string {
  const { page, ink, dim, alarm, warn, bar } = colours[scheme];
  const width = Math.ceil(columns * columnWidth + 2 * padding);
  const height = barHeight + lines.length * lineHeight + 2 * padding - 6;
  const texts = lines.flatMap((line, row) => {
    const y = barHeight + padding + row * lineHeight + 8;
    return runsOf(line).map((run) => runText(run, y));
  });
  const lights = [0, 1, 2].map(
    (i) => `<circle cx="${20 + i * 18}" cy="17" r="5.5" class="light"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="kamal-proxy top in a terminal">
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${ink};white-space:pre}
.b{font-weight:700}.d{fill:${dim}}.w{fill:${warn}}.a{fill:${alarm};font-weight:700}.s{fill:${page}}
.i{fill:${ink}}.light{fill:${dim};opacity:.45}
</style>
<rect width="${width}" height="${height}" rx="10" fill="${page}"/>
<path d="M0 ${barHeight}V10a10 10 0 0 1 10-10H${width - 10}a10 10 0 0 1 10 10V${barHeight}z" fill="${bar}"/>
${lights.join("")}
<text x="${width / 2}" y="22" text-anchor="middle" class="d">kamal-proxy top</text>
${texts.join("\n")}
</svg>
`;
}

const classes: Readonly<Record<string, string>> = {
  "1": "b",
  "2": "d",
  "33": "w",
  "1;31": "a",
  "7": "s",
};

function runText({ text, column, codes }: Run, y: number): string {
  const shown = text.trimEnd();
  const x = padding + column * columnWidth;
  const back =
    codes === "7"
      ? `<rect x="${x - 3}" y="${y - 14}" width="${text.length * columnWidth + 6}" height="${lineHeight}" rx="3" class="i"/>`
      : "";
  if (shown === "") return back;
  const look = classes[codes] === undefined ? "" : ` class="${classes[codes]}"`;
  const length = (shown.length * columnWidth).toFixed(1);
  return `${back}<text x="${x.toFixed(1)}" y="${y}" textLength="${length}"${look}>${escaped(shown)}</text>`;
}

function runsOf(line: string): Run[] {
  const runs: Run[] = [];
  let column = 0;
  let codes = "0";
  // oxlint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    // oxlint-disable-next-line no-control-regex
    const [, code] = /^\u001b\[([\d;]*)m$/.exec(part) ?? [];
    if (code !== undefined) {
      codes = code;
      continue;
    }
    if (part !== "") runs.push({ text: part, column, codes });
    column += part.length;
  }
  return runs;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
