/**
 * The life of asyncs, by commands on real processes (PROC-043, PROC-045, PROC-050 to PROC-052): one lab with a DR async C and a
 * reporting async R, and beside it a mirror TWO of one member Q that R is in as well.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { diskReserveBytes } from '../../src/mirror/limits.ts';
import type { StatusReport } from '../../src/mirror/status.ts';
import { type Ran, runProgram, runWell } from '../fixtures/program.ts';
import { freePort } from '../fixtures/whole-host.ts';
import { pause } from './lab.ts';

type Place = 'A' | 'B' | 'C' | 'R' | 'Q' | 'clone';

const home = mkdtempSync(join(tmpdir(), 'caretmirror-maintenance-'));
const storyMs = 150_000;
const reachMs = 60_000;
const mounts: string[] = [];
let agents: Readonly<Record<'A' | 'Q' | 'R', string>>;

const homeOf = (place: Place) => (place === 'Q' || place === 'clone' ? join(home, place) : join(home, 'lab', place));
const tryOn = (place: Place, ...args: string[]): Promise<Ran> => runProgram([...args, '--home', homeOf(place)]);

async function on(place: Place, ...args: string[]): Promise<string> {
  return (await runWell([...args, '--home', homeOf(place)])).out;
}

/** Looks again until it is so; the last look is in the error. */
async function reach<T>(look: () => Promise<T>, isReached: (seen: T) => boolean): Promise<T> {
  const deadlineMs = performance.now() + reachMs;
  for (;;) {
    const seen = await look();
    if (isReached(seen)) return seen;
    if (performance.now() > deadlineMs) throw new Error(`not reached: ${JSON.stringify(seen)}`);
    await pause(50);
  }
}

const statusOf = async (place: Place, name: string, ...more: string[]): Promise<StatusReport> =>
  JSON.parse(await on(place, 'status', name, '--json', ...more));

interface Listed {
  readonly name: string;
  readonly status: string;
  readonly maximumBytes: number;
}

async function databasesOn(place: 'A' | 'B' | 'C' | 'R'): Promise<Readonly<Record<string, Listed>>> {
  const listed: readonly Listed[] = JSON.parse(await on(place, 'database', 'list', place, '--json'));
  return Object.fromEntries(listed.map((each) => [each.name, each]));
}

const untilDatabase = (place: 'B' | 'C' | 'R', name: string, status: string) =>
  reach(
    () => databasesOn(place),
    (all) => all[name]?.status === status,
  );

const set = (reference: string, value: string, database: string) =>
  on('A', 'global', 'A', 'set', reference, value, '--database', database);

async function untilValue(place: 'B' | 'C' | 'R', reference: string, value: string, database: string): Promise<void> {
  await reach(
    () => tryOn(place, 'global', place, 'get', reference, '--database', database),
    ({ out }) => out.trim() === value,
  );
}

beforeAll(async () => {
  await runWell(['lab', 'up', '--qos', '4000', '--dr', '1', '--reporting', '1', '--home', home]);
  const port = await freePort();
  await on('Q', 'instance', 'create', 'Q', '--address', '127.0.0.1', '--port', String(await freePort()));
  await on('Q', 'agent', 'start', '--port', String(port));
  await on('Q', 'instance', 'start', 'Q');
  await on('Q', 'mirror', 'create', 'Q', '--mirror', 'TWO', '--member', 'Q', '--agent-port', String(port));
  await on('Q', 'database', 'create', 'Q', 'OTHER', '--mirrored');
  const { members } = JSON.parse((await runWell(['lab', 'status', '--json', '--home', home])).out);
  const host = (label: string) =>
    members.find((member: { readonly label: string }) => member.label === label)?.address as string;
  agents = { A: `${host('A')}:2188`, R: `${host('R')}:2188`, Q: `127.0.0.1:${port}` };
}, storyMs);

