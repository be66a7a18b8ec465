/** One reporting async in two mirrors, all of them processes: each mirror goes on whatever becomes of the other. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readConfiguration } from '../../src/host/configuration-file.ts';
import type { StatusReport } from '../../src/mirror/status.ts';

import { FreshPrograms } from '../fixtures/fresh-programs.ts';
import type { Ran } from '../fixtures/program.ts';
import { freePort } from '../fixtures/whole-host.ts';

const programs = new FreshPrograms();
const agentPorts = new Map<string, number>();
const homeOf = (name: string) => join(programs.directory, 'homes', name);
const on = (name: string, ...args: string[]) => programs.runWell(...args, '--home', homeOf(name));
const tryOn = (name: string, ...args: string[]) => programs.run([...args, '--home', homeOf(name)]);

async function startHost(name: string): Promise<void> {
  const [agent, superserver] = [await freePort(), await freePort()];
  agentPorts.set(name, agent);
  await on(name, 'instance', 'create', name, '--address', '127.0.0.1', '--port', String(superserver));
  await on(name, 'agent', 'start', '--port', String(agent));
  await on(name, 'instance', 'start', name);
}

const createMirror = (name: string, mirror: string, qosMs: number) =>
  on(
    name,
    ...['mirror', 'create', name, '--mirror', mirror, '--member', name, '--qos', String(qosMs)],
    ...['--agent-port', `${agentPorts.get(name)}`],
  );

const joinArguments = (mirror: string, of: string, type: string) => [
  ...['mirror', 'join', 'R', '--mirror', mirror, '--type', type, '--instance', of],
  ...['--agent', `127.0.0.1:${agentPorts.get(of)}`, '--agent-port', `${agentPorts.get('R')}`],
];

async function statusIn(mirror: string): Promise<StatusReport> {
  return JSON.parse(await on('R', 'status', 'R', '--mirror', mirror, '--json'));
}

async function reach(mirror: string, isReached: (report: StatusReport) => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    const report = await statusIn(mirror);
    if (isReached(report)) return;
    if (performance.now() > deadlineMs) throw new Error(`not reached: ${JSON.stringify(report)}`);
  }
}

async function reachValue(database: string, value: string): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    const { out, err } = await tryOn('R', 'global', 'R', 'get', '^X(1)', '--database', database);
    if (out.trim() === value) return;
    if (performance.now() > deadlineMs) throw new Error(`${database} has ${out}${err}, not ${value}`);
  }
}

/** ^MIRROR, or another routine, of R from a pipe. */
const session = (answers: readonly string[], routine = 'MIRROR'): Promise<Ran> =>
  programs.run(['session', 'R', routine, '--home', homeOf('R')], answers.map((line) => `${line}\n`).join(''));

/** CFG-040: from Mirror Configuration of the async, with the name and the type that it has. */
async function joinByMenu(mirror: string, of: string): Promise<void> {
  const where = [mirror, '127.0.0.1', `${agentPorts.get(of)}`, of];
  const joined = await session(['3', 'Join Another', ...where, '', '', 'y']);
  expect(joined).toMatchObject({ code: 0, err: '' });
  expect(joined.out).toMatch(/REPORTS has joined mirror TWO/);
  expect(joined.out).not.toMatch(/Async Member Name\?|System Type\?/);
  // It is in two from now on, and which one is meant is asked.
  expect(joined.out.slice(joined.out.indexOf('has joined'))).toMatch(/Mirrors of REPORTS/);
}

const sys = async (method: string, ...args: string[]): Promise<unknown> =>
  JSON.parse(await on('R', 'sys', method, ...args, '--json')).value;

const isConnected = ({ status }: StatusReport) => status === 'Connected';

beforeAll(async () => {
  await programs.build();
  for (const name of ['P', 'Q', 'R']) await startHost(name);
  for (const [name, mirror, qosMs] of [
    ['P', 'ONE', 8000],
    // Keep-alives come seldom in it, so that nothing is known by them alone.
    ['Q', 'TWO', 60_000],
  ] as const) {
    await createMirror(name, mirror, qosMs);
    await on(name, 'database', 'create', name, 'DATA', '--mirrored');
  }
}, 180_000);

afterAll(async () => {
  for (const name of ['P', 'Q', 'R']) {
    await tryOn(name, 'instance', 'force', name);
    await tryOn(name, 'agent', 'stop');
  }
  programs.remove();
}, 60_000);

