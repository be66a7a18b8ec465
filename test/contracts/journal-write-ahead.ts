/**
 * What every journal promises about the zeros it writes ahead of its records (src/journal/file-writer.ts): they are nobody's
 * business but the disk's. Run by journal.test.ts on each kind of files.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DiskJournalOptions, openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import {
  allRecords,
  atMs,
  contentOf,
  epochOf,
  optionsAt,
  overwrite,
  set,
  sets,
  ship,
  type TestFiles,
  thrownBy,
} from './journal-promises.ts';

const stepBytes = 4096;

export function writeAheadContract(kind: string, makeFiles: () => TestFiles): void {
  describe(`zeros ahead of the records on ${kind} files`, () => {
    let place: TestFiles;
    let open: Journal[];
    const openAt = (more: Partial<DiskJournalOptions> = {}): Journal => {
      const journal = openDiskJournal(optionsAt(place, { writeAheadStepBytes: stepBytes, ...more }));
      open.push(journal);
      return journal;
    };
    const pathOf = (number: number, directory = 'journal') =>
      `${place.root}/${directory}/MIRROR-M1-20260314.00${number}`;
    const content = (number: number, directory?: string) => contentOf(place.files, pathOf(number, directory));
    /** Forgotten without closing, as by a killed process: what is on disk stays as it is. */
    const killed = (count: number): Journal => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      journal.append(sets(1, count), atMs);
      journal.flush();
      return journal;
    };

    beforeEach(() => {
      place = makeFiles();
      open = [];
    });
    afterEach(() => {
      for (const journal of open) thrownBy(() => journal.close());
      place.remove();
    });

    test('SYN-001: while a file is written it has zeros behind its end; finished or closed it has not', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      expect(content(1)).toHaveLength(stepBytes);
      const size = () => content(1).length;
      const sizes = new Set<number>();
      for (let number = 1; number <= 150; number += 1) {
        journal.append([set(number)], atMs);
        journal.flush();
        sizes.add(size());
        expect(size() - journal.end.offset).toBeGreaterThanOrEqual(stepBytes / 4);
        expect(
          content(1)
            .subarray(journal.end.offset)
            .every((byte) => byte === 0),
        ).toBe(true);
        expect(journal.files[0]!.bytes).toBe(journal.end.offset);
      }
      // The size changes seldom: that is what makes a sync cheap.
      expect([...sizes]).toEqual([stepBytes, 2 * stepBytes, 3 * stepBytes]);
      const first = journal.end.offset;
      journal.startFile(epochOf(2), atMs);
      expect([size(), content(2).length]).toEqual([first, stepBytes]);
      journal.append(sets(1, 3), atMs);
      journal.close();
      expect(content(2)).toHaveLength(journal.end.offset);
    });

    test('what comes in pieces as large as a step has no zeros behind it, what comes after it has', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      for (let number = 1; number <= 40; number += 20) {
        journal.append(sets(number, 20, 200), atMs);
        journal.flush();
        expect(content(1)).toHaveLength(journal.end.offset);
      }
      journal.append(sets(41, 1), atMs);
      journal.flush();
      expect(content(1).length).toBeGreaterThanOrEqual(journal.end.offset + stepBytes / 4);
    });

    test('no zeros go beyond the size of a full file', () => {
      const journal = openAt({ fileBytesMax: 5000 });
      journal.startFile(epochOf(1), atMs);
      for (let number = 1; number <= 100; number += 1) {
        journal.append([set(number)], atMs);
        journal.flush();
        expect(content(journal.end.file).length).toBeLessThanOrEqual(5000);
      }
      expect(journal.end.file).toBe(2);
    });

    test('a killed process leaves zeros: reader and writer find the end before them, and go on', () => {
      const { end } = killed(20);
      expect(content(1).length).toBeGreaterThan(end.offset);
      const before = content(1);
      const reader = openAt({ readOnly: true });
      expect([reader.end, reader.openingReport, reader.files[0]!.bytes]).toEqual([end, null, end.offset]);
      expect(allRecords(reader, 100)).toHaveLength(20);
      reader.close();
      expect(content(1).equals(before)).toBe(true);
      const again = openAt();
      expect([again.end, again.flushed, again.openingReport]).toEqual([end, end, null]);
      again.append(sets(21, 5), atMs);
      again.flush();
      expect(allRecords(again)).toHaveLength(25);
      again.startFile(epochOf(2), atMs);
      const copy = openAt({ directory: `${place.root}/copy`, logPath: `${place.root}/copy.log` });
      ship(again, copy, () => 500);
      again.close();
      copy.close();
      for (const number of [1, 2]) expect(content(number, 'copy').equals(content(number))).toBe(true);
      expect(openAt().end).toEqual(copy.end);
    });

    test('a write torn at any byte before the zeros is cut; one that left zeros only is none', () => {
      const journal = killed(3);
      const whole = journal.end;
      const torn = Buffer.from(journal.read(whole, journal.append([set(4)], atMs), 1000)!.bytes);
      const size = content(1).length;
      for (let length = 0; length < torn.length; length += 1) {
        overwrite(place.files, pathOf(1), whole.offset, torn.subarray(0, length));
        const grown = Buffer.alloc(size - whole.offset - length);
        overwrite(place.files, pathOf(1), whole.offset + length, grown);
        const written = torn.subarray(0, length).findLastIndex((byte) => byte !== 0) + 1;
        const reader = openAt({ readOnly: true });
        expect(reader.end).toEqual(whole);
        reader.close();
        expect(content(1)).toHaveLength(size);
        const again = openAt();
        expect(again.end).toEqual(whole);
        if (written === 0) expect(again.openingReport).toBeNull();
        else expect(again.openingReport).toContain(`cut ${written} bytes`);
        // Cut at once: what stays behind could look like records when the next write is torn.
        expect(content(1)).toHaveLength(written === 0 ? size : whole.offset);
        again.close();
        expect(content(1)).toHaveLength(whole.offset);
      }
    });

    test('a bit flipped in flushed data before the zeros is damage, and so are zeros in its place', () => {
      const journal = openAt();
      journal.startFile(epochOf(1), atMs);
      const ends = [journal.end, ...sets(1, 4).map((record) => journal.append([record], atMs))];
      journal.flush();
      const good = content(1);
      const recordsEnd = journal.end.offset;
      const boundary = (at: number) => (at < 256 ? 0 : ends.findLast(({ offset }) => offset <= at)!.offset);
      const refused = (at: number, bytes: Uint8Array) => {
        overwrite(place.files, pathOf(1), at, bytes);
        for (const readOnly of [false, true]) {
          const error = thrownBy(() => openAt({ readOnly }));
          expect([at, error.code, error.offset]).toEqual([at, 'journal-damaged', boundary(at)]);
        }
        expect(content(1)).toHaveLength(good.length);
        overwrite(place.files, pathOf(1), 0, good);
      };
      for (let at = 0; at < recordsEnd; at += 11) refused(at, Uint8Array.of(good[at]! ^ 1));
      for (const { offset } of ends.slice(0, -1)) refused(offset, Buffer.alloc(recordsEnd - offset));
      refused(0, Buffer.alloc(good.length));
      expect(openAt().end).toEqual(ends.at(-1));
    });

    test('a beginning that was interrupted with zeros behind it is removed; with anything else behind it, it is damage', () => {
      killed(3);
      const good = content(1);
      for (const listed of [false, true]) {
        for (const records of [false, true]) {
          overwrite(place.files, pathOf(1), 0, records ? good : Buffer.alloc(good.length));
          overwrite(place.files, pathOf(1), 0, Buffer.alloc(100));
          const directory = `${place.root}/${listed}-${records}`;
          const logPath = listed ? `${place.root}/mirrorjrn-M1.log` : `${place.root}/none.log`;
          place.files.makeDirectory(directory);
          place.files.rename(pathOf(1), `${directory}/MIRROR-M1-20260314.001`);
          const openIt = () => openAt({ directory, logPath, readOnly: true });
          if (listed || records) expect(thrownBy(openIt).code).toBe('journal-damaged');
          else expect(openIt().openingReport).toContain('beginning was interrupted');
          place.files.rename(`${directory}/MIRROR-M1-20260314.001`, pathOf(1));
        }
      }
      overwrite(place.files, pathOf(1), 0, good);
    });

    test('without a mark a hole of zeros before whole records is damage', () => {
      const journal = killed(4);
      place.files.remove(`${place.root}/journal/flushed-M1.mark`);
      const second = journal.locate(1, 1)!;
      const third = journal.locate(1, 2)!;
      overwrite(place.files, pathOf(1), second.offset, Buffer.alloc(third.offset - second.offset));
      expect(thrownBy(() => openAt()).code).toBe('journal-damaged');
    });

    test('an older file with anything behind its end is damage, zeros too', () => {
      const journal = killed(4);
      journal.startFile(epochOf(2), atMs);
      journal.close();
      overwrite(place.files, pathOf(1), content(1).length, Buffer.alloc(10));
      expect(thrownBy(() => openAt()).code).toBe('journal-damaged');
    });

    test('what a cut keeps in lost+found ends with its records, and so does what is left', () => {
      const journal = killed(10);
      journal.startFile(epochOf(2), atMs);
      const end = journal.append(sets(11, 10), atMs);
      const cutAt = journal.locate(1, 6)!;
      const { keptIn } = journal.truncateTo(cutAt, 'test')!;
      expect(keptIn.map((path) => contentOf(place.files, path).length)).toEqual([
        256 + journalBytes(sets(7, 4)),
        end.offset,
      ]);
      expect(content(1)).toHaveLength(cutAt.offset);
      journal.append(sets(30, 2), atMs);
      journal.flush();
      expect(content(1).length).toBeGreaterThan(journal.end.offset);
      expect(openAt({ readOnly: true }).end).toEqual(journal.end);
      journal.truncateTo(JOURNAL_START, 'all of it');
      expect(journal.files).toEqual([]);
    });
  });
}

function journalBytes(records: ReturnType<typeof sets>): number {
  return records.reduce(
    (bytes, { database, key, value }) => bytes + 28 + database.length + key.length + value.length,
    0,
  );
}
