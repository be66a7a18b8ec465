/**
 * Catch-up: databases that are behind the others are brought forward from the journal, many in one operation (SYN-014, DB-034).
 * The journal is read and decoded once for all that lack a part of it; each database is one job, so that what happens to one
 * global is in one job and in order (SYN-015). Writing to the disk goes on meanwhile on threads of the database room.
 */
import { type Database, isFlagCleared, type Maximum, type Update, type Updates } from '../database/databases.ts';
import type { Journal, JournalPart, PlacedRecord } from '../journal/journal.ts';
import type { WholeBlocks } from '../journal/record-groups.ts';
import { recordsOf } from '../journal/record-groups.ts';
import { comparePositions, type JournalPosition, printPosition } from '../mirror/journal-position.ts';
import type { CatchUpProgress } from '../protocol/control-channel.ts';
import type { Filtering, SkippedRecords } from './filtering.ts';
import { CatalogRefusal } from './parts.ts';

/**
 * What a block does in one database; records that it has are left out, and of a copy whose FailoverDB flag is cleared those
 * that the filter keeps out. Resolves with how many these were. @throws CatalogRefusal, like `apply`
 */
export async function applyParts(
  database: Database,
  parts: readonly JournalPart[],
  to: JournalPosition,
  skipped: SkippedRecords,
  maximum: Maximum,
): Promise<number> {
  const applied = database.applied as JournalPosition;
  const own = database.attribute?.database;
  const isFiltered = skipped.size > 0 && isFlagCleared(database.attribute);
  let skippedHere = 0;
  const updates: Updates[number][] = [];
  for (const part of lackingOf(parts, applied)) {
    if (part.database !== own) continue;
    if (part.kind === 'database-added') {
      const text = `mirror database ${own} was added to the mirror anew at ${printPosition(part.position)}, so this copy is obsolete; restore a backup made since then`;
      throw new CatalogRefusal('copy-too-old', text, 'DB-020');
    }
    if (part.kind === 'sets' && !isFiltered) updates.push(part);
    else {
      for (const record of recordsOf(part)) {
        if (!isUpdate(record)) continue;
        if (isFiltered && skipped.has(record.position.sequence)) skippedHere += 1;
        else updates.push(record);
      }
    }
  }
  await database.apply(updates, to, maximum);
  return skippedHere;
}

/** What stands behind a position. They are in order: from the first one on that does, all do. */
function lackingOf(parts: readonly JournalPart[], applied: JournalPosition): readonly JournalPart[] {
  const first = parts.findIndex(({ position }) => comparePositions(position, applied) > 0);
  if (first < 0) return [];
  const part = parts[first] as JournalPart;
  return [part.kind === 'sets' ? part.behind(applied) : part, ...parts.slice(first + 1)];
}

/** The record itself is the update. */
function isUpdate(record: PlacedRecord): record is PlacedRecord & Update {
  return record.kind === 'set' || record.kind === 'kill';
}

/** What there is of each mirror database, in order. */
export function byDatabase(parts: readonly JournalPart[]): ReadonlyMap<string, readonly JournalPart[]> {
  const found = new Map<string, JournalPart[]>();
  let name: string | null = null;
  let its: JournalPart[] = [];
  for (const part of parts) {
    if (part.database !== name) {
      name = part.database;
      its = found.get(name) ?? [];
      found.set(name, its);
    }
    its.push(part);
  }
  return found;
}

/** How far one database is, as people ask for it. */
export class CatchUpCourse {
  readonly #begin: JournalPosition;
  readonly #bytesBetween: Journal['bytesBetween'];
  readonly #beganMs: number;
  #at: JournalPosition;
  #to: JournalPosition;
  #movedMs: number;

  constructor(at: JournalPosition, to: JournalPosition, journal: Pick<Journal, 'bytesBetween'>, nowMs: number) {
    this.#begin = at;
    this.#at = at;
    this.#to = to;
    this.#bytesBetween = (from, until) => journal.bytesBetween(from, until);
    this.#beganMs = nowMs;
    this.#movedMs = nowMs;
  }

