/** A promotion without a partner among real processes: what another async has is fetched, what is lost is said before, kept, and compared. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/mirror/status.ts';
import type { Assessment } from '../../src/protocol/assessment.ts';
import { type FreshLab, FreshPrograms, freshLab } from '../fixtures/fresh-programs.ts';

type Member = 'A' | 'B' | 'C' | 'C2';

const programs = new FreshPrograms();
let lab: FreshLab;

beforeAll(async () => {
  await programs.build();
  lab = await freshLab(programs, 2000, '--dr', '2', '--reporting', '0');
}, 180_000);

afterAll(async () => {
  await lab?.close();
  programs.remove();
}, 60_000);

const on = (label: Member, ...args: string[]) => programs.runWell(...args, '--home', lab.homeOf(label));
const tryOn = (label: Member, ...args: string[]) => programs.run([...args, '--home', lab.homeOf(label)]);
const inLab = (...args: string[]) => programs.runWell('lab', ...args, '--home', lab.home);
const statusOf = async (label: Member): Promise<StatusReport> => JSON.parse(await on(label, 'status', label, '--json'));

async function until(label: Member, what: string, isSo: (report: StatusReport) => boolean): Promise<StatusReport> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    const report = await statusOf(label);
    if (isSo(report)) return report;
    if (performance.now() > deadlineMs) throw new Error(`${label} is not ${what}: ${JSON.stringify(report)}`);
  }
}

async function load(name: string, count: number): Promise<number> {
  const { target } = JSON.parse(await inLab('status', '--json'));
  const path = join(programs.directory, `${name}.jsonl`);
  const lines = Array.from({ length: count }, (_, n) => JSON.stringify({ global: name, subscripts: [n], value: 'x' }));
  writeFileSync(path, `${lines.join('\n')}\n`);
  await programs.runWell('global', target, 'import', path, '--database', 'DATA');
  const primary = (JSON.parse(await inLab('status', '--json')).members as { label: Member; status: string }[]).find(
    ({ status }) => status === 'Primary',
  );
  return (await statusOf(primary?.label ?? 'A')).position?.sequence ?? 0;
}

const received = (label: Member, sequence: number) =>
  until(label, `at ${sequence}`, ({ position }) => (position?.sequence ?? 0) >= sequence);
const withoutPrimary = (label: Member) =>
  until(label, 'without a primary', ({ status }) => status === 'Waiting' || status === 'Transition');
const log = (label: Member): string =>
  readFileSync(join(lab.homeOf(label), 'instances', label, 'messages.log'), 'utf8');

test('DB-042, FO-077: refused while a mirrored database is missing on the member, which is named', async () => {
  const create = (label: Member) => on(label, 'database', 'create', label, 'extra', '--mirrored');
  await create('A');
  await until('C', 'told of it', ({ missingDatabases }) => missingDatabases.length === 1);
  expect(await tryOn('C', 'mirror', 'promote', 'C', '--confirm', 'C')).toMatchObject({
    code: 1,
    err: expect.stringContaining('mirrored database EXTRA is not on this member; restore or catch it up first'),
  });
  for (const label of ['B', 'C', 'C2'] as const) await create(label);
  await until('C', 'without a missing one', ({ missingDatabases }) => missingDatabases.length === 0);
  const { refusal } = JSON.parse(await on('C', 'mirror', 'promote', 'C', '--dry-run', '--json')) as Assessment;
  expect(refusal).toBeNull();
}, 120_000);

test('FO-082 PROC-042: C first has what C2 has more, says what is lost, waits while no failover is set, and A meets what was reported', async () => {
  await received('C', await load('BOTH', 10));
  await received('C2', await load('BEFORE', 10));
  for (const other of ['A', 'B', 'C2', 'X']) await inLab('cut', 'C', other);
  const gathered = await load('ONE', 50);
  await received('C2', gathered);
  for (const other of ['A', 'B', 'X']) await inLab('cut', 'C2', other);
  const all = await load('NONE', 70);
  const lost = all - gathered;
  expect(lost).toBeGreaterThanOrEqual(70);
  await inLab('kill', 'B');
  await inLab('kill', 'A');
  for (const other of ['A', 'B', 'C2']) await inLab('heal', 'C', other);
  await withoutPrimary('C');
  await withoutPrimary('C2');

  const { promotion } = JSON.parse(await on('C', 'mirror', 'promote', 'C', '--dry-run', '--json')) as Assessment;
  expect(promotion).toMatchObject({
    primary: null,
    unreachable: [],
    gathered: { from: 'C2', upTo: { sequence: gathered } },
    loss: { from: { sequence: gathered }, upTo: { sequence: all }, records: lost },
  });
  expect(promotion?.loss?.content).toMatchObject({ databases: [{ name: 'DATA', updates: 70 }], isWhole: true });
  const epoch = promotion?.newest.epoch ?? 0;
  const promote = ['mirror', 'promote', 'C', '--partner', 'none', '--hold', '--confirm', 'C', '--accept-loss-up-to'];
  const refused = await tryOn('C', ...promote, `${epoch}/${all - 1}`);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain(`losses were accepted up to ${epoch}/${all - 1} only`);
  expect((await statusOf('C')).type).toBe('Disaster Recovery');

  await on('C', ...promote, `${epoch}/${all}`);
  const held = await until('C', 'a failover member', ({ type }) => type === 'Failover');
  expect(held).toMatchObject({ noFailover: true, position: { sequence: gathered } });
  expect(held.status).not.toBe('Primary');
  expect(log('C')).toContain(`Journal data up to ${epoch}/${gathered} fetched from C2 (FO-082)`);
  await on('C', 'mirror', 'no-failover', 'C', 'off');
  await on('C', 'wait', 'C', '--for', 'primary', '--timeout', '60s');
  expect(await on('C', 'global', 'C', 'count', '^ONE', '--database', 'DATA', '--json')).toContain('50');
  expect(await on('C', 'global', 'C', 'count', '^NONE', '--database', 'DATA', '--json')).toContain('"count":0');

  // It holds what was lost in its databases or its journal alone.
  await tryOn('A', 'instance', 'start', 'A', '--timeout', '1s');
  await until('A', 'back', ({ status }) => ['Crashed', 'Connected', 'Synchronizing'].includes(status));
  const compared = `the promotion of C reported ${lost} records lost; here ${lost} are`;
  expect(log('A')).toContain(compared);
  expect(await on('A', 'events', 'A')).toContain(compared);
}, 300_000);
