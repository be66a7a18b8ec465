/** What a reader of the journal applies of groups of records, however the journal is cut into pieces and wherever a group was cut off. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import { decodeFileHeader, encodeFileHeader, fileHeaderBytes } from '../../src/journal/file-header.ts';
import type { Journal, JournalRecord } from '../../src/journal/journal.ts';
import { readParts, readRecords } from '../../src/journal/read-records.ts';
import { viewOf } from '../../src/journal/record.ts';
import { recordsOf, WholeBlocks } from '../../src/journal/record-groups.ts';
import { JOURNAL_START, type JournalPosition } from '../../src/mirror/journal-position.ts';
import { crc32c } from '../../src/protocol/crc32c.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { atMs, epochOf, optionsAt, sets } from '../contracts/journal-promises.ts';

function newJournal(fileBytesMax = 1 << 30): Journal {
  const files = new SimulatedFiles();
  files.makeDirectory('/host');
  return openDiskJournal(optionsAt({ files, root: '/host', remove: () => {} }, { fileBytesMax }));
}

/** Records from `first` on that are one group. */
const group = (first: number, count: number): JournalRecord[] =>
  sets(first, count, 10 + first).map((record, index) => ({ ...record, continues: index < count - 1 }));

interface Read {
  /** Sequences in the order of applying. */
  readonly sequences: number[];
  at: JournalPosition;
}

function readOn(blocks: WholeBlocks, to: JournalPosition, read: Read, isTaken = true): void {
  for (;;) {
    const block = isTaken ? blocks.next(read.at, to) : blocks.pass(read.at, to);
    if (block === null) return;
    read.sequences.push(...block.parts.flatMap(recordsOf).map(({ position }) => position.sequence));
    read.at = block.to;
  }
}