test('CFG-009 CFG-035 PROC-003: a reporting async joins a second mirror, only with its type and its name', async () => {
  await on('R', ...joinArguments('ONE', 'P', 'read-only'), '--member', 'REPORTS');
  for (const [arguments_, says] of [
    [joinArguments('TWO', 'Q', 'read-write'), /mirror ONE as Read-Only Reporting.*that type only/],
    [joinArguments('TWO', 'Q', 'dr'), /that type only/],
    [[...joinArguments('TWO', 'Q', 'read-only'), '--member', 'OTHER'], /has that name in every mirror/],
  ] as const) {
    const refused = await tryOn('R', ...arguments_);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toMatch(says);
  }
  expect(await on('R', ...joinArguments('TWO', 'Q', 'read-only'))).toMatch(/^REPORTS has joined mirror TWO/);
  // Nothing is written in it: that it has everything, the primary tells it at once (MON-006).
  await on('R', 'wait', 'R', '--for', 'caught-up', '--mirror', 'TWO', '--timeout', '5s');
  const { mirrorSet } = await readConfiguration(join(homeOf('Q'), 'instances', 'Q', 'configuration.json'));
  expect(mirrorSet?.members.map(({ name, type }) => `${name} ${type}`)).toContain('REPORTS Read-Only Reporting');
  const again = await tryOn('R', ...joinArguments('TWO', 'Q', 'read-only'));
  expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/in mirror TWO already/) });
}, 120_000);

test('DB-013: which mirror a new copy is of is said, never guessed; databases of one name in both stay apart', async () => {
  const unsaid = await tryOn('R', 'database', 'create', 'R', 'FIRST', '--mirrored', 'DATA');
  expect(unsaid).toMatchObject({ code: 1 });
  expect(unsaid.err).toMatch(/in mirrors ONE, TWO; say which/);
  const unknown = await tryOn('R', 'database', 'create', 'R', 'FIRST', '--mirrored', 'DATA', '--mirror', 'THREE');
  expect(unknown.err).toMatch(/not in mirror THREE; it is in ONE, TWO/);
  await on('R', 'database', 'create', 'R', 'FIRST', '--mirrored', 'DATA', '--mirror', 'ONE');
  await on('R', 'database', 'create', 'R', 'SECOND', '--mirrored', 'DATA', '--mirror', 'two');
  const taken = await tryOn('R', 'database', 'create', 'R', 'FIRST', '--mirrored', 'OTHER', '--mirror', 'TWO');
  expect(taken).toMatchObject({ code: 1 });
  await on('P', 'global', 'P', 'set', '^X(1)', 'of one');
  await on('Q', 'global', 'Q', 'set', '^X(1)', 'of two');
  for (const name of ['FIRST', ':mirror:ONE:DATA']) await reachValue(name, 'of one');
  for (const name of ['SECOND', ':mirror:TWO:DATA']) await reachValue(name, 'of two');
  const { err } = await tryOn('R', 'global', 'R', 'get', '^X(1)', '--database', 'DATA');
  expect(err).toMatch(/say which of :mirror:ONE:DATA, :mirror:TWO:DATA/);
  const listed = JSON.parse(await on('R', 'database', 'list', 'R', '--json'));
  expect(listed.map(({ name, mirror }: { name: string; mirror: string }) => `${name} ${mirror}`)).toEqual([
    'FIRST ONE',
    'SECOND TWO',
  ]);
}, 120_000);

test('CFG-008 SYN-022: one mirror is stopped, over a kill of the instance too, and the other goes on', async () => {
  expect((await tryOn('R', 'mirror', 'stop', 'R')).err).toMatch(/say which/);
  await on('R', 'mirror', 'stop', 'R', '--mirror', 'TWO');
  await on('P', 'global', 'P', 'set', '^X(1)', 'later of one');
  await on('Q', 'global', 'Q', 'set', '^X(1)', 'later of two');
  await reachValue('FIRST', 'later of one');
  await on('R', 'instance', 'force', 'R');
  await on('P', 'global', 'P', 'set', '^X(1)', 'while it was down');
  await on('R', 'instance', 'start', 'R');
  await reachValue('FIRST', 'while it was down');
  expect((await statusIn('TWO')).status).toBe('Stopped');
  expect((await on('R', 'global', 'R', 'get', '^X(1)', '--database', 'SECOND')).trim()).toBe('of two');
  await on('R', 'mirror', 'start', 'R', '--mirror', 'TWO');
  await reachValue('SECOND', 'later of two');
  const all: StatusReport[] = JSON.parse(await on('R', 'status', 'R', '--json'));
  expect(all.map(({ mirror }) => mirror)).toEqual(['ONE', 'TWO']);
}, 120_000);

