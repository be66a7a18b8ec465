/** `caretmirror mirror ...`: the actions of the ^MIRROR menus without a menu. The instance decides; here words become arguments. */

import { parseAddress } from '../client/member-search.ts';
import { compressionModes } from '../mirror/compression.ts';
import { agentPortDefault } from '../mirror/limits.ts';
import type { Address, CompressionMode, MirrorSet, ParallelDejournaling } from '../mirror/mirror-set.ts';
import type { MemberReport } from '../mirror/status.ts';
import type { Assessment, CommandArguments, Description, TroubleAssessment } from '../protocol/control-channel.ts';
import { compressionLines } from '../terminal/compression-lines.ts';
import { defineAsync, memberType, memberTypesText } from './async-members.ts';
import { failed, usage } from './failures.ts';
import { askInstance, connectInstance, findInstance, type Instance } from './instances.ts';
import { define as definePromotion } from './mirror-promotion.ts';
import { defineRebuild } from './mirror-rebuild.ts';
import { define as defineRemoval } from './mirror-removal.ts';
import { json, table } from './output.ts';
import { perform, performOn } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseWhole } from './target.ts';

const shortModes: Readonly<Partial<Record<string, CompressionMode>>> = {
  system: 'System Selected',
  none: 'Uncompressed',
  zlib: 'Compressed',
  zstd: 'Compressed with Zstd',
  lz4: 'Compressed with LZ4',
};
const modesText = `${Object.keys(shortModes).join(', ')}, or as the routine calls them`;

type OwnFields = 'member' | 'superserverAddress' | 'agentPort' | 'privateAddress' | 'agentAddress';
type Options = Readonly<Record<string, string | undefined>>;

