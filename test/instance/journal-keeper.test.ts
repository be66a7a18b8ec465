/** The keeper of a journal's files on a simulated disk, with claims that survive a restart. */

import { beforeEach, expect, test } from '@jest/globals';
import type { Clock } from '../../src/host/host.ts';
import { createRecordFiles } from '../../src/host/record-file.ts';
import { ReserveFile } from '../../src/host/reserve-file.ts';
import type { Note } from '../../src/instance/decision-notes.ts';
import { JournalClaims, readToldClaims } from '../../src/instance/journal-claims.ts';
import { JournalKeeper } from '../../src/instance/journal-keeper.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';
import { diskReserveBytes } from '../../src/mirror/limits.ts';
import { logLine } from '../../src/mirror/log-messages.ts';
import { initialState, type MemberState, type Served } from '../../src/mirror/member-state.ts';
import { defaultSettings, type JournalSettings, type MirrorSet } from '../../src/mirror/mirror-set.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { epochOf, optionsAt, sets } from '../contracts/journal-promises.ts';

const dayMs = 86_400_000;
const mebibyte = 1024 * 1024;

/** Whole files in memory, beside those of the journal. */
class Files extends SimulatedFiles {
  free = 1000 * mebibyte;
  override freeBytes(): number {
    return this.free;
  }
  sizeOf(path: string): number | null {
    return this.readWhole(path)?.length ?? null;
  }
  readWhole(path: string): Uint8Array | null {
    if (!this.exists(path)) return null;
    const handle = this.open(path, 'read');
    const bytes = Buffer.alloc(this.size(handle));
    this.read(handle, bytes, 0);
    this.close(handle);
    return bytes;
  }
}

class Scene {
  readonly files = new Files();
  readonly logged: string[] = [];
  readonly notes: Note[] = [];
  wallMs = Date.UTC(2026, 2, 14, 12);
  nowMs = 0;
  settings: Partial<JournalSettings> = { keepDays: 0, limitBytes: null };
  state: MemberState = initialState('A', 'M1', true);
  stored: ReadonlyMap<string, JournalPosition> = new Map();
  journal: Journal;
  keeper: JournalKeeper;

  constructor() {
    this.files.makeDirectory('/host');
    this.journal = this.open();
    this.keeper = this.begin();
    this.state.role = 'primary';
    this.state.record = { ...this.state.record, epoch: epochOf(1) };
  }

  open(): Journal {
    return openDiskJournal({ ...optionsAt({ files: this.files, root: '/host', remove: () => {} }) });
  }

  /** The process anew. */
  begin(): JournalKeeper {
    const claims = new JournalClaims({
      self: 'A',
      records: createRecordFiles(this.files),
      path: '/host/claims.json',
      log: (message, ...facts) => void this.logged.push(logLine(message, ...facts).text),
    });
    const clock = {
      nowMs: () => this.nowMs,
      wallMs: () => this.wallMs,
      after: () => ({ cancel: () => {} }),
    } as unknown as Clock;
    this.keeper = new JournalKeeper({
      journal: this.journal,
      claims,
      clock,
      files: this.files,
      reserve: new ReserveFile(this.files, '/host/reserve', '/host'),
      state: () => this.state,
      mirrorSet: () => this.mirrorSet(),
      type: () => 'Failover',
      purgesAtOnce: () => false,
      stored: async () => this.stored,
      databases: () => ['SALES'],
      log: (message, ...[facts]) => void this.logged.push(`${message} ${JSON.stringify(facts)}`),
      note: (note) => void this.notes.push(note),
      purged: () => {},
      failed: (error) => {
        throw error;
      },
    });
    return this.keeper;
  }

  mirrorSet(): MirrorSet {
    const member = (name: string) => ({ name, type: 'Failover' }) as MirrorSet['members'][number];
    const settings = { ...defaultSettings, journal: this.settings };
    return {
      name: 'M1',
      epoch: 1,
      revision: 1,
      settings,
      members: [member('A'), member('B'), member('C')],
      databases: [],
    };
  }

  /** Files of ten records each; the database has all of it. */
  write(count: number): void {
    for (let file = 0; file < count; file += 1) {
      this.journal.startFile(epochOf(1), this.wallMs);
      this.journal.append(sets(file * 10 + 1, 10, 1000), this.wallMs);
      this.journal.flush();
    }
    this.stored = new Map([['SALES', this.journal.end]]);
    this.state.journal = { ...this.state.journal, history: this.journal.history, flushed: this.journal.flushed };
  }

