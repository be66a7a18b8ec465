/** What a journal promises about which files it keeps and where: purging, journal.log, the alternate directory; run by journal.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DiskJournalOptions, openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal, JournalFileOperations } from '../../src/journal/journal.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import {
  allRecords,
  atMs,
  contentOf,
  epochOf,
  optionsAt,
  sets,
  ship,
  type TestFiles,
  thrownBy,
} from './journal-promises.ts';

const mebibyte = 1024 * 1024;

/** The same files on disks of which each has as many free bytes as `free` says, by directory. */
function onDisks(files: JournalFileOperations, free: ReadonlyMap<string, number>): JournalFileOperations {
  return new Proxy(files, {
    get(target, name: keyof JournalFileOperations) {
      if (name === 'freeBytes') return (path: string) => free.get(path) ?? 1000 * mebibyte;
      return (target[name] as (...given: unknown[]) => unknown).bind(target);
    },
  });
}

export function placesContract(kind: string, makeFiles: () => TestFiles): void {
  describe(`the files of a journal on ${kind} files`, () => {
    let place: TestFiles;
    let open: Journal[];
    const openAt = (more: Partial<DiskJournalOptions> = {}): Journal => {
      const journal = openDiskJournal(optionsAt(place, more));
      open.push(journal);
      return journal;
    };
    /** Three files of an epoch with ten records each, flushed. */
    const withThreeFiles = (more: Partial<DiskJournalOptions> = {}): Journal => {
      const journal = openAt(more);
      for (const first of [1, 11, 21]) {
        journal.startFile(epochOf(1), atMs);
        journal.append(sets(first, 10), atMs + first);
        journal.flush();
      }
      return journal;
    };
    const existing = (): readonly string[] =>
      place.files.list(`${place.root}/journal`).filter((n) => /^MIRROR/.test(n));

    beforeEach(() => {
      place = makeFiles();
      open = [];
    });
    afterEach(() => {
      for (const journal of open) thrownBy(() => journal.close());
      place.remove();
    });

    test('SYN-026: purging removes the files below a number, and what is left is read on and after reopening', () => {
      const journal = withThreeFiles();
      const second = journal.files[1]!;
      const purged = journal.purge(2);
      expect(purged.map(({ file, sequence }) => [file, sequence])).toEqual([[1, 10]]);
      expect(existing()).toEqual(journal.files.map(({ name }) => name));
      const from = { epoch: 1, file: 1, offset: purged[0]!.bytes, sequence: 10 };
      expect(allRecords(journal, 500, from)).toHaveLength(20);
      expect(allRecords(journal, 500, JOURNAL_START).map(({ position }) => position.sequence)[0]).toBe(11);
      expect(thrownBy(() => journal.read({ ...from, offset: 300, sequence: 4 }, journal.end, 1000)).code).toBe(
        'journal-gone',
      );
      journal.close();
      const again = openAt();
      expect(again.files[0]).toEqual(second);
      expect(again.openingReport).toBeNull();
      expect(again.purge(2)).toEqual([]);
    });

    test('SYN-026: the newest file is never purged, and the log lists what is kept', () => {
      const journal = withThreeFiles();
      expect(journal.purge(99).map(({ file }) => file)).toEqual([1, 2]);
      expect(journal.files.map(({ file }) => file)).toEqual([3]);
      const log = contentOf(place.files, `${place.root}/mirrorjrn-M1.log`).toString();
      expect(log).toMatch(/^3,MIRROR-M1-20260314\.003,[^\n]*\n$/);
      journal.append(sets(31, 1), atMs);
      journal.startFile(epochOf(2), atMs);
      expect(journal.files.map(({ file, name }) => [file, name])).toEqual([
        [3, 'MIRROR-M1-20260314.003'],
        [4, 'MIRROR-M1-20260314.004'],
      ]);
    });

    test('SYN-026: an empty journal begins with the oldest file that the other one keeps', () => {
      const journal = withThreeFiles();
      journal.purge(2);
      const copy = openAt({ directory: `${place.root}/copy`, logPath: `${place.root}/copy.log` });
      const chunk = journal.read(copy.end, journal.end, 400);
      expect(chunk?.file).toBe(2);
      ship(journal, copy, () => 400);
      expect(copy.end).toEqual(journal.end);
      expect(copy.files.map(({ file }) => file)).toEqual([2, 3]);
    });

    test('SYN-001: journal.log lists all journal files of the instance with the time of their beginning', () => {
      const instanceLogPath = `${place.root}/journal.log`;
      const journal = withThreeFiles({ instanceLogPath });
      const lines = () => contentOf(place.files, instanceLogPath).toString().trimEnd().split('\n');
      expect(lines()).toHaveLength(3);
      expect(lines()[0]).toBe(`${place.root}/journal/MIRROR-M1-20260314.001,2026-03-14T12:00:00.000Z`);
      journal.purge(3);
      expect(lines()).toEqual([`${place.root}/journal/MIRROR-M1-20260314.003,2026-03-14T12:00:00.000Z`]);
      journal.close();
      place.files.remove(instanceLogPath);
      openAt({ instanceLogPath });
      expect(lines()).toHaveLength(1);
    });

    test('SYN-004: without room in the journal directory a new file is begun in the alternate one, and both are found', () => {
      const [usual, alternate] = [`${place.root}/journal`, `${place.root}/alternate`];
      const free = new Map([[usual, 1000 * mebibyte]]);
      const files = onDisks(place.files, free);
      const more = { files, alternateDirectory: alternate, reserveBytes: mebibyte, writeAheadStepBytes: 4096 };
      const journal = openAt(more);
      journal.startFile(epochOf(1), atMs);
      journal.append(sets(1, 30, 40_000), atMs);
      journal.flush();
      // Less than the reserve: what was appended still has its place in the present file.
      free.set(usual, 0.7 * mebibyte);
      journal.append(sets(31, 4, 40_000), atMs);
      journal.flush();
      journal.append(sets(35, 5), atMs);
      journal.flush();
      expect(journal.files.map(({ directory }) => directory)).toEqual([usual, alternate]);
      journal.close();
      // Also without being told where the alternate directory is: the mirror journal log says it.
      const again = openAt({ ...more, files: place.files, alternateDirectory: undefined as never });
      expect(again.files.map(({ file, directory }) => [file, directory])).toEqual([
        [1, usual],
        [2, alternate],
      ]);
      expect(allRecords(again)).toHaveLength(39);
    });

    test('SYN-004: with room again, the next file is begun in the journal directory', () => {
      const [usual, alternate] = [`${place.root}/journal`, `${place.root}/alternate`];
      const free = new Map([[usual, 0]]);
      const journal = openAt({ files: onDisks(place.files, free), alternateDirectory: alternate });
      journal.startFile(epochOf(1), atMs);
      free.delete(usual);
      journal.append(sets(1, 1), atMs);
      journal.startFile(epochOf(2), atMs);
      expect(journal.files.map(({ directory }) => directory)).toEqual([alternate, usual]);
      free.set(usual, 0);
      free.set(alternate, 0);
      expect(thrownBy(() => journal.startFile(epochOf(3), atMs)).code).toBe('journal-frozen');
    });
  });
}
