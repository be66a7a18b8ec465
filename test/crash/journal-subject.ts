/** The journal on disk as a subject of the crash proof: every operation of its door in small. */
import assert from 'node:assert/strict';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { type DiskJournalOptions, openDiskJournal } from '../../src/journal/disk-journal.ts';
import { decodeFileHeader } from '../../src/journal/file-header.ts';
import type { Journal, JournalChunk, JournalFileOperations, JournalRecord } from '../../src/journal/journal.ts';
import { readRecords } from '../../src/journal/read-records.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import type { Epoch } from '../../src/mirror/terms.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { useDisk } from './simulated-node-fs.ts';
import type { Life, Promised, Step, Subject } from './subject.ts';

const atMs = Date.UTC(2026, 2, 14, 12);
const valueBytes = 300;

function epochOf(number: number): Epoch {
  return { number, owner: number % 2 === 1 ? 'ALPHA' : 'BETA', lineage: 'first' };
}

function recordsOf(numbers: readonly number[]): readonly JournalRecord[] {
  return numbers.map((number) => ({
    kind: 'set',
    database: 'ORDERS',
    key: Buffer.from(`^key(${number})`),
    value: Buffer.alloc(valueBytes, number),
  }));
}

function optionsOn(files: JournalFileOperations): DiskJournalOptions {
  return {
    files,
    directory: '/i/journal',
    mirror: 'M1',
    logPath: '/i/mirrorjrn-M1.log',
    lostAndFoundDirectory: '/i/lost+found',
    wallMs: () => atMs,
    fileBytesMax: 4000,
    writeAheadStepBytes: 1024,
  };
}

const openReal = (): Journal => openDiskJournal(optionsOn(nodeFileOperations));

/** The chunks of a journal. The first one says where the oldest file that is kept begins, also when those before it are gone. */
function* chunksOf(journal: Journal): Generator<JournalChunk> {
  for (let at = JOURNAL_START; ; ) {
    const chunk = journal.read(at, journal.end, 1500);
    if (chunk === null) return;
    const decoded = chunk.offset === 0 ? decodeFileHeader(chunk.bytes) : null;
    const sequence = decoded?.ok ? decoded.header.sequenceBefore : chunk.from.sequence;
    yield { ...chunk, from: { ...chunk.from, sequence } };
    at = chunk.to;
  }
}

/** Numbers of the records of a journal, oldest first. */
function numbersIn(journal: Journal): number[] {
  const numbers: number[] = [];
  for (const chunk of chunksOf(journal)) {
    for (const { key, value } of readRecords(chunk)) {
      const number = Number(/\d+/.exec(Buffer.from(key).toString())?.[0]);
      assert.ok(
        value.every((byte) => byte === (number & 255)),
        `record ${number} holds another value`,
      );
      numbers.push(number);
    }
  }
  return numbers;
}

/** The sequence before the first record of a file. */
function sequenceBefore(journal: Journal, file: number): number {
  for (const chunk of chunksOf(journal)) if (chunk.file === file) return chunk.from.sequence;
  return journal.end.sequence;
}

/** Another member's journal that holds what this one has, and more. */
function aheadOf(journal: Journal, more: readonly JournalRecord[], epoch: number | null): Journal {
  const files = new SimulatedFiles();
  files.makeDirectory('/i');
  const other = openDiskJournal(optionsOn(files));
  for (let at = other.end; ; ) {
    const chunk = journal.read(at, journal.end, 1 << 20);
    if (chunk === null) break;
    at = other.store(chunk);
  }
  if (epoch !== null) other.startFile(epochOf(epoch), atMs);
  other.append(more, atMs);
  return other;
}

interface Facts {
  /** Numbers of the records that were given to it, from the first sequence on, also those that were purged. */
  readonly records: readonly number[];
  /** How many of the oldest records may have been purged, and how many must be gone. */
  readonly purgedMax: number;
  readonly purgedMin: number;
  /** How many of them must be there. */
  readonly durable: number;
  /** The end is in this epoch or a later one. */
  readonly epoch: number;
}

class JournalLife implements Life {
  #journal: Journal;
  #facts: Facts;
  #next: number;
  #epoch: number;
  #isOpen = true;

  constructor() {
    this.#journal = openReal();
    const records = numbersIn(this.#journal);
    this.#facts = {
      records,
      purgedMax: 0,
      purgedMin: 0,
      durable: records.length,
      epoch: this.#journal.end.epoch,
    };
    this.#next = 100;
    this.#epoch = this.#facts.epoch;
  }

