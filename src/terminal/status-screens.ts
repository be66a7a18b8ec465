/** Mirror Status: the lists and displays. They only look. */
import type { Screen } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { StatusReport } from '../mirror/status.ts';
import type { Description } from '../protocol/control-channel.ts';
import { flagText } from './async-actions.ts';
import type { Control } from './control-client.ts';
import type { Dialogue } from './dialogue.ts';
import { asSentence, factLines, fill, screenDateTime, wrap } from './screen.ts';
import { arbiterLines, dejournalLines, missingLines, runStatusMonitor, untoldLines } from './status-monitor.ts';

export async function showScreen(
  screen: Screen,
  control: Control,
  dialogue: Dialogue,
  actOnDatabases: () => Promise<void>,
): Promise<void> {
  if (screen === 'status-monitor') return await runStatusMonitor(control, dialogue, actOnDatabases);
  dialogue.print();
  if (screen === 'mirrored-databases') dialogue.printLines(await databaseLines(await control.status(), dialogue));
  if (screen === 'databases') dialogue.printLines(await allDatabaseLines(await control.describe(), dialogue));
  if (screen === 'node-status') dialogue.printLines(nodeStatusLines(await control.status()));
  if (screen === 'journal-status') dialogue.printLines(await journalStatusLines(await control.status(), dialogue));
  if (screen === 'mirror-configuration') {
    const { mirrorSet } = await control.describe();
    if (mirrorSet !== null) dialogue.printLines(await configurationLines(mirrorSet, dialogue));
  }
}

async function databaseLines(report: StatusReport, dialogue: Dialogue): Promise<readonly string[]> {
  if (report.databases.length === 0) return [wording.noMirroredDatabases, ...missingLines(report)];
  // DB-061.
  const isAsync = report.type !== null && report.type !== 'Failover';
  const rows = report.databases.map((database) => [
    `:mirror:${report.mirror}:${database.name}`,
    database.localName,
    database.status,
    ...(isAsync ? [flagText(database.failoverDb)] : []),
    database.directory,
  ]);
  const head = ['Mirror database', 'Local name', 'Status', ...(isAsync ? ['FailoverDB'] : []), 'Directory'];
  return [
    fill(wording.mirroredDatabases, { mirror: report.mirror }),
    '',
    ...(await dialogue.style.table([head, ...rows])),
    ...missingLines(report),
  ];
}

async function allDatabaseLines({ databases }: Description, dialogue: Dialogue): Promise<readonly string[]> {
  if (databases.length === 0) return [wording.noDatabases];
  const size = (bytes: number | null): string => (bytes === null ? '-' : `${(bytes / 1_000_000).toFixed(1)} MB`);
  const rows = databases.map((each) => [
    each.name,
    each.mirrored ?? '-',
    each.status,
    size(each.sizeBytes),
    each.directory,
  ]);
  return await dialogue.style.table([['Database', 'Mirror DB', 'Status', 'Size', 'Directory'], ...rows]);
}

function nodeStatusLines(report: StatusReport): readonly string[] {
  const { position } = report;
  const self = report.members.find((member) => member.name === report.member);
  const facts: (readonly [string, string])[] = [
    ['Mirror', report.mirror ?? wording.none],
    ['Member', report.member ?? wording.none],
    ['Instance', report.instance],
    ['Type', report.type ?? 'Indeterminate'],
    ['Status', report.status],
    ['Primary', report.primary ?? 'not known'],
  ];
  if (self) facts.push(['Journal Transfer', self.journalTransfer], ['Dejournaling', self.dejournaling]);
  if (report.type === 'Failover') facts.push(['No Failover', report.noFailover ? 'Set' : 'Not set']);
  if (position) facts.push(['Journal position', `${position.file},${position.offset} (record ${position.sequence})`]);
  facts.push(['Epoch', String(report.epoch)], ['At', screenDateTime(report.at)]);
  const lines = [`Mirror status of ${report.member ?? report.instance}:`, ...factLines(facts)];
  if (report.waitingFor !== null) lines.push('', ...wrap(asSentence(report.waitingFor), 80, ''));
  lines.push(...untoldLines(report));
  return [...lines, ...arbiterLines(report), ...dejournalLines(report)];
}

async function journalStatusLines(report: StatusReport, dialogue: Dialogue): Promise<readonly string[]> {
  const { journal, position } = report;
  if (journal === undefined) return [wording.noJournalFiles];
  const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
  const { settings, fullInMs } = journal;
  const facts: (readonly [string, string])[] = [
    ['Current file', position?.file ?? wording.none],
    ['Position', position === null ? wording.none : `offset ${position.offset}, record ${position.sequence}`],
    ['Files', `${journal.files}, ${megabytes(journal.bytes)}, oldest ${journal.oldest ?? wording.none}`],
    ['Kept for', `${settings.keepDays} days`],
    ['Free on the disk', megabytes(journal.freeBytes)],
    ['Full in', fullInMs === null ? 'not at the present rate' : `about ${Math.round(fullInMs / 60_000)} minutes`],
    ['Writing', journal.frozen === null ? 'possible' : `stands still: ${journal.frozen}`],
  ];
  const holders = journal.holders.map(({ kind, name, from }) => [
    kind === 'days' ? 'days kept' : `${kind} ${name}`.trim(),
    String(from),
  ]);
  const table = holders.length === 0 ? [] : ['', ...(await dialogue.style.table([wording.journalHolders, ...holders]))];
  const lapsed =
    journal.lapsed.length === 0 ? [] : ['', `Away too long, no files are kept for: ${journal.lapsed.join(', ')}`];
  const warnings = journal.warnings.flatMap((text) => ['', ...wrap(text, dialogue.columns, '')]);
  return [
    fill(wording.journalStatus, { instance: report.instance }),
    ...factLines(facts),
    ...table,
    ...lapsed,
    ...warnings,
  ];
}

async function configurationLines(set: MirrorSet, dialogue: Dialogue): Promise<readonly string[]> {
  const { settings, members } = set;
  const facts: (readonly [string, string])[] = [
    ['Use SSL/TLS', settings.requireTls ? 'Yes' : 'No'],
    ['Arbiter', settings.arbiter === null ? wording.none : `${settings.arbiter.host}|${settings.arbiter.port}`],
    ['Virtual IP', wording.none],
    ['Compression Mode for Failover Members', settings.compressionFailover],
    ['Compression Mode for Async Members', settings.compressionAsync],
    ['Quality of Service Timeout (msec)', String(settings.qosTimeoutMs)],
    ['Allow Parallel Dejournaling', settings.parallelDejournaling],
  ];
  const rows = members.map((member) => [
    member.name,
    member.type,
    `${member.superserver.host}|${member.superserver.port}`,
    member.privateAddress ?? member.superserver.host,
    `${member.agent.host}|${member.agent.port}`,
  ]);
  const directories = members.map((member): [string, string] => [
    member.name,
    `${member.instance}, ${member.instanceDirectory}`,
  ]);
  return [
    `Configuration of mirror ${set.name}:`,
    ...factLines(facts),
    '',
    ...(await dialogue.style.table([['Member', 'Type', 'Superserver', 'Private', 'Agent'], ...rows])),
    '',
    'Instances:',
    ...factLines(directories),
  ];
}
