/** Actions of the routine about members: this one leaves, another is removed, addresses are changed (CFG-056..CFG-077). */
import type { Action, PickQuestion } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { MemberDefinition } from '../mirror/mirror-set.ts';
import type { RemovalPlan } from '../protocol/assessment.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import {
  type ActionContext,
  confirmed,
  noReport,
  nothingToPick,
  perform,
  refusalText,
  refused,
  showPlan,
} from './action-steps.ts';
import {
  type Assessed,
  assessed,
  inShownSituation,
  lookAhead,
  performAssessed,
  tellSituationChanged,
} from './assessed-actions.ts';
import { EXIT } from './exit-codes.ts';
import { findingSentences } from './finding-lines.ts';
import type { Defaults, Values } from './question.ts';
import { attributeSentence, otherRemovalSentences, removalSentences } from './removal-lines.ts';
import { fill } from './screen.ts';

type Of<K extends Action['kind']> = Extract<Action, { kind: K }>;

interface Leaving {
  readonly shown: Assessed;
  readonly plan: RemovalPlan;
}

export async function removeMirrorAction(action: Of<'remove-mirror'>, context: ActionContext): Promise<void> {
  const { control, dialogue, description } = context;
  const chosen = control.mirror;
  const several = action.which === 'all' && description.mirrors.length > 1 ? description.mirrors : [chosen];
  try {
    for (let left = several; left.length > 0; ) {
      const leavings: Leaving[] = [];
      for (const mirror of left) {
        control.mirror = mirror;
        const leaving = await assessLeaving(action, context);
        if (leaving === null) return dialogue.endBeforeQuestions();
        const { findings } = leaving.shown.assessment;
        for (const sentence of [...removalSentences(leaving.plan), ...findingSentences(findings)])
          dialogue.say(sentence);
        leavings.push(leaving);
      }
      const hasChoice = leavings.some(({ plan }) => losesDatabases(plan));
      const removeAttribute = hasChoice && (await dialogue.askQuestion(action.attribute, {})) === true;
      if (hasChoice) dialogue.say(attributeSentence(removeAttribute));
      if (!(await confirmed(dialogue, action.confirm))) return;
      // CFG-066: each is left by itself, and what becomes of one says nothing of the others.
      const changed: string[] = [];
      left = [];
      for (const { shown, plan } of leavings) {
        if (several.length > 1) control.mirror = plan.mirror;
        const given = { removeAttribute: removeAttribute && losesDatabases(plan) };
        const text = await performAssessed(shown, action.command, given);
        if (text === null) continue;
        changed.push(text);
        left = [...left, control.mirror];
      }
      if (changed.length > 0) tellSituationChanged(context, changed.join('; '), changed.length === leavings.length);
    }
  } finally {
    control.mirror = chosen;
  }
}

/** Null when it is refused, which has been said. */
async function assessLeaving(action: Of<'remove-mirror'>, context: ActionContext): Promise<Leaving | null> {
  const shown = await assessed(context, action.command, {});
  if (shown === null) return null;
  const plan = shown.assessment.removal;
  if (plan === null) refused(context, refusalText(noReport, action.command), EXIT.refused);
  return plan === null ? null : { shown, plan };
}

function losesDatabases({ databases, step }: RemovalPlan): boolean {
  return databases.length > 0 && (step === 'leave' || step === 'erase');
}

export async function removeMemberAction(action: Of<'remove-member'>, context: ActionContext): Promise<void> {
  const { dialogue } = context;
  await inShownSituation(context, action.command, async ({ context: now }) => {
    const { mirrorSet, member: self, isPrimary } = now.description;
    const candidates = (mirrorSet?.members ?? []).filter(
      ({ name, type }) => name !== self && (isPrimary || type !== 'Failover'),
    );
    const target = await pickMember(action.member, candidates, now);
    if (target === null || mirrorSet === null) return null;
    for (const sentence of otherRemovalSentences(mirrorSet.name, target)) dialogue.say(sentence);
    const removeAttribute = (await dialogue.askQuestion(action.attribute, {})) === true;
    dialogue.say(attributeSentence(removeAttribute));
    const given = { member: target.name, removeAttribute };
    if ((await lookAhead(now, action.command, given)) === null) return null;
    return (await confirmed(dialogue, action.confirm)) ? given : null;
  });
}

/** Null when there is nobody, which has been said. */
async function pickMember(
  question: Omit<PickQuestion, 'choices'>,
  candidates: readonly MemberDefinition[],
  context: ActionContext,
): Promise<MemberDefinition | null> {
  const { dialogue } = context;
  if (candidates.length === 0) {
    nothingToPick(context, wording.noOtherMember);
    return null;
  }
  const rows = candidates.map(({ name, type, superserver }, index) => [
    `${index + 1})`,
    name,
    type,
    `${superserver.host}|${superserver.port}`,
  ]);
  dialogue.print();
  dialogue.printLines(await dialogue.style.table([['', ...wording.membersToPick], ...rows]));
  const choices = candidates.map(({ name }) => ({ label: name }));
  const picked = await dialogue.askQuestion({ ...question, choices }, {});
  return candidates.find(({ name }) => name === picked) ?? null;
}

/** Only what differs from now is sent: on another member than the primary most of it would be refused (CFG-058). */
export async function editAddressesAction(action: Of<'edit-addresses'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  const { mirrorSet, member: self } = description;
  const target = await pickMember(action.member, mirrorSet?.members ?? [], context);
  if (target === null) return;
  const questions = target.name === self ? [action.port, ...action.questions] : action.questions;
  const present = addressesOf(target);
  const values = await dialogue.askAll(questions, present);
  showPlan(context, fill(action.summary, { member: target.name }), questions, values);
  if (!(await confirmed(dialogue, action.confirm))) return;
  await perform(context, action.command, { member: target.name, ...changes(target, values) });
}

function addressesOf({ superserver, privateAddress, agent }: MemberDefinition): Defaults {
  return {
    presentSuperserverAddress: superserver.host,
    presentSuperserverPort: superserver.port,
    presentPrivateAddress: privateAddress ?? superserver.host,
    presentAgentAddress: agent.host,
    presentAgentPort: agent.port,
  };
}

function changes(target: MemberDefinition, values: Values): Omit<CommandArguments['edit-addresses'], 'member'> {
  const { superserver, privateAddress, agent } = target;
  const now = {
    superserverAddress: superserver.host,
    superserverPort: superserver.port,
    privateAddress: privateAddress ?? superserver.host,
    agentAddress: agent.host,
    agentPort: agent.port,
  };
  const differs = (name: keyof typeof now): boolean => values[name] !== undefined && values[name] !== now[name];
  const names = Object.keys(now) as (keyof typeof now)[];
  return Object.fromEntries(names.filter(differs).map((name) => [name, values[name]]));
}
