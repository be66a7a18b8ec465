/** ^JOURNAL from a pipe, and the way into ^MIRROR of a member that is kept out of its mirror. */
import { describe, expect, test } from '@jest/globals';
import { journalRoutine } from '../../menus/journal.ts';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import type { JournalReader, JournalSearch } from '../../src/terminal/journal-reader.ts';
import { expectTranscript, pipedSession } from '../fixtures/piped-session.ts';
import {
  blankAssessment,
  description,
  localMoment,
  type Place,
  report,
  type Script,
} from '../fixtures/scripted-instance.ts';

const performed = (text: string) => async (): Promise<Outcome> => ({ ok: true, text });

/** No role forbids what is done with the journal, but a new file is begun on the primary. */
function at(place: Place, more: Script = {}): Script {
  const now = description(place);
  const refusal = { reason: 'not-primary', text: 'a journal file is begun on the primary', spec: 'SYN-001' };
  const offered = {
    'purge-journal': null,
    'edit-journal': null,
    'switch-journal': place === 'primary' ? null : refusal,
  };
  return {
    describe: () => ({ ...now, commands: { ...now.commands, ...offered } }),
    perform: performed('done'),
    ...more,
  };
}

/** Two files; 45 records of the second are found, whatever is asked for. */
function journalOf(asked: JournalSearch[] = [], problem: string | null = null): JournalReader {
  const lines = Array.from({ length: 45 }, (_, n) => `${96 + 40 * n}  ${n + 11}  set  DATA  ^X(${n})`);
  return {
    files: async () => [
      { name: 'MIRROR-DEMO-20261121.001', begun: localMoment(7, 0, 0), records: '1-10', bytes: 480 },
      { name: 'MIRROR-DEMO-20261122.001', begun: localMoment(8, 0, 0), records: '11-55', bytes: 2000 },
    ],
    problemOf: () => problem,
    page: async (search, from, count) => {
      if (from === null) asked.push(search);
      const first = from?.offset ?? 0;
      const next = first + count < lines.length ? { file: 2, offset: first + count } : null;
      return { lines: lines.slice(first, first + count), next };
    },
  };
}

