/** `caretmirror mirror promote | demote`: what it would meet first, then only with the name as confirmation (FO-077..084, FO-087). */
import type { Assessment } from '../protocol/assessment.ts';
import type { CommandArguments, CommandName } from '../protocol/control-commands.ts';
import type { ControlClient } from '../terminal/control-client.ts';
import { demotionOf, demotionSentence, promotionSentences } from '../terminal/promotion-lines.ts';
import { failed, usage } from './failures.ts';
import { askInstance, findInstance } from './instances.ts';
import { promoteFields } from './mirror-fields.ts';
import { defineFields, readFields, type Options as Typed } from './option-fields.ts';
import { json } from './output.ts';
import { dryRun, performOn, saysAlready, situationOf } from './perform.ts';
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
  const given: CommandArguments['promote'] = { hold: false, ...readFields(promoteFields, options) };
  const assessment = await control.assess('promote', given);
  if (isDone(here, 'promote', assessment, options)) return;
  const { member } = await control.describe();
  const lines = assessment.promotion == null ? [] : promotionSentences(assessment.promotion);
  if (options.dryRun) return here.print(options.json ? json(assessment) : dryRun(lines, assessment.situation));
  mustConfirm(options, member ?? '', 'promote');
  // Whoever promotes without a look at it finds it here, before it is done.
  if (!options.json) here.print(lines.map((line) => `${line}\n`).join(''));
  const text = await performOn(here, control, 'promote', given, situationOf(options, assessment));
  here.print(options.json ? json({ ok: true, text, promotion: assessment.promotion ?? null }) : `${text}\n`);
}

async function demote(here: Surroundings, control: ControlClient, options: Options): Promise<void> {
  const command = options.other === true ? 'demote-other' : 'demote';
  const assessment = await control.assess(command);
  if (isDone(here, command, assessment, options)) return;
  const description = await control.describe();
  const line = demotionSentence(description, command);
  if (options.dryRun) return here.print(options.json ? json(assessment) : dryRun([line], assessment.situation));
  mustConfirm(options, demotionOf(description, command).member, 'demote');
  const text = await performOn(here, control, command, {}, situationOf(options, assessment));
  here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
}

/** @throws CommandFailure where it cannot be done */
function isDone(here: Surroundings, command: CommandName, { refusal }: Assessment, options: Options): boolean {
  if (refusal === null) return false;
  const already = options.dryRun === true ? null : saysAlready(command, refusal);
  if (already === null) throw failed(`it would be refused: ${refusal.text}`);
  here.print(options.json ? json({ ok: true, text: already }) : `${already}\n`);
  return true;
}

function mustConfirm({ confirm }: Options, member: string, what: string): void {
  if (confirm?.toUpperCase() === member.toUpperCase()) return;
  throw usage(`${what} changes who may become primary: see --dry-run, then give --confirm ${member}`);
}
