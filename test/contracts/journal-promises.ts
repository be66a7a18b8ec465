/** What every journal promises (src/journal/journal.ts), whatever files it stands on; run by journal.test.ts on each kind. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type DiskJournalOptions, openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal, JournalFileOperations, JournalRecord, PlacedRecord } from '../../src/journal/journal.ts';
import { readRecords } from '../../src/journal/read-records.ts';
import { JOURNAL_START, type JournalPosition } from '../../src/mirror/journal-position.ts';
import type { Epoch } from '../../src/mirror/terms.ts';

export interface TestFiles {
  readonly files: JournalFileOperations;
  /** An empty directory. */
  readonly root: string;
  remove(): void;
}

export const atMs = Date.UTC(2026, 2, 14, 12);
export const epochOf = (number: number): Epoch => ({
  number,
  owner: number % 2 === 1 ? 'ALPHA' : 'BETA',
  lineage: 'first',
});

export function set(number: number, valueBytes = 20): JournalRecord {
  const key = Buffer.from(`^key(${number})`);
  return { kind: 'set', database: number % 3 === 0 ? 'USERS' : 'ORDERS', key, value: Buffer.alloc(valueBytes, number) };
}

export const sets = (first: number, count: number, valueBytes?: number): JournalRecord[] =>
  Array.from({ length: count }, (_, index) => set(first + index, valueBytes));

export function optionsAt(place: TestFiles, more: Partial<DiskJournalOptions> = {}): DiskJournalOptions {
  const { files, root } = place;
  const lostAndFoundDirectory = `${root}/lost+found`;
  const logPath = `${root}/mirrorjrn-M1.log`;
  return { files, directory: `${root}/journal`, mirror: 'M1', logPath, lostAndFoundDirectory, ...more };
}

/** All records of a journal, read in chunks of about `bytesMax`. */
export function allRecords(
  journal: Journal,
  bytesMax = 1 << 20,
  from: JournalPosition = JOURNAL_START,
): PlacedRecord[] {
  const records: PlacedRecord[] = [];
  for (let at = from; ; ) {
    const chunk = journal.read(at, journal.end, bytesMax);
    if (chunk === null) return records;
    expect(chunk.from).toEqual(at);
    records.push(...readRecords(chunk));
    at = chunk.to;
  }
}

/** Ship everything from one journal to another in chunks of the given sizes. */
export function ship(from: Journal, to: Journal, bytesMax: () => number): void {
  for (let at = to.end; ; ) {
    const chunk = from.read(at, from.end, bytesMax());
    if (chunk === null) return;
    expect(to.store(chunk)).toEqual(chunk.to);
    at = chunk.to;
  }
}

export function contentOf(files: JournalFileOperations, path: string): Buffer {
  const handle = files.open(path, 'read');
  const bytes = Buffer.alloc(files.size(handle));
  files.read(handle, bytes, 0);
  files.close(handle);
  return bytes;
}

export function overwrite(files: JournalFileOperations, path: string, at: number, bytes: Uint8Array): void {
  const handle = files.open(path, 'update');
  files.write(handle, bytes, at);
  files.sync(handle);
  files.close(handle);
}

export const thrownBy = (
  action: () => unknown,
): { code?: string; message?: string; file?: string; offset?: number } => {
  try {
    action();
  } catch (error) {
    return error as { code?: string };
  }
  return {};
};

