/** PROC-011..016: outages that somebody wants, through the menus of ^MIRROR on real processes. */
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { hasActiveBackup } from '../cluster/lab.ts';
import { monitor, played } from './play.ts';
import { PlayLab, startInVain } from './play-lab.ts';

const lab = new PlayLab();
beforeEach(() => lab.begin());
afterAll(() => lab.close());

test('PROC-011: the backup stops and comes back, and the primary goes on meanwhile', () =>
  played('PROC-011', 'the backup stops and comes back', lab, async (play) => {
    await play.command('B', ['instance', 'stop', 'B']);
    await lab.until('A', 'without a backup', (status) => !hasActiveBackup(status));
    await play.menus('A', ...monitor);
    await play.command('A', ['global', 'A', 'set', '^MEANWHILE(1)', 'written without B']);
    await play.command('B', ['instance', 'start', 'B']);
    await lab.whole('A', 'B');
    await play.menus('B', ...monitor);
    await play.command('B', ['global', 'B', 'get', '^MEANWHILE(1)']);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-012 FO-062: restarted while the host of the backup is down, the primary waits', () =>
  played('PROC-012', "the primary is restarted while the backup's host is down", lab, async (play) => {
    await lab.hostDown('B');
    play.happens('the host of B is down: its instance and its ISCAgent are killed');
    await lab.until('A', 'without a backup', (status) => !hasActiveBackup(status));
    await play.command('A', ['instance', 'stop', 'A']);
    await startInVain(play, lab, 'A', 'Waiting');
    await play.menus('A', ...monitor);
    await play.command('A', ['global', 'A', 'set', '^WAITING', '1'], 1);
    await play.command('B', ['agent', 'start']);
    await lab.untilStatus('A', 'Primary', 20_000);
    await play.menus('A', ...monitor);
  }));

test('PROC-013 FO-087: the backup is demoted first, so the primary comes back alone; later it is promoted again', () =>
  played('PROC-013', 'the backup is demoted before its host goes down', lab, async (play) => {
    await play.changeRole('B', '2', '11', 'y', '', '');
    await lab.until('A', 'alone', (status) => status?.members.find(({ name }) => name === 'B')?.type !== 'Failover');
    await lab.hostDown('B');
    play.happens('the host of B is down: its instance and its ISCAgent are killed');
    await play.command('A', ['instance', 'stop', 'A']);
    await play.command('A', ['instance', 'start', 'A']);
    await play.menus('A', ...monitor);
    await play.command('A', ['global', 'A', 'set', '^ALONE', 'written by A alone']);
    await play.command('B', ['agent', 'start']);
    await play.command('B', ['instance', 'start', 'B']);
    await lab.settled('A', 'B');
    await play.menus('B', ...monitor);
    await play.changeRole('B', '2', '10', 'y', '', '');
    await lab.whole('A', 'B');
    await play.menus('B', ...monitor);
    await play.command('B', ['global', 'B', 'get', '^ALONE']);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-014 FO-008: the primary stops, the backup takes over, and the same back', () =>
  played('PROC-014', 'the roles change hands by stops', lab, async (play) => {
    await play.command('A', ['global', 'A', 'set', '^PLANNED(1)', 'before']);
    await play.command('A', ['instance', 'stop', 'A']);
    await lab.untilStatus('B', 'Primary');
    await play.menus('B', ...monitor);
    await play.command('B', ['global', 'B', 'set', '^PLANNED(2)', 'while A was down']);
    await play.command('A', ['instance', 'start', 'A']);
    await lab.whole('A', 'B');
    await play.menus('A', ...monitor);
    await play.command('B', ['instance', 'stop', 'B']);
    await lab.untilStatus('A', 'Primary');
    await play.command('B', ['instance', 'start', 'B']);
    await lab.whole('A', 'B');
    await play.menus('B', ...monitor);
    await play.command('A', ['global', 'A', 'get', '^PLANNED(2)']);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('FO-003 PROC-014: the backup becomes primary from its menu, and the former primary again', () =>
  played('PROC-014-asked', 'the roles change hands by the menus', lab, async (play) => {
    for (const [from, to] of [
      ['A', 'B'],
      ['B', 'A'],
    ] as const) {
      await play.changeRole(to, '2', '5', 'y', '', '');
      await lab.untilStatus(from, 'Down');
      await play.command(from, ['instance', 'start', from]);
      await lab.whole('A', 'B');
      expect(await lab.roles()).toEqual({ primary: to, backup: from });
    }
  }));

test('PROC-015 FO-073: stopped without failover, the primary comes back as primary, and failover is allowed again', () =>
  played('PROC-015', 'the primary stops with --nofailover', lab, async (play) => {
    await play.command('A', ['instance', 'stop', 'A', '--nofailover']);
    await lab.until('B', 'waiting', (status) => status?.status === 'Waiting' && status.noFailover);
    await play.menus('B', ...monitor);
    await play.command('A', ['instance', 'start', 'A']);
    await lab.whole('A', 'B');
    await play.menus('B', ...monitor);
    expect((await lab.status('B'))?.noFailover).toBe(false);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-016 FO-072: no failover is set, the primary is killed, and the backup does not take over', () =>
  played('PROC-016', 'no failover is set and the primary is killed', lab, async (play) => {
    await play.menus('A', '2', '4', 'yes', '', '');
    await lab.until('B', 'told of no failover', (status) => status?.noFailover === true);
    await lab.kill('A');
    play.happens('A is killed');
    await lab.until('B', 'waiting', (status) => status?.status === 'Waiting' && status.noFailover);
    await play.menus('B', ...monitor);
    await play.command('A', ['instance', 'start', 'A']);
    await lab.whole('A', 'B');
    await play.menus('A', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));
