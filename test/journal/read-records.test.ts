/** The parts of a chunk are its records, whatever stands beside what. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { JournalChunk, JournalRecord, PlacedRecord, PlacedSets } from '../../src/journal/journal.ts';
import { readParts, readRecords } from '../../src/journal/read-records.ts';
import { recordsOf } from '../../src/journal/record-groups.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { epochOf, optionsAt } from '../contracts/journal-promises.ts';

const anyRecord: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'kill', 'database-added'),
  database: fc.constantFrom('A', 'LONGER', 'Ä'),
  key: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  value: fc.uint8Array({ maxLength: 200 }),
  continues: fc.constantFrom(false, false, true),
});

function chunkOf(records: readonly JournalRecord[]): JournalChunk {
  const files = new SimulatedFiles();
  files.makeDirectory('/host');
  const journal = openDiskJournal(optionsAt({ files, root: '/host', remove: () => {} }));
  journal.startFile(epochOf(1), 0);
  for (const [index, record] of records.entries()) journal.append([record], 1000 + index);
  return journal.read(JOURNAL_START, journal.end, 1 << 20) as JournalChunk;
}

const contentOf = ({ kind, database, key, value, continues, timeMs, position }: PlacedRecord) => ({
  kind,
  database,
  key: Buffer.from(key),
  value: Buffer.from(value),
  continues,
  timeMs,
  position,
});

test('SYN-015: sets that belong together are one part, and all parts one by one are the records in their order', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 60 }), (records) => {
      const chunk = chunkOf(records);
      const parts = readParts(chunk);
      const one = parts.flatMap(recordsOf).map(contentOf);
      expect(one).toEqual([...readRecords(chunk)].map(contentOf));
      expect(one.map(({ timeMs: _, position, ...content }) => [position.sequence, content])).toEqual(
        records.map((record, index) => [
          index + 1,
          { ...record, key: Buffer.from(record.key), value: Buffer.from(record.value) },
        ]),
      );
      // Neighbours that could be together are.
      for (const [index, part] of parts.entries()) {
        const next = parts[index + 1];
        if (part.kind !== 'sets' || next?.kind !== 'sets') continue;
        expect([next.database, next.continues]).not.toEqual([part.database, part.continues]);
      }
    }),
  );
});

test('SYN-015: of sets that are here in part the rest is given: places, bytes and records', () => {
  const records = Array.from({ length: 20 }, (_, index): JournalRecord => {
    return { kind: 'set', database: 'A', key: Buffer.from(`k${index}`), value: Buffer.alloc(index, 7) };
  });
  const chunk = chunkOf(records);
  const [part] = readParts(chunk) as [PlacedSets];
  const each = part.records().map(({ position }) => position);
  for (let has = 0; has < 20; has += 1) {
    const rest = part.behind(has === 0 ? JOURNAL_START : each[has - 1]!);
    expect(rest.count).toBe(20 - has);
    expect(rest.position).toEqual(part.position);
    const sets = Array.from({ length: rest.count }, (_, index) => {
      const [keyAt, valueAt, end] = rest.places.subarray(rest.first + 3 * index);
      return [rest.bytes.subarray(keyAt, valueAt), rest.bytes.subarray(valueAt, end)].map((bytes) =>
        Buffer.from(bytes),
      );
    });
    expect(sets).toEqual(records.slice(has).map(({ key, value }) => [Buffer.from(key), Buffer.from(value)]));
    expect(rest.dataBytes).toBe(sets.flat().reduce((sum, bytes) => sum + bytes.length, 0));
    expect(rest.records().map(contentOf)).toEqual(part.records().slice(has).map(contentOf));
  }
});