afterAll(async () => {
  await tryOn('clone', 'instance', 'force', 'C');
  await tryOn('Q', 'instance', 'force', 'Q');
  await tryOn('Q', 'agent', 'stop');
  await runProgram(['lab', 'down', '--delete', '--home', home]);
  for (const directory of mounts) spawnSync('umount', [directory]);
  rmSync(home, { recursive: true, force: true });
}, storyMs);

const joinTwo = (...more: string[]) =>
  tryOn('R', 'mirror', 'join', 'R', '--mirror', 'TWO', '--instance', 'Q', '--agent', agents.Q, ...more);

const testWithMount = canMount() ? test : test.skip;

testWithMount(
  'PROC-043, SYN-017: a database of the backup and of a DR async cannot be written: only that one pauses, and is mended',
  async () => {
    await on('A', 'database', 'create', 'A', 'SMALL', '--mirrored');
    for (const place of ['B', 'C'] as const) {
      const directory = mountAt(place);
      await on(place, 'database', 'create', place, 'SMALL', '--mirrored', '--directory', directory);
      fill(directory);
    }
    await importBig('SMALL');
    for (const place of ['B', 'C'] as const) {
      await untilDatabase(place, 'SMALL', 'Dejournaling Stopped');
      await set('^BESIDE', place, 'DATA');
      await untilValue(place, '^BESIDE', place, 'DATA');
      expect((await databasesOn(place)).DATA?.status).toBe('Dejournaling');
      await on(place, 'database', 'dismount', place, 'SMALL');
      run('mount', '-o', 'remount,size=256m', join(home, `small-${place}`));
      await on(place, 'database', 'mount', place, 'SMALL');
      await untilDatabase(place, 'SMALL', 'Dejournaling');
    }
    await on('A', 'verify', 'A');
  },
  storyMs,
);

testWithMount(
  'PROC-043, SYN-018, SYN-019: on a reporting async the whole mirror pauses, its other mirror does not; it goes on without the bad one, and with it',
  async () => {
    expect(await joinTwo('--type', 'read-only')).toMatchObject({ code: 0 });
    const directory = mountAt('R');
    const mirrored = ['--mirrored', 'SMALL', '--mirror', 'LAB'];
    await on('R', 'database', 'create', 'R', 'SMALL', '--directory', directory, ...mirrored);
    await on('R', 'database', 'create', 'R', 'OTHER', '--mirrored', 'OTHER', '--mirror', 'TWO');
    await untilDatabase('R', 'SMALL', 'Dejournaling');
    fill(directory);
    await importBig('SMALL');
    for (const name of ['SMALL', 'DATA']) await untilDatabase('R', name, 'Dejournaling Stopped');
    await on('Q', 'global', 'Q', 'set', '^OTHER', 'goes on');
    await untilValue('R', '^OTHER', 'goes on', 'OTHER');
    await on('R', 'database', 'dismount', 'R', 'SMALL');
    await on('R', 'database', 'resume', 'R', '--all', '--mirror', 'LAB');
    await set('^BESIDE', 'without it', 'DATA');
    await untilValue('R', '^BESIDE', 'without it', 'DATA');
    run('mount', '-o', 'remount,size=256m', directory);
    await on('R', 'database', 'mount', 'R', 'SMALL');
    await untilDatabase('R', 'SMALL', 'Dejournaling');
    await on('A', 'verify', 'A');
  },
  storyMs,
);

