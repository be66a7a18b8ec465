/**
 * PROC-001, 003, 004, 005, 008 and 055: mirrors are built from nothing, filled and taken apart, through the menus of real
 * processes. Each play goes on where the one before it ended.
 */
import { copyFileSync } from 'node:fs';
import { afterAll, beforeAll, test } from '@jest/globals';
import { monitor, played } from './play.ts';
import { PlayHosts } from './play-hosts.ts';

const hosts = new PlayHosts('A', 'B', 'C', 'R', 'Y', 'X');
beforeAll(() => hosts.start(), 60_000);
afterAll(() => hosts.close(), 60_000);

const enable = ['1', 'y'];

/** Name, TLS, arbiter, its address and port, VIP, two compressions, member, address, agent port, QoS, parallel, two addresses. */
function create(mirror: string, member: string, arbiterPort: string): readonly string[] {
  const arbiter = ['y', hosts.addressOf('X'), arbiterPort];
  return ['1', mirror, '', ...arbiter, '', '', '', member, '', '', '2000', '', '', '', 'y'];
}

const joinAsBackup = (member: string) => ['2', 'LAB', hosts.addressOf('A'), '', 'A', member, '', '', '', '', 'y'];
const joinAsAsync = (member: string, type: string) => [
  '3',
  'LAB',
  hosts.addressOf('A'),
  '',
  'A',
  member,
  '',
  '',
  type,
  'y',
];
/** In ^DATABASE: directory, its properties, Mirror DB Name, name on the instance. */
const mirrored = (label: string, name: string) => [
  '1',
  `${hosts.homeOf(label)}/${name.toLowerCase()}`,
  'y',
  '3',
  name,
  '',
  '',
  'y',
  '',
];

const reach = (label: string, goal: string) => ['wait', label, '--for', goal];

test('PROC-055 MON-018: created with a wrong port of the arbiter, the mirror works, and its monitor says what may be wrong', () =>
  played('PROC-055', 'a mirror is created with a wrong arbiter port', hosts, async (play) => {
    await play.menus('Y', ...enable, ...create('OTHER', 'Y', '2190'), '');
    await play.command('Y', reach('Y', 'primary'));
    await play.menus('Y', ...monitor);
    await play.routine('Y', 'DATABASE', mirrored('Y', 'ORDERS'));
    await play.command('Y', ['global', 'Y', 'set', '^ORDER(1)', 'works']);
    await play.command('Y', ['global', 'Y', 'get', '^ORDER(1)']);
  }));

test('PROC-001: a mirror with an arbiter is created, and a second failover member joins', () =>
  played('PROC-001', 'a mirror with an arbiter is created and joined', hosts, async (play) => {
    await play.menus('A', ...enable, ...create('LAB', 'A', ''), '');
    await play.command('A', reach('A', 'primary'));
    await play.menus('B', ...enable, ...joinAsBackup('B'), '');
    await play.command('B', reach('B', 'active'));
    await hosts.whole('A', 'B');
    await play.menus('A', ...monitor);
    await play.menus('B', ...monitor);
  }));

test('PROC-004: a mirrored database is created on each member, updates arrive, and copies refuse writes', () =>
  played('PROC-004', 'a mirrored database on all members', hosts, async (play) => {
    await play.menus('C', ...enable, ...joinAsAsync('C', ''), '');
    await play.command('C', reach('C', 'connected'));
    for (const label of ['A', 'B', 'C']) await play.routine(label, 'DATABASE', mirrored(label, 'DATA'));
    await play.command('A', ['global', 'A', 'set', '^X(1)', 'from A']);
    await hosts.whole('A', 'B');
    for (const label of ['B', 'C']) {
      await play.command(label, reach(label, 'caught-up'));
      await play.command(label, ['global', label, 'get', '^X(1)']);
      await play.command(label, ['global', label, 'set', '^X(2)', 'not here'], 1);
    }
    await play.menus('A', '1', '1', '', '');
  }));

