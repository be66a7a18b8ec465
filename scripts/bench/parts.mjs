/** A measurement that has parts, each a generator of rows: run and printed. */
import { Environment } from './environment.mjs';
import { describeMachine, machine } from './machine.mjs';
import { number } from './statistics.mjs';

/**
 * `only` = names of parts, with commas; `measure` = what yields the rows of a part, given a part and its environment.
 * @returns { machine, parts: { name: [{ ...columns }] } }
 */
export async function measureParts(parts, { only, seconds, tell }, measure) {
  const wanted = only === undefined ? Object.keys(parts) : only.split(',');
  const unknown = wanted.filter((name) => parts[name] === undefined);
  if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}; parts: ${Object.keys(parts).join(', ')}`);
  const result = { machine: machine(), parts: {} };
  for (const name of wanted) {
    const environment = new Environment(seconds);
    try {
      result.parts[name] = [];
      for await (const row of measure(parts[name], environment)) {
        result.parts[name].push(row);
        tell(`${name}: ${describe(row)}`);
      }
    } finally {
      await environment.close();
    }
  }
  return result;
}

const shown = (value) => (typeof value === 'number' ? number(value) : value);

function describe(row) {
  return Object.entries(row)
    .map(([name, value]) => `${name} ${shown(value)}`)
    .join(', ');
}

/** A table for each part; `title` = of a part's name. */
export function printParts({ machine: where, parts: measured }, title) {
  const lines = [describeMachine(where)];
  for (const [name, rows] of Object.entries(measured)) {
    const columns = Object.keys(rows[0] ?? {});
    lines.push('', title(name), '', `| ${columns.join(' | ')} |`, `|${'---|'.repeat(columns.length)}`);
    for (const row of rows) lines.push(`| ${columns.map((column) => shown(row[column])).join(' | ')} |`);
  }
  return lines.join('\n');
}
