/** An operator's way from instances in no mirror to a mirror of three, over real control sockets. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../../src/client/client.ts';
import { admit, admitType } from '../../src/instance/admission.ts';
import type { MemberDefinition, MirrorSet } from '../../src/mirror/mirror-set.ts';
import { openChannel } from '../../src/network/opening-exchange.ts';
import { CONTROL } from '../../src/protocol/control-channel.ts';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import { jsonBody, parseJsonBody } from '../../src/protocol/frame.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { makeOpen } from '../../src/protocol/opening.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let c: WholeHost;

beforeAll(async () => {
  [a, b, c] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA'), startWholeHost('GAMMA')]);
}, 20_000);

afterAll(async () => {
  for (const host of [c, b, a]) await host?.close();
}, 20_000);

const refusalIn = (outcome: Outcome) =>
  outcome.ok ? `done: ${outcome.text}` : `${outcome.outcome}: ${outcome.refusal.reason}`;

function joinArguments(from: WholeHost, type: 'Failover' | 'Disaster Recovery', member: string) {
  return {
    mirror: 'demo',
    type,
    otherAgentAddress: '127.0.0.1',
    otherAgentPort: from.agentPort,
    otherInstance: from.instance.configuration.get().instance,
    member,
  };
}

async function raw(host: WholeHost, requests: readonly unknown[]): Promise<readonly unknown[]> {
  const connection = await network.dialLocal(host.instance.paths.control, 2000);
  await openChannel(connection, makeOpen({ channel: 'control' }), 2000);
  const answers: unknown[] = [];
  await new Promise<void>((resolve) => {
    connection.onClosed(() => resolve());
    connection.onFrames((frames) => {
      answers.push(...frames.map((frame) => parseJsonBody(frame)));
      if (answers.length === requests.length) resolve();
    });
    for (const [index, request] of requests.entries()) {
      connection.send(CONTROL.request, jsonBody({ number: index + 1, request }));
    }
  });
  connection.destroy();
  return answers;
}

describe('in no mirror', () => {
  test('CFG-001 CFG-002: only the service can be enabled, and then create and join are offered', async () => {
    const before = await a.control.describe();
    expect(before).toMatchObject({ serviceEnabled: false, mirrorSet: null, member: null, agentRunning: true });
    expect(before.commands['enable-mirror-service']).toBeNull();
    expect(before.commands['create-mirror']).toMatchObject({ reason: 'service-off', spec: 'CFG-001' });
    expect(refusalIn(await a.control.perform('create-mirror', { mirror: 'DEMO' }))).toBe('refused: service-off');
    for (const host of [a, b, c]) {
      expect(await host.control.perform('enable-mirror-service', {})).toMatchObject({ ok: true });
    }
    expect(await a.control.perform('enable-mirror-service', {})).toMatchObject({ ok: true });
    const after = await a.control.describe();
    expect(after.commands).toMatchObject({ 'create-mirror': null, 'join-mirror': null });
    expect(after.commands['force-primary']).toMatchObject({ reason: 'not-a-member' });
    expect(await a.control.status()).toMatchObject({ mirror: null, status: 'Not Initialized' });
  });

  test('what is not understood is refused in one line, and the connection goes on', async () => {
    const create = (given: unknown) => ({ type: 'perform', command: 'create-mirror', arguments: given });
    const answers = await raw(a, [
      { type: 'dance' },
      { type: 'assess', command: 'toString' },
      create({ mirror: 5 }),
      create({ mirror: 'M', colour: 'red' }),
      create({ mirror: 'M', arbiter: { host: 'x' } }),
      create({ mirror: 'M', agentPort: 0 }),
      create({}),
      { type: 'events', after: 'x' },
      null,
    ]);
    const sorted = answers as { number: number; refusal?: { reason: string; text: string } }[];
    expect(sorted.map(({ number, refusal }) => [number, refusal?.reason])).toEqual(
      sorted.map((_, index) => [index + 1, 'not-understood']),
    );
    expect(sorted[3]?.refusal?.text).toBe('create-mirror has no argument colour');
    expect(sorted[6]?.refusal?.text).toBe('create-mirror needs the argument mirror');
    expect((await a.control.describe()).mirrorSet).toBeNull();
  });

  test('CFG-017 CFG-018 CFG-022 CFG-048 AGT-015: create is refused whole for one bad value', async () => {
    const create = async (given: object) =>
      refusalIn(await a.control.perform('create-mirror', { mirror: 'DEMO', ...given }));
    expect(await create({ mirror: 'NO-GOOD' })).toBe('refused: bad-name');
    expect(await create({ requireTls: true })).toBe('refused: not-built');
    expect(await create({ member: 'A B' })).toBe('refused: bad-name');
    expect(await create({ qosTimeoutMs: 1 })).toBe('refused: bad-value');
    expect(await create({ arbiter: { host: '127.0.0.1', port: a.agentPort } })).toBe('refused: arbiter-on-member');
    const leftover = join(a.instance.paths.journal, 'MIRROR-OLD-20261122.001');
    writeFileSync(leftover, '');
    expect(await create({ mirror: 'OLD' })).toBe('refused: journal-left-over');
    expect(a.instance.configuration.get()).toMatchObject({ mirrorSet: null, member: null });
  });

  test('CFG-004: no agent on this host', async () => {
    const lonely = await startWholeHost('LONELY');
    await lonely.control.perform('enable-mirror-service', {});
    await lonely.stopAgent();
    expect(refusalIn(await lonely.control.perform('create-mirror', { mirror: 'DEMO' }))).toBe('refused: no-agent');
    expect((await lonely.control.describe()).commands['join-mirror']).toMatchObject({ spec: 'CFG-004' });
    await lonely.close();
  });
});

describe('a mirror', () => {
  test('CFG-025: created, and this instance is its primary', async () => {
    const given = { mirror: 'demo', member: 'a', qosTimeoutMs: 2000 };
    expect(await a.control.perform('create-mirror', given)).toMatchObject({ ok: true });
    const report = await a.control.status();
    expect(report).toMatchObject({ mirror: 'DEMO', member: 'A', status: 'Primary', primary: 'A', waitingFor: null });
    expect(refusalIn(await a.control.perform('create-mirror', given))).toBe('refused: in-a-mirror');
  });

  test('CFG-027 CFG-028: what can go wrong with a join changes nothing', async () => {
    const join = async (host: WholeHost, given: object) =>
      refusalIn(await host.control.perform('join-mirror', { ...joinArguments(a, 'Failover', 'B'), ...given }));
    expect(await join(b, { otherAgentPort: 1 })).toBe('refused: agent-not-reached');
    expect(await join(b, { otherInstance: 'NOBODY' })).toBe('refused: agent-refused');
    expect(await join(b, { mirror: 'OTHER' })).toBe('refused: agent-refused');
    expect(await join(b, { member: 'a' })).toBe('refused: name-taken');
    expect(b.instance.configuration.get().mirrorSet).toBeNull();
    expect(a.instance.configuration.get().mirrorSet?.members).toHaveLength(1);
  });

  test('CFG-027..033: the second failover member joins; a third is refused, as an async it joins', async () => {
    const found = await b.control.lookUpMirror({
      mirror: 'DEMO',
      agentAddress: '127.0.0.1',
      agentPort: a.agentPort,
      instance: 'alpha',
    });
    expect(found).toMatchObject({ asked: 'A', primary: 'A' });
    expect(await b.control.perform('join-mirror', joinArguments(a, 'Failover', 'B'))).toMatchObject({ ok: true });
    await a.reach((report) => report.members.some((row) => row.name === 'B' && row.journalTransfer === 'Active'));
    expect(await b.reach((report) => report.status === 'Backup')).toMatchObject({ primary: 'A' });
    const third = await c.control.perform('join-mirror', joinArguments(b, 'Failover', 'C'));
    expect(refusalIn(third)).toBe('refused: failover-members-full');
    const dr = await c.control.perform('join-mirror', joinArguments(b, 'Disaster Recovery', 'C'));
    expect(dr).toMatchObject({ ok: true });
    const report = await c.reach(({ status }) => status === 'Connected');
    expect(report.members.map((row) => row.name)).toEqual(['A', 'B', 'C']);
    const aged = await c.reach(({ members }) => members.every(({ ageMs }) => ageMs !== undefined));
    expect(aged.members.every(({ ageMs }) => Number(ageMs) >= 0)).toBe(true);
    expect(a.instance.configuration.get().mirrorSet?.members.map(({ name }) => name)).toEqual(['A', 'B', 'C']);
  }, 20_000);

  test('CFG-043 CFG-045 AGT-015: edited on the primary only, and told to the others', async () => {
    expect(refusalIn(await b.control.perform('edit-mirror', { qosTimeoutMs: 3000 }))).toBe('refused: not-primary');
    const onMember = { host: '127.0.0.1', port: c.agentPort };
    expect(refusalIn(await a.control.perform('edit-mirror', { arbiter: onMember }))).toBe('refused: arbiter-on-member');
    const before = a.instance.configuration.get().mirrorSet?.revision ?? 0;
    expect(await a.control.perform('edit-mirror', { qosTimeoutMs: 3000 })).toMatchObject({ ok: true });
    expect(a.instance.configuration.get().mirrorSet?.revision).toBe(before + 1);
    for (const host of [b, c]) await host.reach((report) => report.qosTimeoutMs === 3000);
    const everywhere = { parallelDejournaling: 'All Members' } as const;
    expect(await a.control.perform('edit-mirror', everywhere)).toMatchObject({ ok: true });
    await c.reach(() => c.instance.configuration.get().mirrorSet?.settings.parallelDejournaling === 'All Members');
  });
});

describe('admission', () => {
  const set = (): MirrorSet => {
    const { mirrorSet } = a.instance.configuration.get();
    if (mirrorSet === null) throw new Error('no mirror set');
    return mirrorSet;
  };
  const verdict = (of: MirrorSet, member: MemberDefinition) => {
    const admission = admit(of, member);
    return admission.outcome === 'refused' ? admission.refusal.reason : admission.outcome;
  };
  const dr = (name: string, port: number): MemberDefinition => ({
    name,
    type: 'Disaster Recovery',
    instance: 'IRIS',
    instanceDirectory: `/srv/${name}`,
    superserver: { host: '10.0.0.1', port },
    privateAddress: null,
    agent: { host: '10.0.0.1', port: 2188 },
  });

  test('CFG-027: a join that was cut off is repeated, also with another address', () => {
    const again = set().members[2] as MemberDefinition;
    expect(verdict(set(), again)).toBe('is-member');
    const moved = admit(set(), { ...again, privateAddress: '10.1.1.1' });
    expect(moved).toMatchObject({ outcome: 'changed', members: [{}, {}, { privateAddress: '10.1.1.1' }] });
    expect(verdict(set(), { ...again, instanceDirectory: '/elsewhere' })).toBe('name-taken');
    expect(verdict(set(), { ...again, type: 'Failover' })).toBe('other-type');
    expect(verdict(set(), { ...again, name: 'NEW' })).toBe('address-taken');
  });

  test('CFG-050 CFG-052 AGT-015: a member changes from one type of async to another, and no other way', () => {
    const admitted = admit(set(), { ...dr('R', 99), type: 'Read-Only Reporting' });
    if (admitted.outcome !== 'changed') throw new Error(JSON.stringify(admitted));
    const having = { ...set(), members: admitted.members };
    const wish = (of: MirrorSet, change: object) => {
      const verdict = admitType(of, { name: 'R', instance: 'IRIS', type: 'Disaster Recovery', ...change });
      return verdict.outcome === 'refused' ? verdict.refusal.reason : verdict.outcome;
    };
    expect(admitType(having, { name: 'R', instance: 'IRIS', type: 'Read-Write Reporting' })).toMatchObject({
      outcome: 'changed',
      members: [{}, {}, {}, { name: 'R', type: 'Read-Write Reporting', superserver: { port: 99 } }],
    });
    expect(wish(having, { type: 'Read-Only Reporting' })).toBe('is-member');
    expect(wish(having, { type: 'Failover' })).toBe('not-an-async-type');
    expect(wish(having, { name: 'A', instance: 'ALPHA' })).toBe('not-an-async-type');
    expect(wish(having, { name: 'NOBODY' })).toBe('not-a-member');
    expect(wish(having, { instance: 'OTHER' })).toBe('not-a-member');
    // The arbiter may be on the host of a reporting async, and not on that of a DR async.
    const withArbiter = { ...having, settings: { ...having.settings, arbiter: { host: '10.0.0.1', port: 2188 } } };
    expect(wish(withArbiter, {})).toBe('arbiter-on-member');
    expect(wish(withArbiter, { type: 'Read-Write Reporting' })).toBe('changed');
  });

  test('CFG-007 CFG-022 CFG-037 AGT-015: sixteen members, fourteen of them asyncs, good names, the three types of asyncs, no arbiter among them', () => {
    let grown = set();
    for (let port = 1; grown.members.length < 16; port += 1) {
      const admission = admit(grown, dr(`D${port}`, port));
      if (admission.outcome !== 'changed') throw new Error(JSON.stringify(admission));
      grown = { ...grown, members: admission.members };
    }
    expect(verdict(grown, dr('ONE-MORE', 99))).toBe('members-full');
    expect(verdict(set(), dr('A=B', 99))).toBe('bad-name');
    for (const type of ['Read-Only Reporting', 'Read-Write Reporting'] as const) {
      expect(verdict(set(), { ...dr('R', 99), type })).toBe('changed');
      expect(verdict(grown, { ...dr('R', 99), type })).toBe('members-full');
    }
    // Fourteen asyncs of any type, although there would be room for a second failover member.
    const alone = { ...grown, members: grown.members.filter(({ name }) => name !== 'B') };
    expect(alone.members.filter(({ type }) => type === 'Failover')).toHaveLength(1);
    expect(verdict(alone, dr('ONE-MORE', 99))).toBe('members-full');
    const arbiter = { host: '10.0.0.1', port: 2188 };
    expect(verdict({ ...set(), settings: { ...set().settings, arbiter } }, dr('X', 99))).toBe('arbiter-on-member');
  });
});

describe('databases of the mirror', () => {
  test('DB-012 DB-014: created on the primary first, then on the others, and filled from the journal', async () => {
    const create = (host: WholeHost, mirrored: string | null = 'CITIES') =>
      host.control.perform('create-database', { database: 'cities', mirrored });
    expect(refusalIn(await create(b))).toBe('refused: not-in-mirror');
    expect(await create(a)).toMatchObject({ ok: true });
    expect(await create(a)).toMatchObject({ ok: true });
    expect(await create(b)).toMatchObject({ ok: true });
    expect(await create(b)).toMatchObject({ ok: true });
    expect((await a.control.status()).databases).toMatchObject([
      { name: 'CITIES', status: 'Normal', nextRecord: null },
    ]);
    const onBackup = await b.reach(({ databases }) => databases[0]?.nextRecord?.time === 'Current');
    expect(onBackup.databases).toMatchObject([{ name: 'CITIES', status: 'Dejournaling' }]);
    expect(refusalIn(await a.control.perform('delete-database', { database: 'CITIES' }))).toBe('refused: mirrored');
  });

  test('DB-014 DB-031: databases made while the journal runs on hold all of it', async () => {
    const target = { host: '127.0.0.1', port: a.superserverPort };
    const client = await connect({ network, targets: [target], mirror: 'DEMO', database: 'CITIES' });
    let written = 0;
    let stop = false;
    const value = Buffer.alloc(200, 'x');
    const writer = (async () => {
      while (!stop) {
        const batch = Array.from({ length: 50 }, (_, index) => encodeKey('CITY', [String(written + index)]));
        await Promise.all(batch.map((key) => client.set(key, value)));
        written += 50;
      }
    })();
    const untilWritten = async (count: number) => {
      while (written < count) await client.get(encodeKey('CITY', ['0']));
    };
    await untilWritten(500);
    const late = await c.control.perform('create-database', { database: 'TOWNS', mirrored: 'cities' });
    expect(late).toMatchObject({ ok: true });
    // On the primary itself the journal runs on between the record and the mark in the copy.
    for (const database of ['LAKES', 'SEAS']) {
      const made = await a.control.perform('create-database', { database, mirrored: database });
      expect(made).toMatchObject({ ok: true });
      expect(a.instance.catalog.find(database)?.status).toBe('Normal');
    }
    await untilWritten(written + 200);
    stop = true;
    await writer;
    await client.close();
    for (const [host, name] of [
      [b, 'CITIES'],
      [c, 'TOWNS'],
    ] as const) {
      await host.reach(({ databases }) => databases.every(({ nextRecord }) => nextRecord?.time === 'Current'));
      await host.reach((report) => report.position?.sequence === a.instance.member?.journal.end.sequence);
      await host.reach(
        () => host.instance.catalog.find(name)?.database?.count({ from: new Uint8Array([0]) }) === written,
      );
    }
    expect(await c.control.perform('remove-database', { database: 'TOWNS' })).toMatchObject({ ok: true });
  }, 30_000);

  test('DB-014: a command cut off between its steps is finished by repeating it', async () => {
    const { catalog, configuration } = a.instance;
    const command = { database: 'RIVERS', mirrored: 'RIVERS' };
    await a.control.perform('create-database', { database: 'RIVERS' });
    expect(await a.control.perform('create-database', command)).toMatchObject({ ok: true });
    const present = configuration.get();
    const set = present.mirrorSet;
    if (set === null) throw new Error('no mirror set');
    // As after a crash behind the second step: the copy is marked, the mirror does not know it.
    const cut = { ...set, databases: set.databases.filter(({ name }) => name !== 'RIVERS') };
    configuration.set({ ...present, mirrorSet: cut });
    const addedAt = catalog.find('RIVERS')?.attribute?.addedAt;
    expect(await a.control.perform('create-database', command)).toMatchObject({ ok: true });
    const again = configuration.get().mirrorSet?.databases.find(({ name }) => name === 'RIVERS');
    expect(again).toMatchObject({
      name: 'RIVERS',
      addedAt: { epoch: addedAt?.epoch, sequence: addedAt?.sequence },
      fromEmpty: true,
    });
  });

  test('DB-004 DB-009 DB-011: names', async () => {
    const create = async (database: string, mirrored: string) =>
      refusalIn(await a.control.perform('create-database', { database, mirrored }));
    expect(await create('OTHER', 'cities')).toBe('refused: name-taken');
    expect(await create('OTHER', '1ST')).toBe('refused: bad-name');
    expect(await create('../../x', 'X')).toBe('refused: bad-name');
    expect(await create('IRISSYS', 'SYS')).toBe('refused: never-mirrored');
    expect(a.instance.catalog.find('OTHER')).toBeUndefined();
  });

  test('DB-015 DB-019 DB-020 DB-029: an existing database is added; where it is created elsewhere, a copy is downloaded', async () => {
    await a.control.perform('create-database', { database: 'OLD' });
    expect((await a.control.describe()).databases.find(({ name }) => name === 'OLD')?.addable).toBe(true);
    expect(refusalIn(await b.control.perform('add-databases', { databases: ['OLD'] }))).toBe('refused: not-primary');
    const added = await a.control.perform('add-databases', { databases: ['old'], mirrorDatabases: ['oldest'] });
    expect(added).toMatchObject({ ok: true, text: expect.stringMatching(/needs a copy/) });
    await b.reach(
      () => b.instance.configuration.get().mirrorSet?.databases.some(({ name }) => name === 'OLDEST') === true,
    );
    const there = await b.control.perform('create-database', { database: 'OLD', mirrored: 'OLDEST' });
    expect(there).toMatchObject({ ok: true, text: expect.stringContaining('OLD restored, activated and caught up') });
    expect(b.instance.catalog.find('OLD')?.status).toBe('Dejournaling');
  });

  test('DB-019: several are added in one command, all checked before the first, and from five on in the background', async () => {
    const names = ['ONE', 'TWO', 'THREE', 'FOUR', 'FIVE'];
    for (const database of names) await a.control.perform('create-database', { database });
    const inMirror = () => a.instance.configuration.get().mirrorSet?.databases.map(({ name }) => name) ?? [];
    const before = inMirror();
    const add = a.control.perform.bind(a.control, 'add-databases');
    expect(refusalIn(await add({ databases: ['ONE', 'NONE'] }))).toBe('refused: no-database');
    expect(refusalIn(await add({ databases: ['ONE', 'TWO'], mirrorDatabases: ['X', 'x'] }))).toBe(
      'refused: name-taken',
    );
    expect(refusalIn(await add({ databases: ['ONE', 'TWO'], mirrorDatabases: ['X'] }))).toBe('refused: bad-names');
    expect(refusalIn(await add({ databases: ['ONE', 'TWO'], mirrorDatabases: ['X', 'cities'] }))).toBe(
      'refused: name-taken',
    );
    expect(inMirror()).toEqual(before);
    expect(await add({ databases: names })).toMatchObject({
      ok: true,
      text: expect.stringMatching(/in the background/),
    });
    await a.reach(() => names.every((name) => inMirror().includes(name)));
    const ended = /Adding ONE, TWO, THREE, FOUR, FIVE to the mirror has ended: ONE as ONE, .* are mirrored/;
    await a.reach(() => ended.test(readFileSync(a.instance.paths.messages, 'utf8')));
    expect(await add({ databases: names, background: true })).toMatchObject({ ok: true });
    for (const database of names) {
      expect(await a.control.perform('remove-database', { database })).toMatchObject({ ok: true });
    }
    expect(await add({ databases: ['ONE'], background: true })).toMatchObject({
      ok: true,
      text: expect.stringMatching(/in the background/),
    });
    await a.reach(() => inMirror().includes('ONE'));
    expect(await a.control.perform('remove-database', { database: 'ONE' })).toMatchObject({ ok: true });
  }, 20_000);

  test('DB-060: one database is added from its own properties, with them or not at all', async () => {
    await a.control.perform('create-database', { database: 'SHOP', journaled: false });
    const edit = a.control.perform.bind(a.control, 'edit-database');
    expect(refusalIn(await edit({ database: 'SHOP', mirrored: 'SHOP', maximumMegabytes: 7 }))).toBe(
      'refused: not-journaled',
    );
    expect(refusalIn(await edit({ database: 'SHOP', mirrored: 'CITIES', journaled: true }))).toBe(
      'refused: name-taken',
    );
    expect(a.instance.catalog.find('SHOP')).toMatchObject({
      status: 'Local',
      configuration: { journaled: false },
      database: { maximumBytes: 0 },
    });
    expect(await edit({ database: 'SHOP', mirrored: 'shops', journaled: true })).toMatchObject({
      ok: true,
      text: expect.stringMatching(/is journaled; database SHOP is mirrored as SHOPS/),
    });
    expect(a.instance.catalog.find('SHOP')).toMatchObject({ status: 'Normal', attribute: { database: 'SHOPS' } });
    expect(await edit({ database: 'SHOP', mirrored: 'SHOPS' })).toMatchObject({ ok: true });
    expect(await a.control.perform('remove-database', { database: 'SHOP' })).toMatchObject({ ok: true });
  });

  test('DB-048 DB-049 DB-050 MON-010: on the failover members the primary first; an async goes by itself', async () => {
    await b.control.perform('create-database', { database: 'SEAS', mirrored: 'SEAS' });
    expect(await a.control.perform('remove-database', { database: 'SEAS' })).toMatchObject({ ok: true });
    const orphaned = await b.reach(({ databases }) => databases.some(({ status }) => status === 'Orphaned'));
    expect(orphaned.members.find(({ name }) => name === 'B')?.dejournaling).toMatch(/need attention/);
    expect(await b.control.perform('remove-database', { database: 'SEAS' })).toMatchObject({ ok: true });
    expect(refusalIn(await b.control.perform('remove-database', { database: 'CITIES' }))).toBe(
      'refused: primary-first',
    );
    expect(b.instance.catalog.find('CITIES')?.status).toBe('Dejournaling');
    // This copy alone, to be made anew.
    const alone = { database: 'CITIES', onlyHere: true };
    expect(await b.control.perform('remove-database', alone)).toMatchObject({ ok: true });
    expect(b.instance.catalog.find('CITIES')?.status).toBe('Local');
    const names = () => a.instance.configuration.get().mirrorSet?.databases.map(({ name }) => name);
    expect(names()).toContain('CITIES');
    expect(await a.control.perform('remove-database', { database: 'CITIES' })).toMatchObject({ ok: true });
    expect(names()).not.toContain('CITIES');
    expect(a.instance.catalog.find('CITIES')?.status).toBe('Local');
    expect(await a.control.perform('remove-database', { database: 'CITIES' })).toMatchObject({ ok: true });
    expect(await a.control.perform('delete-database', { database: 'CITIES' })).toMatchObject({ ok: true });
    expect(refusalIn(await a.control.perform('delete-database', { database: 'CITIES' }))).toBe(
      'refused: deleted-already',
    );
  });

  test('a database that never was is not deleted already: the refusal has the names nearest to it', async () => {
    for (const database of ['MILLS', 'MILL', 'LOCKS']) {
      expect(await a.control.perform('create-database', { database })).toMatchObject({ ok: true });
    }
    const textFor = async (database: string) => {
      const outcome = await a.control.perform('delete-database', { database });
      expect(refusalIn(outcome)).toBe('refused: no-database');
      return outcome.ok ? '' : outcome.refusal.text;
    };
    expect(await textFor('mill_')).toBe(
      'there is no database MILL_ on this instance; the name nearest to it is MILLS or MILL',
    );
    expect(await textFor('LOKCS')).toMatch(/nearest to it is LOCKS$/);
    expect(await textFor('BRIDGES')).toBe('there is no database BRIDGES on this instance');
    for (const database of ['MILLS', 'MILL', 'LOCKS']) {
      expect(await a.control.perform('delete-database', { database })).toMatchObject({ ok: true });
    }
    expect(refusalIn(await a.control.perform('delete-database', { database: 'locks' }))).toBe(
      'refused: deleted-already',
    );
  });
});

describe('orders', () => {
  test('SYN-022 FO-072: offered and refused as the rules say', async () => {
    const onPrimary = await a.control.describe();
    expect(onPrimary.commands['stop-mirror']).toMatchObject({ reason: 'is-primary' });
    expect(onPrimary.commands['edit-mirror']).toBeNull();
    expect(await b.control.perform('change-no-failover', {})).toMatchObject({ ok: true });
    await a.reach((report) => report.noFailover);
    expect((await b.control.assess('become-primary')).refusal).toMatchObject({ reason: 'no-failover' });
    expect(await b.control.perform('change-no-failover', { set: false })).toMatchObject({ ok: true });
    expect(await c.control.perform('stop-mirror', {})).toMatchObject({ ok: true });
    expect(await c.control.status()).toMatchObject({ status: 'Stopped', dejournalProcess: { running: false } });
    const lost = await a.reach((report) => report.members.some((row) => row.name === 'C' && row.status === 'Down'));
    expect(lost.members.find((row) => row.name === 'C')?.journalTransfer).toMatch(
      /^Disconnected on \d\d\/\d\d\/\d{4} /,
    );
    expect(await c.control.perform('start-mirror', {})).toMatchObject({ ok: true });
    await c.reach((report) => report.status === 'Connected');
  }, 20_000);

  test('FO-007 FO-075: assessed, refused in another situation, carried out in the one that was shown', async () => {
    await b.reach((report) => report.members.some((row) => row.name === 'B' && row.journalTransfer === 'Active'));
    expect((await b.control.assess('force-primary')).refusal).toMatchObject({ reason: 'other-is-primary' });
    const shown = await b.control.assess('become-primary');
    expect(shown).toMatchObject({
      refusal: null,
      primary: 'A',
      wasActive: true,
      otherAnswers: true,
      noFailover: false,
    });
    expect(shown.newestJournalFile).toContain(b.instance.paths.journal);
    const stale = await b.control.perform('become-primary', {}, shown.situation + 1);
    expect(refusalIn(stale)).toBe('refused: situation-changed');
    expect(await b.control.perform('become-primary', {}, shown.situation)).toMatchObject({ ok: true });
    expect(await b.reach((report) => report.status === 'Primary')).toMatchObject({ primary: 'B' });
    expect(await a.instance.ended).toBe(0);
    const events = await b.control.events();
    expect(events.map(({ what }) => what)).toContain('is primary');
  }, 30_000);

  test('FO-008: a stop is answered before the process ends', async () => {
    expect(await c.control.perform('stop-instance', { noFailover: false })).toMatchObject({ ok: true });
    expect(await c.instance.ended).toBe(0);
  });
});