  stepsOf(operation: string): readonly Step[] {
    switch (operation) {
      case 'append':
        return [this.#append(2)];
      case 'append and flush':
        return [this.#append(1), this.#flush()];
      case 'append 6 and flush':
        return [this.#append(6), this.#flush()];
      case 'switch':
        return [this.#startFile(0)];
      case 'new epoch':
        return [this.#startFile(2)];
      case 'store':
        return this.#store(3, null);
      case 'store a new file':
        return this.#store(2, 1);
      case 'cut 2':
        return [this.#cut(2)];
      case 'cut a file':
        return [this.#cut(4)];
      case 'purge':
        return [this.#purge()];
      case 'reopen':
        return [
          { what: 'close', run: () => this.#close() },
          { what: 'open', run: () => this.#open() },
        ];
      default:
        throw new Error(`no operation ${operation}`);
    }
  }

  promised(): Promised {
    return new JournalPromise(this.#facts);
  }

  answerTo(error: unknown): 'again' | 'over' | null {
    switch ((error as { code?: string }).code) {
      case 'journal-frozen':
        return 'again';
      case 'journal-broken':
        return 'over';
      default:
        return null;
    }
  }

  misuse(): string | null {
    if (!this.#isOpen) return null;
    for (const [what, use] of [
      ['append', () => this.#journal.append(recordsOf([1]), atMs)],
      ['flush', () => this.#journal.flush()],
      ['startFile', () => this.#journal.startFile(epochOf(99), atMs)],
    ] as const) {
      try {
        use();
        return `${what} goes on after the journal is broken`;
      } catch (error) {
        if (this.answerTo(error) !== 'over') return `${what} of a broken journal throws ${error}`;
      }
    }
    return null;
  }

  close(): void {
    this.#journal.close();
  }

  #append(count: number): Step {
    const numbers = Array.from({ length: count }, (_, index) => this.#next + index);
    this.#next += count;
    return {
      what: `append ${count}`,
      run: () => {
        this.#facts = { ...this.#facts, records: [...this.#facts.records, ...numbers] };
        this.#journal.append(recordsOf(numbers), atMs);
      },
    };
  }

  #flush(): Step {
    return {
      what: 'flush',
      run: () => {
        assert.deepEqual(this.#journal.flush(), this.#journal.end);
        this.#allDurable();
      },
    };
  }

  #startFile(epochsLater: number): Step {
    this.#epoch += epochsLater;
    const epoch = this.#epoch;
    return {
      what: `startFile ${epoch}`,
      run: () => {
        this.#journal.startFile(epochOf(epoch), atMs);
        this.#allDurable();
        this.#facts = { ...this.#facts, epoch };
      },
    };
  }

  #store(count: number, epochsLater: number | null): readonly Step[] {
    const numbers = Array.from({ length: count }, (_, index) => this.#next + index);
    this.#next += count;
    if (epochsLater !== null) this.#epoch += epochsLater;
    const epoch = epochsLater === null ? null : this.#epoch;
    const store = () => {
      const { records } = this.#facts;
      const other = aheadOf(this.#journal, recordsOf(numbers), epoch);
      this.#facts = { ...this.#facts, records: [...records, ...numbers] };
      try {
        for (let at = this.#journal.end; ; ) {
          const chunk = other.read(at, other.end, 1000);
          if (chunk === null) break;
          at = this.#journal.store(chunk);
        }
      } catch (error) {
        // What was not stored comes again from where the journal ends now.
        const had = records.length;
        const stored = this.#journal.end.sequence - had;
        if (this.answerTo(error) === 'again') {
          this.#facts = { ...this.#facts, records };
          if (stored > 0) this.#facts = { ...this.#facts, records: [...records, ...numbers.splice(0, stored)] };
        }
        throw error;
      }
    };
    return [{ what: `store ${count}`, run: store }, this.#flush()];
  }

  #cut(count: number): Step {
    let kept: number | null = null;
    return {
      what: `cut ${count}`,
      run: () => {
        kept ??= Math.max(this.#facts.purgedMax + 1, this.#facts.records.length - count);
        const position = this.#positionOf(kept);
        const { durable } = this.#facts;
        this.#facts = { ...this.#facts, durable: Math.min(durable, kept), epoch: position.epoch };
        this.#journal.truncateTo(position, 'another history');
        const records = this.#facts.records.slice(0, kept);
        this.#facts = { ...this.#facts, records, durable: kept, epoch: position.epoch };
        assert.deepEqual(this.#journal.end, position);
      },
    };
  }

  #purge(): Step {
    return {
      what: 'purge',
      run: () => {
        const newest = this.#journal.files.at(-1)!.file;
        const purged = sequenceBefore(this.#journal, newest);
        this.#facts = { ...this.#facts, purgedMax: Math.max(purged, this.#facts.purgedMax) };
        this.#journal.purge(newest);
        this.#facts = { ...this.#facts, purgedMin: this.#facts.purgedMax };
      },
    };
  }

  #positionOf(sequence: number) {
    for (const { epoch } of this.#journal.history) {
      const position = this.#journal.locate(epoch, sequence);
      if (position !== null) return position;
    }
    throw new Error(`record ${sequence} is nowhere in the journal`);
  }

  /** It is closed however that ends; only what was flushed is promised when it threw. */
  #close(): void {
    try {
      this.#journal.close();
    } catch (error) {
      if (this.answerTo(error) === 'again') return;
      throw error;
    }
    this.#allDurable();
  }

  #open(): void {
    this.#isOpen = false;
    this.#journal = openReal();
    this.#isOpen = true;
    checkRecords(this.#journal, this.#facts);
    this.#facts = { ...this.#facts, records: this.#facts.records.slice(0, this.#journal.end.sequence) };
    this.#allDurable();
  }

  #allDurable(): void {
    this.#facts = { ...this.#facts, durable: this.#facts.records.length };
  }
}

/** Its records are those that were written, from a purge that was begun up to what was promised or beyond; their numbers. */
function checkRecords(journal: Journal, { records, durable, purgedMin, purgedMax }: Facts): readonly number[] {
  const numbers = numbersIn(journal);
  const { sequence } = journal.end;
  const purged = sequence - numbers.length;
  assert.deepEqual(numbers, records.slice(purged, sequence), 'a record that was not written there');
  assert.ok(sequence >= durable, `${sequence} records, ${durable} were promised`);
  assert.ok(
    purged >= purgedMin && purged <= purgedMax,
    `${purged} records are purged, ${purgedMin} to ${purgedMax} may`,
  );
  return numbers;
}

class JournalPromise implements Promised {
  readonly text: string;
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
    const { records, durable, epoch, purgedMin, purgedMax } = facts;
    this.text = `${records.join(',')} ${durable} ${epoch} ${purgedMin} ${purgedMax}`;
  }

  check(disk: SimulatedDisk): void {
    const { epoch } = this.#facts;
    useDisk(disk);
    const first = openReal();
    const numbers = checkRecords(first, this.#facts);
    assert.ok(first.end.epoch >= epoch, `the end is in epoch ${first.end.epoch}, ${epoch} was promised`);
    assert.deepEqual(first.flushed, first.end, 'what opening found is not durable');
    // Power is lost again before anything else happens: what was found stays found.
    const undecided = disk.undecided();
    const lost = disk.crashed(undecided.map(() => 0));
    first.close();
    useDisk(lost);
    const second = openReal();
    assert.deepEqual(numbersIn(second), numbers, 'opening twice');
    assert.deepEqual(second.end, first.end, 'opening twice');
    assert.equal(second.openingReport, null, 'the second opening has something to mend');
    // Life goes on.
    second.startFile(epochOf(second.end.epoch + 1), atMs);
    second.append(recordsOf([9]), atMs);
    const end = second.flush();
    const third = lost.crashed(lost.undecided().map(() => 0));
    useDisk(third);
    const last = openReal();
    assert.deepEqual(last.end, end, 'what was written after the crash');
    last.close();
  }
}

export const journalSubject: Subject = {
  name: 'journal',
  operations: [
    'append',
    'append and flush',
    'append 6 and flush',
    'switch',
    'new epoch',
    'store',
    'store a new file',
    'cut 2',
    'cut a file',
    'purge',
    'reopen',
  ],
  prepare(disk) {
    useDisk(disk);
    nodeFileOperations.makeDirectory('/i');
    const journal = openReal();
    journal.startFile(epochOf(1), atMs);
    journal.append(recordsOf([1, 2, 3]), atMs);
    journal.startFile(epochOf(2), atMs);
    journal.append(recordsOf([4, 5, 6]), atMs);
    journal.close();
  },
  open(disk) {
    useDisk(disk);
    return new JournalLife();
  },
};
