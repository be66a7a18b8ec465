/** `caretmirror mirror ...`: the actions of the ^MIRROR menus without a menu. The instance decides; here words become arguments. */

import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberReport } from '../mirror/status.ts';
import type { Assessment, TroubleAssessment } from '../protocol/assessment.ts';
import type { Description } from '../protocol/control-channel.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import { compressionLines } from '../terminal/compression-lines.ts';
import { defineAsync } from './async-members.ts';
import { failed, usage } from './failures.ts';
import { askInstance, connectInstance, findInstance, type Instance } from './instances.ts';
import {
  addressFields,
  createFields,
  type JoinOptions,
  joinFields,
  newMemberFields,
  settingsFields,
} from './mirror-fields.ts';
import { define as definePromotion } from './mirror-promotion.ts';
import { defineRebuild } from './mirror-rebuild.ts';
import { define as defineRemoval } from './mirror-removal.ts';
import { defineFields, type Options, readFields } from './option-fields.ts';
import { json, table } from './output.ts';
import { defineLook, type LookOptions, perform, performAndTell, performOn, situationOf } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

export const define: DefineGroup = (group, surroundings) => {
  const create = group
    .command('create <instance>')
    .description('create a mirror with this instance as its first member');
  defineLook(defineFields(create, createFields, ['mirror'])).action(
    async (name: string, options: Options & LookOptions) => {
      const here = await surroundings();
      // CFG-001: a mirror needs the service; creating and joining are the wish to have it.
      const given = { ...readFields(createFields, options), requireTls: false, enableService: true };
      const wish = given as CommandArguments['create-mirror'];
      await becomeMember(here, findInstance(here, name), 'create-mirror', wish, options);
    },
  );
  const join = group.command('join <instance>').description('join a mirror as failover or async member');
  const needed = ['mirror', 'type', 'otherAgent', 'otherInstance'] as const;
  defineLook(defineFields(join, joinFields, needed)).action(async (name: string, options: Options & LookOptions) => {
    const here = await surroundings();
    const { otherAgent, ...given } = readFields(joinFields, options) as JoinOptions;
    const agent = { otherAgentAddress: otherAgent.host, otherAgentPort: otherAgent.port };
    const wish = { ...given, ...agent, enableService: true };
    await becomeMember(here, findInstance(here, name), 'join-mirror', wish, options);
  });
  const joinAgain = group
    .command('join-as-new <instance>')
    .description('a member that is kept out because of its addresses joins its mirror as a new one');
  defineLook(defineFields(joinAgain, newMemberFields))
    .option('--confirm <member>', 'the name it had, as a confirmation: its mirror configuration is replaced')
    .action(async (name: string, options: Options & LookOptions) => {
      const here = await surroundings();
      await joinAsNew(here, findInstance(here, name), options);
    });
  defineOthers(group, surroundings);
  defineRemoval(group, surroundings);
  defineRebuild(group, surroundings);
  definePromotion(group, surroundings);
};

const defineOthers: DefineGroup = (group, surroundings) => {
  group
    .command('show <instance>')
    .description('the mirror as this member knows it')
    .option('--json', 'one JSON document', false)
    .action(async (name: string, options: { json: boolean }) => {
      const here = await surroundings();
      const [description, report] = await askInstance(
        here,
        findInstance(here, name),
        async (control) => [await control.describe(), await control.status()] as const,
      );
      show(here, description, report.members, options.json);
    });
  defineEdit(group, surroundings);
  defineAsync(group, surroundings);
  for (const [name, command, description] of [
    ['enable', 'enable-mirror-service', 'enable the mirror service; create and join do so by themselves'],
    ['start', 'start-mirror', 'let this member take part again'],
    ['stop', 'stop-mirror', 'take this member out until it is started again'],
  ] as const) {
    group
      .command(`${name} <instance>`)
      .description(description)
      .action(async (typed: string) => {
        const here = await surroundings();
        here.print(`${await perform(here, findInstance(here, typed), command, {})}\n`);
      });
  }
  group
    .command('no-failover <instance> [state]')
    .description('set or clear the no failover state: on, off; without a state, the other one')
    .action(async (name: string, state: string | undefined) => {
      const here = await surroundings();
      if (state !== undefined && state !== 'on' && state !== 'off')
        throw usage(`the state is on or off, not "${state}"`);
      const given = state === undefined ? {} : { set: state === 'on' };
      await askInstance(here, findInstance(here, name), async (control) => {
        const isSo = given.set === (await control.describe()).noFailover;
        // Given all the same: the other failover member is told again.
        const text = await performOn(here, control, 'change-no-failover', given);
        here.print(`${text}${isSo ? ' already' : ''}\n`);
      });
    });
  for (const [command, description] of [
    ['become-primary', 'try to make this member the primary'],
    ['force-primary', 'force this member to become the primary'],
    ['resume-primary', 'let a primary in trouble state without a time limit go on'],
  ] as const) {
    group
      .command(`${command === 'resume-primary' ? 'resume' : command} <instance>`)
      .description(description)
      .option('--dry-run', 'print the situation, do nothing', false)
      .option('--confirm <member>', "this member's name, as a confirmation")
      .option('--situation <number>', 'refuse if the situation is no longer that of this --dry-run')
      .option('--json', 'one JSON document', false)
      .action(async (name: string, options: RiskyOptions) => {
        const here = await surroundings();
        await risky(here, findInstance(here, name), command, options);
      });
  }
};