test('CFG-008 SYN-020: dejournaling is paused for one mirror, and one primary that is killed does not touch the other', async () => {
  await on('R', 'database', 'pause', 'R', '--all', '--mirror', 'ONE');
  await on('P', 'global', 'P', 'set', '^X(1)', 'held');
  await on('Q', 'global', 'Q', 'set', '^X(1)', 'goes on');
  await reachValue('SECOND', 'goes on');
  expect((await on('R', 'global', 'R', 'get', '^X(1)', '--database', 'FIRST')).trim()).toBe('while it was down');
  await on('R', 'database', 'resume', 'R', '--all', '--mirror', 'ONE');
  await reachValue('FIRST', 'held');
  await on('P', 'instance', 'force', 'P');
  await reach('ONE', ({ status }) => status === 'Waiting');
  await on('Q', 'global', 'Q', 'set', '^X(1)', 'without the other');
  await reachValue('SECOND', 'without the other');
  expect(isConnected(await statusIn('TWO'))).toBe(true);
  await on('P', 'instance', 'start', 'P');
  await reach('ONE', isConnected);
}, 120_000);

test('CFG-009 CFG-052: the type is one for all mirrors and cannot be DR', async () => {
  const dr = await tryOn('R', 'mirror', 'edit-async', 'R', '--type', 'dr', '--mirror', 'ONE');
  expect(dr.err).toMatch(/a DR async is in one mirror; leave the others first/);
  const writable = await tryOn('R', 'mirror', 'edit-async', 'R', '--type', 'read-write', '--mirror', 'TWO');
  expect(writable.err).toMatch(/one type in all of them/);
}, 60_000);

test('MON-023 DB-062: ^MIRROR lists its mirrors with details, and databases and their actions are those of the chosen one', async () => {
  await reach('ONE', isConnected);
  const listed = await session(['two', '1', '1', '', '', 'ONE', '1', '1', '', '', '']);
  expect(listed).toMatchObject({ code: 0, err: '' });
  const [first = '', ...rest] = listed.out.split('Mirror? ');
  expect(first).toMatch(/Mirrors of REPORTS \(Read-Only Reporting\):\n.*Mirror .*Status .*Primary .*Databases\n/);
  expect(first).toMatch(/\n1\) +ONE +Connected +P +Caught up +Caught up +1\n2\) +TWO +Connected +Q +/);
  expect(rest).toHaveLength(3);
  expect(rest[0]).toContain(':mirror:TWO:DATA');
  expect(rest[0]).not.toContain(':mirror:ONE:');
  expect(rest[1]).toContain(':mirror:ONE:DATA');
  expect(rest[1]).not.toContain(':mirror:TWO:');
  const dismounted = await session(['2', '6', 'SECOND', '', 'y', '', ''], 'DATABASE');
  expect(dismounted).toMatchObject({ code: 0, err: '' });
  expect(dismounted.out).toMatch(/1\) +SECOND/);
  expect(dismounted.out).not.toMatch(/\d\) +FIRST/);
  expect((await session(['1', '5', 'SECOND'], 'DATABASE')).code).not.toBe(0);
  expect(await session(['2', '5', 'SECOND', '', '', 'y', '', ''], 'DATABASE')).toMatchObject({ code: 0, err: '' });
  const files = await session(['TWO', '5', '', '', '', '', ''], 'JOURNAL');
  expect(files.out).toMatch(/MIRROR-TWO-/);
  expect(files.out).not.toMatch(/MIRROR-ONE-/);
}, 120_000);

test('MON-023 SYN-022: one mirror is stopped and started from the menus, and no answer that is not one of them is taken for a mirror', async () => {
  expect(await session(['TWO', '2', 'Stop', 'y', '', '', ''])).toMatchObject({ code: 0, err: '' });
  expect((await statusIn('TWO')).status).toBe('Stopped');
  expect(isConnected(await statusIn('ONE'))).toBe(true);
  const shown = await session(['']);
  expect(shown.out).toMatch(/\n2\) +TWO +Stopped/);
  expect(await session(['TWO', '2', 'Start', 'y', '', '', ''])).toMatchObject({ code: 0, err: '' });
  await reach('TWO', isConnected);
  const wrong = await session(['THREE', '2', '7', 'y']);
  expect(wrong.code).toBe(3);
  expect(wrong.err).toMatch(/one of: ONE, TWO; RETURN leaves/);
}, 120_000);

