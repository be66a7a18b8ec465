/** The journal when the machine stops at any file operation, whatever the disk kept of what was not synced. */
import { describe, expect, test } from '@jest/globals';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import { diskReserveBytes } from '../../src/mirror/limits.ts';
import { type Choose, SimulatedCrash, SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { allRecords, atMs, contentOf, epochOf, optionsAt, sets } from '../contracts/journal-promises.ts';

/** What a journal was given and what it promised, kept up to date at every call. */
interface Told {
  /** Numbers of the records, oldest first. */
  records: number[];
  /** How many of them must survive. */
  durable: number;
  /** The epoch that must survive. */
  epoch: number;
}

const told = (): Told => ({ records: [], durable: 0, epoch: 0 });

/** A journal that keeps `Told` true, also while a call is under way. */
function watched(journal: Journal, facts: Told) {
  let next = 1;
  return {
    journal,
    append(count: number): void {
      for (const number of sets(next, count, 300).keys()) facts.records.push(next + number);
      journal.append(sets(next, count, 300), atMs);
      next += count;
    },
    flush(): void {
      journal.flush();
      facts.durable = facts.records.length;
    },
    startFile(epoch: number): void {
      journal.startFile(epochOf(epoch), atMs);
      facts.durable = facts.records.length;
      facts.epoch = epoch;
    },
    truncateTo(epoch: number, sequence: number): void {
      const position = journal.locate(epoch, sequence)!;
      facts.durable = Math.min(facts.durable, sequence);
      facts.epoch = epoch;
      journal.truncateTo(position, 'another history');
      facts.records = facts.records.slice(0, sequence);
    },
  };
}

function openSimulated(files: SimulatedFiles, name: string): Journal {
  const root = `/${name}`;
  const place = { files, root, remove: () => {} };
  return openDiskJournal({ ...optionsAt(place), fileBytesMax: 6000, writeAheadStepBytes: 2048 });
}

/** Does the newest file of a journal that nobody has open end in zeros? */
function endsInZeros(files: SimulatedFiles, name: string): boolean {
  const directory = `/${name}/journal`;
  if (!files.exists(directory)) return false;
  const newest = files.list(directory).findLast((found) => found.startsWith('MIRROR-'));
  return newest !== undefined && contentOf(files, `${directory}/${newest}`).at(-1) === 0;
}

/** What is on disk after closing is what the journal says, byte for byte, and no byte more. */
function checkSizes(files: SimulatedFiles, name: string, journal: Journal): void {
  const sizes = journal.files.map((file) => contentOf(files, `/${name}/journal/${file.name}`).length);
  expect(sizes).toEqual(journal.files.map(({ bytes }) => bytes));
}

/** One life of a primary's journal and of a copy that is shipped in pieces, unflushed bytes too. */
function live(files: SimulatedFiles, own: Told, copied: Told): void {
  files.makeDirectory('/own');
  files.makeDirectory('/copy');
  const primary = watched(openSimulated(files, 'own'), own);
  const copy = openSimulated(files, 'copy');
  const ship = (bytesMax: number) => {
    for (let at = copy.end; ; ) {
      const chunk = primary.journal.read(at, primary.journal.end, bytesMax);
      if (chunk === null) return;
      copied.records = own.records.slice(0, chunk.to.sequence);
      at = copy.store(chunk);
      if (at.sequence % 2 === 0) {
        copy.flush();
        copied.durable = at.sequence;
        copied.epoch = at.epoch;
      }
    }
  };
  primary.startFile(1);
  for (const count of [3, 5, 2]) {
    primary.append(count);
    ship(1500);
    primary.flush();
  }
  primary.append(4);
  primary.startFile(2);
  primary.append(9);
  primary.flush();
  primary.append(6);
  ship(900);
  primary.truncateTo(1, 12);
  primary.startFile(4);
  primary.append(7);
  primary.flush();
  primary.append(2);
  primary.journal.close();
  own.durable = own.records.length;
}

/** Does it stop because of the simulated crash, possibly reported as a broken journal? */
function stopsBy(action: () => void): boolean {
  try {
    action();
    return false;
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (error instanceof SimulatedCrash || cause instanceof SimulatedCrash) return true;
    throw error;
  }
}

function checkSurvived(journal: Journal, facts: Told, what: string): void {
  const numbers = allRecords(journal, 2000).map(({ key }) => Number(/\d+/.exec(Buffer.from(key).toString())![0]));
  expect([what, numbers]).toEqual([what, facts.records.slice(0, numbers.length)]);
  expect([what, numbers.length >= facts.durable, journal.end.epoch >= facts.epoch]).toEqual([what, true, true]);
  expect(journal.flushed).toEqual(journal.end);
}

const fromSeed = (seed: number): Choose => {
  let state = seed;
  return (_what, count) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % count;
  };
};
const choices: readonly (readonly [string, (operation: number) => Choose])[] = [
  ['all lost', () => () => 0],
  ['all kept', () => () => 1],
  ['all torn', () => (_what, count) => count - 1],
  ...[1, 2].map((seed) => [`seed ${seed}`, (operation: number) => fromSeed(seed * 7919 + operation)] as const),
];