const defineEdit: DefineGroup = (group, surroundings) => {
  const edit = group
    .command('edit <instance>')
    .description("change the mirror's settings, or the addresses of a member, on the primary");
  defineFields(defineFields(edit, settingsFields), addressFields).action(async (name: string, options: Options) => {
    const here = await surroundings();
    const settings = readFields(settingsFields, options);
    const addresses = readFields(addressFields, options);
    const [isOfSettings, isOfAddresses] = [settings, addresses].map((given) => Object.keys(given).length > 0);
    if (isOfSettings && isOfAddresses)
      throw usage('settings of the mirror and addresses of a member are changed one after the other');
    if (!isOfSettings && !isOfAddresses) throw usage('give at least one setting; see caretmirror mirror edit --help');
    const instance = findInstance(here, name);
    const text = isOfAddresses
      ? await perform(here, instance, 'edit-addresses', addresses)
      : await perform(here, instance, 'edit-mirror', settings);
    here.print(`${text}\n`);
  });
};

/** Nothing is to be done where this instance is in that mirror already, as what it is to be. */
async function becomeMember<N extends 'create-mirror' | 'join-mirror'>(
  here: Surroundings,
  instance: Instance,
  command: N,
  given: CommandArguments[N],
  options: LookOptions,
): Promise<void> {
  const mirror = given.mirror.toUpperCase();
  const present = await askInstance(here, instance, async (control) => {
    if (!(await control.describe()).mirrors.includes(mirror)) return null;
    control.mirror = mirror;
    return (await control.status()).type;
  });
  const isSo = present !== null && present === ('type' in given ? given.type : 'Failover');
  if (!isSo || options.dryRun) return await performAndTell(here, instance, command, given, options);
  const text = `this instance is in mirror ${mirror} already (${present})`;
  here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
}

/** CFG-064. */
async function joinAsNew(here: Surroundings, instance: Instance, options: Options & LookOptions): Promise<void> {
  const { member, mirrorSet, keptOut } = await askInstance(here, instance, (control) => control.describe());
  const isConfirmed = String(options.confirm).toUpperCase() === member;
  if (keptOut !== null && mirrorSet !== null && !isConfirmed && !options.dryRun) {
    const what = `replaces the mirror configuration of this instance, which is that of member ${member} (${keptOut})`;
    throw usage(`join-as-new ${what}; to do it give --confirm ${member}`);
  }
  await performAndTell(here, instance, 'join-as-new-member', readFields(newMemberFields, options), options);
}

interface RiskyOptions {
  readonly dryRun: boolean;
  readonly confirm?: string;
  readonly situation?: string;
  readonly json: boolean;
}

/** FO-074, FO-075, FO-076: assessed, confirmed by name, and done only in the situation that was seen. */
async function risky(
  here: Surroundings,
  instance: Instance,
  command: 'become-primary' | 'force-primary' | 'resume-primary',
  options: RiskyOptions,
): Promise<void> {
  const control = await connectInstance(here, instance);
  try {
    const { member } = await control.describe();
    const isConfirmed = options.confirm !== undefined && options.confirm.toUpperCase() === member?.toUpperCase();
    if (options.dryRun || (command === 'resume-primary' && !isConfirmed)) {
      const assessment = await control.assess(command);
      here.print(options.json ? json(assessment) : assessmentText(assessment));
      if (assessment.refusal !== null) throw failed(`it would be refused: ${assessment.refusal.text}`);
      if (options.dryRun) return;
    }
    if (!isConfirmed) {
      const name = member ?? 'its member name';
      const what = command === 'resume-primary' ? 'resume' : command;
      throw usage(`${what} changes which member is primary: see --dry-run, then give --confirm ${name}`);
    }
    const text = await performOn(here, control, command, {}, situationOf(options));
    here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
  } finally {
    control.close();
  }
}

