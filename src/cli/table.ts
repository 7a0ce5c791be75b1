/** A table for people: padded columns, coloured also without a terminal. */

const headerStyle = "3;94";
const firstColumnStyle = "1;34";

/** The first row is the header. Every cell is followed by two blanks. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, Buffer.byteLength(cell));
    }
  }
  return rows
    .map(
      (row, rowIndex) =>
        `${row.map((cell, column) => formatCell(cell, rowIndex, column, widths)).join("")}\n`,
    )
    .join("");
}

function formatCell(cell: string, row: number, column: number, widths: readonly number[]): string {
  // Widths count bytes.
  const padding = " ".repeat(widths[column]! - Buffer.byteLength(cell));
  return `\u001b[${styleOf(row, column)}m${cell}\u001b[0m${padding}  `;
}

function styleOf(row: number, column: number): string {
  if (row === 0) return headerStyle;
  return column === 0 ? firstColumnStyle : "";
}
