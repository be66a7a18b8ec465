/** Choosing some of the instance's databases: one after the other, `*` for all, RETURN to end the list. */
import type { DatabasesQuestion } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { DatabaseDescription, Description } from '../protocol/control-channel.ts';
import type { Dialogue } from './dialogue.ts';
import { parseDatabasePick } from './question.ts';
import { fill, wrap } from './screen.ts';

/** In the order chosen, each once; null when there is nothing to choose from. */
export async function pickDatabases(
  question: DatabasesQuestion,
  description: Description,
  dialogue: Dialogue,
): Promise<readonly DatabaseDescription[] | null> {
  const candidates = description.databases.filter(isCandidate[question.which]);
  if (candidates.length === 0) return null;
  const names = candidates.map((database) => database.name);
  const list = await dialogue.style.table([
    ['', 'Database', 'Status', 'Directory'],
    ...candidates.map((database, index) => [`${index + 1})`, database.name, database.status, database.directory]),
  ]);
  dialogue.print();
  dialogue.print(question.heading);
  dialogue.printLines(list);
  const picked: DatabaseDescription[] = [];
  for (;;) {
    const pick = await dialogue.ask({
      prompt: `${picked.length === 0 ? question.text : question.textForMore} `,
      help: [...list, ...wrap(fill(wording.pickHint, { help: question.help }), dialogue.columns, '  ')],
      parse: (text) => parseDatabasePick(question, names, text),
      expected: 'a database, * or RETURN',
      where: 'action',
    });
    if (pick === 'late' || pick.kind === 'end') return picked;
    if (pick.kind === 'all') return candidates;
    const database = candidates[pick.index];
    if (database && !picked.includes(database)) picked.push(database);
  }
}

const isCandidate: Readonly<Record<DatabasesQuestion['which'], (database: DatabaseDescription) => boolean>> = {
  any: () => true,
  mounted: ({ mounted }) => mounted,
  dismounted: ({ mounted }) => !mounted,
  ordinary: ({ mirrored }) => mirrored === null,
  addable: ({ addable }) => addable,
  mirrored: ({ mirrored }) => mirrored !== null,
  'mounted-mirrored': ({ mirrored, mounted }) => mirrored !== null && mounted,
  dejournaling: ({ mirrored, status }) => mirrored !== null && status === 'Dejournaling',
  'flag-set': ({ failoverDb }) => failoverDb === true,
  'needs-catch-up': ({ needsCatchUp }) => needsCatchUp,
};
