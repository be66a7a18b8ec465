/** The routine on a real terminal, against real instances of a lab. */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CableLab } from '../cluster/cable-lab.ts';
import { programPath } from '../fixtures/program.ts';
import { lacks, Screen, type ScreenOptions } from './screen.ts';

const whyNot = lacks('tmux');
if (whyNot !== null) console.warn(`terminal tests are skipped: ${whyNot}`);
const describeTmux = whyNot === null ? describe : describe.skip;

const lab = new CableLab();
const screens: Screen[] = [];
beforeEach(() => lab.up(2000));
afterAll(() => lab.close());
afterEach(() => {
  for (const screen of screens.splice(0)) screen.close();
});

function open(label: 'A' | 'B' | 'C', options: ScreenOptions = {}, ...args: readonly string[]): Screen {
  const screen = new Screen(['--home', lab.homeOf(label), ...args], options);
  screens.push(screen);
  return screen;
}

describeTmux('on a terminal', () => {
  test('the menu appears, ? explains it, RETURN leaves', async () => {
    const beganMs = performance.now();
    const screen = open('A');
    await screen.untilPrompt('Option?');
    console.log(
      `first prompt after ${Math.round(performance.now() - beganMs)} ms, ${screen.residentKilobytes()} KB resident`,
    );
    expect(screen.shown()).toMatch(/1\) Mirror Status\s+2\) Mirror Management\s+3\) Mirror Configuration/);
    screen.answer('?');
    await screen.until('Mirror Status');
    await screen.until(/Option\? \?[\s\S]*Option\?\s*$/);
    screen.press('Enter');
    await screen.until('--- exit 0');
  });

  test('what is typed ahead is not lost', async () => {
    const screen = open('A');
    screen.type('1\r2\r\r\r');
    const text = await screen.until('--- exit 0');
    expect(text).toContain('Display mirror status of this node');
    expect(text.match(/Option\?/g)?.length).toBeGreaterThanOrEqual(4);
  });

  test('Ctrl-C abandons a question; a second one leaves with 130', async () => {
    const screen = open('A');
    await screen.untilPrompt('Option?');
    screen.answer('3');
    await screen.until('Adjust Quality of Service');
    await screen.untilPrompt('Option?');
    screen.answer('Adjust');
    await screen.until(/Quality of Service Timeout \(msec\)\? <2000>\s*$/);
    screen.type('4000');
    screen.press('C-c');
    await screen.until(/Timeout \(msec\)\? <2000>[\s\S]*Option\?\s*$/);
    screen.press('C-c');
    await screen.until('--- exit 130');
    expect((await lab.status('A'))?.qosTimeoutMs).toBe(2000);
  });

  test('Ctrl-D is RETURN at Option?', async () => {
    const screen = open('A');
    await screen.untilPrompt('Option?');
    screen.answer('1');
    await screen.until('Status Monitor');
    await screen.untilPrompt('Option?');
    screen.press('C-d');
    await screen.until(/Status Monitor[\s\S]*3\) Mirror Configuration[\s\S]*Option\?\s*$/);
    screen.press('C-d');
    await screen.until('--- exit 0');
  });

  test('MON-014, MON-016: the Status Monitor refreshes by RETURN and by time, toggles databases with D, leaves with Q', async () => {
    const screen = open('A');
    const monitors = () => screen.shown().match(/Status of Mirror LAB at/g)?.length ?? 0;
    const untilPages = async (wanted: number) => {
      await screen.until(new RegExp(`(Status of Mirror LAB at[\\s\\S]*){${wanted}}refresh interval <\\d+>\\s*$`));
    };
    await screen.untilPrompt('Option?');
    screen.answer('1');
    await screen.until('4) Status Monitor');
    screen.answer('4');
    await untilPages(1);
    expect(screen.shown()).toContain('Both failover members are connected to the arbiter');
    expect(screen.shown()).not.toContain('Mirror Databases:');
    screen.press('Enter');
    await untilPages(2);
    screen.answer('d');
    await untilPages(3);
    expect(screen.shown()).toContain('Mirror Databases:');
    screen.answer('5');
    await screen.until('refresh interval <5>');
    await untilPages(5);
    expect(monitors()).toBeGreaterThanOrEqual(5);
    screen.answer('Q');
    await screen.until(/4\) Status Monitor[\s\S]*Option\?\s*$/);
  });

  test('everything fits 80 by 24, and there is no colour under NO_COLOR', async () => {
    const screen = open('B', { env: { NO_COLOR: '1' } });
    for (const [answer, words] of [
      ['1', 'List mirrored databases'],
      ['1', 'DATA'],
      ['3', 'Quality of Service'],
    ] as const) {
      await screen.until(/Option\?\s*$/);
      screen.answer(answer);
      await screen.until(words);
      await screen.until(/Option\?\s*$/);
    }
    expect(screen.coloured()).not.toMatch(/\x1b\[(3|4|9)\d/);
    expect(Math.max(...screen.lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    screen.press('Enter');
    await screen.until(/Mirror Configuration\n\nOption\?\s*$/);
  });

  test('FO-003, FO-008: a planned takeover through Try to make this the primary', async () => {
    const { primary, backup } = await lab.roles();
    const screen = open(backup);
    await screen.untilPrompt('Option?');
    screen.answer('2');
    await screen.until('5) Try to make this the primary');
    await screen.untilPrompt('Option?');
    screen.answer('5');
    await screen.until(`${primary} is the current primary`);
    await screen.until(/Continue\? <N>\s*$/);
    screen.answer('y');
    await screen.until(`${backup} is now primary`, 30_000);
    await lab.untilStatus(backup, 'Primary');
    await lab.up(2000);
    expect(await lab.roles()).toEqual({ primary: backup, backup: primary });
  });
});

const testExpect = lacks('expect') === null ? test : test.skip;

testExpect('expect drives a session by its prompts', () => {
  const script = `
    set timeout 15
    spawn -noecho ${process.execPath} ${programPath()} session A MIRROR --home ${lab.homeOf('A')}
    expect "Option?" { send "1\\r" } timeout { exit 9 }
    expect "4) Status Monitor" {} timeout { exit 9 }
    expect "Option?" { send "2\\r" } timeout { exit 9 }
    expect "Option?" { send "^\\r" } timeout { exit 9 }
    expect "Option?" { send "\\r" } timeout { exit 9 }
    expect eof
    exit [lindex [wait] 3]`;
  const { status, stdout } = spawnSync('expect', ['-c', script], { encoding: 'utf8', timeout: 60_000 });
  expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('Mirror Status') });
});