/** FO-076. */
const agentWords: Readonly<Record<TroubleAssessment['agentSays'], string>> = {
  'no-answer': 'does not answer',
  down: 'says that its instance is down',
  hung: 'says that its instance hangs',
  running: 'says that its instance is running',
  'is-primary': 'says that its instance is running as primary',
};
const arbiterWords: Readonly<Record<TroubleAssessment['arbiterSays'], string>> = {
  'not-configured': 'none',
  'no-answer': 'does not answer',
  'other-not-connected': 'says that the other is not connected',
  'other-connected': 'says that the other is connected',
  'licensed-other': 'has allowed the other to take over',
};

function vouchedFor(other: string): string {
  return `\nWho resumes this primary vouches that ${other}\n  is down,\n  never became primary, and\n  created no later mirror journal file.\n`;
}

function troubleRows({ since, spec, because, other, agentSays, arbiterSays }: TroubleAssessment): [string, string][] {
  return [
    ['In trouble state since', since],
    ['Because', `${because} (${spec})`],
    [`ISCAgent of ${other}`, agentWords[agentSays]],
    ['Arbiter', arbiterWords[arbiterSays]],
  ];
}

function assessmentText(now: Assessment): string {
  const answers = now.otherAnswers === null ? 'not asked' : now.otherAnswers ? 'yes' : 'no';
  const journal: [string, string][] = [
    ['Newest journal data', now.newestJournalTime ?? 'none'],
    ['In file', now.newestJournalFile ?? 'none'],
  ];
  const rows: [string, string][] =
    now.trouble != null
      ? [...troubleRows(now.trouble), ...journal]
      : [
          ['Present primary', now.primary ?? 'none known'],
          ['This member was an active backup', now.wasActive ? 'yes' : 'no'],
          ['This member was the primary', now.wasPrimary ? 'yes' : 'no'],
          ...journal,
          ['No failover', now.noFailover ? 'set' : 'not set'],
          ['The other failover member answers', answers],
        ];
  rows.push(['Situation', String(now.situation)]);
  const vouched = now.trouble == null ? '' : vouchedFor(now.trouble.other);
  return rows.map(([label, value]) => `${`${label}:`.padEnd(36)}${value}\n`).join('') + vouched;
}

function show(
  here: Surroundings,
  { mirrorSet, member }: Description,
  rows: readonly MemberReport[],
  asJson: boolean,
): void {
  if (asJson) here.print(json(mirrorSet));
  else here.print(mirrorSet === null ? 'this instance is in no mirror\n' : mirrorText(mirrorSet, member, rows));
}

function mirrorText(
  { name, settings: set, members, databases }: MirrorSet,
  self: string | null,
  reports: readonly MemberReport[],
): string {
  const arbiter = set.arbiter === null ? 'none' : `${set.arbiter.host}:${set.arbiter.port}`;
  const rows = members.map((each) => [
    `${each.name}${each.name === self ? ' (this member)' : ''}`,
    each.type,
    each.instance,
    each.instanceDirectory,
    `${each.superserver.host}:${each.superserver.port}`,
    each.privateAddress ?? each.superserver.host,
    `${each.agent.host}:${each.agent.port}`,
  ]);
  const facts = `Mirror ${name}: arbiter ${arbiter}, QoS timeout ${set.qosTimeoutMs} ms\nCompression: failover members ${set.compressionFailover}, asyncs ${set.compressionAsync}\n\n`;
  const links = compressionLines(reports)
    .map((line) => `${line}\n`)
    .join('');
  const list = databases.map((database) => database.name).join(', ');
  return `${facts}${table(['Member', 'Type', 'Instance', 'Directory', 'Superserver', 'Private', 'ISCAgent'], rows)}${links}\nDatabases: ${list || 'none'}\n`;
}
