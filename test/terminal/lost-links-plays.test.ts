/** PROC-027..032 and PROC-048: lost links, the arbiter, and what only a person or the site can decide, through the menus. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { monitor, type Play, played } from './play.ts';
import { PlayLab, startInVain } from './play-lab.ts';

const lab = new PlayLab();
beforeEach(() => lab.begin());
afterAll(() => lab.close());

/** RETURN leaves the menu of a primary in trouble for the ordinary ones. */
const monitorInTrouble = ['', ...monitor];
const force = ['2', '9', 'y', '', ''];

async function inTrouble(): Promise<void> {
  await lab.until('A', 'in indefinite trouble', (status) => status?.status === 'In Trouble');
  await lab.untilStatus('B', 'Waiting');
}

async function cutAll(play: Play): Promise<void> {
  await lab.cut(['A', 'B'], ['A', 'X'], ['B', 'X']);
  play.happens('all cables between A, B and the arbiter are cut');
}

test('PROC-027 FO-036 FO-038: cut off, the primary commits nothing; the backup takes over; healed, the primary stops', () =>
  played('PROC-027', 'the primary is cut off', lab, async (play) => {
    await lab.cut(['A', 'B'], ['A', 'X']);
    play.happens('the cables between A and B and between A and the arbiter are cut');
    await lab.untilStatus('B', 'Primary');
    await play.menus('B', ...monitor);
    await play.menus('A', ...monitorInTrouble);
    await play.command('A', ['global', 'A', 'set', '^CUT', 'never', '--timeout', '2s'], 5);
    await play.command('B', ['global', 'B', 'set', '^CUT', 'by B']);
    await lab.heal();
    play.happens('the cables are healed');
    await lab.untilStatus('A', 'Down');
    await play.command('A', ['instance', 'start', 'A']);
    await lab.whole('A', 'B');
    await play.command('A', ['global', 'A', 'get', '^CUT']);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));

test('PROC-028 FO-037: all are cut off from each other; healed, the primary goes on', () =>
  played('PROC-028-healed', 'all cables are cut, and healed', lab, async (play) => {
    await cutAll(play);
    await inTrouble();
    await play.menus('A', ...monitorInTrouble);
    await play.menus('B', ...monitor);
    await lab.heal(['A', 'B']);
    play.happens('the cable between A and B is healed');
    await lab.untilStatus('A', 'Primary');
    await lab.settled('A', 'B');
    await play.menus('A', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-028 FO-076: all are cut off; B is surely down, and A is told to resume', () =>
  played('PROC-028-resumed', 'all cables are cut, and the primary resumes by hand', lab, async (play) => {
    await cutAll(play);
    await inTrouble();
    await lab.kill('B');
    play.happens('somebody goes there and stops B');
    await play.menus('A', '1', 'yes', 'yes', 'no', '', '');
    await play.changeRole('A', '1', 'yes', 'yes', 'yes', '');
    await play.command('A', ['global', 'A', 'set', '^RESUMED', '1']);
    await lab.heal();
    play.happens('the cables are healed');
    await play.command('B', ['instance', 'start', 'B']);
    await lab.whole('A', 'B');
    await play.command('B', ['global', 'B', 'get', '^RESUMED']);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-028 FO-076: all are cut off; A is shut down, and B is forced', () =>
  played('PROC-028-forced', 'all cables are cut, the primary is shut down and the backup forced', lab, async (play) => {
    await cutAll(play);
    await inTrouble();
    await play.menus('A', '2', 'yes');
    await lab.untilStatus('A', 'Down');
    await play.changeRole('B', ...force);
    await lab.untilStatus('B', 'Primary');
    await play.command('B', ['global', 'B', 'set', '^FORCED', '1']);
    await lab.heal();
    play.happens('the cables are healed');
    await play.command('A', ['instance', 'start', 'A']);
    await lab.whole('A', 'B');
    await play.command('A', ['global', 'A', 'get', '^FORCED']);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));

test('PROC-028 FO-074: all are cut off and nobody is at a terminal of A: it is restarted, and forced', () =>
  played('PROC-028-restarted', 'all cables are cut, the primary is restarted and forced', lab, async (play) => {
    await cutAll(play);
    await inTrouble();
    await lab.kill('B');
    play.happens('somebody goes there and stops B');
    await lab.kill('A');
    play.happens('A is restarted');
    await startInVain(play, lab, 'A', 'Waiting');
    await play.changeRole('A', ...force);
    await play.command('A', ['global', 'A', 'set', '^RESTARTED', '1']);
    await lab.heal();
    play.happens('the cables are healed');
    await play.command('B', ['instance', 'start', 'B']);
    await lab.whole('A', 'B');
    await play.command('B', ['global', 'B', 'get', '^RESTARTED']);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-029 FO-055: without the arbiter nothing but the mode changes', () =>
  played('PROC-029', 'the arbiter is lost and comes back', lab, async (play) => {
    await lab.killAgent('X');
    play.happens('the arbiter is killed');
    for (const label of ['A', 'B'] as const) {
      await lab.until(label, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
    }
    await lab.settled('A', 'B');
    await play.menus('A', ...monitor);
    await play.command('A', ['global', 'A', 'set', '^AGENT', 'controlled']);
    await play.command('X', ['agent', 'start']);
    await lab.whole('A', 'B');
    await play.menus('B', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-030 FO-036 FO-058: backup and arbiter are lost together; the primary waits until the backup is back', () =>
  played('PROC-030', 'backup and arbiter are lost together', lab, async (play) => {
    await lab.cut(['A', 'B'], ['A', 'X'], ['B', 'X']);
    await Promise.all([lab.hostDown('B'), lab.killAgent('X')]);
    play.happens('the hosts of B and of the arbiter are lost in one moment');
    await lab.untilStatus('A', 'In Trouble');
    await lab.heal();
    await play.menus('A', ...monitorInTrouble);
    await play.command('B', ['agent', 'start']);
    await play.command('B', ['instance', 'start', 'B']);
    await lab.settled('A', 'B');
    await play.menus('A', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-031 FO-057: primary and arbiter are killed; the backup takes over by the word of the agent', () =>
  played('PROC-031', 'primary and arbiter are lost together', lab, async (play) => {
    await Promise.all([lab.killAgent('X'), lab.kill('A')]);
    play.happens("A and the arbiter are killed; A's ISCAgent runs");
    await lab.untilStatus('B', 'Primary', 20_000);
    await play.menus('B', ...monitor);
  }));

test('PROC-032 FO-060 FO-064: both are lost; with both agents and one instance back, the roles are settled', () =>
  played('PROC-032-agents', 'both members are lost; their agents and one instance come back', lab, async (play) => {
    await play.command('A', ['global', 'A', 'set', '^BOTH', 'lost']);
    await Promise.all([lab.hostDown('A'), lab.hostDown('B')]);
    play.happens('the hosts of A and B are lost');
    await play.command('A', ['agent', 'start']);
    await play.command('B', ['agent', 'start']);
    await play.command('B', ['instance', 'start', 'B']);
    await play.menus('B', ...monitor);
    await play.command('B', ['global', 'B', 'get', '^BOTH']);
    expect((await lab.status('B'))?.status).toBe('Primary');
  }));

test('PROC-032 FO-060: both are lost; only the last primary comes back and is forced', () =>
  played('PROC-032-forced', 'both members are lost; the last primary alone comes back', lab, async (play) => {
    await lab.hostDown('B');
    await play.command('A', ['global', 'A', 'set', '^LAST', 'A had this alone']);
    await lab.hostDown('A');
    play.happens('the host of B is lost, and a moment later that of A');
    await play.command('A', ['agent', 'start']);
    await startInVain(play, lab, 'A', 'Waiting');
    await play.changeRole('A', ...force);
    await lab.untilStatus('A', 'Primary');
    await play.command('A', ['global', 'A', 'set', '^FORCED', 'the last primary']);
    await play.command('B', ['agent', 'start']);
    await play.command('B', ['instance', 'start', 'B']);
    await lab.whole('A', 'B');
    await play.command('B', ['global', 'B', 'get', '^LAST']);
    await play.command('B', ['global', 'B', 'get', '^FORCED']);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-032 FO-060: both are lost; only a member that may not have been the last primary comes back and is forced', () =>
  played(
    'PROC-032-unknown',
    'both members are lost; the one that was not the last primary comes back',
    lab,
    async (play) => {
      await lab.kill('B');
      play.happens('B is killed');
      await play.command('A', ['global', 'A', 'set', '^LAST', 'A had this alone']);
      // What is copied has been written: from here on the database on the disk holds it, too.
      await play.command('A', ['database', 'backup', 'A', 'DATA', '--to', `${lab.home}/last`]);
      await Promise.all([lab.hostDown('A'), lab.hostDown('B')]);
      play.happens('the hosts of A and B are lost');
      await play.command('B', ['agent', 'start']);
      await startInVain(play, lab, 'B', 'Waiting');
      await play.changeRole('B', ...force);
      await lab.untilStatus('B', 'Primary');
      await play.command('A', ['agent', 'start']);
      await startInVain(play, lab, 'A', 'Crashed');
      await play.command('A', ['mirror', 'rebuild', 'A', '--confirm', 'A']);
      await play.command('A', ['lost', 'show', 'A']);
      await lab.whole('A', 'B');
      expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
    },
  ));

test('PROC-048 FO-067: the site keeps B from becoming primary until its answer is yes', () =>
  played('PROC-048', 'CanNodeStartToBecomePrimary of zmirror.mjs returns 0', lab, async (play) => {
    const site = (answer: number) =>
      writeFileSync(lab.paths('B').site, `export const CanNodeStartToBecomePrimary = () => ${answer};\n`);
    site(0);
    await lab.kill('A');
    play.happens('zmirror.mjs of B answers 0; A is killed');
    await lab.until('B', 'held by its site', (status) => status?.waitingFor?.includes('FO-067') === true);
    await play.menus('B', ...monitor);
    site(1);
    play.happens('zmirror.mjs of B answers 1; it is asked again 30 seconds after the first time');
    await lab.untilStatus('B', 'Primary', 45_000);
    await play.menus('B', ...monitor);
  }));
