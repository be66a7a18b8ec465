/** Colours and boxes: on a terminal only, never under NO_COLOR, so that everything else is plain text that can be compared. */
import { Chalk, type ChalkInstance } from 'chalk';

export interface Style {
  readonly dim: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  /** Lines of a table; the first row is its heading. */
  table(rows: readonly (readonly string[])[]): Promise<readonly string[]>;
}

export function openStyle(isTerminal: boolean, noColor: boolean, columns: () => number): Style {
  const chalk: ChalkInstance = new Chalk({ level: isTerminal && !noColor ? 1 : 0 });
  return {
    dim: (text) => chalk.dim(text),
    warn: (text) => chalk.yellow(text),
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    table: async (rows) => (isTerminal ? boxTable(rows, columns()) : plainTable(rows)),
  };
}

/** Columns as wide as their widest cell, two blanks apart, a ruler under the heading. */
function plainTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = columnWidths(rows);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  const ruler = widths.map((width) => '-'.repeat(width)).join('  ');
  return rows.flatMap((cells, i) => (i === 0 ? [line(cells), ruler] : [line(cells)]));
}

/** A box within the width of the terminal: the widest columns give way and wrap. */
async function boxTable(rows: readonly (readonly string[])[], columns: number): Promise<readonly string[]> {
  const { default: Table } = await import('cli-table3');
  const widths = columnWidths(rows).map((width) => width + 2);
  const room = columns - widths.length - 1;
  while (widths.reduce((sum, width) => sum + width, 0) > room && Math.max(...widths) > 8) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  const table = new Table({
    head: [...(rows[0] ?? [])],
    colWidths: [...widths],
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [] },
  });
  for (const row of rows.slice(1)) table.push([...row]);
  return table.toString().split('\n');
}

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  return (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
}
