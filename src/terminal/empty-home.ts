/** The conversation in a home that has no instance: what is to be made there. The commands make it. */
import { emptyHome } from '../../menus/empty-home.ts';
import { wording } from '../../menus/wording.ts';
import { AbandonedError, type Dialogue } from './dialogue.ts';
import { findByLabel } from './question.ts';
import { fill, wrap } from './screen.ts';

export type FirstWish =
  | { readonly kind: 'instance'; readonly name: string; readonly address: string }
  | { readonly kind: 'lab' };

/** Null when the operator leaves; nothing has been made then. */
export async function askFirstWish(dialogue: Dialogue, home: string, address: string): Promise<FirstWish | null> {
  const labels = emptyHome.options.map(({ label }) => label);
  for (;;) {
    for (const line of emptyHome.heading) dialogue.say(fill(line, { home }));
    dialogue.print();
    labels.forEach((label, index) => {
      dialogue.print(`${String(index + 1).padStart(2)}) ${label}`);
    });
    dialogue.print();
    try {
      const index = await askOption(dialogue, labels);
      if (index === null) return null;
      if (index === 1) return { kind: 'lab' };
      const name = String(await dialogue.askQuestion(emptyHome.name, {}));
      return {
        kind: 'instance',
        name,
        address: String(await dialogue.askQuestion({ ...emptyHome.address, default: address }, {})),
      };
    } catch (error) {
      if (!(error instanceof AbandonedError)) throw error;
      dialogue.print(error.message);
    }
  }
}

async function askOption(dialogue: Dialogue, labels: readonly string[]): Promise<number | null> {
  const help = emptyHome.options.flatMap((option) => [
    '',
    option.label,
    ...wrap(option.help, dialogue.columns - 4, '    '),
  ]);
  const picked = await dialogue.ask({
    prompt: `${wording.optionPrompt} `,
    help: [...help, '', wording.helpHint, ''],
    expected: 'an option',
    where: 'menu',
    parse: (text) => {
      if (text === '' || text === '^') return { ok: true, value: null };
      const found = findByLabel(labels, text);
      if (typeof found === 'number') return { ok: true, value: found };
      return { ok: false, expected: `a number from 1 to ${labels.length} or the beginning of a label` };
    },
  });
  return picked === 'late' ? null : picked;
}