describe('a crash at every file operation', () => {
  test('what opening finds is a prefix of what was written, at least as long as what was promised', () => {
    const rehearsal = new SimulatedFiles();
    live(rehearsal, told(), told());
    expect(rehearsal.operations).toBeGreaterThan(90);
    let torn = 0;
    let zeros = 0;
    for (let operation = 3; operation <= rehearsal.operations + 1; operation += 1) {
      for (const [name, choose] of choices) {
        const files = new SimulatedFiles();
        const [own, copied] = [told(), told()];
        files.stopAt(operation);
        const stopped = stopsBy(() => live(files, own, copied));
        expect(stopped).toBe(operation <= rehearsal.operations);
        files.crash(choose(operation));
        const what = `operation ${operation}, ${name}`;
        const hasZeros = endsInZeros(files, 'own');
        const journal = openSimulated(files, 'own');
        if (journal.openingReport !== null) torn += 1;
        else if (hasZeros) zeros += 1;
        checkSurvived(journal, own, what);
        checkSurvived(openSimulated(files, 'copy'), copied, `copy, ${what}`);
        // Life goes on where it stopped.
        journal.startFile(epochOf(9), atMs);
        const end = journal.append(sets(1000, 3), atMs);
        journal.close();
        checkSizes(files, 'own', journal);
        expect(openSimulated(files, 'own').end).toEqual(end);
      }
    }
    expect([torn > 30, zeros > 30]).toEqual([true, true]);
  });

  test('what a killed process left unsynced is durable once it was opened again', () => {
    for (let operation = 3; operation <= 95; operation += 1) {
      const files = new SimulatedFiles();
      const facts = told();
      files.stopAt(operation);
      stopsBy(() => live(files, facts, told()));
      files.endProcess();
      const opened = openSimulated(files, 'own');
      expect([operation, opened.openingReport?.includes('torn') ?? false]).toEqual([operation, false]);
      facts.durable = opened.flushed.sequence;
      facts.epoch = opened.flushed.epoch;
      files.crash(() => 0);
      checkSurvived(openSimulated(files, 'own'), facts, `killed at ${operation}`);
    }
  });

  test('a second crash while opening changes nothing of that', () => {
    for (const middle of [40, 65, 90]) {
      for (let operation = 1; operation <= 8; operation += 1) {
        for (const [name, choose] of choices) {
          const files = new SimulatedFiles();
          const facts = told();
          files.stopAt(middle);
          stopsBy(() => live(files, facts, told()));
          files.crash(choose(middle));
          files.stopAt(files.operations + operation);
          stopsBy(() => void openSimulated(files, 'own'));
          files.crash(choose(operation));
          checkSurvived(openSimulated(files, 'own'), facts, `${middle} then ${operation}, ${name}`);
        }
      }
    }
  });
});

describe('a crash while files are purged', () => {
  test('SYN-026: whenever it stops, the journal is whole from some file on, and no record of a later one is missing', () => {
    const purge = (files: SimulatedFiles): Journal => {
      files.makeDirectory('/own');
      const journal = openSimulated(files, 'own');
      for (const first of [1, 6, 11, 16]) {
        journal.startFile(epochOf(1), atMs);
        journal.append(sets(first, 5), atMs);
        journal.flush();
      }
      begun = files.operations;
      journal.purge(4);
      return journal;
    };
    let begun = 0;
    const rehearsal = new SimulatedFiles();
    purge(rehearsal);
    const left = new Set<number>();
    for (let operation = begun + 1; operation <= rehearsal.operations + 1; operation += 1) {
      for (const [name, choose] of choices) {
        const files = new SimulatedFiles();
        files.stopAt(operation);
        expect(stopsBy(() => purge(files))).toBe(operation <= rehearsal.operations);
        files.crash(choose(operation));
        const journal = openSimulated(files, 'own');
        const [oldest] = journal.files;
        const from = { epoch: 1, file: oldest!.file, offset: 256, sequence: oldest!.sequenceBefore };
        const numbers = allRecords(journal, 2000, from).map(({ position }) => position.sequence);
        const should = Array.from({ length: 20 - from.sequence }, (_, index) => from.sequence + index + 1);
        expect([operation, name, numbers]).toEqual([operation, name, should]);
        left.add(journal.files.length);
      }
    }
    expect([...left].sort()).toEqual([1, 2, 3, 4]);
  });
});

