/** Actions of ^BACKUP and ^DBREST. What a restore would do is planned by the instance, shown, and confirmed before it is done. */
import type { Action } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { RestorePlan, RestoreStep } from '../protocol/control-channel.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import { type ActionContext, confirmed, looked, nothingToPick, perform, refused, showPlan } from './action-steps.ts';
import type { Dialogue } from './dialogue.ts';
import { EXIT } from './exit-codes.ts';
import { pickDatabases } from './pick-databases.ts';
import type { Parsed } from './question.ts';
import { factLines, fill, screenDateTime } from './screen.ts';

type Of<K extends Action['kind']> = Extract<Action, { kind: K }>;

export async function backupAction(action: Of<'backup'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  const picked = await pickDatabases(action.pick, description, dialogue);
  if (picked === null) return nothingToPick(context, action.pick.none);
  if (picked.length === 0) return dialogue.print(wording.nothingChanged);
  const to = String(await dialogue.askQuestion(action.device, {}));
  const databases = picked.map(({ name }) => name);
  showPlan(context, fill(action.summary, { databases: databases.join(', '), to }), [], {});
  if (!(await confirmed(dialogue, action.confirm))) return;
  await perform(context, action.command, { databases, to });
}

export async function backupVolume(action: Of<'backup-volume'>, context: ActionContext): Promise<void> {
  const from = String(await context.dialogue.askQuestion(action.device, {}));
  const plan = await looked(context, context.control.planRestore({ from }));
  if (plan === null) return context.dialogue.endBeforeQuestions();
  showVolume(plan, context.dialogue);
  context.dialogue.print();
  context.dialogue.printLines(plan.steps.map((step) => `${step.copy}${fullName(plan, step)}`));
}

/** One order to the instance, and what it said it would do. */
interface PlannedOrder {
  readonly given: CommandArguments['restore-databases'];
  readonly steps: readonly RestoreStep[];
}

/** DB-021, DB-022. */
export async function restoreAction(action: Of<'restore'>, context: ActionContext): Promise<void> {
  const { control, dialogue, description } = context;
  const from = String(await dialogue.askQuestion(action.device, {}));
  const plan = await looked(context, control.planRestore({ from }));
  if (plan === null) return dialogue.endBeforeQuestions();
  showVolume(plan, dialogue);
  let steps = plan.steps;
  const isOfOther = plan.mirror !== null && plan.mirror === description.mirrorSet?.name;
  if (isOfOther && plan.member !== description.member) {
    dialogue.print(wording.otherMembersBackup);
    const isLimited = (await dialogue.askQuestion(action.limit, {})) === true;
    if (isLimited) steps = steps.filter(({ mirrorDatabase }) => mirrorDatabase !== null);
  }
  const orders = await planOrders(action, context, plan, from, steps);
  if (orders === null) return dialogue.endBeforeQuestions();
  const planned = orders.flatMap((order) => order.steps);
  if (planned.length === 0) return dialogue.print(wording.nothingChosen);
  dialogue.print();
  const rows = planned.map((step) => [step.database, step.mirrorDatabase ?? '-', willDo(step), step.directory]);
  dialogue.printLines(await dialogue.style.table([wording.restoreList, ...rows]));
  const no = planned.find(({ refusal }) => refusal !== null);
  if (no?.refusal != null) {
    const text = fill(wording.restoreRefused, { database: no.database, text: no.refusal.text });
    refused(context, fill(wording.refused, { text }), EXIT.refused);
    return dialogue.endBeforeQuestions();
  }
  if (!(await confirmed(dialogue, action.confirm))) return;
  // Only what was looked at may be replaced: what has got data since then is refused.
  for (const { given, steps: its } of orders) {
    const replace = its.filter(({ holdsData }) => holdsData).map(({ database }) => database);
    await perform(context, action.command, { ...given, ...(replace.length === 0 ? {} : { replace }) });
  }
}

/** Those that keep their names in one order, each other in one of its own. Null = it could not be planned, which was said. */
async function planOrders(
  { selected }: Of<'restore'>,
  context: ActionContext,
  plan: RestorePlan,
  from: string,
  steps: readonly RestoreStep[],
): Promise<readonly PlannedOrder[] | null> {
  const { control, dialogue } = context;
  const asIs: RestoreStep[] = [];
  const orders: PlannedOrder[] = [];
  for (const step of steps) {
    const as = selected ? await askWhere(dialogue, plan, step) : '';
    if (as === 'left out') continue;
    if (as === '' || as === step.database) {
      asIs.push(step);
      continue;
    }
    const given = { from, databases: [step.copy], as };
    const renamed = await looked(context, control.planRestore(given));
    if (renamed === null) return null;
    orders.push({ given, steps: renamed.steps });
  }
  const databases = asIs.map(({ copy }) => copy);
  return databases.length === 0 ? orders : [{ given: { from, databases }, steps: asIs }, ...orders];
}

async function askWhere(dialogue: Dialogue, plan: RestorePlan, step: RestoreStep): Promise<string> {
  const where = await dialogue.ask({
    prompt: `${step.directory}${fullName(plan, step)} => `,
    help: [wording.restoreEachHelp],
    expected: wording.restoreEachExpected,
    where: 'action',
    parse: (text): Parsed<string> => {
      if (text === '') return { ok: true, value: '' };
      if (/^x$/i.test(text)) return { ok: true, value: 'left out' };
      return /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(text)
        ? { ok: true, value: text.toUpperCase() }
        : { ok: false, expected: wording.restoreEachExpected };
    },
  });
  return where === 'late' ? 'left out' : where;
}

function fullName(plan: RestorePlan, { mirrorDatabase }: RestoreStep): string {
  return mirrorDatabase === null ? '' : ` (:mirror:${plan.mirror ?? ''}:${mirrorDatabase})`;
}

function showVolume(plan: RestorePlan, dialogue: Dialogue): void {
  const facts: (readonly [string, string])[] = [
    ['Instance', plan.instance],
    ['Backup date', screenDateTime(plan.takenAt)],
  ];
  if (plan.mirror !== null) facts.push(['Mirror name', plan.mirror]);
  if (plan.member !== null) facts.push(['Mirror member', plan.member]);
  dialogue.print();
  dialogue.print(wording.backupOf);
  dialogue.printLines(factLines(facts));
}

function willDo({ isNew, holdsData }: RestoreStep): string {
  if (isNew) return wording.restoreWill.makes;
  return holdsData ? wording.restoreWill.replaces : wording.restoreWill.fills;
}
