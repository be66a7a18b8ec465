/** Members leave and are removed, join again, and the mirror is dismantled, over real control sockets. */
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../../src/client/client.ts';
import type { CommandArguments, CommandName, Outcome } from '../../src/protocol/control-commands.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let c: WholeHost;

const type = { b: 'Failover', c: 'Disaster Recovery' } as const;
const keep = { removeAttribute: false };

beforeAll(async () => {
  [a, b, c] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA'), startWholeHost('GAMMA')]);
  for (const host of [a, b, c]) await done(host.control.perform('enable-mirror-service', {}));
  await done(a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A', qosTimeoutMs: 2000 }));
  await join(b, 'B', type.b);
  await join(c, 'C', type.c);
  for (const host of [a, b, c]) {
    await done(host.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' }));
  }
  await isActive();
}, 40_000);

afterAll(async () => {
  for (const host of [c, b, a]) await host?.close();
}, 20_000);

async function done(work: Promise<Outcome>): Promise<string> {
  const outcome = await work;
  if (!outcome.ok) throw new Error(`${outcome.outcome}: ${outcome.refusal.text}`);
  return outcome.text;
}

const refusalIn = async (work: Promise<Outcome>) => {
  const outcome = await work;
  return outcome.ok ? `done: ${outcome.text}` : `${outcome.outcome}: ${outcome.refusal.reason}`;
};

async function join(
  host: WholeHost,
  member: string,
  memberType: CommandArguments['join-mirror']['type'],
): Promise<void> {
  const other = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  await done(host.control.perform('join-mirror', { mirror: 'DEMO', type: memberType, member, ...other }));
}

const isActive = () =>
  a.reach((report) => report.members.some((row) => row.name === 'B' && row.journalTransfer === 'Active'));

async function set(key: string, value: string): Promise<void> {
  const client = await connect({
    network,
    targets: [{ host: '127.0.0.1', port: a.superserverPort }],
    mirror: 'DEMO',
    database: 'DATA',
  });
  try {
    await client.set(encodeKey(key, []), Buffer.from(value));
  } finally {
    await client.close();
  }
}

const valueAt = (host: WholeHost, key: string): string => {
  const found = host.instance.catalog.find('DATA')?.database?.get(encodeKey(key, []));
  return found === undefined ? '' : Buffer.from(found).toString();
};

const members = (host: WholeHost) => host.instance.configuration.get().mirrorSet?.members.map(({ name }) => name);
const statusOfData = (host: WholeHost) => host.instance.catalog.find('DATA')?.status;

describe('what is refused', () => {
  test('CFG-069 CFG-070: the order, and who may remove whom', async () => {
    const remove = (host: WholeHost, member: string) => refusalIn(host.control.perform('remove-member', { member }));
    expect(await remove(a, 'NOBODY')).toBe('refused: no-member');
    expect(await remove(a, 'A')).toBe('refused: is-primary');
    expect(await remove(b, 'A')).toBe('refused: not-here');
    expect(await remove(c, 'B')).toBe('refused: not-a-failover-member');
    const assessed = await a.control.assess('remove-mirror');
    expect(assessed.refusal).toMatchObject({ reason: 'not-last', spec: 'CFG-070' });
    expect(assessed.refusal?.text).toMatch(/first remove C, then B$/);
    expect(await refusalIn(a.control.perform('remove-mirror', {}))).toBe('refused: not-last');
    expect(members(a)).toEqual(['A', 'B', 'C']);
  });
});

describe('what was shown in another situation', () => {
  const situationOf = async (command: CommandName) => (await a.control.assess(command)).situation;
  const textOf = async (work: Promise<Outcome>) => {
    const outcome = await work;
    return outcome.ok ? outcome.text : `${outcome.refusal.reason}: ${outcome.refusal.text}`;
  };

  test('FO-075 FO-087 CFG-069: is refused, and says what has changed', async () => {
    const removal = await situationOf('remove-member');
    const demotion = await situationOf('demote-other');
    await done(c.control.perform('promote', {}));
    await a.reach(({ members: rows }) => rows.some((row) => row.name === 'C' && row.journalTransfer === 'Active'));
    expect(await textOf(a.control.perform('demote-other', {}, demotion))).toMatch(
      /^situation-changed: .*: the failover members are A and C$/,
    );
    expect(await textOf(a.control.perform('remove-member', { member: 'B' }, removal))).toMatch(
      /^situation-changed: .*; B is in the mirror as Disaster Recovery$/,
    );
    expect(members(a)).toEqual(['A', 'B', 'C']);
    await done(a.control.perform('demote-other', {}, await situationOf('demote-other')));
    await b.reach(({ status }) => status === 'Connected');
    await done(b.control.perform('promote', {}));
    await isActive();
  }, 30_000);

  test('FO-087: a backup that was assessed before no failover was set and cleared is not demoted', async () => {
    const { situation } = await b.control.assess('demote');
    await done(a.control.perform('change-no-failover', { set: true }));
    await done(a.control.perform('change-no-failover', { set: false }));
    await b.reach(({ noFailover }) => !noFailover);
    expect(await textOf(b.control.perform('demote', {}, situation))).toMatch(
      /^situation-changed: .*: no failover is cleared$/,
    );
  });
});

describe('an async', () => {
  test('CFG-066 CFG-067 CFG-068: leaves, and is a member of nothing after its restart', async () => {
    const plan = (await c.control.assess('remove-mirror')).removal;
    expect(plan).toMatchObject({ step: 'leave', isLast: false, databases: ['DATA'] });
    const { situation } = await c.control.assess('remove-mirror');
    await done(c.control.perform('remove-database', { database: 'DATA' }));
    expect(await refusalIn(c.control.perform('remove-mirror', keep, situation))).toBe('refused: situation-changed');
    await done(c.control.perform('delete-database', { database: 'DATA' }));
    await done(c.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' }));
    expect(await done(c.control.perform('remove-mirror', keep))).toMatch(/restart this instance/);
    expect(members(a)).toEqual(['A', 'B']);
    expect(await c.control.status()).toMatchObject({ status: 'Stopped' });
    expect((await c.control.status()).waitingFor).toMatch(/has removed this member from the mirror .*; restart this/);
    expect(await refusalIn(c.control.perform('start-mirror', {}))).toBe('refused: removed');
    expect(await done(c.control.perform('remove-mirror', keep))).toMatch(/restart it/);
    await c.restart();
    expect(c.instance.configuration.get()).toMatchObject({ mirrorSet: null, member: null, formerMirror: null });
    expect((await c.control.describe()).commands['join-mirror']).toBeNull();
  });

  test('PROC-051 DB-051: a copy that keeps its mark cannot be deleted; back in the mirror it is activated and caught up', async () => {
    expect(statusOfData(c)).toBe('Needs Activation');
    expect(await refusalIn(c.control.perform('delete-database', { database: 'DATA' }))).toBe('refused: mirrored');
    await set('WHILE', 'away');
    await join(c, 'C', type.c);
    expect(statusOfData(c)).toBe('Needs Activation');
    await done(c.control.perform('catch-up-databases', { databases: ['DATA'], wait: true }));
    expect(statusOfData(c)).toBe('Dejournaling');
    expect(valueAt(c, 'WHILE')).toBe('away');
    await set('AFTER', 'again');
    await c.reach(() => valueAt(c, 'AFTER') === 'again');
  }, 20_000);

  test('CFG-069: removed by way of the backup, it takes no part from then on', async () => {
    const { situation } = await a.control.assess('remove-member');
    await done(b.control.perform('remove-member', { member: 'C', removeAttribute: true }));
    expect(members(a)).toEqual(['A', 'B']);
    // Who was asked the same at the same time has what was wanted.
    expect(await done(a.control.perform('remove-member', { member: 'C' }, situation))).toMatch(/removed .* already$/);
    await b.reach(() => members(b)?.length === 2);
    await c.reach(({ status }) => status === 'Stopped');
    await c.restart();
    expect(statusOfData(c)).toBe('Local');
    expect(await done(c.control.perform('delete-database', { database: 'DATA' }))).toMatch(/deleted/);
  }, 30_000);
});

describe('the backup', () => {
  const untold = async () => (await a.control.status()).untold;

  test('CFG-069: one that is away when it is removed is called until it is reached, and the status names it so long', async () => {
    await done(b.control.perform('stop-mirror', {}));
    await a.reach((report) => report.members.some((row) => row.name === 'B' && row.status === 'Down'));
    await b.restart(async () => {
      expect(await done(a.control.perform('remove-member', { member: 'B' }))).toMatch(
        /will be told when it is reached/,
      );
      expect(members(a)).toEqual(['A']);
      expect(await untold()).toEqual(['B']);
      await a.restart();
      await a.reach((report) => report.status === 'Primary');
      expect(await untold()).toEqual(['B']);
    });
    // Mirroring is stopped on it, so that it calls nobody.
    await b.reach(({ status, waitingFor }) => status === 'Stopped' && /has removed this member/.test(waitingFor ?? ''));
    await a.reach((report) => report.untold === undefined);
    await b.restart();
    expect(b.instance.configuration.get()).toMatchObject({ mirrorSet: null });
    expect(statusOfData(b)).toBe('Needs Activation');
  }, 30_000);

  test('DB-052 DB-053: outside of the mirror the mark is removed by hand, and the database is an ordinary one', async () => {
    await done(b.control.perform('remove-database', { database: 'DATA' }));
    expect(statusOfData(b)).toBe('Local');
    await done(b.control.perform('delete-database', { database: 'DATA' }));
  });

  test('CFG-066: where no primary answers, a member leaves only on purpose', async () => {
    await join(b, 'B', type.b);
    await isActive();
    await done(b.control.perform('stop-mirror', {}));
    await a.stopAgent();
    await a.instance.member?.order({ command: 'stop-instance', noFailover: true });
    await a.instance.ended;
    expect(await refusalIn(b.control.perform('remove-mirror', keep))).toBe('refused: no-primary');
    expect(b.instance.member?.state.record.removed).toBeNull();
    expect(await done(b.control.perform('remove-mirror', { ...keep, withoutPrimary: true }))).toMatch(
      /remove B on its primary/,
    );
    await b.restart();
    expect(b.instance.configuration.get()).toMatchObject({ mirrorSet: null });
  }, 40_000);
});

describe('the last member', () => {
  let last: WholeHost;
  beforeAll(async () => {
    last = await startWholeHost('LAST');
    await done(last.control.perform('enable-mirror-service', {}));
    await done(last.control.perform('create-mirror', { mirror: 'ONE', member: 'L', qosTimeoutMs: 2000 }));
    await done(last.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' }));
  }, 20_000);
  afterAll(async () => await last?.close());

  test('CFG-070 CFG-071 CFG-074 PROC-008: goes in three steps, and its databases are ordinary ones', async () => {
    expect((await last.control.assess('remove-mirror')).removal).toMatchObject({
      step: 'clear-join-mirror',
      isLast: true,
    });
    expect(await done(last.control.perform('remove-mirror', {}))).toMatch(
      /^the JoinMirror flag has been cleared\. Restart/,
    );
    expect(await last.control.status()).toMatchObject({ status: 'Primary' });
    await last.restart();
    expect(await last.control.status()).toMatchObject({ mirror: 'ONE', status: 'Stopped' });
    expect((await last.control.status()).waitingFor).toMatch(/JoinMirror flag of this member is cleared/);
    expect((await last.control.assess('remove-mirror')).removal).toMatchObject({ step: 'erase', isLast: true });
    await done(last.control.perform('remove-mirror', { removeAttribute: true }));
    expect(last.instance.configuration.get()).toMatchObject({ mirrorSet: null, member: null, formerMirror: null });
    expect(statusOfData(last)).toBe('Local');
    const { journal, member } = last.instance.paths;
    expect(existsSync(member)).toBe(false);
    expect(readdirSync(journal).filter((name) => name.startsWith('MIRROR-'))).toEqual([]);
    await done(last.control.perform('create-mirror', { mirror: 'ONE', member: 'L', qosTimeoutMs: 2000 }));
  }, 30_000);

  test('CFG-071: the flag is set again by starting mirroring', async () => {
    await done(last.control.perform('remove-mirror', {}));
    await last.restart();
    expect(await done(last.control.perform('start-mirror', {}))).toMatch(/set again/);
    await last.reach(({ status }) => status === 'Primary');
  }, 20_000);
});
