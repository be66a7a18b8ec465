/** A name that no database of this instance has: a database that was deleted, or a name that was typed wrong. */
import type { Outcome, Refusal } from '../protocol/control-commands.ts';
import { refusal, refusedWith } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';

type Databases = Pick<InstanceDaemon, 'catalog' | 'configuration'>;

/** How many names are shown. */
const shownMax = 3;

export function databaseMissing({ catalog }: Pick<Databases, 'catalog'>, typed: string): Refusal {
  const names = catalog.entries().map(({ configuration }) => configuration.name);
  const near = nearNames(typed.toUpperCase(), names);
  const says = near.length === 0 ? '' : `; the name nearest to it is ${near.join(' or ')}`;
  return refusal('no-database', `there is no database ${typed.toUpperCase()} on this instance${says}`);
}

export function noDatabase(daemon: Pick<Databases, 'catalog'>, typed: string): Outcome {
  return refusedWith(databaseMissing(daemon, typed));
}

/** Only where it was there once is a missing database what the operator wanted (docs/decisions/0053). */
export function noDatabaseToDelete(daemon: Databases, typed: string): Outcome {
  const name = typed.toUpperCase();
  if (!daemon.configuration.get().deletedDatabases.includes(name)) return noDatabase(daemon, typed);
  return refusedWith(refusal('deleted-already', `database ${name} is deleted already`));
}

/** Those with the fewest slips of the finger, one or two. */
function nearNames(typed: string, names: readonly string[]): readonly string[] {
  const slipsMax = Math.min(2, Math.floor(typed.length / 2));
  const all = names.map((name) => ({ name, slips: slipsBetween(typed, name) }));
  const fewest = Math.min(...all.map(({ slips }) => slips));
  if (fewest > slipsMax) return [];
  return all.flatMap(({ name, slips }) => (slips === fewest ? [name] : [])).slice(0, shownMax);
}

/** How many characters were left out, put in, mistaken, or changed with the next one. */
function slipsBetween(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (last[j - 1] ?? 0) + (isSame ? 0 : 1),
          isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
