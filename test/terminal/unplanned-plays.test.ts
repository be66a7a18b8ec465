/** PROC-018..026: members and hosts that are lost, seen and answered through the menus of ^MIRROR on real processes. */
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { hasActiveBackup } from '../cluster/lab.ts';
import { monitor, type Play, played } from './play.ts';
import { PlayLab, startInVain } from './play-lab.ts';

const lab = new PlayLab();
beforeEach(() => lab.begin());
afterAll(() => lab.close());

const force = ['2', '9', 'y', '', ''];

async function hostDown(play: Play, label: 'A' | 'B'): Promise<void> {
  await lab.hostDown(label);
  play.happens(`the host of ${label} is lost: its instance and its ISCAgent are killed`);
}

async function arbiterDown(play: Play): Promise<void> {
  await lab.killAgent('X');
  play.happens('the arbiter is killed');
  for (const label of ['A', 'B'] as const) {
    await lab.until(label, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
  }
  await lab.settled('A', 'B');
}

async function comesBack(play: Play, label: 'A' | 'B', { agent }: { readonly agent: boolean }): Promise<void> {
  if (agent) await play.command(label, ['agent', 'start']);
  await play.command(label, ['instance', 'start', label]);
}

test('PROC-018: the backup is killed; the primary goes on, and the backup comes back', () =>
  played('PROC-018', 'the backup is killed', lab, async (play) => {
    await lab.kill('B');
    play.happens('B is killed');
    await play.command('A', ['global', 'A', 'set', '^WITHOUT', 'B']);
    await play.menus('A', ...monitor);
    await comesBack(play, 'B', { agent: false });
    await lab.whole('A', 'B');
    await play.menus('B', ...monitor);
    await play.command('B', ['global', 'B', 'get', '^WITHOUT']);
    expect(await lab.roles()).toEqual({ primary: 'A', backup: 'B' });
  }));

test('PROC-019 FO-051: the primary is killed; the backup takes over, and the primary comes back as backup', () =>
  played('PROC-019', 'the primary is killed', lab, async (play) => {
    await play.command('A', ['global', 'A', 'set', '^KEPT', 'acknowledged by A']);
    await lab.kill('A');
    play.happens('A is killed; its ISCAgent runs');
    await lab.untilStatus('B', 'Primary');
    await play.menus('B', ...monitor);
    await play.command('B', ['global', 'B', 'get', '^KEPT']);
    await comesBack(play, 'A', { agent: false });
    await lab.whole('A', 'B');
    await play.menus('A', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));

test('PROC-020 FO-026: the primary hangs; the backup takes over, and the primary stays down until it is started', () =>
  played('PROC-020', 'the primary hangs', lab, async (play) => {
    lab.freeze('A');
    play.happens('A hangs: its process stands still');
    await lab.untilStatus('B', 'Primary');
    await lab.untilStatus('A', 'Down');
    await play.routine('A', 'MIRROR', monitor, 4);
    await play.menus('B', ...monitor);
    await comesBack(play, 'A', { agent: false });
    await lab.whole('A', 'B');
    await play.menus('A', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));

test("PROC-021 FO-053: the primary's host is lost; with the arbiter the backup takes over", () =>
  played('PROC-021', "the primary's host is lost, the arbiter runs", lab, async (play) => {
    await hostDown(play, 'A');
    await lab.untilStatus('B', 'Primary');
    await play.menus('B', ...monitor);
    await comesBack(play, 'A', { agent: true });
    await lab.whole('A', 'B');
    await play.menus('B', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));

test("PROC-022 FO-027 FO-064: the primary's host is lost without an arbiter: nobody takes over until its agent answers", () =>
  played('PROC-022', "the primary's host is lost, there is no arbiter", lab, async (play) => {
    await arbiterDown(play);
    await hostDown(play, 'A');
    await lab.untilStatus('B', 'Waiting');
    await play.menus('B', ...monitor);
    await play.command('A', ['agent', 'start']);
    await lab.untilStatus('B', 'Primary', 20_000);
    await play.menus('B', ...monitor);
    await comesBack(play, 'A', { agent: false });
    await lab.settled('A', 'B');
    await hostDown(play, 'B');
    await lab.untilStatus('A', 'Waiting');
    await comesBack(play, 'B', { agent: false });
    await play.command('B', ['agent', 'start']);
    await lab.settled('A', 'B');
    await play.menus('A', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));

test('PROC-023 FO-025: not active, the backup first fetches what the killed primary had alone', () =>
  played('PROC-023', 'the primary is killed while the backup is not active', lab, async (play) => {
    await lab.kill('B');
    play.happens('B is killed');
    await play.command('A', ['global', 'A', 'set', '^ONLY', 'A had this alone']);
    await lab.kill('A');
    play.happens('A is killed; its ISCAgent runs');
    await play.command('B', ['instance', 'start', 'B']);
    await lab.untilStatus('B', 'Primary');
    await play.menus('B', ...monitor);
    await play.command('B', ['global', 'B', 'get', '^ONLY']);
  }));

test("PROC-024 FO-053: not active, the backup does not take over when the primary's host is lost", () =>
  played('PROC-024', "the primary's host is lost while the backup is not active", lab, async (play) => {
    await lab.kill('B');
    play.happens('B is killed');
    await play.command('A', ['global', 'A', 'set', '^ONLY', 'A had this alone, too']);
    await hostDown(play, 'A');
    await startInVain(play, lab, 'B', 'Waiting');
    await play.menus('B', ...monitor);
    await play.command('A', ['agent', 'start']);
    await lab.untilStatus('B', 'Primary', 20_000);
    await play.command('B', ['global', 'B', 'get', '^ONLY']);
  }));

test("PROC-025 FO-074 FO-075: the primary's host is lost for good; the backup, which was active, is forced", () =>
  played('PROC-025', 'force; the backup was active', lab, async (play) => {
    await arbiterDown(play);
    await hostDown(play, 'A');
    await lab.untilStatus('B', 'Waiting');
    await play.changeRole('B', ...force);
    await lab.untilStatus('B', 'Primary');
    await play.command('B', ['global', 'B', 'set', '^FORCED', '1']);
    await comesBack(play, 'A', { agent: true });
    await lab.settled('A', 'B');
    await play.menus('A', ...monitor);
    await play.command('A', ['global', 'A', 'get', '^FORCED']);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));

test('PROC-026 FO-075 FO-088: forced although it was not active; the lost host comes back and must be rebuilt', () =>
  played('PROC-026', 'force; the backup was not active', lab, async (play) => {
    await play.command('B', ['instance', 'stop', 'B']);
    await lab.until('A', 'without a backup', (status) => !hasActiveBackup(status));
    await play.command('A', ['global', 'A', 'set', '^LOST', 'A had this alone']);
    await play.command('A', ['database', 'backup', 'A', 'DATA', '--to', `${lab.home}/copy`]);
    await hostDown(play, 'A');
    await startInVain(play, lab, 'B', 'Waiting');
    await play.changeRole('B', ...force);
    await lab.untilStatus('B', 'Primary');
    await play.command('A', ['agent', 'start']);
    await startInVain(play, lab, 'A', 'Crashed');
    await play.menus('A', ...monitor);
    await play.command('A', ['mirror', 'rebuild', 'A', '--confirm', 'A']);
    await lab.whole('A', 'B');
    await play.command('A', ['lost', 'show', 'A']);
    await play.menus('A', ...monitor);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  }));