describe('errors of the disk', () => {
  const begun = () => {
    const files = new SimulatedFiles();
    files.makeDirectory('/own');
    const journal = openSimulated(files, 'own');
    journal.startFile(epochOf(1), atMs);
    return { files, journal, writer: watched(journal, told()) };
  };
  const codeOf = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'none';
  };

  test('SYN-003: a full disk freezes the journal; nothing is lost and a later flush goes on', () => {
    for (const code of ['ENOSPC', 'EDQUOT']) {
      const { files, journal, writer } = begun();
      writer.append(5);
      const flushed = journal.flush();
      writer.append(5);
      files.failAfter(1, code);
      expect(codeOf(() => journal.flush())).toBe('journal-frozen');
      expect(journal.flushed).toEqual(flushed);
      expect(contentOf(files, '/own/journal/MIRROR-M1-20260314.001')).toHaveLength(flushed.offset);
      expect(allRecords(journal)).toHaveLength(10);
      writer.append(1);
      expect(journal.flush()).toEqual(journal.end);
      files.crash(() => 0);
      expect(allRecords(openSimulated(files, 'own'))).toHaveLength(11);
    }
  });

  test('SYN-003: a quota that is used up freezes the journal like a full disk, and a later flush goes on', () => {
    const files = new SimulatedFiles();
    files.makeDirectory('/own');
    const journal = openSimulated(files, 'own');
    journal.startFile(epochOf(1), atMs);
    journal.append(sets(1, 3), atMs);
    files.failAfter(1, 'EDQUOT');
    const codeOf = (action: () => unknown): string => {
      try {
        action();
        return '';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(codeOf(() => journal.flush())).toBe('journal-frozen');
    expect(journal.flush()).toEqual(journal.end);
    journal.close();
    expect(allRecords(openSimulated(files, 'own'))).toHaveLength(3);
  });

  test('SYN-003: flush refuses while the reserve of the disk would be touched', () => {
    const { files, journal } = begun();
    journal.append(sets(1, 10, 200_000), atMs);
    files.capacityBytes = 1_000_000;
    expect(codeOf(() => journal.flush())).toBe('journal-frozen');
    files.capacityBytes = Number.MAX_SAFE_INTEGER;
    expect(journal.flush()).toEqual(journal.end);
  });

  test('a full disk while a file is begun leaves no trace; append goes on in the present file', () => {
    const codes: string[] = [];
    for (let operation = 1; operation <= 8; operation += 1) {
      const { files, journal, writer } = begun();
      writer.append(3);
      journal.flush();
      files.failAfter(operation, 'ENOSPC');
      const code = codeOf(() => journal.startFile(epochOf(2), atMs));
      codes.push(code);
      if (code !== 'journal-frozen') continue;
      expect([journal.files.length, journal.end.epoch, files.list('/own/journal').length]).toEqual([1, 1, 2]);
      expect(journal.startFile(epochOf(2), atMs)).toMatchObject({ epoch: 2, file: 2 });
    }
    const [broken, frozen] = ['journal-broken', 'journal-frozen'];
    // Cutting zeros off the present file and its sync; entry and header; zeros ahead; syncs of file and directory; the log's line.
    // A sync that fails is never "no room": what is on disk is unknown then. Without room for zeros a file begins without.
    expect(codes).toEqual([frozen, broken, frozen, frozen, 'none', broken, broken, frozen]);
    const { files, journal, writer } = begun();
    writer.append(15);
    journal.flush();
    files.failAfter(1, 'ENOSPC');
    writer.append(3);
    expect(journal.files).toHaveLength(1);
    writer.append(1);
    expect(journal.files).toHaveLength(2);
    expect(allRecords(journal, 1 << 20, JOURNAL_START)).toHaveLength(19);
  });

  test('SYN-003: without room for zeros ahead a flush goes on without them, and has them again when there is room', () => {
    for (const code of ['ENOSPC', 'EDQUOT']) {
      const { files, journal, writer } = begun();
      writer.append(1);
      journal.flush();
      // Three operations: the records, the zeros, the sync.
      const path = '/own/journal/MIRROR-M1-20260314.001';
      writer.append(3);
      files.failAfter(2, code);
      expect(journal.flush()).toEqual(journal.end);
      expect(contentOf(files, path)).toHaveLength(journal.end.offset);
      writer.append(1);
      const before = files.operations;
      journal.flush();
      // Growing now: the records, the sync, the mark; zeros are not tried each time.
      expect([files.operations - before, contentOf(files, path).length]).toEqual([3, journal.end.offset]);
      for (let count = 1; count <= 6; count += 1) {
        writer.append(1);
        journal.flush();
      }
      expect(contentOf(files, path).length).toBeGreaterThan(journal.end.offset);
      files.crash(() => 0);
      expect(openSimulated(files, 'own').end).toEqual(journal.end);
    }
  });

  test('SYN-003: zeros ahead leave the reserve of the disk alone, records freeze only when they would touch it', () => {
    const files = new SimulatedFiles();
    files.makeDirectory('/own');
    const journal = openDiskJournal(optionsAt({ files, root: '/own', remove: () => {} }));
    journal.startFile(epochOf(1), atMs);
    const size = () => contentOf(files, '/own/journal/MIRROR-M1-20260314.001').length;
    journal.append(sets(1, 10, 200_000), atMs);
    const used = files.capacityBytes - files.freeBytes();
    files.capacityBytes = used + (journal.end.offset - size()) + diskReserveBytes - 1;
    expect(codeOf(() => journal.flush())).toBe('journal-frozen');
    files.capacityBytes += 1;
    expect(journal.flush()).toEqual(journal.end);
    expect(size()).toBe(journal.end.offset);
    files.capacityBytes = Number.MAX_SAFE_INTEGER;
    journal.append(sets(11, 3, 200_000), atMs);
    journal.flush();
    expect(size()).toBeGreaterThan(journal.end.offset);
  });

  test('a flush inside of the zeros is one write, one sync and the mark', () => {
    const { files, journal, writer } = begun();
    writer.append(1);
    journal.flush();
    writer.append(1);
    journal.flush();
    const before = files.operations;
    writer.append(1);
    journal.flush();
    expect(files.operations - before).toBe(3);
  });

  test('a write error or a failed sync breaks the journal for good: the process must end', () => {
    for (const operation of [1, 2]) {
      const { files, journal, writer } = begun();
      writer.append(5);
      files.failAfter(operation, 'EIO');
      expect(codeOf(() => journal.flush())).toBe('journal-broken');
      expect(codeOf(() => journal.flush())).toBe('journal-broken');
      expect(codeOf(() => journal.append(sets(9, 1), atMs))).toBe('journal-broken');
      expect(codeOf(() => journal.startFile(epochOf(2), atMs))).toBe('journal-broken');
    }
  });

  test('a full disk while cutting keeps a whole journal, and the cut can be made later', () => {
    for (let operation = 1; operation <= 12; operation += 1) {
      const { files, journal, writer } = begun();
      writer.append(3);
      writer.startFile(2);
      writer.append(3);
      journal.flush();
      const position = journal.locate(1, 2)!;
      files.failAfter(operation, 'ENOSPC');
      const code = codeOf(() => journal.truncateTo(position, 'test'));
      // Once something was taken away a failed sync leaves it unknown how much is left.
      if (code === 'journal-broken') {
        files.crash(fromSeed(operation));
        expect(allRecords(openSimulated(files, 'own')).length).toBeGreaterThanOrEqual(2);
        continue;
      }
      expect(['none', 'journal-frozen']).toContain(code);
      if (code === 'journal-frozen') {
        expect(journal.flushed).toEqual(journal.end);
        expect(allRecords(journal)).toHaveLength(journal.end.sequence);
        journal.truncateTo(position, 'again');
      }
      expect(allRecords(journal)).toHaveLength(2);
      journal.close();
      expect(openSimulated(files, 'own').end).toEqual(position);
    }
  });
});
