/** FO-089: a member's databases anew from another member. The halves apart: fetched while it runs, put in place at its start. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../../src/client/client.ts';
import { newConfiguration } from '../../src/host/configuration-file.ts';
import { homePaths, instancePaths, mirrorJournalLogPath } from '../../src/host/home.ts';
import type { ConfigurationStore, FileOperations, InstanceConfiguration } from '../../src/host/host.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { createRecordFiles } from '../../src/host/record-file.ts';
import { placeRebuilt } from '../../src/instance/rebuild.ts';
import { firstRecord, type MemberRecord } from '../../src/mirror/member-record.ts';
import type { MirrorSet } from '../../src/mirror/mirror-set.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

describe('FO-089: at the start of the instance', () => {
  const epoch = { number: 7, owner: 'B', lineage: 'chosen' };
  let home: string;
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  /** A member of two databases, one of which it never had, with copies that wait for its start. */
  function ready(since: Partial<MemberRecord> = {}) {
    home = mkdtempSync(join(tmpdir(), 'caretmirror-rebuild-'));
    const paths = instancePaths(home, 'ALPHA');
    const directory = (name: string) => join(paths.databases, name);
    for (const path of [directory('OWN'), paths.journal]) mkdirSync(path, { recursive: true });
    writeFileSync(join(directory('OWN'), 'database.mdb'), 'old');
    writeFileSync(join(paths.journal, 'MIRROR-DEMO-1.001'), 'journal');
    writeFileSync(mirrorJournalLogPath(home, 'ALPHA', 'DEMO'), 'what there was');
    const places = ['OWN', 'NEW'].map((name) => {
      mkdirSync(join(paths.rebuild, name), { recursive: true });
      writeFileSync(join(paths.rebuild, name, 'database.mdb'), `copy of ${name}`);
      return { copy: name, database: name, directory: directory(name), mirrorDatabase: name };
    });
    const old: MemberRecord = {
      ...firstRecord,
      incarnation: 5,
      epoch: { number: 9, owner: 'A', lineage: 'given up' },
      primaryOfEpoch: true,
      wasActive: { epoch, term: 3 },
    };
    nodeHost.records.saveRecord(paths.member, { ...old, ...since });
    const rebuild = {
      ...{ format: 1, state: 'ready', source: 'B', epoch, known: old },
      ...{ journalEnds: true, aside: 'then', places },
    };
    nodeHost.records.saveRecord(join(paths.rebuild, 'rebuild.json'), rebuild);
    let configured: InstanceConfiguration = {
      ...newConfiguration('ALPHA', paths.directory, { host: 'x', port: 1 }),
      member: 'A',
      mirrorSet: { name: 'DEMO' } as MirrorSet,
    };
    const configuration: ConfigurationStore = {
      get: () => configured,
      set: (next) => {
        configured = next;
      },
    };
    const place = (files: FileOperations = nodeHost.files): void =>
      placeRebuilt({
        host: { ...nodeHost, files, records: createRecordFiles(files) },
        store: { fileOf: (path) => join(path, 'database.mdb') },
        configuration,
        home: homePaths(home),
        paths,
        log: () => undefined,
      });
    return { paths, directory, place, configuration };
  }

  function expectRebuilt({ paths, directory, configuration }: ReturnType<typeof ready>): void {
    for (const name of ['OWN', 'NEW']) {
      expect(readFileSync(join(directory(name), 'database.mdb'), 'utf8')).toBe(`copy of ${name}`);
    }
    expect(readFileSync(join(paths.replaced, 'then', 'OWN', 'database.mdb'), 'utf8')).toBe('old');
    expect(readdirSync(paths.journal)).toEqual(['replaced-then']);
    expect(readdirSync(join(paths.journal, 'replaced-then'))).toEqual(['MIRROR-DEMO-1.001', 'mirrorjrn-DEMO.log']);
    expect(nodeHost.records.readRecord(paths.member)).toEqual({
      state: 'read',
      value: { ...firstRecord, incarnation: 5, epoch },
    });
    expect(configuration.get().databases.map(({ name }) => name)).toContain('NEW');
  }

  /** Every operation that changes something fails once, and nothing behind it is done. */
  function failingAt(count: number): { readonly files: FileOperations; readonly failed: () => boolean } {
    const changing = ['makeDirectory', 'rename', 'remove', 'replace', 'syncDirectory', 'removeTree'] as const;
    let left = count;
    const files = { ...nodeHost.files };
    for (const name of changing) {
      const real = nodeHost.files[name] as (...args: unknown[]) => void;
      Object.assign(files, {
        [name]: (...args: unknown[]) => {
          left -= 1;
          if (left <= 0) throw new Error('the machine stopped here');
          real(...args);
        },
      });
    }
    return { files, failed: () => left <= 0 };
  }

  test('FO-089: copies take their places, the old data stay beside, and no claim of the old life is left', () => {
    const scene = ready();
    scene.place();
    expectRebuilt(scene);
    scene.place();
    expectRebuilt(scene);
  });

  test.each([
    ['has led the mirror', { epoch: { number: 10, owner: 'A', lineage: 'chosen' }, primaryOfEpoch: true }],
    ['was removed from it', { removed: { by: 'B', removeAttribute: false } }],
  ])('FO-089: one that %s since the copies were made keeps its own data, and the copies are let go', (_what, since) => {
    const { paths, directory, place } = ready(since);
    const before = nodeHost.records.readRecord(paths.member);
    place();
    expect(readFileSync(join(directory('OWN'), 'database.mdb'), 'utf8')).toBe('old');
    expect(readdirSync(paths.journal)).toContain('MIRROR-DEMO-1.001');
    expect(nodeHost.records.readRecord(paths.member)).toEqual(before);
    expect([existsSync(paths.rebuild), existsSync(paths.replaced)]).toEqual([false, false]);
  });

  test('FO-089: a reign that it has adopted since the copies were made is not forgotten', () => {
    const failoverMembers = { epoch: 10, number: 2, names: ['C', 'A'] };
    const later = { epoch: { number: 10, owner: 'C', lineage: 'chosen' }, primaryOfEpoch: false, failoverMembers };
    const { paths, directory, place } = ready(later);
    place();
    expect(readFileSync(join(directory('OWN'), 'database.mdb'), 'utf8')).toBe('copy of OWN');
    expect(nodeHost.records.readRecord(paths.member)).toEqual({
      state: 'read',
      value: { ...firstRecord, incarnation: 5, epoch: later.epoch, failoverMembers },
    });
  });

  test('FO-084: nor is the list that its agent wrote while it was down', () => {
    const failoverMembers = { epoch: 9, number: 2, names: ['C', 'B'] };
    const { paths, place } = ready({ failoverMembers, validatedMember: false });
    place();
    expect(nodeHost.records.readRecord(paths.member)).toEqual({
      state: 'read',
      value: { ...firstRecord, incarnation: 5, epoch, failoverMembers, validatedMember: false },
    });
  });

  test('FO-089: interrupted before any of its steps and repeated, it ends the same', () => {
    for (let step = 1; ; step += 1) {
      const scene = ready();
      const stopped = failingAt(step);
      if (!stopped.failed()) {
        try {
          scene.place(stopped.files);
        } catch (error) {
          expect((error as Error).message).toBe('the machine stopped here');
        }
      }
      const own = join(scene.directory('OWN'), 'database.mdb');
      const kept = join(scene.paths.replaced, 'then', 'OWN', 'database.mdb');
      expect([own, kept].filter((path) => existsSync(path) && readFileSync(path, 'utf8') === 'old')).toHaveLength(1);
      scene.place();
      expectRebuilt(scene);
      rmSync(home, { recursive: true, force: true });
      if (!stopped.failed()) {
        expect(step).toBeGreaterThan(12);
        return;
      }
    }
  });
});

