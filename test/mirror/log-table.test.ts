/** The table of lines: all of it is written, nothing is written beside it, and what the specification fixes is as it says. */
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { agentLogLine, logLine } from '../../src/mirror/log-messages.ts';
import { agentLogRows, logRows } from '../../src/mirror/log-table.ts';
import { messagesDocument } from '../fixtures/messages-doc.ts';
import { filesBelow, textOf } from '../fixtures/project-files.ts';
import { parse, stringsHandedTo } from '../fixtures/source-tokens.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = filesBelow(root, 'src').filter((path) => path !== 'src/mirror/log-table.ts');

test('MON-024, AGT-012: every row of the table is written somewhere, and not only a word that occurs', () => {
  const writers = ['log', 'logLine', 'agentLogLine'];
  const unwritten = (rows: object, rooms: RegExp) => {
    const paths = sources.filter((path) => rooms.test(path));
    const written = new Set(paths.flatMap((path) => stringsHandedTo(writers, parse(path, textOf(root, path)))));
    return Object.keys(rows).filter((name) => !written.has(name));
  };
  expect(unwritten(logRows, /^src\/(mirror|instance|host)\//)).toEqual([]);
  expect(unwritten(agentLogRows, /^src\/agent\//)).toEqual([]);
});

test('MON-024, AGT-012: a line is made from the table only, in one place for each log', () => {
  const using = (pattern: RegExp) => sources.filter((path) => pattern.test(textOf(root, path)));
  expect(using(/\bas LogLine\b/)).toEqual(['src/mirror/log-messages.ts']);
  expect(using(/\bmessageLine\(/)).toEqual(['src/host/last-words.ts', 'src/host/messages-log.ts']);
  expect(using(/\.log\(\s*[0-3],/)).toEqual([]);
});

test('MON-025, MON-026, MON-027: words and severity that the specification fixes', () => {
  const facts = { reason: 'r', applied: '1/2', common: '1/1', said: '', mirror: 'DEMO', database: 'SALES' };
  const fixed = [
    [logLine('arbiter-lost', facts), 2, 'rbiter'],
    [logLine('arbiter-not-reached', facts), 2, 'Failed to rebuild the arbiter connection'],
    [logLine('divergence-detail', facts), 1, ''],
    [logLine('divergence', facts), 2, 'data is inconsistent with the mirror DEMO'],
    [logLine('lost-primary', facts), 1, 'MirrorClient: Primary AckDaemon failed to answer status request'],
    [logLine('no-agent', facts), 1, "Failed to contact agent on former primary, can't take over"],
    [logLine('not-active'), 1, 'nonactive Backup is down'],
    [logLine('becoming-primary', { rules: 'FO-039', because: 'b' }), 1, 'Becoming primary mirror server'],
    [logLine('catchup-started', facts), 0, 'Mirror Catchup started for SALES'],
    [logLine('catchup-completed', facts), 0, 'Mirror Catchup completed for SALES'],
    [agentLogLine('starting-server', { address: '*', port: 2188 }), 0, 'Starting ApplicationServer on *:2188'],
  ] as const;
  for (const [line, severity, words] of fixed) {
    expect(line).toMatchObject({ severity, text: expect.stringContaining(words) });
  }
});

test('MON-024: what is a warning or worse says what to do', () => {
  const silent = [...Object.entries(logRows), ...Object.entries(agentLogRows)].filter(
    ([, { severity, todo }]) => severity > 0 === (todo === ''),
  );
  expect(silent.map(([name]) => name)).toEqual([]);
});

test('docs/MESSAGES.md is that of the table (else: node scripts/messages-doc.mjs)', () => {
  expect(textOf(root, 'docs/MESSAGES.md')).toBe(messagesDocument());
});
