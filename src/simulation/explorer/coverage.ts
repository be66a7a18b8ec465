/** Which rules fired and which rows of the tables decided in a search: shows that it was not vacuous. */
import { agentTable } from '../../mirror/agent.ts';
import * as tables from '../../mirror/failover-table.ts';

export class Coverage {
  readonly #rules = new Map<string, number>();

  rules(fired: readonly string[]): void {
    for (const rule of fired) this.#rules.set(rule, (this.#rules.get(rule) ?? 0) + 1);
  }

  get fired(): readonly string[] {
    return [...this.#rules.keys()].sort();
  }
}

type Row = { outcome: string };

const counted: { readonly table: string; readonly row: Row; readonly outcome: string; hit: boolean }[] = [];

/** From here on every row remembers that it decided: `decide` reads the outcome of the row it found and of no other. */
export function watchTables(): void {
  if (counted.length > 0) return;
  const all: Readonly<Record<string, unknown>> = { ...tables, agentTable };
  for (const [name, table] of Object.entries(all)) {
    if (!Array.isArray(table)) continue;
    for (const row of table as Row[]) {
      const { outcome } = row;
      const entry = { table: name, row, outcome, hit: false };
      counted.push(entry);
      Object.defineProperty(row, 'outcome', {
        enumerable: true,
        get: () => {
          entry.hit = true;
          return outcome;
        },
      });
    }
  }
}

/** Every row but the impossible ones, and whether it decided anything. */
export function rowsReached(): readonly { readonly row: string; readonly hit: boolean }[] {
  return counted
    .filter(({ outcome }) => outcome !== 'impossible')
    .map(({ table, row, outcome, hit }) => {
      const names = Object.keys(row).filter((name) => !['outcome', 'spec', 'because'].includes(name));
      return {
        row: `${table}: ${names.map((name) => (row as unknown as Record<string, string>)[name]).join(', ')} -> ${outcome}`,
        hit,
      };
    });
}