export function journalContract(kind: string, makeFiles: () => TestFiles): void {
  describe(`a journal on ${kind} files`, () => {
    let place: TestFiles;
    let open: Journal[];
    const openAt = (more: Partial<DiskJournalOptions> = {}): Journal => {
      const journal = openDiskJournal(optionsAt(place, more));
      open.push(journal);
      return journal;
    };
    const elsewhere = (name: string) => ({
      directory: `${place.root}/${name}`,
      logPath: `${place.root}/${name}.log`,
    });
    const journalPath = (name: string) => `${place.root}/journal/${name}`;

    beforeEach(() => {
      place = makeFiles();
      open = [];
    });
    afterEach(() => {
      for (const journal of open) thrownBy(() => journal.close());
      place.remove();
    });

    test('SYN-001: files are named by mirror, day and number of the day, and listed in mirrorjrn-<NAME>.log', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      journal.startFile(epochOf(2), atMs + 1000);
      journal.startFile(epochOf(3), atMs + 86_400_000);
      const names = journal.files.map(({ name }) => name);
      expect(names).toEqual(['MIRROR-M1-20260314.001', 'MIRROR-M1-20260314.002', 'MIRROR-M1-20260315.001']);
      const log = contentOf(place.files, `${place.root}/mirrorjrn-M1.log`).toString();
      expect(log.split('\n')[1]).toBe('2,MIRROR-M1-20260314.002,2,BETA,first,2026-03-14T12:00:01.000Z');
      expect(journal.history.map(({ epoch, owner }) => `${epoch} ${owner}`)).toEqual(['1 ALPHA', '2 BETA', '3 ALPHA']);
    });

    test('what is appended is read back whole, before and after the flush and after reopening', () => {
      const kinds: JournalRecord[] = [
        { kind: 'epoch-begun', database: '', key: new Uint8Array(0), value: new Uint8Array(0) },
        { kind: 'database-added', database: 'ORDERS', key: new Uint8Array(0), value: Uint8Array.of(1) },
        set(1),
        { kind: 'kill', database: 'ORDERS', key: Buffer.from('^key(1)'), value: new Uint8Array(0) },
        { kind: 'database-removed', database: 'ORDERS', key: new Uint8Array(0), value: new Uint8Array(0) },
        set(2, 200_000),
      ];
      const plain = (records: readonly JournalRecord[]) =>
        records.map((r) => [
          r.kind,
          r.database,
          Buffer.from(r.key).toString('hex'),
          Buffer.from(r.value).toString('hex'),
        ]);
      const journal = openAt();
      const start = journal.startFile(epochOf(1), atMs);
      expect(start).toEqual({ epoch: 1, file: 1, offset: 256, sequence: 0 });
      const end = journal.append(kinds, atMs + 5);
      expect(journal.flushed).toEqual(start);
      expect(plain(allRecords(journal))).toEqual(plain(kinds));
      expect(journal.flush()).toEqual(end);
      expect(plain(allRecords(journal, 1))).toEqual(plain(kinds));
      journal.close();
      const again = openAt();
      expect(again.openingReport).toBeNull();
      expect([again.end, again.flushed, again.newestRecordMs]).toEqual([end, end, atMs + 5]);
      const records = allRecords(again, 100);
      expect(plain(records)).toEqual(plain(kinds));
      expect(records.map(({ position }) => position.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(records.at(-1)).toMatchObject({ position: end, timeMs: atMs + 5 });
    });

    test('reading mixes bytes on disk, flushed bytes in memory and unflushed ones', () => {
      const first = openAt();
      first.startFile(epochOf(1), atMs);
      first.append(sets(1, 50), atMs);
      first.close();
      const journal = openAt();
      journal.append(sets(51, 30), atMs);
      journal.flush();
      journal.append(sets(81, 20), atMs);
      for (const bytesMax of [1, 70, 1000, 1 << 20]) {
        expect(allRecords(journal, bytesMax).map(({ position }) => position.sequence)).toEqual(
          Array.from({ length: 100 }, (_, index) => index + 1),
        );
      }
      expect(journal.bytesBetween(JOURNAL_START, journal.end)).toBe(journal.end.offset);
    });

    test('read stops at `to`, also inside of what is in memory and on disk', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const early = journal.append(sets(1, 3), atMs);
      journal.append(sets(4, 3), atMs + 1);
      const chunk = journal.read(JOURNAL_START, early, 1 << 20)!;
      expect([chunk.to, chunk.timeMs]).toEqual([early, atMs]);
      expect(journal.read(early, early, 1000)).toBeNull();
      journal.close();
      const again = openAt();
      expect(again.read(JOURNAL_START, early, 1 << 20)!.to).toEqual(early);
      expect(Buffer.compare(again.read(JOURNAL_START, early, 1 << 20)!.bytes, chunk.bytes)).toBe(0);
    });

    test('read stops at the end of any batch, however long ago it was appended, and knows its time', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const ends = Array.from({ length: 600 }, (_, index) => journal.append(sets(index * 2, 2), atMs + index));
      for (const [index, end] of ends.entries()) {
        expect(journal.read(ends[0]!, end, 1 << 20)?.to ?? ends[0]).toEqual(end);
        const last = index === 0 ? null : journal.read(ends[index - 1]!, end, 1 << 20)!;
        if (last !== null) expect([last.to, last.timeMs]).toEqual([end, atMs + index]);
      }
    });

    test('a full file is left for a new one of the same epoch, whose header is shipped too', () => {
      const journal = openAt({ fileBytesMax: 2000 });
      journal.startFile(epochOf(1), atMs);
      for (let number = 1; number <= 100; number += 1) journal.append([set(number)], atMs);
      journal.flush();
      expect(journal.files.length).toBeGreaterThan(3);
      expect(journal.files.every(({ bytes }) => bytes <= 2000)).toBe(true);
      expect(journal.history).toHaveLength(1);
      expect(allRecords(journal, 500)).toHaveLength(100);
      const copy = openAt(elsewhere('copy'));
      ship(journal, copy, () => 300);
      copy.flush();
      const elsewhereToo = journal.files.map((file) => ({ ...file, directory: `${place.root}/copy` }));
      expect(copy.files).toEqual(elsewhereToo);
      expect(copy.end).toEqual(journal.end);
    });

    test('SYN-001: a header is never read alone where a record follows it: its end compares equal to that of the file before', () => {
      const check = (journal: Journal) => {
        for (const bytesMax of [1, 1000, 1 << 20]) {
          for (let at = JOURNAL_START; ; ) {
            const chunk = journal.read(at, journal.end, bytesMax);
            if (chunk === null) break;
            expect(chunk.to.sequence).toBeGreaterThan(at.sequence);
            at = chunk.to;
          }
        }
        expect(allRecords(journal, 1 << 20).map(({ position }) => position.sequence)).toEqual(
          Array.from({ length: 14 }, (_, index) => index + 1),
        );
      };
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      journal.append(sets(1, 5), atMs);
      journal.startFile(epochOf(1), atMs);
      // More at once than memory has room for beside the header.
      journal.append(sets(6, 8, 200_000), atMs);
      journal.startFile(epochOf(1), atMs);
      journal.close();
      // The newest file has no record yet, and its header is on the disk only.
      const again = openAt();
      again.append(sets(14, 1), atMs);
      check(again);
      again.close();
      check(openAt());
    });

    test('SYN-001: what was appended at once to a new file is read with its header before anything of it is flushed', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const before = journal.append(sets(1, 5), atMs);
      journal.startFile(epochOf(1), atMs);
      journal.append(sets(6, 8, 200_000), atMs);
      for (const bytesMax of [1, 1000, 1 << 20]) {
        const chunk = journal.read(before, journal.end, bytesMax)!;
        expect([chunk.offset, chunk.to.file, chunk.to.sequence > 5]).toEqual([0, 2, true]);
      }
    });

    test('ship in any cut = ship whole, byte for byte; a duplicate changes nothing', () => {
      const primary = openAt();
      let number = 1;
      for (const epoch of [1, 2, 3]) {
        primary.startFile(epochOf(epoch), atMs + epoch);
        for (let batch = 0; batch < 4; batch += 1, number += 10)
          primary.append(sets(number, 10, batch * 40), atMs + number);
        if (epoch < 3) primary.startFile(epochOf(epoch), atMs + epoch);
      }
      let copies = 0;
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 20 }), (cuts) => {
          copies += 1;
          const copy = openAt(elsewhere(`copy${copies}`));
          let turn = 0;
          ship(primary, copy, () => cuts[turn++ % cuts.length]!);
          const again = primary.read(JOURNAL_START, primary.end, 700)!;
          expect(copy.store(again)).toEqual(primary.end);
          expect(copy.flush()).toEqual(primary.end);
          expect(copy.history).toEqual(primary.history);
          primary.flush();
          copy.close();
          for (const { name, bytes } of primary.files) {
            // The newest one is still written to and has zeros behind its end.
            const own = contentOf(place.files, journalPath(name)).subarray(0, bytes);
            expect(contentOf(place.files, `${place.root}/copy${copies}/${name}`).equals(own)).toBe(true);
          }
        }),
        { numRuns: 15 },
      );
    });

    test('store refuses what does not join: a gap, a flipped bit, another mirror, a different history; nothing is stored', () => {
      const primary = openAt();
      primary.startFile(epochOf(1), atMs);
      primary.append(sets(1, 20), atMs);
      const head = primary.read(JOURNAL_START, primary.end, 600)!;
      const next = primary.read(head.to, primary.end, 300)!;
      const copy = openAt(elsewhere('copy'));
      const codes: (string | undefined)[] = [];
      codes.push(thrownBy(() => copy.store(next)).code);
      copy.store(head);
      const flipped = Buffer.from(next.bytes);
      flipped[100]! ^= 4;
      codes.push(thrownBy(() => copy.store({ ...next, bytes: flipped })).code);
      codes.push(thrownBy(() => copy.store(primary.read(next.to, primary.end, 300)!)).code);
      codes.push(thrownBy(() => copy.store({ ...next, to: { ...next.to, sequence: 99 } })).code);
      const other = openAt({ ...elsewhere('other'), mirror: 'M2' });
      codes.push(thrownBy(() => other.store(head)).code);
      const different = openAt(elsewhere('different'));
      different.startFile(epochOf(1), atMs);
      different.append(sets(500, 20), atMs);
      codes.push(thrownBy(() => different.store(head)).code);
      expect(codes).toEqual(Array(6).fill('journal-mismatch'));
      expect(copy.end).toEqual(head.to);
      expect(copy.store(next)).toEqual(next.to);
    });

    test('store finds a bit flipped anywhere in a chunk: nothing else sums up journal bytes on their way', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const middle = journal.append(sets(1, 6), atMs);
      journal.append(sets(7, 6), atMs);
      const copy = openAt(elsewhere('copy'));
      const head = journal.read(JOURNAL_START, middle, 1 << 20)!;
      const next = journal.read(middle, journal.end, 1 << 20)!;
      for (const chunk of [head, next]) {
        const before = copy.end;
        for (let at = 0; at < chunk.bytes.length; at += 1) {
          const flipped = Buffer.from(chunk.bytes);
          flipped[at]! ^= 1 << (at & 7);
          expect(thrownBy(() => copy.store({ ...chunk, bytes: flipped })).code).toBe('journal-mismatch');
        }
        expect(copy.end).toEqual(before);
        expect(copy.store(chunk)).toEqual(chunk.to);
      }
    });

    test('locate finds each record by epoch and sequence, also after reopening; read refuses false positions', () => {
      const journal = openAt({ fileBytesMax: 3000 });
      const places: JournalPosition[] = [];
      for (const epoch of [1, 2]) {
        places.push(journal.startFile(epochOf(epoch), atMs));
        for (let number = 1; number <= 90; number += 1) places.push(journal.append([set(number)], atMs));
      }
      const check = (of: Journal) => {
        for (const place of places) expect(of.locate(place.epoch, place.sequence)).toEqual(place);
        expect(of.locate(1, 0)).toEqual(places[0]);
        expect([of.locate(1, 91), of.locate(2, 89), of.locate(2, 181), of.locate(3, 1)]).toEqual(Array(4).fill(null));
        const inside = places[40]!;
        const falsely = [
          { ...inside, sequence: 7 },
          { ...inside, epoch: 2 },
          { ...inside, file: 99 },
          { ...inside, offset: 1e6 },
        ];
        const codes = falsely.map((from) => thrownBy(() => of.read(from, of.end, 1000)).code);
        expect(codes).toEqual(Array(4).fill('journal-mismatch'));
      };
      check(journal);
      journal.close();
      check(openAt());
    });

    test('a position in a file that is no longer kept is gone', () => {
      const journal = openAt({ fileBytesMax: 1000 });
      journal.startFile(epochOf(1), atMs);
      for (let number = 1; number <= 30; number += 1) journal.append([set(number)], atMs);
      const [oldest, second] = journal.files;
      const endOfOldest = { epoch: 1, file: 1, offset: oldest!.bytes, sequence: 0 };
      journal.close();
      place.files.remove(journalPath(oldest!.name));
      const again = openAt();
      expect(again.files[0]).toEqual(second);
      expect(thrownBy(() => again.read({ ...endOfOldest, offset: 256, sequence: 0 }, again.end, 1000)).code).toBe(
        'journal-gone',
      );
      const firstKept = allRecords(again, 1000, { ...endOfOldest, sequence: again.history[0]!.begin.sequence })[0]!;
      expect(firstKept.position.file).toBe(2);
    });

    test('truncateTo takes records and files away over several epochs and keeps them in lost+found', () => {
      const journal = openAt();
      const ends: JournalPosition[] = [];
      for (const epoch of [1, 2, 3]) {
        journal.startFile(epochOf(epoch), atMs + epoch);
        ends.push(journal.append(sets(epoch * 100, 10), atMs + epoch));
      }
      const cutAt = journal.locate(1, 4)!;
      const surplus = journal.truncateTo(cutAt, 'the primary has another history')!;
      expect(surplus).toMatchObject({ from: cutAt, to: ends[2], records: 26 });
      expect(surplus.keptIn).toHaveLength(3);
      expect([journal.end, journal.flushed, journal.history.length]).toEqual([cutAt, cutAt, 1]);
      expect(allRecords(journal)).toHaveLength(4);
      expect(journal.truncateTo(cutAt, 'again')).toBeNull();
      // What was cut off the first file is a journal file of its own.
      const kept = contentOf(place.files, surplus.keptIn[0]!);
      const from = { ...cutAt, offset: 0 };
      const chunk = { file: 1, fileName: 'kept', offset: 0, bytes: kept, from, to: ends[0]!, timeMs: 0 };
      expect([...readRecords(chunk)].map(({ position }) => position.sequence)).toEqual([5, 6, 7, 8, 9, 10]);
      // Another history takes its place, under a name that is free again.
      journal.startFile({ ...epochOf(2), lineage: 'forced' }, atMs);
      journal.append(sets(900, 2), atMs);
      journal.close();
      const again = openAt();
      expect(again.openingReport).toBeNull();
      expect(allRecords(again).map(({ key }) => Buffer.from(key).toString())).toEqual(
        [100, 101, 102, 103, 900, 901].map((number) => `^key(${number})`),
      );
      expect(again.history.at(-1)).toMatchObject({ epoch: 2, lineage: 'forced' });
      expect(contentOf(place.files, `${place.root}/mirrorjrn-M1.log`).toString()).toContain(
        '# cut after 1/4: the primary has',
      );
    });

    test('truncateTo refuses a place it does not have, and takes everything away at the start', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const end = journal.append(sets(1, 5), atMs);
      for (const wrong of [
        { ...end, offset: end.offset - 1 },
        { ...end, sequence: 3 },
        { ...end, file: 2 },
      ]) {
        expect(thrownBy(() => journal.truncateTo(wrong, 'wrong')).code).toBe('journal-mismatch');
      }
      expect(journal.end).toEqual(end);
      expect(journal.truncateTo(JOURNAL_START, 'rebuild')!.records).toBe(5);
      expect([journal.end, journal.files]).toEqual([JOURNAL_START, []]);
      journal.close();
      expect(openAt().end).toEqual(JOURNAL_START);
    });

    test('a tail torn at any byte of the last write is cut, and said so; a reader leaves it', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const whole = journal.append(sets(1, 3), atMs);
      journal.flush();
      const end = journal.append([set(4)], atMs);
      const torn = Buffer.from(journal.read(whole, end, 1000)!.bytes);
      const path = journalPath('MIRROR-M1-20260314.001');
      journal.truncateTo(whole, 'only the bytes of the record were wanted');
      journal.close();
      for (let length = 1; length < torn.length; length += 1) {
        overwrite(place.files, path, whole.offset, torn.subarray(0, length));
        const reader = openAt({ readOnly: true });
        expect([reader.end, allRecords(reader).length]).toEqual([whole, 3]);
        reader.close();
        expect(contentOf(place.files, path)).toHaveLength(whole.offset + length);
        const again = openAt();
        expect(again.end).toEqual(whole);
        const written = torn.subarray(0, length).findLastIndex((byte) => byte !== 0) + 1;
        expect(again.openingReport).toContain(`cut ${written} bytes`);
        again.close();
        expect(contentOf(place.files, path)).toHaveLength(whole.offset);
      }
      overwrite(place.files, path, whole.offset, torn);
      const all = openAt();
      expect([all.end, all.openingReport]).toEqual([end, null]);
    });

    test('a bit flipped anywhere in flushed data is damage: nothing is cut, the error names file and offset', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const ends = [journal.end, ...sets(1, 4).map((record) => journal.append([record], atMs))];
      journal.flush();
      const path = journalPath('MIRROR-M1-20260314.001');
      const good = contentOf(place.files, path);
      for (let at = 0; at < journal.end.offset; at += 7) {
        overwrite(place.files, path, at, Uint8Array.of(good[at]! ^ 1));
        for (const readOnly of [false, true]) {
          const error = thrownBy(() => openAt({ readOnly }));
          const begin = at < 256 ? 0 : ends.findLast(({ offset }) => offset <= at)!.offset;
          expect([at, error.code, error.file, error.offset]).toEqual([at, 'journal-damaged', path, begin]);
          expect(error.message).toContain('good copy');
        }
        overwrite(place.files, path, at, good.subarray(at, at + 1));
      }
      expect(openAt().end).toEqual(ends.at(-1));
    });

    /** Closed in order, with four records; where each ends. */
    function closedJournal() {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const ends = [journal.end, ...sets(1, 4).map((record) => journal.append([record], atMs))];
      journal.close();
      return { ends, path: journalPath('MIRROR-M1-20260314.001') };
    }

    test('after an orderly close opening reads the last record only; damage before it is found by whoever reads it', () => {
      const { ends, path } = closedJournal();
      const good = contentOf(place.files, path);
      for (let at = 256; at < good.length; at += 7) {
        overwrite(place.files, path, at, Uint8Array.of(good[at]! ^ 1));
        for (const readOnly of [false, true]) {
          if (at >= ends[3]!.offset) {
            expect(thrownBy(() => openAt({ readOnly })).code).toBe('journal-damaged');
            continue;
          }
          const opened = openAt({ readOnly });
          expect([at, opened.end]).toEqual([at, ends[4]]);
          expect(thrownBy(() => allRecords(opened)).code).toBe('journal-damaged');
          opened.close();
        }
        overwrite(place.files, path, at, good.subarray(at, at + 1));
      }
      const whole = openAt();
      expect(allRecords(whole)).toHaveLength(4);
    });

    test('what a close says of a journal holds until it is opened again: a cut, a longer or an exchanged file is read through', () => {
      const { ends, path } = closedJournal();
      const markPath = `${place.root}/journal/flushed-M1.mark`;
      const [good, mark] = [contentOf(place.files, path), contentOf(place.files, markPath)];
      const stale = (length: number, at: number, bytes: Uint8Array) => {
        const handle = place.files.open(path, 'update');
        place.files.truncate(handle, length);
        place.files.close(handle);
        overwrite(place.files, path, at, bytes);
        overwrite(place.files, markPath, 0, mark);
      };
      stale(good.length - 1, 0, good.subarray(0, good.length - 1));
      expect(thrownBy(() => openAt()).code).toBe('journal-damaged');
      stale(good.length, 0, good);
      const opened = openAt();
      expect(opened.append([set(5)], atMs)).toEqual(opened.flush());
      // Killed here, with the mark of before: the file is longer.
      overwrite(place.files, markPath, 0, mark);
      expect(openAt().end.sequence).toBe(5);
      // Another fourth record of the same length.
      const other = openAt({ directory: `${place.root}/other`, logPath: `${place.root}/other.log` });
      other.startFile(epochOf(1), atMs);
      other.append([...sets(1, 3), { ...set(4), value: Buffer.alloc(20, 9) }], atMs);
      other.close();
      const exchanged = contentOf(place.files, `${place.root}/other/MIRROR-M1-20260314.001`);
      expect(exchanged).toHaveLength(good.length);
      exchanged[ends[1]!.offset + 30]! ^= 1;
      stale(good.length, 0, exchanged);
      expect(thrownBy(() => openAt()).code).toBe('journal-damaged');
      // An opening takes the word of the close away before it does anything else.
      stale(good.length, 0, good);
      openAt();
      expect(contentOf(place.files, markPath).subarray(24)).toEqual(Buffer.alloc(32));
    });

    test('a journal that was only read is closed without reading it; a new file, a cut and a closing of nothing are remembered', () => {
      const { ends } = closedJournal();
      for (let times = 0; times < 3; times += 1) {
        const again = openAt();
        expect([again.end, again.newestRecordMs, again.openingReport]).toEqual([ends[4], atMs, null]);
        again.close();
      }
      const cut = openAt();
      cut.truncateTo(ends[2]!, 'another history');
      cut.append([set(8)], atMs + 5);
      const end = cut.startFile(epochOf(2), atMs + 6);
      cut.close();
      const last = openAt();
      expect([last.end, last.newestRecordMs]).toEqual([end, atMs + 5]);
      expect(allRecords(last).map(({ position }) => position.sequence)).toEqual([1, 2, 3]);
    });

    test('without a mark (files copied here) a hole before whole records counts as damage, a torn tail does not', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const ends = sets(1, 4).map((record) => journal.append([record], atMs));
      journal.close();
      const path = journalPath('MIRROR-M1-20260314.001');
      place.files.remove(`${place.root}/journal/flushed-M1.mark`);
      overwrite(place.files, path, ends[1]!.offset + 30, Uint8Array.of(0xff));
      expect(thrownBy(() => openAt()).code).toBe('journal-damaged');
      overwrite(place.files, path, ends[2]!.offset + 30, Uint8Array.of(0xff));
      const again = openAt();
      expect([again.end, again.openingReport === null]).toEqual([ends[1], false]);
    });

    test('a missing or shortened file is damage', () => {
      const journal = openAt();
      for (const epoch of [1, 2, 3]) {
        journal.startFile(epochOf(epoch), atMs);
        journal.append(sets(epoch, 3), atMs);
      }
      journal.close();
      for (const number of [2, 3]) {
        const path = journalPath(`MIRROR-M1-20260314.00${number}`);
        const bytes = contentOf(place.files, path);
        place.files.rename(path, `${place.root}/aside`);
        expect(thrownBy(() => openAt()).message).toContain('missing');
        place.files.rename(`${place.root}/aside`, path);
        const handle = place.files.open(path, 'update');
        place.files.truncate(handle, bytes.length - 1);
        expect(thrownBy(() => openAt()).code).toBe('journal-damaged');
        place.files.write(handle, bytes, 0);
        place.files.close(handle);
      }
      expect(openAt().end.sequence).toBe(9);
    });
  });
}