describe('FO-089 SYN-026: a member whose next journal data is gone', () => {
  let a: WholeHost;
  let b: WholeHost;

  beforeAll(async () => {
    [a, b] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA')]);
    for (const host of [a, b]) await host.control.perform('enable-mirror-service', {});
    await a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A' });
    const agent = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
    const joined = { mirror: 'DEMO', type: 'Disaster Recovery', member: 'B', ...agent } as const;
    expect(await b.control.perform('join-mirror', joined)).toMatchObject({ ok: true });
    await a.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' });
    expect(await b.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' })).toMatchObject({
      ok: true,
    });
  }, 30_000);

  afterAll(async () => {
    for (const host of [b, a]) await host?.close();
  }, 20_000);

  const key = (number: number) => encodeKey('CITY', [String(number)]);

  async function write(from: number, count: number, primary = a): Promise<void> {
    const targets = [{ host: '127.0.0.1', port: primary.superserverPort }];
    const client = await connect({ network, targets, mirror: 'DEMO', database: 'DATA' });
    const value = Buffer.alloc(100_000, 'x');
    await Promise.all(Array.from({ length: count }, (_, index) => client.set(key(from + index), value)));
    await client.close();
  }

  test('FO-089 SYN-026: is kept out, and follows again after it was rebuilt and started anew', async () => {
    await write(0, 3);
    await b.reach(() => b.instance.catalog.find('DATA')?.database?.get(key(2)) !== undefined);
    expect(await b.control.perform('stop-mirror', {})).toMatchObject({ ok: true });
    await b.reach(({ status }) => status === 'Stopped');
    for (const from of [10, 20, 30]) {
      await write(from, 5);
      await a.control.perform('switch-journal', {});
    }
    expect(await a.control.perform('edit-mirror', { limitMegabytes: 1, keepDays: 0 })).toMatchObject({ ok: true });
    // Its own database needs the files until it has stored what is in them.
    let purged = '';
    while (!/^\d journal files .* were purged/.test(purged)) {
      const outcome = await a.control.perform('purge-journal', {});
      purged = outcome.ok ? outcome.text : '';
      await nodeHost.clock.wait(50);
    }
    await b.control.perform('start-mirror', {});
    await b.reach(({ status }) => status === 'Crashed');
    expect(await b.control.perform('rebuild-member', {})).toMatchObject({ ok: true });
    await b.restart();
    await b.reach(({ status }) => status === 'Connected');
    await b.reach(() => !existsSync(b.instance.paths.rebuild));
    for (const number of [0, 14, 34]) expect(b.instance.catalog.find('DATA')?.database?.get(key(number))).toBeDefined();
    await write(40, 1);
    await b.reach(() => b.instance.catalog.find('DATA')?.database?.get(key(40)) !== undefined);
    expect(readdirSync(b.instance.paths.replaced)).toHaveLength(1);
  }, 60_000);

  test('FO-089 DB-029: the primary is neither rebuilt nor does it download', async () => {
    for (const command of ['rebuild-member', 'download-databases'] as const) {
      const refused = await a.control.perform(command, {});
      expect(refused).toMatchObject({ ok: false, outcome: 'refused', refusal: { reason: 'is-primary' } });
    }
  });

  test('FO-089: one that leads the mirror while copies wait for its start keeps what it has acknowledged', async () => {
    expect(await b.control.perform('rebuild-member', {})).toMatchObject({ ok: true });
    await a.restart(async () => {
      expect(await b.control.perform('promote', {})).toMatchObject({ ok: true });
      await b.reach(({ status }) => status === 'Primary');
      await write(50, 1, b);
      await b.restart();
      await b.reach(({ status }) => status === 'Primary');
      expect(b.instance.catalog.find('DATA')?.database?.get(key(50))).toBeDefined();
      expect(existsSync(b.instance.paths.rebuild)).toBe(false);
      expect(readdirSync(b.instance.paths.replaced)).toHaveLength(1);
    });
    await a.reach(({ status }) => status === 'Backup');
  }, 60_000);
});