test(
  'PROC-050, CFG-052: a reporting async becomes DR: not with a second mirror, a cleared flag or no agent; then its filter is gone',
  async () => {
    const toDr = () => tryOn('R', 'mirror', 'edit-async', 'R', '--type', 'dr', '--mirror', 'LAB');
    // As the test before has done, where a disk could be filled.
    const joined = await joinTwo('--type', 'read-only');
    if (joined.code !== 0) expect(joined.err).toContain('in mirror TWO already');
    expect(await toDr()).toMatchObject({ code: 1, err: expect.stringContaining('leave the others first') });
    await on('R', 'mirror', 'leave', 'R', '--mirror', 'TWO', '--attribute', 'remove', '--confirm', 'R');
    await on('R', 'instance', 'restart', 'R');
    writeFileSync(join(homeOf('R'), 'instances', 'R', 'zall.mjs'), 'export const Filter = () => 1;\n');
    await on('R', 'mirror', 'filter', 'R', 'zall.mjs');
    await on('R', 'database', 'clear-flag', 'R', 'DATA', '--confirm', 'R');
    expect(await toDr()).toMatchObject({ code: 1, err: expect.stringMatching(/FailoverDB flag of DATA is cleared/) });
    // A copy that is as the primary's, in place of the one that was written to.
    await on('R', 'database', 'remove', 'R', 'DATA');
    await on('R', 'database', 'delete', 'R', 'DATA');
    await on('R', 'database', 'create', 'R', 'DATA', '--mirrored');
    await on('R', 'agent', 'stop');
    expect(await toDr()).toMatchObject({ code: 1, err: expect.stringContaining('ISCAgent') });
    await on('R', 'agent', 'start');
    expect((await statusOf('R', 'R')).type).toBe('Read-Only Reporting');
    expect(await toDr()).toMatchObject({ code: 0 });
    await reach(
      () => statusOf('A', 'A'),
      ({ members }) => members.some(({ name, type }) => name === 'R' && type === 'Disaster Recovery'),
    );
    expect(await statusOf('R', 'R')).toMatchObject({ type: 'Disaster Recovery', dejournalFilter: null });
    await set('^BESIDE', 'as DR', 'DATA');
    await untilValue('R', '^BESIDE', 'as DR', 'DATA');
  },
  storyMs,
);

test(
  'PROC-052, DB-045: a maximum size that is lowered on the primary is followed by the backup only; raised while C is away, C follows when it is back',
  async () => {
    const edit = (place: 'A' | 'C', megabytes: number) =>
      on(place, 'database', 'edit', place, 'DATA', '--max-size', String(megabytes));
    const untilMaximum = (place: 'B' | 'C', megabytes: number) =>
      reach(
        () => databasesOn(place),
        (all) => all.DATA?.maximumBytes === megabytes * 1_000_000,
      );
    // No limit is the largest maximum, so that C begins with it whatever the primary gets.
    await edit('A', 300);
    await untilMaximum('B', 300);
    expect((await databasesOn('C')).DATA?.maximumBytes).toBe(0);
    await edit('C', 400);
    await edit('A', 200);
    await untilMaximum('B', 200);
    await set('^AFTER', 'lowered', 'DATA');
    await untilValue('C', '^AFTER', 'lowered', 'DATA');
    await untilMaximum('C', 400);
    await on('C', 'instance', 'stop', 'C');
    await edit('A', 600);
    await untilMaximum('B', 600);
    await on('C', 'instance', 'start', 'C');
    await untilMaximum('C', 600);
    expect(await edit('C', 100)).toMatch(/so it may have 600 MB at most/);
    await untilMaximum('C', 600);
  },
  storyMs,
);