describe('^JOURNAL', () => {
  test('its options have the numbers and labels of the original, explained', async () => {
    expect(journalRoutine.options[11]?.label).toBe('Journal catch-up for mirrored databases (MirrorCatchup^JRNRESTO)');
    expectTranscript('journal-menu', await pipedSession(at('backup'), '?\n\n', { routine: 'JOURNAL' }));
  });

  test('SYN-001: the primary begins a new file, files are purged, a property is edited: each after a confirmation', async () => {
    const session = await pipedSession(at('primary'), '3\ny\n6\nyes\n7\n/srv/other\ny\n7\nnone\n\n3\n\n\n', {
      routine: 'JOURNAL',
    });
    expectTranscript('journal-actions', session);
    expect(session.instance.performed.map((each) => [each.command, each.arguments])).toEqual([
      ['switch-journal', {}],
      ['purge-journal', {}],
      ['edit-journal', { alternateDirectory: '/srv/other' }],
    ]);
  });

  test('SYN-001: records of the newest file, page by page, until Q', async () => {
    const asked: JournalSearch[] = [];
    const session = await pipedSession(at('backup'), '5\n\n\n\nq\n\n', {
      routine: 'JOURNAL',
      journal: journalOf(asked),
    });
    expectTranscript('journal-records', session);
    expect(asked.map(({ file }) => file)).toEqual(['MIRROR-DEMO-20261122.001']);
    expect(session.output).toContain('^X(39)');
    expect(session.output).not.toContain('^X(40)');
  });

  test('SYN-001: records that are looked for in all files, to the last one', async () => {
    const asked: JournalSearch[] = [];
    const answers = '5\n*\ny\n^X("a")\nParis\ndata\n2026-11-22\n2026-11-22T12:00:00Z\n\n\n\n';
    const session = await pipedSession(at('dr'), answers, { routine: 'JOURNAL', journal: journalOf(asked) });
    expect([session.exitCode, session.errors]).toEqual([0, '']);
    expect(asked).toEqual([
      {
        file: null,
        global: '^X("a")',
        value: 'Paris',
        database: 'data',
        from: '2026-11-22',
        to: '2026-11-22T12:00:00Z',
      },
    ]);
    expect(session.output).toContain('^X(44)');
  });

  test('SYN-001: what cannot be looked for is refused, and a file that is not there does not fit', async () => {
    const journal = journalOf([], '"X(" is no reference');
    const refused = await pipedSession(at('dr'), '5\n\ny\nX(\n\n\n\n\n1\n', { routine: 'JOURNAL', journal });
    expect([refused.exitCode, refused.output]).toEqual([1, expect.stringContaining('Refused: "X(" is no reference')]);
    const unknown = await pipedSession(at('dr'), '5\n3\n', { routine: 'JOURNAL', journal });
    expect([unknown.exitCode, unknown.errors]).toEqual([3, expect.stringContaining('beginning of the name of a file')]);
  });

  test('an instance without journal files says so', async () => {
    const member = await pipedSession(at('dr'), '5\n', { routine: 'JOURNAL' });
    const other = await pipedSession(at('no-mirror'), '5\n', { routine: 'JOURNAL', journal: journalOf() });
    for (const { output, exitCode } of [member, other]) {
      expect([exitCode, output]).toEqual([1, expect.stringContaining('There are no mirror journal files')]);
    }
  });

  test('SYN-026: the status of the journal: its end, what is kept for whom, room and warnings', async () => {
    const journal = {
      files: 3,
      bytes: 3_000_000,
      oldest: 'MIRROR-DEMO-20261120.001',
      holders: [
        { kind: 'member', name: 'GAMMA_IRIS', from: 2 },
        { kind: 'days', name: '', from: 1 },
      ] as const,
      lapsed: ['DELTA_IRIS'],
      settings: { keepDays: 2, limitBytes: null, limitDays: null, switchDaily: true },
      freeBytes: 40_000_000_000,
      fullInMs: 6_000_000,
      frozen: null,
      warnings: ['The disk of the journal is nearly full.'],
    };
    const status = () => report('primary', { journal });
    expectTranscript('journal-status', await pipedSession(at('primary', { status }), '9\n\n', { routine: 'JOURNAL' }));
  });
});

describe('a member that is kept out of its mirror', () => {
  const keptOut = 'nothing answers at the addresses of member BETA/IRIS (10.0.0.2:1972 refused)';
  const now = description('backup', { keptOut });
  const joinsAsNew = { 'join-as-new-member': null };
  const describeIt = () => ({
    ...now,
    commands: { ...now.commands, 'remove-mirror': null, 'edit-addresses': null, ...joinsAsNew },
  });

  test('CFG-064: it says so and why before all menus, and offers what can be done; RETURN does nothing', async () => {
    const session = await pipedSession({ describe: describeIt }, '?\n\n\n');
    expectTranscript('kept-out', session);
    expect(session.instance.performed).toEqual([]);
  });

  test('CFG-064: its mirror configuration is removed from there', async () => {
    const plan = { step: 'erase', mirror: 'DEMO', member: 'BETA/IRIS', isLast: false, databases: [] } as const;
    const assess = () => ({ ...blankAssessment, situation: 7, removal: plan });
    const script = { describe: describeIt, assess, perform: performed('removed') };
    const session = await pipedSession(script, '1\nyes\n\n\n');
    expect(session.instance.performed).toEqual([
      { type: 'perform', command: 'remove-mirror', arguments: { removeAttribute: false }, situation: 7 },
    ]);
  });

  test('CFG-064: it joins as a new member in one step', async () => {
    const script = { describe: describeIt, perform: performed('BETA2 has joined mirror DEMO') };
    const session = await pipedSession(script, '2\nbeta2\n10.0.0.7\n\n\ny\n\n\n');
    expectTranscript('kept-out-join', session);
    const given = {
      type: 'Disaster Recovery',
      member: 'BETA2',
      superserverAddress: '10.0.0.7',
      agentAddress: '10.0.0.2',
    };
    expect(session.instance.performed).toEqual([
      { type: 'perform', command: 'join-as-new-member', arguments: given, situation: 41 },
    ]);
  });
});