test('MON-003 API-014 API-017 API-025: methods take the name of a mirror, and need it where it is not plain', async () => {
  expect(await sys('$SYSTEM.Mirror.GetMirrorNames')).toEqual(['ONE', 'TWO']);
  expect(await sys('$SYSTEM.Mirror.GetMemberStatus')).toEqual(['2/2 Connected']);
  expect(await sys('$SYSTEM.Mirror.GetMemberStatus', 'two')).toEqual(['Connected']);
  expect((await tryOn('R', 'sys', 'SYS.Mirror.StopMirror')).err).toMatch(
    /ERROR #2156: this instance is in ONE, TWO; say which/,
  );
  expect((await tryOn('R', 'sys', 'SYS.Mirror.StopMirror', 'THREE')).err).toMatch(/ERROR #2051/);
  await on('R', 'sys', 'SYS.Mirror.StopMirror', 'TWO');
  expect(await sys('SYS.Mirror.IsMirrorStarted', 'TWO')).toBe(false);
  expect(await sys('SYS.Mirror.IsMirrorStarted', 'ONE')).toBe(true);
  expect(await sys('$SYSTEM.Mirror.GetMemberStatus')).toEqual(['1/2 Connected']);
  await on('R', 'sys', 'SYS.Mirror.StartMirror', 'TWO');
  await reach('TWO', isConnected);
  await on('R', 'sys', 'SYS.Mirror.AsyncDejournalStop', 'ONE');
  expect(await sys('SYS.Mirror.AsyncDejournalStatus', 'ONE')).toMatchObject({ Running: false });
  expect(await sys('SYS.Mirror.AsyncDejournalStatus', 'TWO')).toMatchObject({ Running: true });
  await on('R', 'sys', 'SYS.Mirror.AsyncDejournalStart', 'ONE');
  expect(await sys('SYS.Mirror.MirroredDatabaseList')).toMatchObject([
    { Name: 'FIRST', Mirror: 'ONE', MirrorDBName: 'DATA' },
    { Name: 'SECOND', Mirror: 'TWO', MirrorDBName: 'DATA' },
  ]);
  expect(await sys('SYS.Mirror.MirroredDatabaseList', '*', 'TWO')).toMatchObject([{ Name: 'SECOND' }]);
  const files = (await sys('SYS.Mirror.JournalList', 'TWO')) as readonly { readonly Name: string }[];
  expect(files.map(({ Name }) => Name.slice(0, 11))).toContain('MIRROR-TWO-');
  expect(files.every(({ Name }) => Name.startsWith('MIRROR-TWO-'))).toBe(true);
}, 120_000);

test('CFG-067 CFG-040 CFG-002: it leaves one named mirror; its copy there keeps its mark and is used again when it joins again', async () => {
  expect((await tryOn('R', 'mirror', 'leave', 'R', '--confirm', 'REPORTS')).err).toMatch(/say which/);
  await on('R', 'mirror', 'leave', 'R', '--mirror', 'TWO', '--confirm', 'REPORTS');
  await on('R', 'instance', 'restart', 'R');
  expect(JSON.parse(await on('R', 'status', 'R', '--json'))).toMatchObject({ mirror: 'ONE', status: 'Connected' });
  await on('P', 'global', 'P', 'set', '^X(1)', 'alone');
  await reachValue('FIRST', 'alone');
  await joinByMenu('TWO', 'Q');
  await on('Q', 'global', 'Q', 'set', '^X(1)', 'again');
  await on('R', 'database', 'activate', 'R', 'SECOND');
  await reachValue('SECOND', 'again');
}, 120_000);

test('CFG-066: its mirror configuration is removed from all of them at once; each is told, and the instance is a member of nothing after its restart', async () => {
  const shown = JSON.parse(await on('R', 'mirror', 'remove', 'R', '--dry-run', '--json'));
  expect(shown.map(({ removal }: { removal: { mirror: string; step: string } }) => removal)).toMatchObject([
    { mirror: 'ONE', step: 'leave' },
    { mirror: 'TWO', step: 'leave' },
  ]);
  const declined = await session(['ONE', '3', 'Remove Mirror', 'n', 'n', '', '', '']);
  expect(declined.out).toMatch(/REPORTS leaves mirror ONE.*REPORTS leaves mirror TWO.*Nothing was changed/s);
  const removed = await session(['ONE', '3', 'Remove Mirror', 'y', 'y', '', '', '']);
  expect(removed).toMatchObject({ code: 0, err: '' });
  for (const mirror of ['ONE', 'TWO'])
    expect(removed.out.replace(/\s+/g, ' ')).toContain(`REPORTS has left mirror ${mirror}`);
  await on('R', 'instance', 'restart', 'R');
  expect(JSON.parse(await on('R', 'status', 'R', '--json'))).toMatchObject({ mirror: null });
  for (const name of ['P', 'Q']) {
    const { mirrorSet } = await readConfiguration(join(homeOf(name), 'instances', name, 'configuration.json'));
    expect(mirrorSet?.members.map((member) => member.name)).toEqual([name]);
  }
  const databases = JSON.parse(await on('R', 'database', 'list', 'R', '--json'));
  expect(
    databases.map(({ name, mirrored }: { name: string; mirrored: string | null }) => `${name} ${mirrored}`),
  ).toEqual(['FIRST null', 'SECOND null']);
}, 120_000);
