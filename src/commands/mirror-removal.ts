/** `caretmirror mirror leave | remove | remove-member`: what it would do first, then only with the name as confirmation (CFG-066..CFG-071). */
import type { Assessment, RemovalPlan } from '../protocol/assessment.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import type { ControlClient } from '../terminal/control-client.ts';
import { findingSentences } from '../terminal/finding-lines.ts';
import { attributeSentence, otherRemovalSentences, removalSentences } from '../terminal/removal-lines.ts';
import { failed, usage } from './failures.ts';
import { askInstance, findInstance } from './instances.ts';
import { attributeFields, removalFields } from './mirror-fields.ts';
import { defineFields, type Fields, readFields, type Options as Typed } from './option-fields.ts';
import { json } from './output.ts';
import { dryRun, performOn, saysAlready, situationOf } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

interface Options extends Typed {
  readonly dryRun: boolean;
  readonly confirm?: string;
  readonly situation?: string;
  readonly json: boolean;
}

export const define: DefineGroup = (group, surroundings) => {
  const command = <A>(name: string, description: string, who: string, fields: Fields<A>) =>
    defineFields(group.command(name).description(description), fields)
      .option('--dry-run', 'print what it would do, do nothing', false)
      .option('--confirm <member>', `${who}, as a confirmation`)
      .option('--situation <number>', 'refuse if the situation is no longer that of this --dry-run')
      .option('--json', 'one JSON document', false);
  for (const [name, description] of [
    ['leave', 'this instance leaves its mirror; then restart it'],
    [
      'remove',
      'remove the mirror configuration of this instance, of all its mirrors; of the last member in three steps',
    ],
  ] as const) {
    command(`${name} <instance>`, description, "this member's name", removalFields).action(
      async (typed: string, options: Options) => {
        const here = await surroundings();
        const remove = name === 'leave' ? removeThis : removeFromAll;
        const said = await askInstance(here, findInstance(here, typed), (control) =>
          remove(here, control, name, options),
        );
        here.print(options.json ? json(said.document) : said.text);
      },
    );
  }
  command(
    'remove-member <instance> <member>',
    'take another member out of the mirror, on the primary',
    'its name',
    attributeFields,
  ).action(async (typed: string, member: string, options: Options) => {
    const here = await surroundings();
    await askInstance(here, findInstance(here, typed), (control) => removeOther(here, control, member, options));
  });
};

interface Said {
  readonly text: string;
  readonly document: unknown;
}

/** CFG-066: a reporting async in several mirrors leaves them one after the other, unless one is named. */
async function removeFromAll(
  here: Surroundings,
  control: ControlClient,
  name: 'leave' | 'remove',
  options: Options,
): Promise<Said> {
  const { mirrors } = await control.describe();
  if (mirrors.length < 2 || control.mirror !== undefined) return await removeThis(here, control, name, options);
  if (options.situation !== undefined) throw usage('--situation belongs to one mirror: name it with --mirror');
  const said: Said[] = [];
  for (const mirror of mirrors) {
    control.mirror = mirror;
    said.push(
      await removeThis(here, control, name, options).catch((error: unknown) => {
        for (const { text } of said) here.tell(text.trimEnd());
        throw error;
      }),
    );
  }
  return { text: said.map(({ text }) => text).join(''), document: said.map(({ document }) => document) };
}

async function removeThis(
  here: Surroundings,
  control: ControlClient,
  name: 'leave' | 'remove',
  options: Options,
): Promise<Said> {
  const { removeAttribute = false, withoutPrimary = false } = readFields(removalFields, options);
  const given: CommandArguments['remove-mirror'] = { removeAttribute, withoutPrimary };
  const assessment = await control.assess('remove-mirror', given);
  const already = assessment.refusal === null ? null : saysAlready('remove-mirror', assessment.refusal);
  if (already !== null && !options.dryRun) return { text: `${already}\n`, document: { ok: true, text: already } };
  const plan = planOf(assessment);
  if (name === 'leave' && plan.step !== 'leave' && plan.step !== 'restart-only') {
    throw failed(`${plan.member} does not leave: it is removed with caretmirror mirror remove`);
  }
  const lines = [...removalSentences(plan), ...findingSentences(assessment.findings)];
  const asksAttribute = (plan.step === 'leave' || plan.step === 'erase') && plan.databases.length > 0;
  const told = asksAttribute ? [...lines, attributeSentence(removeAttribute)] : lines;
  if (options.dryRun) return { text: dryRun(told, assessment.situation), document: assessment };
  mustConfirm(options, plan.member, `caretmirror mirror ${name}`);
  const text = await performOn(here, control, 'remove-mirror', given, situationOf(options, assessment));
  return { text: `${text}\n`, document: { ok: true, text } };
}

async function removeOther(here: Surroundings, control: ControlClient, typed: string, options: Options): Promise<void> {
  const { removeAttribute = false } = readFields(attributeFields, options);
  const given = { member: typed, removeAttribute };
  const assessment = await control.assess('remove-member', given);
  const { mirrorSet } = await control.describe();
  if (assessment.refusal !== null) throw failed(`it would be refused: ${assessment.refusal.text}`);
  const member = mirrorSet?.members.find(({ name }) => name === typed.toUpperCase());
  if (options.dryRun) {
    const removal = mirrorSet === null || member === undefined ? [] : otherRemovalSentences(mirrorSet.name, member);
    const lines = [...removal, ...findingSentences(assessment.findings), attributeSentence(removeAttribute)];
    return here.print(options.json ? json(assessment) : dryRun(lines, assessment.situation));
  }
  mustConfirm(options, member?.name ?? typed.toUpperCase(), 'caretmirror mirror remove-member');
  const text = await performOn(here, control, 'remove-member', given, situationOf(options, assessment));
  here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
}

function planOf({ refusal, removal }: Assessment): RemovalPlan {
  if (refusal !== null) throw failed(`it would be refused: ${refusal.text}`);
  if (removal === null) throw failed('this instance says nothing of a removal; update it');
  return removal;
}

function mustConfirm({ confirm }: Options, member: string, command: string): void {
  if (confirm?.toUpperCase() === member.toUpperCase()) return;
  throw usage(`${command} cannot be undone at once: see --dry-run, then give --confirm ${member}`);
}
