/**
 * What scripts and other programs rely on, against real processes: what each command promises about its standard output, its
 * exit code and a second call. Exit codes one by one are in exit-codes.test.ts, --help in help.test.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type FreshLab, FreshPrograms, freshLab } from '../fixtures/fresh-programs.ts';
import type { Ran } from '../fixtures/program.ts';

jest.setTimeout(180_000);

type Label = 'A' | 'B' | 'C' | 'R' | 'X';

const programs = new FreshPrograms();
let lab: FreshLab;
let target = '';
const alone = join(programs.directory, 'alone');
const on = (label: Label, ...args: string[]): Promise<Ran> => programs.run([...args, '--home', lab.homeOf(label)]);
const ofLab = (...args: string[]): Promise<Ran> => programs.run([...args, '--home', lab.home]);
const global = (args: readonly string[], input = ''): Promise<Ran> => programs.run(['global', target, ...args], input);
const inHome = (...args: string[]): Promise<Ran> => programs.run([...args, '--home', alone]);

/** One JSON document and nothing else on standard output. */
function documentOf({ code, out, err }: Ran): unknown {
  expect({ code, err }).toMatchObject({ code: 0 });
  expect(out.endsWith('\n')).toBe(true);
  return JSON.parse(out);
}

beforeAll(async () => {
  await programs.build();
  lab = await freshLab(programs, 1500, '--reporting', '1');
  target = JSON.parse((await ofLab('lab', 'status', '--json')).out).target;
}, 180_000);

afterAll(async () => {
  await inHome('instance', 'force', 'N');
  await lab.close();
  programs.remove();
}, 60_000);

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

describe('JSON', () => {
  test('each command that looks prints one document, and says nothing to people beside it', async () => {
    const looks: readonly (readonly [Label, string])[] = [
      ...(['status', 'instance list', 'agent status', 'events', 'log', 'lost list', 'sys', 'verify A'] as const).map(
        (line) => ['A', line] as const,
      ),
      ...(['mirror show A', 'database list A', 'journal list A', 'journal check A', 'journal view A'] as const).map(
        (line) => ['A', line] as const,
      ),
      ['A', 'journal search A --database NONE'],
      ['A', 'lost show A'],
      ['A', 'events A --all'],
      ['A', 'wait A --for primary'],
      ['B', 'mirror become-primary B --dry-run'],
      ['C', 'mirror promote C --dry-run'],
      ['C', 'mirror leave C --dry-run'],
      ['R', 'mirror filter R'],
      ['A', 'sys SYS.Mirror.MemberStatusList'],
    ];
    for (const [label, line] of looks) {
      const ran = await on(label, ...line.split(' '), '--json');
      expect({ line, kind: typeof documentOf(ran) }).toEqual({ line, kind: 'object' });
    }
  });

  test('status holds what is promised, in the words of the Status Monitor', async () => {
    const status = documentOf(await on('B', 'status', 'B', '--json')) as Record<string, unknown>;
    expect(status).toMatchObject({
      instance: 'B',
      mirror: 'LAB',
      member: 'B',
      type: 'Failover',
      status: 'Backup',
      noFailover: false,
      failoverMode: 'Arbiter Controlled',
      arbiter: { address: expect.any(String), connection: expect.stringContaining('connected to the arbiter') },
      epoch: 1,
      position: { file: expect.any(String), offset: expect.any(Number), sequence: expect.any(Number) },
      waitingFor: null,
    });
    const row = { journalTransfer: expect.any(String), dejournaling: expect.any(String) };
    expect(status.members).toEqual([
      expect.objectContaining({ name: 'A', type: 'Failover', status: 'Primary', ...row, transferLagMs: null }),
      expect.objectContaining({ name: 'B', type: 'Failover', status: 'Backup', ...row, dejournalLagMs: 0 }),
      expect.objectContaining({ name: 'C', type: 'Disaster Recovery', status: 'Connected', ...row }),
      expect.objectContaining({ name: 'R', type: 'Read-Only Reporting', status: 'Connected', ...row }),
    ]);
    const [database] = status.databases as readonly { readonly nextRecord: { readonly time: string } }[];
    expect(database).toMatchObject({
      name: expect.any(String),
      directory: expect.any(String),
      status: 'Dejournaling',
      nextRecord: { time: expect.any(String), file: expect.any(String), offset: expect.any(Number) },
    });
  });

  test('lab status holds target and members by label', async () => {
    const status = documentOf(await ofLab('lab', 'status', '--json')) as { members: readonly object[] };
    expect(status).toMatchObject({ target: expect.stringMatching(/^mirror:\/\/[^/]+,[^/]+\/LAB$/) });
    const place = { home: expect.any(String), address: expect.any(String), port: expect.any(Number) };
    expect(status.members).toEqual([
      { label: 'A', instance: 'A', ...place, type: 'Failover', status: 'Primary' },
      { label: 'B', instance: 'B', ...place, type: 'Failover', status: 'Backup' },
      { label: 'C', instance: 'C', ...place, type: 'Disaster Recovery', status: 'Connected' },
      { label: 'X', instance: null, ...place, type: 'Arbiter', status: 'Up' },
      { label: 'R', instance: 'R', ...place, type: 'Read-Only Reporting', status: 'Connected' },
    ]);
  });

  test('times are ISO 8601 with zone', async () => {
    const times: string[] = [];
    const collect = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, each] of Object.entries(value)) {
        if (/^(at|begun|time|cutAt|newestJournalTime)$/.test(key) && typeof each === 'string') times.push(each);
        collect(each);
      }
    };
    for (const line of ['log', 'events', 'journal list', 'journal view A', 'status', 'verify']) {
      collect(documentOf(await on('A', ...line.split(' '), '--json')));
    }
    expect(times.length).toBeGreaterThan(20);
    expect(times.filter((time) => time !== 'Current' && !isoTime.test(time))).toEqual([]);
  });

  test('what has no end prints a document a line', async () => {
    for (const line of ['log A --follow', 'events A --follow', 'status A --watch 100ms']) {
      const program = join(programs.directory, 'bin', 'caretmirror.js');
      const args = [program, ...line.split(' '), '--json', '--home', lab.homeOf('A')];
      const child = spawn(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' } });
      let shown = '';
      while (shown.split('\n').length < 3) shown += (await once(child.stdout, 'data'))[0];
      child.kill('SIGINT');
      const lines = shown.split('\n').slice(0, -1);
      expect(lines.map((each) => typeof JSON.parse(each))).toEqual(lines.map(() => 'object'));
    }
  });
});

