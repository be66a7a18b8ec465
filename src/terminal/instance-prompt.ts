/** The `NAME>%SYS>` prompt of an instance: routines are started by name, nothing else is done here. */
import { otherRoutines, wording } from '../../menus/wording.ts';
import { AbandonedError, type Dialogue } from './dialogue.ts';
import type { Parsed } from './question.ts';
import { fill } from './screen.ts';
import { type Desk, isRoutine, routines } from './session.ts';

type Order =
  | { readonly kind: 'halt' }
  | { readonly kind: 'namespace' }
  | { readonly kind: 'routine'; readonly routine: string };

export async function instancePrompt(instance: string, desk: Desk, dialogue: Dialogue): Promise<void> {
  for (;;) {
    const order = await askOrder(instance, dialogue);
    if (order.kind === 'halt') return;
    if (order.kind === 'namespace') continue;
    if (isRoutine(order.routine)) await routines[order.routine](desk, dialogue);
    else dialogue.print(fill(wording.prompt.routineNotBuilt, { routine: order.routine }));
  }
}

async function askOrder(instance: string, dialogue: Dialogue): Promise<Order> {
  try {
    const order = await dialogue.ask({
      prompt: `${instance}>%SYS>`,
      help: [wording.prompt.help],
      parse: parseOrder,
      expected: wording.prompt.expected,
      where: 'menu',
    });
    return order === 'late' ? { kind: 'halt' } : order;
  } catch (error) {
    if (error instanceof AbandonedError) return { kind: 'halt' }; // Ctrl-D
    throw error;
  }
}

function parseOrder(text: string): Parsed<Order> {
  if (text === '' || /^h(alt)?$/i.test(text)) return { ok: true, value: { kind: 'halt' } };
  if (/^zn\s+"%SYS"$/i.test(text)) return { ok: true, value: { kind: 'namespace' } };
  if (/^zn\b/i.test(text)) return { ok: false, expected: `zn "%SYS". ${wording.prompt.namespace}` };
  const routine = /^(?:do?\s+)?\^([A-Za-z]+)$/i.exec(text)?.[1]?.toUpperCase();
  if (routine === 'MIRROR' || (otherRoutines as readonly string[]).includes(routine ?? '')) {
    return { ok: true, value: { kind: 'routine', routine: routine ?? '' } };
  }
  return { ok: false, expected: wording.prompt.expected };
}