test(
  'PROC-045, CFG-063, CFG-064: a clone of C with its data is out of the mirror and says why; its configuration can be removed, and C goes on',
  async () => {
    await on('C', 'instance', 'stop', 'C');
    cpSync(homeOf('C'), homeOf('clone'), { recursive: true, filter: (path) => !/\.(sock|lock|status)$/.test(path) });
    await on('C', 'instance', 'start', 'C');
    const path = join(homeOf('clone'), 'instances', 'C', 'configuration.json');
    const text = readFileSync(path, 'utf8').replaceAll(homeOf('C'), homeOf('clone'));
    const { checksum: _, ...configuration } = JSON.parse(text);
    const superserver = { host: '127.0.0.1', port: await freePort() };
    writeFileSync(path, JSON.stringify({ ...configuration, superserver }));
    await tryOn('clone', 'instance', 'start', 'C', '--timeout', '5s');
    const { waitingFor } = await reach(
      () => statusOf('clone', 'C'),
      ({ status }) => status === 'Error',
    );
    expect(waitingFor).toMatch(/another instance answers at .*, the address of member C/);
    expect(await statusOf('C', 'C')).toMatchObject({ status: 'Connected' });
    await on('clone', 'mirror', 'remove', 'C', '--confirm', 'C');
    expect(await statusOf('clone', 'C')).toMatchObject({ mirror: null, status: 'Not Initialized' });
    expect((await statusOf('A', 'A')).members.map(({ name }) => name)).toContain('C');
    await set('^AFTER', 'the clone', 'DATA');
    await untilValue('C', '^AFTER', 'the clone', 'DATA');
  },
  storyMs,
);

test(
  'PROC-051, DB-051: C is removed and keeps the mirror attribute: its copy cannot be deleted, and is used again when it is back; removed with it, it is an ordinary database',
  async () => {
    const leave = async (attribute: string) => {
      await on('A', 'mirror', 'remove-member', 'A', 'C', '--attribute', attribute, '--confirm', 'C');
      await reach(
        () => statusOf('C', 'C'),
        ({ status }) => status === 'Stopped',
      );
      await on('C', 'instance', 'restart', 'C');
    };
    const back = () =>
      on(
        'C',
        'mirror',
        'join',
        'C',
        '--member',
        'C',
        '--mirror',
        'LAB',
        '--type',
        'dr',
        '--instance',
        'A',
        '--agent',
        agents.A,
      );
    await leave('keep');
    expect((await databasesOn('C')).DATA?.status).toBe('Needs Activation');
    expect(await tryOn('C', 'database', 'delete', 'C', 'DATA')).toMatchObject({ code: 1 });
    await set('^AFTER', 'while C was away', 'DATA');
    await back();
    expect((await databasesOn('C')).DATA?.status).toBe('Needs Activation');
    await on('C', 'database', 'activate', 'C', 'DATA');
    expect((await databasesOn('C')).DATA?.status).toBe('Dejournaling');
    await untilValue('C', '^AFTER', 'while C was away', 'DATA');
    await leave('remove');
    expect((await databasesOn('C')).DATA?.status).toBe('Local');
    await on('C', 'global', 'C', 'set', '^OWN', 'local', '--database', 'DATA');
    await back();
    await set('^AFTER', 'not for C', 'DATA');
    await reach(
      () => statusOf('C', 'C'),
      ({ status }) => status === 'Connected',
    );
    expect((await databasesOn('C')).DATA?.status).toBe('Local');
    expect((await on('C', 'global', 'C', 'get', '^AFTER', '--database', 'DATA')).trim()).toBe('while C was away');
  },
  storyMs,
);

async function importBig(global: string): Promise<void> {
  const line = (n: number) => JSON.stringify({ global, subscripts: [n], value: 'x'.repeat(8000) });
  const input = `${Array.from({ length: 1500 }, (_, n) => line(n)).join('\n')}\n`;
  await runWell(['global', 'A', 'import', '-', '--database', 'SMALL', '--home', homeOf('A')], { input });
}

/** A small file system for one database. */
function mountAt(place: Place): string {
  const directory = join(home, `small-${place}`);
  mkdirSync(directory);
  run('mount', '-t', 'tmpfs', '-o', 'size=48m,mode=700', 'tmpfs', directory);
  mounts.push(directory);
  return directory;
}

/** Leaves little more than what is never touched. */
function fill(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(
    join(directory, 'filler'),
    Buffer.alloc(Math.max(0, bavail * bsize - diskReserveBytes - 1024 * 1024), 1),
  );
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

function canMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'caretmirror-mount-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place]);
  if (status === 0) run('umount', place);
  rmSync(place, { recursive: true });
  return status === 0;
}