describe('data', () => {
  test('set, get and count by node, with null where there is none', async () => {
    expect(await global(['set', '^CITY("FR",75,"Paris")', '2138551'])).toEqual({ code: 0, out: '', err: '' });
    expect((await global(['get', '^CITY("FR","75","Paris")', '--json'])).out).toBe('{"value":2138551}\n');
    expect((await global(['get', '^CITY("none")', '--json'])).out).toBe('{"value":null}\n');
    expect((await global(['count', '^CITY', '--json'])).out).toBe('{"count":1}\n');
    expect(await global(['get', '^CITY("")'])).toMatchObject({ code: 2, out: '' });
  });

  test('import takes newline JSON from standard input and says what became durable; export gives it back', async () => {
    const lines = [
      '{"global":"TOWN","subscripts":["DE",1],"value":"text"}',
      '{"global":"TOWN","subscripts":["DE",2],"value":7}',
      '{"global":"TOWN","subscripts":["DE",3],"value":{"base64":"/wA="}}',
    ].map((each) => `${each}\n`);
    const ran = await global(['import', '-', '--json'], lines.slice(0, 2).join(''));
    expect(JSON.parse(ran.out)).toEqual({ records: 2, acknowledged: 2, seconds: expect.any(Number), reconnects: 0 });
    const refused = await global(['import', '-', '--json'], '{"global":"TOWN","value":true}\n');
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('line 1 is refused') });
    expect((await global(['export', '^TOWN'])).out).toBe(lines.slice(0, 2).join(''));
  });

  test('a mirror without a primary is waited for no longer than --timeout, and the line says what was tried', async () => {
    const nowhere = 'mirror://127.0.0.1:9/LAB';
    const ran = await programs.run(['global', nowhere, 'get', '^X', '--timeout', '300ms']);
    expect(ran).toMatchObject({ code: 4, out: '', err: expect.stringContaining('127.0.0.1:9') });
    expect(ran.err.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('menus from a pipe', () => {
  const session = (input: string, ...more: string[]): Promise<Ran> =>
    programs.run(['session', 'A', '^MIRROR', '--home', lab.homeOf('A'), ...more], input);

  test('the end of input at Option? is 0; output is plain text, each prompt followed by its answer', async () => {
    const { code, out, err } = await session('Mirror Status\nStatus Monitor\nQ\n');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).not.toContain('\x1b');
    expect(out).toContain('Option? Mirror Status\n');
    expect(out).toContain('Status of Mirror LAB at');
  });

  test.each([
    ['1\n4\n', 3, /^line 3 of the answers, at "Press RETURN to refresh.*": the answers ended: expected /],
    ['2\n', 0, /^$/],
    ['Mirror\n', 3, /^line 1 of the answers, at "Option\?": "Mirror" does not fit: .*no later answer was read\n$/],
    ['99\n1\n', 3, /^line 1 of the answers, at "Option\?": "99" does not fit: /],
    ['1\n4\nsoon\nQ\n', 3, /^line 3 of the answers, .*"soon" does not fit: expected .*\n$/],
    ['2\nNo Failover\n', 3, /^line 2 of the answers, .*does not fit/],
  ])('%j ends with %d', async (input, code, says) => {
    const ran = await session(input);
    expect({ ...ran, out: '' }).toMatchObject({ code, err: expect.stringMatching(says) });
  });

  test('--record writes answers with prompts as comments, and --answers plays them again', async () => {
    const path = join(programs.directory, 'answers.txt');
    expect((await session('1\n4\nQ\n', '--record', path)).code).toBe(0);
    const again = await session('', '--answers', path);
    expect({ code: again.code, err: again.err }).toEqual({ code: 0, err: '' });
    expect(again.out).toContain('Status of Mirror LAB at');
    writeFileSync(path, '# only looks\n1  # Mirror Status\n');
    expect((await session('', '--answers', path)).code).toBe(0);
  });
});

/** For each: in what home, the words, and what the second call says. The first one may have its effect or not. */
describe('a second call finds it done already, says so, and exits 0', () => {
  async function twice(run: () => Promise<Ran>): Promise<void> {
    const first = await run();
    expect({ code: first.code, ...(first.code === 0 ? {} : { err: first.err }) }).toEqual({ code: 0 });
    const again = await run();
    expect({ code: again.code, said: again.out + again.err }).toEqual({
      code: 0,
      said: expect.stringMatching(/already/),
    });
  }

  test('of an instance alone', async () => {
    for (const line of [
      'instance create N --port 19720',
      'instance start N',
      'mirror enable N',
      'database create N X',
      'database edit N X --max-size 50 --mount-required no',
      'database dismount N X',
      'database mount N X',
      'database delete N X',
      'instance stop N',
      'instance edit N --port 19721',
      'instance force N',
      'instance delete N --confirm N',
      'agent stop',
    ]) {
      await twice(() => inHome(...line.split(' ')));
    }
  });

  test('what never was is not done already: a database that is deleted by a wrong name', async () => {
    expect(await on('A', 'database', 'create', 'A', 'SALES')).toMatchObject({ code: 0 });
    expect(await on('A', 'database', 'delete', 'A', 'SALSE')).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/there is no database SALSE on this instance; .*SALES\n$/),
    });
    expect(await on('A', 'database', 'delete', 'A', 'SALES')).toMatchObject({ code: 0 });
  });

  test('of a primary', async () => {
    for (const line of [
      'instance start A',
      'agent start',
      'mirror create A --mirror LAB',
      'mirror edit A --qos 1600',
      'mirror edit A --member A --agent-port 2188',
      'mirror no-failover A on',
      'mirror no-failover A off',
      'mirror become-primary A --confirm A',
      'mirror force-primary A --confirm A',
      'database create A Y',
      'database add A Y',
      'database create A Z --mirrored',
      'database remove A Y',
      'journal edit A --purge-at-once no',
    ]) {
      await twice(() => on('A', ...line.split(' ')));
    }
    // Who may become primary has every database of the mirror.
    for (const label of ['B', 'C'] as const) {
      expect(await on(label, 'database', 'create', label, 'Z', '--mirrored')).toMatchObject({ code: 0 });
    }
  });

  test('of a reporting async', async () => {
    expect(await on('R', 'database', 'create', 'R', 'Z', '--mirrored')).toMatchObject({ code: 0 });
    const { members } = documentOf(await ofLab('lab', 'status', '--json')) as {
      readonly members: readonly { readonly label: string; readonly address: string }[];
    };
    const agent = `${members.find(({ label }) => label === 'A')?.address}:2188`;
    for (const line of [
      `mirror join R --mirror LAB --type read-only --agent ${agent} --instance A`,
      'database catchup R Z --wait',
      'database activate R Z',
      'database pause R Z',
      'database resume R Z',
      'database pause R --all',
      'database resume R --all',
      'database clear-flag R Z --confirm R',
      'mirror filter R --remove',
      'mirror edit-async R --type read-write',
    ]) {
      await twice(() => on('R', ...line.split(' ')));
    }
  });

  test('of the members: stopped and started, demoted and promoted, removed', async () => {
    for (const line of ['mirror stop B', 'mirror start B']) await twice(() => on('B', ...line.split(' ')));
    expect(await on('B', 'wait', 'B', '--for', 'active')).toMatchObject({ code: 0 });
    await twice(() => on('B', 'mirror', 'demote', 'B', '--confirm', 'B'));
    expect(await on('B', 'wait', 'B', '--for', 'connected')).toMatchObject({ code: 0 });
    await twice(() => on('B', 'mirror', 'promote', 'B', '--confirm', 'B'));
    expect(await on('B', 'wait', 'B', '--for', 'active')).toMatchObject({ code: 0 });
    await twice(() => on('R', 'mirror', 'leave', 'R', '--confirm', 'R'));
    expect(await on('R', 'instance', 'restart', 'R')).toMatchObject({ code: 0 });
    await twice(() => on('R', 'mirror', 'leave', 'R', '--confirm', 'R'));
    await twice(() => on('A', 'mirror', 'remove-member', 'A', 'C', '--confirm', 'C'));
  });

  test('of a lab: what is cut, healed or down stays so', async () => {
    for (const line of ['lab cut A X', 'lab heal A X', 'lab heal']) {
      for (const _ of [1, 2]) expect(await ofLab(...line.split(' '))).toMatchObject({ code: 0, out: '' });
    }
    await twice(() => ofLab('lab', 'kill', 'R'));
    expect(await ofLab('lab', 'heal', 'A')).toMatchObject({ code: 2, out: '' });
  });
});
