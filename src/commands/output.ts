/** What commands print: tables for people, one JSON document for programs. */

/** Columns padded to their widest cell; numbers are the caller's to pad. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const ruler = widths.map((width) => '-'.repeat(width));
  return `${[head, ruler, ...rows].map(line).join('\n')}\n`;
}

export function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** One JSON array, printed entry by entry: it may be longer than what should be held in memory. */
export class JsonArray {
  readonly #print: (text: string) => void;
  #before = '[';

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  add(value: unknown): void {
    this.#print(`${this.#before}${JSON.stringify(value)}`);
    this.#before = ',\n';
  }

  end(): void {
    this.#print(this.#before === '[' ? '[]\n' : ']\n');
  }
}