test('PROC-003: a reporting async of one mirror joins another with the name and the type that it has', () =>
  played('PROC-003', 'a second mirror of a reporting async', hosts, async (play) => {
    await play.menus('R', ...enable, ...joinAsAsync('R', '2'), '');
    await play.command('R', reach('R', 'connected'));
    await play.menus('R', '3', 'Join Another', 'OTHER', hosts.addressOf('Y'), '', 'Y', '', '', 'y', '', '');
    await play.command('R', ['wait', 'R', '--for', 'caught-up', '--mirror', 'OTHER']);
    await play.menus('R', '1', '1', '4', 'q', '', '');
    await play.menus('R', '2', '1', '4', 'q', '', '');
    const other = ['--mirror', 'OTHER', '--type', 'dr', '--agent', `${hosts.addressOf('Y')}:2188`, '--instance', 'Y'];
    await play.command('C', ['mirror', 'join', 'C', ...other], 1);
  }));

test('PROC-005 DB-022: a database with data is added, and its backup restored on the other members', () =>
  played('PROC-005', 'a restored copy activates and catches up', hosts, async (play) => {
    await play.command('A', ['database', 'create', 'A', 'NOTES']);
    await play.command('A', ['global', 'A', 'set', '^NOTE(1)', 'before it was mirrored', '--database', 'NOTES']);
    await play.menus('A', '2', '1', 'NOTES', '', '', '', 'y', '', '');
    await play.routine('A', 'BACKUP', ['1', 'NOTES', '', `${hosts.home}/backup`, 'y', '']);
    await play.command('A', ['global', 'A', 'set', '^NOTE(2)', 'after the backup', '--database', 'NOTES']);
    await play.routine('B', 'DBREST', ['1', `${hosts.home}/backup`, '', 'y', '']);
    await play.menus('B', '1', '1', '', '');
    await play.command('B', ['global', 'B', 'get', '^NOTE(2)', '--database', 'NOTES']);
  }));

test('PROC-005 DB-027 DB-031: a copied file needs activation, and is brought level with what came meanwhile', () =>
  played('PROC-005-cold', 'a cold copy is activated and caught up by hand', hosts, async (play) => {
    await play.routine('C', 'DATABASE', ['1', `${hosts.homeOf('C')}/notes`, '', '', 'y', '6', 'NOTES', '', 'y', '']);
    await play.routine('B', 'DATABASE', ['6', 'NOTES', '', 'y', '']);
    copyFileSync(
      `${hosts.homeOf('B')}/instances/B/databases/NOTES/database.mdb`,
      `${hosts.homeOf('C')}/notes/database.mdb`,
    );
    play.happens("the file of B's copy is put in the place of C's placeholder");
    await play.command('A', ['global', 'A', 'set', '^NOTE(3)', 'while it was copied', '--database', 'NOTES']);
    await play.routine('B', 'DATABASE', ['5', 'NOTES', '', '', 'y', '']);
    await play.routine('C', 'DATABASE', ['5', 'NOTES', '', 'y', '']);
    await play.menus('C', '1', '1', '', '');
    await play.menus('C', '2', '3', 'NOTES', '', 'y', '', '');
    await play.menus('C', '1', '1', '', '');
    await play.command('C', ['global', 'C', 'get', '^NOTE(3)', '--database', 'NOTES']);
  }));

test('PROC-008: the mirror is taken apart, asyncs first and the primary last, in three steps', () =>
  played('PROC-008', 'a mirror is dismantled', hosts, async (play) => {
    await play.menus('C', '3', 'Remove This', 'y', 'y', '', '');
    await play.command('C', ['instance', 'restart', 'C']);
    await play.menus('R', 'LAB', '3', 'Remove This', 'y', '', '');
    await play.command('R', ['instance', 'restart', 'R']);
    await play.menus('B', '3', 'Remove Mirror', 'y', 'y', '', '');
    await play.command('B', ['instance', 'restart', 'B']);
    await play.menus('A', '3', 'Remove Mirror', 'y', '', '');
    await play.command('A', ['instance', 'restart', 'A']);
    await play.menus('A', '3', 'Remove Mirror', 'y', 'y', '', '');
    await play.routine('A', 'DATABASE', ['3', '']);
    await play.command('A', ['global', 'A', 'set', '^NOTE(3)', 'local again', '--database', 'NOTES']);
    await play.menus('A', '');
  }));
