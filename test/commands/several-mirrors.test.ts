/** One reporting async in two mirrors, all of them processes: each mirror goes on whatever becomes of the other. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readConfiguration } from '../../src/host/configuration-file.ts';
import type { StatusReport } from '../../src/mirror/status.ts';

import { FreshPrograms } from '../fixtures/fresh-programs.ts';
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

const createMirror = (name: string, mirror: string) =>
  on(name, 'mirror', 'create', name, '--mirror', mirror, '--member', name, '--agent-port', `${agentPorts.get(name)}`);

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

const isConnected = ({ status }: StatusReport) => status === 'Connected';

beforeAll(async () => {
  await programs.build();
  for (const name of ['P', 'Q', 'R']) await startHost(name);
  for (const [name, mirror] of [
    ['P', 'ONE'],
    ['Q', 'TWO'],
  ] as const) {
    await createMirror(name, mirror);
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
  const { mirrorSet } = await readConfiguration(join(homeOf('Q'), 'instances', 'Q', 'configuration.json'));
  expect(mirrorSet?.members.map(({ name, type }) => `${name} ${type}`)).toContain('REPORTS Read-Only Reporting');
  const again = await tryOn('R', ...joinArguments('TWO', 'Q', 'read-only'));
  expect(again.err).toMatch(/in mirror TWO already/);
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

test('CFG-067: it leaves one named mirror; its copy there keeps its mark and is used again when it joins again', async () => {
  expect((await tryOn('R', 'mirror', 'leave', 'R', '--confirm', 'REPORTS')).err).toMatch(/say which/);
  await on('R', 'mirror', 'leave', 'R', '--mirror', 'TWO', '--confirm', 'REPORTS');
  await on('R', 'instance', 'restart', 'R');
  expect(JSON.parse(await on('R', 'status', 'R', '--json'))).toMatchObject({ mirror: 'ONE', status: 'Connected' });
  await on('P', 'global', 'P', 'set', '^X(1)', 'alone');
  await reachValue('FIRST', 'alone');
  await on('R', ...joinArguments('TWO', 'Q', 'read-only'));
  await on('Q', 'global', 'Q', 'set', '^X(1)', 'again');
  await on('R', 'database', 'activate', 'R', 'SECOND');
  await reachValue('SECOND', 'again');
}, 120_000);