  serve(acked: Readonly<Record<string, JournalPosition>>): void {
    const members = Object.entries(acked).map(([name, ackedTo]) => [name, { name, ackedTo } as Served] as const);
    this.state.serving = { ...this.state.serving, members: new Map(members) };
  }

  kept(): readonly number[] {
    return this.journal.files.map(({ file }) => file);
  }
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});

test('SYN-026: what an absent member needs is remembered over a restart, and goes when it has come back', async () => {
  scene.write(4);
  const second = scene.journal.locate(1, 15)!;
  scene.serve({ B: scene.journal.end, C: second });
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([2, 3, 4]);
  scene.keeper.stop();
  scene.serve({});
  scene.begin();
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([2, 3, 4]);
  scene.serve({ C: scene.journal.end });
  const { files } = await scene.keeper.purge();
  expect(files.map(({ file }) => file)).toEqual([2, 3]);
  expect(scene.notes.at(-1)).toMatchObject({ what: 'purged journal files', rules: ['SYN-026'] });
});

test('SYN-026: a member that was never heard of, and damaged claims, keep everything', async () => {
  scene.write(3);
  scene.serve({ B: scene.journal.end });
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([1, 2, 3]);
  scene.serve({ B: scene.journal.end, C: scene.journal.end });
  scene.keeper.stop();
  const handle = scene.files.open('/host/claims.json', 'update');
  scene.files.write(handle, Buffer.from('#'), 40);
  scene.files.close(handle);
  scene.serve({});
  scene.begin();
  expect(scene.logged.at(-1)).toContain('/host/claims.json');
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([1, 2, 3]);
});

test('SYN-026: a member that was rebuilt under its name needs all there is until it says where it stands', async () => {
  scene.write(3);
  scene.serve({ B: scene.journal.end, C: scene.journal.end });
  scene.keeper.stop();
  scene.begin();
  scene.serve({ B: scene.journal.end, C: { epoch: 0, file: 0, offset: 0, sequence: 0 } });
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([1, 2, 3]);
});

test('SYN-026: on a backup the claims are those that the primary told; without them everything is kept', async () => {
  scene.write(3);
  scene.state.role = 'attached';
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([1, 2, 3]);
  const claims = new JournalClaims({
    self: 'A',
    records: createRecordFiles(scene.files),
    path: '/host/claims.json',
    log: () => {},
  });
  const primary = new JournalClaims({
    self: 'B',
    records: createRecordFiles(scene.files),
    path: '/host/other.json',
    log: () => {},
  });
  scene.state.role = 'primary';
  scene.serve({ A: scene.journal.end, C: scene.journal.locate(1, 25)! });
  primary.hear(scene.state);
  claims.take(readToldClaims(JSON.parse(JSON.stringify(primary.toTell(scene.journal.end))))!);
  claims.save();
  scene.serve({});
  scene.state.role = 'attached';
  scene.begin();
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([3]);
});

test('SYN-026: what came as told claims and is none is not taken', () => {
  const at = { epoch: 1, file: 2, offset: 300, sequence: 9 };
  expect(readToldClaims({ B: { has: at, isLapsed: false }, C: { has: null, isLapsed: true } })).not.toBeNull();
  for (const wrong of [
    undefined,
    null,
    [],
    'x',
    { B: null },
    { B: { has: at } },
    { B: { has: { ...at, file: -1 }, isLapsed: false } },
  ]) {
    expect(readToldClaims(wrong)).toBeNull();
  }
});

