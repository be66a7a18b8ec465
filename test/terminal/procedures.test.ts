/** Procedures of docs/spec/08 through the menus, by piped answers, on the real processes of a lab; screens compared but for marked fields. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { top } from '../../menus/top.ts';
import { connectControl } from '../../src/terminal/control-client.ts';
import { CableLab } from '../cluster/cable-lab.ts';
import { labels, network } from '../cluster/lab.ts';
import { runProgram } from '../fixtures/program.ts';
import { isAction, optionsBelow } from '../fixtures/scripted-control.ts';

const lab = new CableLab();
beforeAll(() => lab.up(2000));
afterAll(() => lab.close());

async function menus(label: 'A' | 'B' | 'C', answers: readonly string[]): Promise<string> {
  const ran = await runProgram(['session', label, 'MIRROR', '--home', lab.homeOf(label)], {
    input: answers.map((each) => `${each}\n`).join(''),
  });
  expect([ran.code, ran.err, ran.out]).toEqual([0, '', ran.out]);
  return ran.out;
}

/** Addresses, directories, moments and rates differ from run to run. */
function marked(text: string): string {
  return text
    .replace(/127\.\d+\.0\.(1[1-4])/g, '127.N.0.$1')
    .replaceAll(lab.home, '<HOME>')
    .replace(/\d\d:\d\d:\d\d on \d\d\/\d\d\/\d{4}/g, '<TIME>')
    .replace(/process id: \d+/g, 'process id: <PID>')
    .replace(/^ [\d.]+ KB\/s.*$/gm, ' <RATE>');
}

function expectScreens(name: string, text: string): void {
  const file = new URL(`expected/${name}.txt`, import.meta.url);
  const actual = marked(text);
  if (process.env.UPDATE_TRANSCRIPTS === '1') writeFileSync(file, actual);
  expect(existsSync(file) ? readFileSync(file, 'utf8') : `no file ${file.pathname}`).toBe(actual);
}

const monitor = ['1', '4', 'q', '', ''];

test('PROC-001: the monitor on primary, backup and async', async () => {
  const words = ['N/A', 'Active', 'Caught up'];
  for (const label of labels) {
    await lab.until(label, 'told that all is settled', (status) =>
      (status?.members ?? []).every((row) => words.includes(row.journalTransfer) && words.includes(row.dejournaling)),
    );
  }
  expectScreens('monitors', (await menus('A', monitor)) + (await menus('B', monitor)) + (await menus('C', monitor)));
});

describe('where options run', () => {
  test.each([
    ['A', 'primary'],
    ['B', 'backup'],
    ['C', 'dr'],
  ] as const)('what the menus say of %s, the %s, is what its instance says', async (label, place) => {
    const control = await connectControl(network, lab.paths(label).control, 5000);
    const { commands } = await control.describe();
    control.close();
    const wrong = optionsBelow(top, place).filter(
      ({ leadsTo, runsOn }) =>
        isAction(leadsTo) &&
        'command' in leadsTo &&
        runsOn?.includes(place) === false &&
        commands[leadsTo.command] === null,
    );
    expect(wrong.map(({ label: name }) => name)).toEqual([]);
  });
});

test('PROC-016 FO-072: no failover is set from the menu; the primary is killed, and the backup does not take over until it returns', async () => {
  expectScreens('no-failover', await menus('A', ['2', '4', 'yes', '', '']));
  await lab.kill('A');
  await lab.until(
    'B',
    'without its primary',
    (status) => status !== null && !['Primary', 'Backup'].includes(status.status),
  );
  expect(await menus('B', monitor)).toContain('No failover is set');
  await lab.up(2000);
  expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  expect(await menus('A', monitor)).not.toContain('No failover is set');
});

test('FO-003 PROC-014: the backup becomes primary from the menu, and the former primary again', async () => {
  for (const [to, from] of [
    ['B', 'A'],
    ['A', 'B'],
  ] as const) {
    const text = await menus(to, ['2', '5', 'y', '', '']);
    expect(text).toContain(`${from} is the current primary. Continuing will force it down`);
    expect(text).toContain(`${to} is now primary`);
    await lab.up(2000);
    expect(await lab.roles()).toEqual({ primary: to, backup: from });
  }
});
