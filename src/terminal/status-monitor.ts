/** The Status Monitor: its page as lines, pure, and the loop around its prompt (MON-014..MON-021). */
import { monitorPrompt, monitorRefreshSeconds, wording } from '../../menus/wording.ts';
import type { MemberReport, StatusReport } from '../mirror/status.ts';
import type { MemberStatus } from '../mirror/terms.ts';
import { compressionLines } from './compression-lines.ts';
import type { Control } from './control-client.ts';
import { AbandonedError, type Dialogue } from './dialogue.ts';
import { type Parsed, parseNumber } from './question.ts';
import { asSentence, fill, screenDateTime, screenTime, wrap } from './screen.ts';
import type { Style } from './style.ts';

type Wish =
  | { readonly kind: 'refresh' | 'databases' | 'act' | 'quit' }
  | { readonly kind: 'interval'; readonly seconds: number };

/** How wide the screen is, and what is coloured on it by severity. */
export interface Look {
  readonly columns: number;
  readonly style: Pick<Style, 'good' | 'warn' | 'bad'>;
}

const plain: Look = {
  columns: 80,
  style: { good: (text) => text, warn: (text) => text, bad: (text) => text },
};

/** MON-016. From a pipe it does not refresh by time. While databases are shown, A acts on them (MON-013, DB-037). */
export async function runStatusMonitor(control: Control, dialogue: Dialogue, act: () => Promise<void>): Promise<void> {
  let seconds: number = monitorRefreshSeconds.default;
  let showDatabases = false;
  let before: StatusReport | null = null;
  for (;;) {
    const report = await control.status();
    dialogue.print();
    const columns = dialogue.isTerminal ? dialogue.columns : plain.columns;
    dialogue.printLines(monitorLines(report, before, showDatabases, { columns, style: dialogue.style }));
    dialogue.print();
    if (showDatabases) dialogue.say(`${wording.monitorActions}.`);
    before = report;
    const wish = await askWish(dialogue, seconds, showDatabases);
    if (wish.kind === 'quit') return;
    if (wish.kind === 'act') await act();
    if (wish.kind === 'databases') showDatabases = !showDatabases;
    if (wish.kind === 'interval') seconds = wish.seconds;
  }
}

async function askWish(dialogue: Dialogue, seconds: number, mayAct: boolean): Promise<Wish> {
  const { min, max } = monitorRefreshSeconds;
  const expected = fill(wording.monitorInterval, { min, max });
  const parse = (text: string): Parsed<Wish> => {
    const folded = text.toUpperCase();
    if (folded === '') return { ok: true, value: { kind: 'refresh' } };
    if (folded === 'A' && mayAct) return { ok: true, value: { kind: 'act' } };
    if (folded === 'D') return { ok: true, value: { kind: 'databases' } };
    if (folded === 'Q') return { ok: true, value: { kind: 'quit' } };
    const interval = parseNumber(text, min, max);
    return interval.ok ? { ok: true, value: { kind: 'interval', seconds: interval.value } } : { ok: false, expected };
  };
  try {
    const wish = await dialogue.ask({
      prompt: `${fill(monitorPrompt, { seconds })} `,
      help: wrap(fill(wording.monitorHelp, { seconds }), dialogue.columns, '  '),
      parse,
      expected,
      where: 'action',
      ...(dialogue.isTerminal ? { withinMs: seconds * 1000 } : {}),
    });
    return wish === 'late' ? { kind: 'refresh' } : wish;
  } catch (error) {
    if (error instanceof AbandonedError) return { kind: 'quit' }; // ^, Ctrl-C or Ctrl-D
    throw error;
  }
}

/** One page. `before` is the report of the page before, from which the transfer rate is measured. */
export function monitorLines(
  report: StatusReport,
  before: StatusReport | null,
  showDatabases: boolean,
  look: Look = plain,
): readonly string[] {
  const { warn } = look.style;
  const { date, time } = screenTime(report.at);
  return [
    `Status of Mirror ${report.mirror ?? wording.none} at ${time} on ${date}`,
    ...rateLines(report, before),
    '',
    ...memberLines(report, look),
    ...arbiterLines(report, warn),
    ...dejournalLines(report, warn),
    ...missingLines(report).map(warn),
    ...untoldLines(report).map(warn),
    ...(showDatabases ? [] : differingLines(report).map(look.style.bad)),
    ...(report.noFailover ? ['', warn(wording.monitorNoFailover)] : []),
    ...(report.waitingFor === null ? [] : ['', ...wrap(asSentence(report.waitingFor), 80, '').map(warn)]),
    ...journalLines(report).map(warn),
    ...(showDatabases ? [...compressionLines(report.members), ...verifiedLines(report), ...databaseBlock(report)] : []),
  ];
}

