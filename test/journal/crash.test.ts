/** The journal when the machine stops at any file operation, whatever the disk kept of what was not synced. */
import { describe, expect, test } from '@jest/globals';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
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
  return openDiskJournal({ ...optionsAt({ files, root, remove: () => {} }), fileBytesMax: 6000 });
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
    for (let operation = 3; operation <= rehearsal.operations + 1; operation += 1) {
      for (const [name, choose] of choices) {
        const files = new SimulatedFiles();
        const [own, copied] = [told(), told()];
        files.stopAt(operation);
        const stopped = stopsBy(() => live(files, own, copied));
        expect(stopped).toBe(operation <= rehearsal.operations);
        files.crash(choose(operation));
        const what = `operation ${operation}, ${name}`;
        const journal = openSimulated(files, 'own');
        if (journal.openingReport !== null) torn += 1;
        checkSurvived(journal, own, what);
        checkSurvived(openSimulated(files, 'copy'), copied, `copy, ${what}`);
        // Life goes on where it stopped.
        journal.startFile(epochOf(9), atMs);
        const end = journal.append(sets(1000, 3), atMs);
        journal.close();
        expect(openSimulated(files, 'own').end).toEqual(end);
      }
    }
    expect(torn).toBeGreaterThan(30);
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

  test('SYN-003: flush refuses while the reserve of the disk would be touched', () => {
    const { files, journal } = begun();
    journal.append(sets(1, 10, 200_000), atMs);
    files.capacityBytes = 1_000_000;
    expect(codeOf(() => journal.flush())).toBe('journal-frozen');
    files.capacityBytes = Number.MAX_SAFE_INTEGER;
    expect(journal.flush()).toEqual(journal.end);
  });

  test('a full disk while a file is begun leaves no trace; append goes on in the present file', () => {
    for (let operation = 1; operation <= 5; operation += 1) {
      const { files, journal, writer } = begun();
      writer.append(3);
      journal.flush();
      files.failAfter(operation, 'ENOSPC');
      const code = codeOf(() => journal.startFile(epochOf(2), atMs));
      // A sync that fails is never "no room": what is on disk is unknown then.
      if (code === 'journal-broken') continue;
      expect(code).toBe('journal-frozen');
      expect([journal.files.length, journal.end.epoch, files.list('/own/journal').length]).toEqual([1, 1, 2]);
      expect(journal.startFile(epochOf(2), atMs)).toMatchObject({ epoch: 2, file: 2 });
    }
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
