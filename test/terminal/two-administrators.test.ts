/** Two administrators at terminals of their own, at the same time, on the same mirror: neither does what only the other has seen. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { MirrorSet } from '../../src/mirror/mirror-set.ts';
import { CableLab } from '../cluster/cable-lab.ts';
import type { Label } from '../cluster/lab.ts';
import { lacks, Screen } from './screen.ts';

const whyNot = lacks('tmux');
const describeTmux = whyNot === null ? describe : describe.skip;

const lab = new CableLab();
const screens: Screen[] = [];
beforeAll(() => lab.up(2000));
afterAll(() => lab.close());
afterEach(() => {
  for (const screen of screens.splice(0)) screen.close();
});

/** At a terminal of that member, with these answers given. */
async function sits(label: Label, ...answers: readonly string[]): Promise<Screen> {
  const screen = new Screen(['--home', lab.homeOf(label)]);
  screens.push(screen);
  await screen.answerAll(answers);
  return screen;
}

async function mirrorSet(): Promise<MirrorSet> {
  return JSON.parse((await lab.on('A', 'mirror', 'show', 'A', '--json')).out);
}

async function types(): Promise<Record<string, string>> {
  return Object.fromEntries((await mirrorSet()).members.map(({ name, type }) => [name, type]));
}

const [dr, failover] = ['Disaster Recovery', 'Failover'];

describeTmux('two administrators', () => {
  test('FO-075 FO-087: one is asked again when the other has made somebody else the backup', async () => {
    const first = await sits('A', '2', '15');
    await first.until(/B becomes a disaster recovery async;[\s\S]*continue\? <No>\s*$/);
    const second = await sits('C', '2', '10', 'y');
    await second.until('C is a failover member now, with partner A', 30_000);
    expect(await types()).toEqual({ A: failover, B: dr, C: failover });

    first.answer('y');
    const shown = await first.until(/It is now:[\s\S]*continue\? <No>\s*$/);
    const again = shown.slice(shown.indexOf('The situation has changed'));
    expect(again.replace(/\s+/g, ' ')).toMatch(
      /the failover members are A and C.* C becomes a disaster recovery async/,
    );
    first.answer('no');
    await first.until(/Nothing was changed[\s\S]*Option\?\s*$/);
    expect(await types()).toEqual({ A: failover, B: dr, C: failover });

    const third = await sits('B', '2', '10', 'y');
    await third.until('B is a failover member now, with partner A', 30_000);
    expect(await types()).toEqual({ A: failover, B: failover, C: dr });
  });

  test('CFG-045: both edit the mirror at once, and what each has changed stays', async () => {
    const first = await sits('A', '3', '1', '', '', '', '', 'Uncompressed', '');
    await first.until(/Save these settings\? <No>\s*$/);
    const second = await sits('A', '3', '1', '', '', '', '', '', 'All Members', 'y');
    await second.until('Mirror LAB now has');
    first.answer('y');
    await first.until('Mirror LAB now has');
    expect((await mirrorSet()).settings).toMatchObject({
      compressionAsync: 'Uncompressed',
      parallelDejournaling: 'All Members',
    });
    // Whoever comes next is offered what both have made of it.
    first.answer('1');
    await first.answerAll(['', '', '', '']);
    await first.until(/Async Members\? <Uncompressed>\s*$/);
    first.answer('');
    await first.until(/Parallel Dejournaling\? <All Members>\s*$/);
  });

  test('FO-072 CFG-069: both order the same, and both are told that it is so', async () => {
    const [one, other] = [await sits('A', '2', '4'), await sits('B', '2', '4')];
    for (const screen of [one, other]) {
      await screen.until(/SET "No Failover" state\? <No>\s*$/);
      screen.answer('yes');
    }
    for (const screen of [one, other]) await screen.until(/"No Failover" state is set/);
    expect(await lab.status('A')).toMatchObject({ noFailover: true });
    await lab.on('A', 'mirror', 'no-failover', 'A', 'off');

    const [first, second] = [await sits('A', '3', '2', 'C', ''), await sits('A', '3', '2', 'C', '')];
    first.answer('y');
    await first.until('C is removed from mirror LAB;');
    second.answer('y');
    await second.until('C is removed from mirror LAB already');
    expect(await types()).toEqual({ A: failover, B: failover });
  });
});