describe('groups of records', () => {
  test('SYN-005: a group is applied when its last record is there, and the place read to is never inside one', () => {
    const journal = newJournal();
    journal.startFile(epochOf(1), atMs);
    journal.append(sets(1, 2), atMs);
    journal.append(group(3, 3), atMs);
    const places = ends(journal);
    const blocks = new WholeBlocks(journal, readParts, 1 << 20);
    const read: Read = { sequences: [], at: JOURNAL_START };
    readOn(blocks, places[3] as JournalPosition, read);
    expect([read.sequences, read.at.sequence, blocks.isOpen]).toEqual([[1, 2], 2, true]);
    readOn(blocks, places[4] as JournalPosition, read);
    expect([read.sequences, read.at.sequence, blocks.isOpen]).toEqual([[1, 2, 3, 4, 5], 5, false]);
  });

  test('a block ends with each barrier, which stands behind the groups that were appended before it', () => {
    const journal = newJournal();
    const barrier = (kind: 'barrier' | 'barrier-sums'): JournalRecord => {
      return { kind, database: '', key: new Uint8Array(0), value: Buffer.from('{}') };
    };
    journal.startFile(epochOf(1), atMs);
    journal.append(group(1, 3), atMs);
    journal.append([barrier('barrier')], atMs);
    journal.append(group(5, 2), atMs);
    journal.append([barrier('barrier-sums')], atMs);
    journal.append([barrier('barrier')], atMs);
    journal.append(sets(9, 2), atMs);
    const blocks = new WholeBlocks(journal, readParts, 1 << 20);
    const seen: (readonly [readonly number[], string | undefined, number])[] = [];
    for (let at = JOURNAL_START; ; ) {
      const block = blocks.next(at, journal.end);
      if (block === null) break;
      at = block.to;
      seen.push([
        block.parts.flatMap(recordsOf).map(({ position }) => position.sequence),
        block.barrier?.kind,
        at.sequence,
      ]);
    }
    const begun = seen.findIndex(([sequences]) => sequences.includes(3));
    expect(seen.slice(begun).map(([sequences, kind, at]) => [sequences.at(-1), kind, at])).toEqual([
      [4, 'barrier', 4],
      [7, 'barrier-sums', 7],
      [8, 'barrier', 8],
      [10, undefined, 10],
    ]);
    expect(seen.flatMap(([sequences]) => sequences)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('SYN-005: half a group that another epoch follows is never applied, by whoever reads it and in whatever pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ groups: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }), cut: fc.nat(4) }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.integer({ min: 1, max: 3000 }),
        fc.array(fc.nat(9), { minLength: 1, maxLength: 10 }),
        (epochs, bytesMax, steps) => {
          const journal = newJournal(fileHeaderBytes + 600);
          const expected: number[] = [];
          epochs.forEach(({ groups, cut }, index) => {
            journal.startFile(epochOf(index + 1), atMs);
            let lastBegin = journal.end.sequence;
            for (const count of groups) {
              lastBegin = journal.end.sequence;
              journal.append(group(lastBegin + 1, count), atMs);
            }
            const newest = journal.files.at(-1)?.file;
            const inLastFile = ends(journal).filter(({ file, sequence }) => file === newest && sequence >= lastBegin);
            const to = inLastFile.at(-1 - Math.min(cut, inLastFile.length - 1));
            if (to !== undefined) journal.truncateTo(to, 'a failure');
            const end = journal.end.sequence;
            let begin = firstOf(journal, index + 1);
            for (const count of groups) {
              if (begin + count > end) break;
              for (let each = 1; each <= count; each += 1) expected.push(begin + each);
              begin += count;
            }
          });
          journal.startFile(epochOf(epochs.length + 1), atMs);
          const all = [...ends(journal), journal.end];
          const blocks = new WholeBlocks(journal, readParts, bytesMax);
          const read: Read = { sequences: [], at: JOURNAL_START };
          // Another reader takes only part of it, and stands at the same places all the same.
          const passing = new WholeBlocks(journal, readParts, bytesMax);
          const passed: Read = { sequences: [], at: JOURNAL_START };
          let place = 0;
          for (let step = 0; place < all.length; step += 1) {
            const jump = steps[step % steps.length] as number;
            readOn(blocks, all[place] as JournalPosition, read);
            readOn(passing, all[place] as JournalPosition, passed, jump % 2 === 0);
            expect([passed.at, passing.isOpen]).toEqual([read.at, blocks.isOpen]);
            place += 1 + jump;
          }
          readOn(blocks, journal.end, read);
          readOn(passing, journal.end, passed, false);
          expect(read.sequences).toEqual(expected);
          expect(passed.sequences.filter((sequence) => !expected.includes(sequence))).toEqual([]);
          expect([read.at, blocks.isOpen]).toEqual([journal.end, false]);
          expect([passed.at, passing.isOpen]).toEqual([journal.end, false]);
        },
      ),
    );
  });

  test('a file of format version 1 is still read', () => {
    const journal = newJournal();
    journal.startFile(epochOf(1), atMs);
    const chunk = journal.read(JOURNAL_START, journal.end, 1 << 20);
    const decoded = decodeFileHeader(chunk?.bytes ?? new Uint8Array(0));
    if (!decoded.ok) throw new Error(decoded.problem);
    const bytes = encodeFileHeader(decoded.header);
    const withVersion = (version: number) => {
      bytes.writeUInt32LE(version, 8);
      viewOf(bytes).setUint32(fileHeaderBytes - 4, crc32c(bytes, 0, fileHeaderBytes - 4), true);
      return decodeFileHeader(bytes).ok;
    };
    expect([0, 1, 2, 3].map(withVersion)).toEqual([false, true, true, false]);
  });
});

/** The place after each record. */
function ends(journal: Journal): JournalPosition[] {
  const places: JournalPosition[] = [];
  for (let at = JOURNAL_START; ; ) {
    const chunk = journal.read(at, journal.end, 1 << 20);
    if (chunk === null) return places;
    for (const { position } of readRecords(chunk)) places.push(position);
    at = chunk.to;
  }
}

/** Sequence before the first record of an epoch. */
function firstOf(journal: Journal, epoch: number): number {
  return journal.history.find((each) => each.epoch === epoch)?.begin.sequence ?? 0;
}
