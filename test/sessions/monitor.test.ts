/** The page of the Status Monitor on a terminal: wide, and coloured by severity; 80 columns without colour are in the transcripts. */
import { expect, test } from '@jest/globals';
import type { MemberReport } from '../../src/mirror/status.ts';
import { screenDateTime } from '../../src/terminal/screen.ts';
import { type Look, monitorLines } from '../../src/terminal/status-monitor.ts';
import { report } from '../fixtures/scripted-instance.ts';

const marks: Look['style'] = {
  good: (text) => `<good>${text}</good>`,
  warn: (text) => `<warn>${text}</warn>`,
  bad: (text) => `<bad>${text}</bad>`,
};
const none: Look['style'] = { good: (text) => text, warn: (text) => text, bad: (text) => text };

const members = report('primary').members.map((member): MemberReport => {
  if (member.name === 'GAMMA_IRIS') {
    return {
      ...member,
      journalTransfer: '3 seconds behind',
      dejournaling: '5 seconds behind',
      transferLagMs: 2600,
      dejournalLagMs: 4700,
      transferBehind: { records: 1200, bytes: 45_600 },
      dejournalBehind: { records: 2_000_000, bytes: null },
      ageMs: 1340,
    };
  }
  return { ...member, ...(member.status === 'Primary' ? {} : { transferLagMs: 0, dejournalLagMs: 0 }) };
});

test('MON-014: a wide screen adds what is behind in bytes, records and seconds; what stands at 80 columns stays where it is', () => {
  const status = report('primary', { members });
  const wide = monitorLines(status, null, true, { columns: 132, style: none });
  const narrow = monitorLines(status, null, true);
  expect(wide).toHaveLength(narrow.length);
  for (const [index, line] of narrow.entries()) expect(wide[index]?.startsWith(line)).toBe(true);
  expect(wide.filter((line) => line.includes('seconds behind'))).toEqual([
    '     Disaster Recovery      Connected  3 seconds behind  5 seconds behind  45.6 KB, 1200 records, 2.6 s  2000000 records, 4.7 s',
  ]);
  expect(wide.find((line) => line.startsWith('GAMMA_IRIS'))).toMatch(/^GAMMA_IRIS {63}as of 1\.3 s ago$/);
  expect(wide.filter((line) => line.includes('0 B, 0 records, 0.0 s'))).toHaveLength(2);
  expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(Math.max(...wide.map((line) => line.length))).toBeLessThanOrEqual(132);
});

test('MON-014: of a member that was not heard for long the age is in whole seconds, and of a lost one there is none', () => {
  const [, second, third] = members;
  const rows = [
    { ...second!, ageMs: 61_400 },
    { ...third!, journalTransfer: 'Disconnected on X', dejournaling: 'Disconnected on X', ageMs: 5000 },
  ];
  const wide = monitorLines(report('primary', { members: rows }), null, false, { columns: 132, style: none });
  expect(wide.find((line) => line.startsWith('BETA'))).toMatch(/ as of 61 s ago$/);
  expect(wide.find((line) => line.startsWith('GAMMA'))).toBe('GAMMA_IRIS');
});

test('MON-001 MON-002: each status has the colour of its severity, and what somebody has to look at is marked', () => {
  const [first, second, third] = members;
  const rows = [
    { ...first!, status: 'In Trouble' },
    { ...second!, status: 'Synchronizing' },
    third!,
    { ...third!, name: 'LOST', status: 'Down' },
  ] as const;
  const since = '2026-03-14T08:00:00.123Z';
  const waitingFor = `the arbiter is asked since ${since}; nothing is to be done`;
  const status = report('primary', { members: rows, noFailover: true, waitingFor });
  const lines = monitorLines(status, null, false, { columns: 80, style: marks });
  const statuses = lines.flatMap(
    (line) =>
      line
        .match(/^ {5}\S.*?<(\w+)>(.+?)<\/\w+>/)
        ?.slice(1, 3)
        .join(' ') ?? [],
  );
  expect(statuses).toEqual(['bad In Trouble', 'warn Synchronizing', 'good Connected', 'bad Down']);
  expect(lines.filter((line) => line.startsWith('<warn>'))).toEqual([
    '<warn>No failover is set: the backup will not take over from the primary.</warn>',
    `<warn>The arbiter is asked since ${screenDateTime(since)}; nothing is to be done.</warn>`,
  ]);
  const text = lines.map((line) => line.replace(/<\/?(good|warn|bad)>/g, ''));
  expect(text).toEqual(monitorLines(status, null, false));
});

test('MON-002: of the others a halted member shows what it was told last, and when', () => {
  const status = report('backup');
  const [first] = status.members;
  const lost = 'Disconnected on 03/14/2026 08:00:00';
  const row = { ...first!, status: 'Error', journalTransfer: lost, dejournaling: lost } as const;
  const members = [
    { ...row, lastHeard: { status: 'Primary', ageMs: 150_000 } as const },
    { ...row, name: 'LOST' },
  ];
  const lines = monitorLines({ ...status, members }, null, false);
  const at = lines.findIndex((line) => line.startsWith('LOST'));
  expect(lines.slice(at - 2, at + 2)).toEqual([
    `     Failover               Error      ${lost}`,
    '     This member asks nobody; it was told last, 150 s ago: Primary',
    'LOST',
    `     Failover               Error      ${lost}`,
  ]);
});