  reached(at: JournalPosition, to: JournalPosition, nowMs: number): void {
    if (comparePositions(at, this.#at) > 0) this.#movedMs = nowMs;
    this.#at = at;
    this.#to = to;
  }

  report(nowMs: number): CatchUpProgress {
    const recordsDone = this.#at.sequence - this.#begin.sequence;
    const recordsToDo = this.#to.sequence - this.#begin.sequence;
    const seconds = (nowMs - this.#beganMs) / 1000;
    const recordsPerSecond = seconds > 0 ? Math.round(recordsDone / seconds) : 0;
    return {
      recordsDone,
      recordsToDo,
      bytesDone: this.#bytes(this.#begin, this.#at),
      bytesToDo: this.#bytes(this.#begin, this.#to),
      recordsPerSecond,
      secondsLeft: recordsPerSecond > 0 ? Math.ceil((recordsToDo - recordsDone) / recordsPerSecond) : null,
      standsStillMs: nowMs - this.#movedMs,
    };
  }

  #bytes(from: JournalPosition, to: JournalPosition): number {
    return comparePositions(from, to) < 0 ? this.#bytesBetween(from, to) : 0;
  }
}

export interface CatchUpParts {
  readonly blocks: WholeBlocks;
  /** Where the databases in step stand: that is far enough. */
  readonly target: () => JournalPosition;
  readonly filtering: Pick<Filtering, 'judge' | 'count'>;
  /** CFG-049: so many databases at a time; asked anew at each step. */
  readonly jobsMax: () => number;
  /** Does its maximum size count for what the primary took? */
  readonly maximumFor: (database: Database) => Maximum;
  /** Lets the event loop turn. */
  readonly turn: () => Promise<unknown>;
}

interface Job {
  readonly database: Database;
  readonly onReached: (at: JournalPosition, to: JournalPosition) => void;
  /** It stands where the others do; they move on as soon as this returns. */
  readonly onThere: () => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One reading of the journal for all databases that join it. */
export class CatchUpRun {
  readonly #parts: CatchUpParts;
  /** In the order of joining; the first so many are under way. */
  readonly #jobs = new Set<Job>();
  #isRunning = false;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  /** Resolves after `onThere`; rejects with what the database or the journal failed with. */
  join(database: Database, on: Pick<Job, 'onReached' | 'onThere'>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#jobs.add({ ...on, database, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Whoever joins in this same turn of the event loop begins together.
    await this.#parts.turn();
    while (this.#jobs.size > 0) {
      const jobs = [...this.#jobs].slice(0, this.#parts.jobsMax());
      try {
        await this.#step(jobs);
      } catch (error) {
        for (const job of jobs) this.#end(job, error as Error);
      }
      await this.#parts.turn();
    }
    this.#isRunning = false;
  }

  /** The next block behind the one that is furthest back. */
  async #step(jobs: readonly Job[]): Promise<void> {
    const to = this.#parts.target();
    const behind = jobs.filter((job) => this.#isBehind(job, to));
    const from = behind.map(positionOf).reduce<JournalPosition | null>(earliest, null);
    if (from === null) return;
    const block = this.#parts.blocks.next(from, to);
    if (block === null) {
      for (const job of behind) if (comparePositions(positionOf(job), from) === 0) this.#arrived(job);
      return;
    }
    const parts = byDatabase(block.parts);
    const theirs = behind.flatMap((job) => parts.get(nameOf(job)) ?? []);
    const { filtering, maximumFor } = this.#parts;
    const skipped = await filtering.judge(theirs);
    await Promise.all(
      behind.map(async (job) => {
        const { database } = job;
        if (comparePositions(positionOf(job), block.to) >= 0) return;
        try {
          const its = parts.get(nameOf(job)) ?? [];
          filtering.count(await applyParts(database, its, block.to, skipped, maximumFor(database)));
          job.onReached(positionOf(job), to);
        } catch (error) {
          this.#end(job, error as Error);
        }
      }),
    );
  }

  /** Ends the job when it is not. */
  #isBehind(job: Job, to: JournalPosition): boolean {
    const at = positionOf(job);
    job.onReached(at, to);
    if (comparePositions(at, to) < 0) return true;
    this.#arrived(job);
    return false;
  }

  #arrived(job: Job): void {
    if (!this.#jobs.delete(job)) return;
    job.onThere();
    job.resolve();
  }

  #end(job: Job, error: Error): void {
    if (this.#jobs.delete(job)) job.reject(error);
  }
}

function nameOf({ database }: Job): string {
  return database.attribute?.database ?? '';
}

function positionOf({ database }: Job): JournalPosition {
  return database.applied as JournalPosition;
}

function earliest(a: JournalPosition | null, b: JournalPosition): JournalPosition {
  return a === null || comparePositions(b, a) < 0 ? b : a;
}