/** Only what an operator has to do something about. */
function journalLines({ journal }: StatusReport): readonly string[] {
  return (journal?.warnings ?? []).flatMap((text) => ['', ...wrap(text, 80, '')]);
}

/** MON-020, MON-021. */
function rateLines(report: StatusReport, before: StatusReport | null): readonly string[] {
  if (report.incoming === null) return [];
  return [
    'Incoming Journal Transfer Rate for This Member (over refresh interval)',
    ` ${transferRate(report.incoming, before?.incoming ?? null)}`,
  ];
}

type Reading = NonNullable<StatusReport['incoming']>;

function transferRate(now: Reading, before: Reading | null): string {
  // Counters that went back belong to a member that was restarted in between.
  if (before === null || now.atMs <= before.atMs || now.journalBytes < before.journalBytes) return wording.rateLater;
  const seconds = (now.atMs - before.atMs) / 1000;
  const journal = (now.journalBytes - before.journalBytes) / 1024 / seconds;
  const network = (now.networkBytes - before.networkBytes) / 1024 / seconds;
  const interval = `(${Math.max(1, Math.round(seconds))}s interval)`;
  // Frames add to journal data, so only compression makes the network carry less.
  if (network >= journal || network <= 0) return `${rate(journal)} KB/s ${interval}`;
  return `${rate(network)} KB/s network; ${rate(journal)} KB/s journal; ratio ${(journal / network).toFixed(2)}:1 ${interval}`;
}

function rate(kilobytesPerSecond: number): string {
  return kilobytesPerSecond < 100 ? kilobytesPerSecond.toFixed(2) : String(Math.round(kilobytesPerSecond));
}

const memberWidths = [26, 9, 16, 14] as const;

/** From so many columns on, what is behind is also shown in bytes, records and seconds, and how old that knowledge is. */
const wideColumns = 132;
const lagWidth = 24;

const severity: Readonly<Record<MemberStatus, keyof Look['style']>> = {
  Primary: 'good',
  Backup: 'good',
  Connected: 'good',
  'In Trouble': 'bad',
  Crashed: 'bad',
  Error: 'bad',
  Down: 'bad',
  Transition: 'warn',
  Synchronizing: 'warn',
  Waiting: 'warn',
  Stopped: 'warn',
  'Not Initialized': 'warn',
};

/** MON-014, MON-015: an async shows the failover members and itself. */
function memberLines(report: StatusReport, { columns: screen, style }: Look): readonly string[] {
  const isWide = screen >= wideColumns;
  const widths = isWide ? [...memberWidths, lagWidth, lagWidth] : memberWidths;
  const isAsync = report.type !== null && report.type !== 'Failover';
  const shown = report.members.filter(
    (member) => !isAsync || member.type === 'Failover' || member.name === report.member,
  );
  return [
    columns(
      ['Member Name+Type', 'Status', 'Journal Transfer', 'Dejournaling', ...(isWide ? wording.lagHeads : [])],
      widths,
    ),
    ruler(widths),
    ...shown.flatMap((member) => {
      const { journalTransfer, dejournaling } = member;
      // A lost member was lost for both at the same moment: said once, or the line would not fit the screen.
      const lost = journalTransfer.startsWith('Disconnected') && dejournaling.startsWith('Disconnected');
      const rest = lost ? [journalTransfer] : [journalTransfer, dejournaling];
      const lags =
        isWide && !lost
          ? [lag(member.transferLagMs, member.transferBehind), lag(member.dejournalLagMs, member.dejournalBehind)]
          : [];
      const line = columns([`     ${member.type}`, member.status, ...rest, ...lags], widths);
      // Behind the type, so that a blank more or less of colour codes moves nothing.
      const at = memberWidths[0] + 2;
      const coloured = style[severity[member.status]](member.status);
      const name = isWide && !lost ? columns([member.name, '', '', '', age(member.ageMs)], widths) : member.name;
      return [name, `${line.slice(0, at)}${coloured}${line.slice(at + member.status.length)}`, ...heard(member)];
    }),
  ];
}

function heard({ lastHeard }: MemberReport): readonly string[] {
  if (lastHeard === undefined) return [];
  const { status, ageMs } = lastHeard;
  return [`     ${fill(wording.lastHeard, { status, seconds: Math.round(ageMs / 1000) })}`];
}

/** Bytes, records and seconds; empty where it is not known or does not apply. */
function lag(ms: number | null, behind: MemberReport['transferBehind']): string {
  if (ms === null && behind === undefined) return '';
  const bytes = behind === undefined ? '0 B' : behind.bytes === null ? '' : printBytes(behind.bytes);
  const records = `${behind?.records ?? 0} records`;
  const seconds = ms === null ? '' : `${(ms / 1000).toFixed(1)} s`;
  return [bytes, records, seconds].filter((text) => text !== '').join(', ');
}

