/** A reporting async in several mirrors: all of them with their details, and the one that everything below is about (MON-023, DB-013). */
import { whichMirror } from '../../menus/no-mirror.ts';
import { wording } from '../../menus/wording.ts';
import type { Control } from './control-client.ts';
import { AbandonedError, type Dialogue } from './dialogue.ts';
import { findByLabel, type Parsed } from './question.ts';
import { fill } from './screen.ts';

/** Null = the operator leaves. `control` is about no mirror afterwards. */
export async function askMirror(
  control: Control,
  mirrors: readonly string[],
  dialogue: Dialogue,
): Promise<string | null> {
  const lines = await mirrorLines(control, mirrors, dialogue);
  dialogue.print();
  dialogue.printLines(lines);
  dialogue.print();
  const parse = (text: string): Parsed<string | null> => {
    if (text === '' || text === '^') return { ok: true, value: null };
    const found = findByLabel(mirrors, text);
    if (typeof found === 'number') return { ok: true, value: mirrors[found] ?? null };
    return { ok: false, expected: `the number or the beginning of one of: ${mirrors.join(', ')}; RETURN leaves` };
  };
  try {
    const answer = await dialogue.ask({
      prompt: `${whichMirror.text} `,
      help: [...lines, '', whichMirror.help],
      parse,
      expected: 'a mirror, or RETURN',
      where: 'menu',
    });
    return answer === 'late' ? null : answer;
  } catch (error) {
    // Ctrl-D on a terminal is RETURN.
    if (error instanceof AbandonedError) return null;
    throw error;
  }
}

async function mirrorLines(
  control: Control,
  mirrors: readonly string[],
  dialogue: Dialogue,
): Promise<readonly string[]> {
  const rows: string[][] = [];
  let facts = { member: '', type: '' };
  for (const [index, mirror] of mirrors.entries()) {
    control.mirror = mirror;
    const { member, type, status, primary, members, databases } = await control.status();
    const own = members.find(({ name }) => name === member);
    facts = { member: member ?? '', type: type ?? '' };
    rows.push([
      `${index + 1})`,
      mirror,
      status,
      primary ?? wording.none,
      brief(own?.journalTransfer),
      brief(own?.dejournaling),
      String(databases.length),
    ]);
  }
  control.mirror = undefined;
  return [fill(wording.mirrorsOf, facts), ...(await dialogue.style.table([['', ...wording.mirrorsHeads], ...rows]))];
}

/** Since when stands in the status; here it would not fit the screen. */
function brief(text = ''): string {
  return text.startsWith('Disconnected') ? 'Disconnected' : text;
}
