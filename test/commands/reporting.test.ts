/** A reporting async that is a process of its own: killed while it is written to, stopped, in error, and with a filter. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/mirror/status.ts';
import { type FreshLab, FreshPrograms, freshLab } from '../fixtures/fresh-programs.ts';

const programs = new FreshPrograms();
let lab: FreshLab;

beforeAll(async () => {
  await programs.build();
  lab = await freshLab(programs, 4000, '--dr', '0', '--reporting', '1');
}, 120_000);

afterAll(async () => {
  await lab?.close();
  programs.remove();
}, 60_000);

const onR = (...args: string[]) => programs.runWell(...args, '--home', lab.homeOf('R'));
const tryOnR = (...args: string[]) => programs.run([...args, '--home', lab.homeOf('R')]);
const onA = (...args: string[]) => programs.runWell(...args, '--home', lab.homeOf('A'));
const statusOfR = async (): Promise<StatusReport> => JSON.parse(await onR('status', 'R', '--json'));

async function reach(isReached: (report: StatusReport) => boolean): Promise<StatusReport> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const report = await statusOfR();
    if (isReached(report)) return report;
    if (performance.now() > deadlineMs) throw new Error(`not reached: ${JSON.stringify(report)}`);
  }
}

/** R has dejournaled what A has just got. */
async function bringLevel(name: string): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  await onA('global', 'A', 'set', `^LEVEL("${name}")`, '1');
  while ((await tryOnR('global', 'R', 'get', `^LEVEL("${name}")`)).code !== 0) {
    if (performance.now() > deadlineMs) throw new Error(`R did not dejournal ${name}`);
  }
}

test('CFG-037 CFG-051 DB-043 DB-058 DB-059: read-only until its flags are cleared, then written to', async () => {
  expect(await statusOfR()).toMatchObject({ type: 'Read-Only Reporting', status: 'Connected' });
  expect(await tryOnR('global', 'R', 'set', '^OWN(1)', 'x')).toMatchObject({ code: 1 });
  expect(await onR('mirror', 'edit-async', 'R', '--type', 'read-write')).toMatch(/type of this member is Read-Write/);
  const refused = await tryOnR('global', 'R', 'set', '^OWN(1)', 'x');
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toMatch(/a copy whose FailoverDB flag is set is read-only/);
  const unconfirmed = await tryOnR('database', 'clear-flag', 'R', '--all');
  expect(unconfirmed).toMatchObject({ code: 2 });
  expect(unconfirmed.err).toMatch(/can never be set again.*give --confirm R/);
  expect(await onR('database', 'clear-flag', 'R', '--all', '--confirm', 'R')).toMatch(/^FailoverDB is cleared on DATA/);
  await onR('global', 'R', 'set', '^OWN(1)', 'x');
  const [{ failoverDb }] = JSON.parse(await onR('database', 'list', 'R', '--json'));
  expect(failoverDb).toBe(false);
});

test('DB-038: what was acknowledged by a writable copy survives a kill of its instance in the middle of both kinds of updates', async () => {
  const records = (global: string, count: number) => {
    const path = join(programs.directory, `${global}.jsonl`);
    const lines = Array.from({ length: count }, (_, n) =>
      JSON.stringify({ global, subscripts: [n], value: `${n} ${'x'.repeat(100)}` }),
    );
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  const count = 40_000;
  const own = records('OWN', count);
  const fromPrimary = onA('global', 'A', 'import', records('CITY', 20_000));
  const importing = tryOnR('global', 'R', 'import', own, '--resume');
  let isOver = false;
  void importing.then(() => {
    isOver = true;
  });
  while (!isOver && acknowledgedOf(own) === 0) await wait(10);
  await programs.runWell('lab', 'kill', 'R', '--home', lab.home);
  const { code } = await importing;
  await fromPrimary;
  const acknowledged = code === 0 ? count : acknowledgedOf(own);
  expect(acknowledged).toBeGreaterThan(0);
  await programs.runWell('lab', 'up', '--home', lab.home);
  await bringLevel('after the kill');
  for (const n of [0, acknowledged - 1]) {
    expect((await onR('global', 'R', 'get', `^OWN(${n})`)).startsWith(`${n} x`)).toBe(true);
  }
  const kept = Number(JSON.parse(await onR('global', 'R', 'count', '^OWN', '--json')).count);
  expect(kept).toBeGreaterThanOrEqual(acknowledged);
  expect(JSON.parse(await onR('global', 'R', 'count', '^CITY', '--json')).count).toBe(20_000);
}, 90_000);

test('PROC-044: mirroring that was stopped is still stopped after a restart, until it is started', async () => {
  await onR('mirror', 'stop', 'R');
  await onR('instance', 'restart', 'R');
  expect((await statusOfR()).status).toBe('Stopped');
  await onR('mirror', 'start', 'R');
  await reach(({ status }) => status === 'Connected');
}, 60_000);

test('SYN-019 SYN-023: a filter that does not return stops dejournaling, harms nothing else, and is mended in place', async () => {
  const path = join(lab.homeOf('R'), 'instances', 'R', 'zbroken.mjs');
  writeFileSync(path, 'export const Filter = () => process.exit(3);\n');
  await onR('mirror', 'filter', 'R', 'zbroken.mjs');
  await onA('global', 'A', 'set', '^JUDGED(1)', 'x');
  const { dejournalStopped, dejournalProcess, status } = await reach((report) => report.dejournalStopped !== null);
  expect(dejournalStopped).toMatch(/zbroken\.mjs ended its thread with exit code 3/);
  expect([dejournalProcess?.running, status]).toEqual([false, 'Connected']);
  await onR('global', 'R', 'set', '^OWN("meanwhile")', 'x');
  writeFileSync(path, 'export const Filter = () => 1;\n');
  await onR('database', 'resume', 'R', '--all');
  await bringLevel('mended');
  await onR('global', 'R', 'get', '^JUDGED(1)');
  await onR('mirror', 'filter', 'R', '--remove');
}, 60_000);

test('SYN-023 SYN-025: a filter is set, counted, used after a restart, and removed', async () => {
  const directory = join(lab.homeOf('R'), 'instances', 'R');
  writeFileSync(join(directory, 'zhide.mjs'), 'export const Filter = ({ global }) => global !== "HIDDEN";\n');
  await onR('mirror', 'filter', 'R', 'zhide.mjs');
  await onA('global', 'A', 'set', '^HIDDEN(1)', 'x');
  await bringLevel('filtered');
  expect((await tryOnR('global', 'R', 'get', '^HIDDEN(1)')).code).toBe(1);
  expect(JSON.parse(await onR('mirror', 'filter', 'R', '--json'))).toEqual({ module: 'zhide.mjs', skippedRecords: 1 });
  await onR('instance', 'restart', 'R');
  await onA('global', 'A', 'set', '^HIDDEN(2)', 'x');
  await bringLevel('after the restart');
  expect((await tryOnR('global', 'R', 'get', '^HIDDEN(2)')).code).toBe(1);
  await onR('mirror', 'filter', 'R', '--remove');
  await onA('global', 'A', 'set', '^HIDDEN(3)', 'x');
  await bringLevel('without');
  await onR('global', 'R', 'get', '^HIDDEN(3)');
}, 60_000);

/** Records that are known to be durable, as the import says. */
function acknowledgedOf(path: string): number {
  try {
    return JSON.parse(readFileSync(`${path}.progress`, 'utf8')).records;
  } catch {
    return 0;
  }
}
