/**
 * What the tests of the decision tables' rows share. A row is tested by a play: it brings a member into the situation of the
 * row, by events only, and expects what the member then does. A play never looks into the table. So it must fail when the
 * row says something else, and test/mirror/failover-table.test.ts turns every row into every other outcome to see it fail.
 */

/** A row as every table has it: its columns, and what it decides. */
export type Row = Readonly<Record<string, string | boolean>> & {
  outcome: string;
  readonly spec: string;
  readonly because: string;
};

export interface RowTest {
  /** Throws when the member does not do what the row says. */
  readonly play: () => void;
  /** Outcomes at which the member would do the same in this situation, and why. */
  readonly same: Readonly<Record<string, string>>;
  /** Why no event leads to this row; `play` shows what happens instead. Null = it is asked. */
  readonly neverAsked: string | null;
}

export interface TableTest {
  readonly rows: readonly Row[];
  /** Every value of every column. */
  readonly columns: Readonly<Record<string, readonly (string | boolean)[]>>;
  /** By `keyOf`: each row that is not impossible. */
  readonly tests: Readonly<Record<string, RowTest>>;
}

/** A table with its tests; the columns' values are those of the type. */
export function tableTest<F extends Readonly<Record<string, string | boolean>>>(
  rows: readonly (F & { readonly outcome: string; readonly spec: string; readonly because: string })[],
  columns: { readonly [C in keyof F]: readonly F[C][] },
  tests: Readonly<Record<string, RowTest>>,
): TableTest {
  return { rows: rows as unknown as readonly Row[], columns, tests };
}

export function played(play: () => void, same: Readonly<Record<string, string>> = {}): RowTest {
  return { play, same, neverAsked: null };
}

export function neverAsked(why: string, play: () => void): RowTest {
  return { play, same: {}, neverAsked: why };
}

/** The columns of a row as words: `primary lost up gone`; a yes or no is the name of its column, or `not-` and the name. */
export function keyOf(columns: TableTest['columns'], facts: Readonly<Record<string, string | boolean>>): string {
  return Object.keys(columns)
    .map((name) => {
      const value = facts[name] as string | boolean;
      if (typeof value === 'string') return value;
      return value ? name : `not-${name}`;
    })
    .join(' ');
}

/** Every combination of the columns' values. */
export function combinations(columns: TableTest['columns']): Record<string, string | boolean>[] {
  let all: Record<string, string | boolean>[] = [{}];
  for (const [name, values] of Object.entries(columns)) {
    all = all.flatMap((facts) => values.map((value) => ({ ...facts, [name]: value })));
  }
  return all;
}

/** The rows that are asked while something happens. */
export function askedWhile(rows: readonly Row[], happening: () => void): ReadonlySet<Row> {
  const asked = new Set<Row>();
  const outcomes = rows.map((row) => row.outcome);
  for (const [index, row] of rows.entries()) {
    const get = (): string => {
      asked.add(row);
      return outcomes[index] as string;
    };
    Object.defineProperty(row, 'outcome', { get, configurable: true, enumerable: true });
  }
  try {
    happening();
  } finally {
    for (const [index, row] of rows.entries()) {
      const value = outcomes[index];
      Object.defineProperty(row, 'outcome', { value, writable: true, configurable: true, enumerable: true });
    }
  }
  return asked;
}

/** What a play throws while the row says this outcome; null = the play does not notice. */
export function thrownWith(row: Row, outcome: string, play: () => void): unknown {
  const { outcome: present } = row;
  row.outcome = outcome;
  try {
    play();
    return null;
  } catch (error) {
    return error;
  } finally {
    row.outcome = present;
  }
}