export const define: DefineGroup = (group, surroundings) => {
  const member = (name: string, description: string) =>
    group
      .command(`${name} <instance>`)
      .description(description)
      .option('--member <name>', 'name of this member in the mirror')
      .option('--superserver-address <address>', 'where the others and applications reach this instance')
      .option('--agent-port <port>', "port of this host's ISCAgent")
      .option('--agent-address <address>', "where the others reach this host's ISCAgent")
      .option('--private-address <address>', 'address of the data channel to this member');
  const own = (name: string, description: string) =>
    member(name, description).requiredOption('--mirror <name>', 'name of the mirror');
  own('create', 'create a mirror with this instance as its first member')
    .option('--arbiter <host:port>', 'ISCAgent that is the arbiter')
    .option('--qos <ms>', 'QoS timeout in milliseconds')
    .option('--compression-failover <mode>', `journal data to failover members: ${modesText}`)
    .option('--compression-async <mode>', `journal data to asyncs: ${modesText}`)
    .option('--parallel-dejournaling <who>', 'Failover Members and DR, Failover Members, or All Members')
    .action(async (name: string, options: Options) => {
      const here = await surroundings();
      await withService(here, findInstance(here, name), 'create-mirror', createArguments(options));
    });
  own('join', 'join a mirror as failover or async member')
    .requiredOption('--type <type>', memberTypesText)
    .requiredOption('--agent <host:port>', 'ISCAgent of a failover member')
    .requiredOption('--instance <name>', "that member's instance")
    .action(async (name: string, options: Options) => {
      const here = await surroundings();
      await withService(here, findInstance(here, name), 'join-mirror', joinArguments(options));
    });
  member('join-as-new', 'a member that is kept out because of its addresses joins its mirror as a new one')
    .option('--type <type>', `${memberTypesText}; an async stays what it is, a failover member becomes dr`)
    .option('--confirm <member>', 'the name it had, as a confirmation: its mirror configuration is replaced')
    .action(async (name: string, options: Options) => {
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
      here.print(`${await perform(here, findInstance(here, name), 'change-no-failover', given)}\n`);
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
  group
    .command('edit <instance>')
    .description("change the mirror's settings, or the addresses of a member, on the primary")
    .option('--qos <ms>', 'QoS timeout in milliseconds')
    .option('--arbiter <host:port>', 'ISCAgent that is the arbiter; "none" for no arbiter')
    .option('--compression-failover <mode>', `journal data to failover members: ${modesText}`)
    .option('--compression-async <mode>', `journal data to asyncs: ${modesText}`)
    .option('--parallel-dejournaling <who>', 'Failover Members and DR, Failover Members, or All Members')
    .option('--verify-every <minutes>', 'how often members compare their running checksums; 0 = never')
    .option('--journal-keep-days <days>', 'keep journal files at least so long')
    .option('--journal-limit <MB>', 'journal kept for a member that is away; "none" for no limit')
    .option('--journal-limit-days <days>', 'the same in days; "none" for no limit')
    .option('--journal-daily <yes|no>', 'begin a new journal file each midnight')
    .option('--member <name>', 'whose addresses; this member unless given')
    .option('--superserver-address <address>', 'where the others and applications reach that member')
    .option('--superserver-port <port>', 'the port on which this instance serves; on the member itself only')
    .option('--private-address <address>', 'address of the data channel to that member; "none" = the superserver\'s')
    .option('--agent-address <address>', "where the others reach the ISCAgent of that member's host")
    .option('--agent-port <port>', 'port of that ISCAgent')
    .action(async (name: string, options: Options) => {
      const here = await surroundings();
      if (Object.keys(options).every((option) => option === 'mirror'))
        throw usage('give at least one setting; see caretmirror mirror edit --help');
      const ofAddresses = addresses(options);
      if (ofAddresses !== null) {
        if (Object.keys(settings(options)).length > 0)
          throw usage('settings of the mirror and addresses of a member are changed one after the other');
        here.print(`${await perform(here, findInstance(here, name), 'edit-addresses', ofAddresses)}\n`);
        return;
      }
      here.print(`${await perform(here, findInstance(here, name), 'edit-mirror', settings(options))}\n`);
    });
};

/** CFG-004: a mirror needs the service; creating and joining are the wish to have it. */
async function withService<N extends 'create-mirror' | 'join-mirror'>(
  here: Surroundings,
  instance: Instance,
  command: N,
  given: CommandArguments[N],
): Promise<void> {
  const control = await connectInstance(here, instance);
  try {
    if (!(await control.describe()).serviceEnabled) await performOn(here, control, 'enable-mirror-service', {});
    here.print(`${await performOn(here, control, command, given)}\n`);
  } finally {
    control.close();
  }
}

/** CFG-064. */
async function joinAsNew(here: Surroundings, instance: Instance, options: Options): Promise<void> {
  const { member, mirrorSet, keptOut } = await askInstance(here, instance, (control) => control.describe());
  const isConfirmed = options.confirm !== undefined && options.confirm.toUpperCase() === member;
  if (keptOut !== null && mirrorSet !== null && !isConfirmed) {
    const what = `replaces the mirror configuration of this instance, which is that of member ${member} (${keptOut})`;
    throw usage(`join-as-new ${what}; to do it give --confirm ${member}`);
  }
  const given = { ...ownFields(options), ...(options.type === undefined ? {} : { type: memberType(options.type) }) };
  here.print(`${await perform(here, instance, 'join-as-new-member', given)}\n`);
}

function createArguments(options: Options): CommandArguments['create-mirror'] {
  return {
    ...ownFields(options),
    ...settings(options),
    mirror: options.mirror ?? '',
    requireTls: false,
  };
}

function joinArguments(options: Options): CommandArguments['join-mirror'] {
  const agent = parseAgent(options.agent ?? '');
  return {
    ...ownFields(options),
    mirror: options.mirror ?? '',
    type: memberType(options.type ?? ''),
    otherAgentAddress: agent.host,
    otherAgentPort: agent.port,
    otherInstance: options.instance ?? '',
  };
}

function ownFields(options: Options): Pick<CommandArguments['create-mirror'], OwnFields> {
  return {
    ...given('member', options.member),
    ...given('superserverAddress', options.superserverAddress),
    ...given('agentPort', options.agentPort === undefined ? undefined : parsePort(options.agentPort, '--agent-port')),
    ...given('agentAddress', options.agentAddress),
    ...given('privateAddress', options.privateAddress),
  };
}

function settings(options: Options): CommandArguments['edit-mirror'] {
  const { qos, arbiter, compressionFailover, compressionAsync, verifyEvery } = options;
  return {
    ...(verifyEvery === undefined
      ? {}
      : { verifyEveryMinutes: parseWhole(verifyEvery, '--verify-every', 0, Number.MAX_SAFE_INTEGER) }),
    ...given('parallelDejournaling', options.parallelDejournaling as ParallelDejournaling | undefined),
    ...given('compressionFailover', parseMode(compressionFailover, '--compression-failover')),
    ...given('compressionAsync', parseMode(compressionAsync, '--compression-async')),
    ...(qos === undefined ? {} : { qosTimeoutMs: parseWhole(qos, '--qos', 1, Number.MAX_SAFE_INTEGER) }),
    ...(arbiter === undefined ? {} : { arbiter: arbiter === 'none' ? null : parseAgent(arbiter) }),
    ...journalSettings(options),
  };
}

/** Null = no address is to be changed (CFG-056, CFG-057). */
function addresses(options: Options): CommandArguments['edit-addresses'] | null {
  const { member, superserverPort, privateAddress, ...others } = options;
  const isOfAddresses = [member, superserverPort, privateAddress, others.superserverAddress, others.agentAddress];
  if ([...isOfAddresses, others.agentPort].every((value) => value === undefined)) return null;
  const { privateAddress: _, ...own } = ownFields(options);
  return {
    ...own,
    ...given('privateAddress', privateAddress === 'none' ? null : privateAddress),
    ...given(
      'superserverPort',
      superserverPort === undefined ? undefined : parsePort(superserverPort, '--superserver-port'),
    ),
  };
}

function journalSettings(options: Options): CommandArguments['edit-mirror'] {
  const { journalKeepDays, journalLimit, journalLimitDays, journalDaily } = options;
  if (journalDaily !== undefined && !['yes', 'no'].includes(journalDaily)) throw usage('--journal-daily is yes or no');
  const whole = (typed: string, what: string) => parseWhole(typed, what, 0, Number.MAX_SAFE_INTEGER);
  const limit = (typed: string, what: string) => (typed === 'none' ? null : whole(typed, what));
  return {
    ...given('keepDays', journalKeepDays === undefined ? undefined : whole(journalKeepDays, '--journal-keep-days')),
    ...given('limitMegabytes', journalLimit === undefined ? undefined : limit(journalLimit, '--journal-limit')),
    ...given('limitDays', journalLimitDays === undefined ? undefined : limit(journalLimitDays, '--journal-limit-days')),
    ...given('switchDaily', journalDaily === undefined ? undefined : journalDaily === 'yes'),
  };
}

/** The words of the routine, or a short one. */
function parseMode(typed: string | undefined, option: string): CompressionMode | undefined {
  if (typed === undefined) return undefined;
  const folded = typed.toLowerCase();
  const mode = shortModes[folded] ?? compressionModes.find((each) => each.toLowerCase() === folded);
  if (mode === undefined) throw usage(`${option} ${typed}: it is one of ${modesText}`);
  return mode;
}

/** A field that is left out takes the default of the instance. */
function given<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}

function parseAgent(typed: string): Address {
  const address = parseAddress(typed) ?? (/^[^:\s]+$/.test(typed) ? { host: typed, port: agentPortDefault } : null);
  if (address === null) throw usage(`"${typed}" is no address of an ISCAgent: HOST or HOST:PORT`);
  return address;
}

function parsePort(typed: string, what: string): number {
  return parseWhole(typed, what, 1, 65535);
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
    const situation =
      options.situation === undefined
        ? undefined
        : parseWhole(options.situation, '--situation', 0, Number.MAX_SAFE_INTEGER);
    const text = await performOn(here, control, command, {}, situation);
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