test('SYN-026: before the limit the member is named once; at the limit it loses its claim, which is said, kept and told', async () => {
  scene.write(4);
  scene.serve({ B: scene.journal.end, C: scene.journal.locate(1, 5)! });
  const { bytes } = { bytes: scene.journal.files.reduce((sum, file) => sum + file.bytes, 0) };
  await scene.keeper.purge();
  scene.serve({ B: scene.journal.end });
  scene.settings = { keepDays: 0, limitBytes: Math.round(bytes * 1.1) };
  await scene.keeper.purge();
  await scene.keeper.purge();
  expect(scene.logged.filter((line) => line.startsWith('journal-held-back'))).toHaveLength(1);
  expect(scene.logged[0]).toContain('Member C');
  scene.settings = { keepDays: 0, limitBytes: Math.round(bytes / 2) };
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([4]);
  expect(scene.logged.filter((line) => line.startsWith('journal-claim-lost'))).toHaveLength(1);
  expect(scene.keeper.report().lapsed).toEqual(['C']);
  scene.begin();
  expect(scene.keeper.report().lapsed).toEqual(['C']);
  // It comes back rebuilt, and has a claim again.
  scene.serve({ B: scene.journal.end, C: scene.journal.end });
  await scene.keeper.purge();
  expect(scene.keeper.report().lapsed).toEqual([]);
});

test('SYN-026: a dismounted database stands where it stood, one that was never mounted needs all there is', async () => {
  scene.write(3);
  scene.serve({ B: scene.journal.end, C: scene.journal.end });
  scene.stored = new Map();
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([1, 2, 3]);
  scene.stored = new Map([['SALES', scene.journal.locate(1, 15)!]]);
  await scene.keeper.purge();
  scene.stored = new Map();
  scene.begin();
  await scene.keeper.purge();
  expect(scene.kept()).toEqual([2, 3]);
});

test('SYN-026: nothing is purged by a member that is halted, stopped or changing its role', async () => {
  scene.write(3);
  scene.serve({ B: scene.journal.end, C: scene.journal.end });
  for (const role of ['halted', 'stopped', 'becoming', 'handing-over', 'down'] as const) {
    scene.state.role = role;
    await scene.keeper.purge();
    expect([role, scene.kept()]).toEqual([role, [1, 2, 3]]);
  }
});

test('SYN-001: at midnight the primary begins a new file, once, and none while the present one has no record', async () => {
  scene.write(1);
  const look = async (): Promise<number> => {
    await scene.keeper.look();
    return scene.journal.files.at(-1)!.file;
  };
  expect(await look()).toBe(1);
  scene.wallMs += dayMs;
  expect(await look()).toBe(2);
  expect(scene.notes.at(-1)).toMatchObject({ what: 'began a journal file', rules: ['SYN-001'] });
  expect(await look()).toBe(2);
  scene.wallMs += dayMs;
  expect(await look()).toBe(2);
  scene.journal.append(sets(100, 1), scene.wallMs);
  scene.journal.flush();
  scene.settings = { switchDaily: false };
  expect(await look()).toBe(2);
  scene.settings = {};
  scene.state.role = 'attached';
  expect(await look()).toBe(2);
  scene.state.role = 'primary';
  expect(await look()).toBe(3);
});

test('SYN-003: a disk that will be full within three hours is told of once, with the time that is left', async () => {
  scene.write(1);
  scene.files.free = diskReserveBytes + 100 * mebibyte;
  for (let minute = 0; minute < 5; minute += 1) {
    await scene.keeper.look();
    scene.nowMs += 60_000;
    scene.files.free -= mebibyte;
  }
  const told = scene.logged.filter((line) => line.startsWith('journal-full-soon'));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('1 h 39 min');
  expect(scene.keeper.report()).toMatchObject({
    fullInMs: 96 * 60_000,
    warnings: ['The disk of the journal will be full in 1 h 36 min at the rate of the last minutes.'],
  });
});

test('SYN-003: the reserve is taken while there is ample room, given up once, and taken again later', () => {
  const reserve = new ReserveFile(scene.files, '/host/reserve', '/host');
  scene.files.free = 5 * mebibyte;
  reserve.take(2 * diskReserveBytes);
  expect(reserve.free()).toBe(false);
  scene.files.free = 1000 * mebibyte;
  reserve.take(2 * diskReserveBytes);
  expect(scene.files.sizeOf('/host/reserve')).toBe(4 * mebibyte);
  let attempts = 0;
  const freed = reserve.withRoom(() => {
    attempts += 1;
    if (attempts === 1) throw Object.assign(new Error('no room'), { code: 'EDQUOT' });
  });
  expect([freed, attempts, scene.files.sizeOf('/host/reserve')]).toEqual([true, 2, null]);
  const failing = () => {
    throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
  };
  expect(() => reserve.withRoom(failing)).toThrow('no room');
});