/** Above what is behind. */
function age(ms: number | undefined): string {
  const seconds = ms === undefined || ms >= 10_000 ? Math.round((ms ?? 0) / 1000) : (ms / 1000).toFixed(1);
  return ms === undefined ? '' : fill(wording.age, { seconds });
}

function printBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** A copy that differs is said on every page; when which copy was found equal only beside the databases. */
function differingLines(report: StatusReport): readonly string[] {
  const { verified = [] } = report;
  return verifiedLines({ ...report, verified: verified.filter(({ difference }) => difference !== null) });
}

/** When the copies here were last found equal to the primary's, and those that differ. */
function verifiedLines({ verified = [] }: StatusReport): readonly string[] {
  if (verified.length === 0) return [];
  return [
    '',
    wording.verifiedHeading,
    ...verified.flatMap(({ database, identical, difference }) => {
      const last =
        identical === null
          ? wording.neverVerified
          : fill(wording.verified, { position: identical.position, at: screenDateTime(identical.at) });
      if (difference === null) return [`     ${database}: ${last}`];
      const { position, at, text } = difference;
      const differs = fill(wording.differs, { position, at: screenDateTime(at), text });
      return wrap(`${database}: ${differs} ${last}`, 75, '     ');
    }),
  ];
}

/** Empty on an async. */
export function arbiterLines(report: StatusReport, warn = plain.style.warn): readonly string[] {
  if (report.arbiter === null) return [];
  return [
    '',
    'Arbiter Connection Status:',
    `     Arbiter Address:   ${report.arbiter.address ?? wording.arbiterNotConfigured}`,
    `     Failover Mode:     ${report.failoverMode ?? 'Agent Controlled'}`,
    `     Connection Status: ${report.arbiter.connection}`,
    ...(report.arbiter.address !== null && report.arbiter.connection === wording.arbiterNotConnected
      ? wrap(wording.arbiterHint, 80, '     ').map(warn)
      : []),
  ];
}

/** MON-015; empty on a failover member. */
export function dejournalLines(report: StatusReport, warn = plain.style.warn): readonly string[] {
  const { dejournalProcess, dejournalStopped, dejournalFilter } = report;
  if (dejournalProcess === null) return [];
  const { running, pid } = dejournalProcess;
  return [
    '',
    `Dejournal Status: ${running ? `running (process id: ${pid})` : 'stopped'}`,
    ...(dejournalStopped === null
      ? []
      : wrap(fill(wording.dejournalStopped, { text: dejournalStopped }), 80, '').map(warn)),
    ...(dejournalFilter === null
      ? []
      : [fill(wording.filterSkips, { module: dejournalFilter.module, records: dejournalFilter.skippedRecords })]),
  ];
}

/** DB-055: absent when nothing is missing. */
export function missingLines({ mirror, missingDatabases }: StatusReport): readonly string[] {
  if (missingDatabases.length === 0) return [];
  return ['', wording.missingDatabases, ...missingDatabases.map((name) => `     :mirror:${mirror}:${name}`)];
}

/** CFG-069: absent when nobody is called. */
export function untoldLines({ untold }: StatusReport): readonly string[] {
  if (untold === undefined) return [];
  return ['', ...wrap(fill(wording.untoldMembers, { members: untold.join(', ') }), 80, '')];
}

const databaseWidths = [13, 35, 11, 11] as const;

/** MON-017: name and directory, below them the status in its column, below that the record. */
function databaseBlock(report: StatusReport): readonly string[] {
  if (report.databases.length === 0) return ['', 'Mirror Databases:', `     ${wording.none}`];
  return [
    '',
    'Mirror Databases:',
    columns(['', '', '', 'Last Record'], databaseWidths),
    columns(['Name', 'Directory path', 'Status', 'Dejournaled'], databaseWidths),
    ruler(databaseWidths),
    ...report.databases.flatMap(({ name, directory, status, nextRecord }) => [
      columns([name, directory], databaseWidths),
      columns(['', '', status], databaseWidths),
      `     ${nextRecord === null ? 'N/A' : record(nextRecord)}`,
    ]),
  ];
}

/** MON-011. */
function record({ time, file, offset }: { time: string; file: string; offset: number }): string {
  return `${time === 'Current' ? time : screenDateTime(time)},${file},${offset}`;
}

function columns(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join('  ')
    .trimEnd();
}

function ruler(widths: readonly number[]): string {
  return widths.map((width) => '-'.repeat(width)).join('  ');
}
