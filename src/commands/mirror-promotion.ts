/** `caretmirror mirror promote | demote`: what it would meet first, then only with the name as confirmation (FO-077..084, FO-087). */
import type { Assessment, CommandArguments } from '../protocol/control-channel.ts';
import type { ControlClient } from '../terminal/control-client.ts';
import { demotionSentence, promotionSentences } from '../terminal/promotion-lines.ts';
import { failed, usage } from './failures.ts';
import { askInstance, findInstance } from './instances.ts';
import { promoteFields } from './mirror-fields.ts';
import { defineFields, readFields, type Options as Typed } from './option-fields.ts';
import { json } from './output.ts';
import { dryRun, performOn, situationOf } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

interface Options extends Typed {
  readonly other?: boolean;
  readonly dryRun: boolean;
  readonly confirm?: string;
  readonly situation?: string;
  readonly json: boolean;
}

export const define: DefineGroup = (group, surroundings) => {
  const command = (name: string, description: string) =>
    group
      .command(`${name} <instance>`)
      .description(description)
      .option('--dry-run', 'print what it would meet, do nothing', false)
      .option('--confirm <member>', 'name of the member that changes, as a confirmation')
      .option('--situation <number>', 'refuse if the situation is no longer that of this --dry-run')
      .option('--json', 'one JSON document', false);
  const promotion = command('promote', 'make this disaster recovery async a failover member');
  defineFields(promotion, promoteFields).action(async (typed: string, options: Options) => {
    const here = await surroundings();
    await askInstance(here, findInstance(here, typed), (control) => promote(here, control, options));
  });
  command('demote', 'make this backup, or the other failover member, a disaster recovery async')
    .option('--other', 'on the primary: the other failover member', false)
    .action(async (typed: string, options: Options) => {
      const here = await surroundings();
      await askInstance(here, findInstance(here, typed), (control) => demote(here, control, options));
    });
};

async function promote(here: Surroundings, control: ControlClient, options: Options): Promise<void> {
  const { member } = await control.describe();
  const assessment = await control.assess('promote');
  mustBePossible(assessment);
  const lines = assessment.promotion == null ? [] : promotionSentences(assessment.promotion);
  if (options.dryRun) return here.print(options.json ? json(assessment) : dryRun(lines, assessment.situation));
  mustConfirm(options, member ?? '', 'promote');
  // Whoever promotes without a look at it finds it here, before it is done.
  if (!options.json) here.print(lines.map((line) => `${line}\n`).join(''));
  const given: CommandArguments['promote'] = { hold: false, ...readFields(promoteFields, options) };
  const text = await performOn(here, control, 'promote', given, situationOf(options.situation));
  here.print(options.json ? json({ ok: true, text, promotion: assessment.promotion ?? null }) : `${text}\n`);
}

async function demote(here: Surroundings, control: ControlClient, options: Options): Promise<void> {
  const { member, mirrorSet } = await control.describe();
  const command = options.other === true ? 'demote-other' : 'demote';
  const assessment = await control.assess(command);
  mustBePossible(assessment);
  const other = mirrorSet?.members.find(({ name, type }) => type === 'Failover' && name !== member)?.name;
  const who = (command === 'demote' ? member : other) ?? '';
  const left = command === 'demote' ? other : member;
  const line = demotionSentence(who, left ?? '');
  if (options.dryRun) return here.print(options.json ? json(assessment) : dryRun([line], assessment.situation));
  mustConfirm(options, who, 'demote');
  const text = await performOn(here, control, command, {}, situationOf(options.situation));
  here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
}

function mustBePossible({ refusal }: Assessment): void {
  if (refusal !== null) throw failed(`it would be refused: ${refusal.text}`);
}

function mustConfirm({ confirm }: Options, member: string, what: string): void {
  if (confirm?.toUpperCase() === member.toUpperCase()) return;
  throw usage(`${what} changes who may become primary: see --dry-run, then give --confirm ${member}`);
}
