/**
 * Journal data on their way into the databases of an instance: the only road there is, the same on primary, backup and async.
 * Those that are in step go forward together, block by block; one that is behind catches up first. What is read of the journal and
 * how it is applied to one database is in dejournaling.ts.
 */
import { type Database, DatabaseFullError, isFlagCleared, type MirrorAttribute } from '../database/databases.ts';
import type { Journal, JournalPart } from '../journal/journal.ts';
import { type WholeBlock, WholeBlocks } from '../journal/record-groups.ts';
import { comparePositions, type JournalPosition, later, printPosition } from '../mirror/journal-position.ts';
import { shipChunkBytes } from '../mirror/limits.ts';
import type { CatchUpProgress } from '../protocol/control-channel.ts';
import { type CatalogParts, type Mounted, maximumFor, mountedOne } from './catalog-parts.ts';
import { gapBehind, refusalToFollow } from './copy-placement.ts';
import type { DatabaseSettings } from './database-settings.ts';
import { applyParts, byDatabase, CatchUpCourse, CatchUpRun } from './dejournaling.ts';
import { Filtering, noRecords, type SkippedRecords } from './filtering.ts';
import { flagOfNewCopy, isActivatedHere, isReportingAsync, ownJobs, ownType } from './own-type.ts';
import { CatalogRefusal } from './parts.ts';

/** How long a primary waits before it tries a full database again. */
const fullRetryMs = 500;

export class JournalFollower {
  readonly #parts: CatalogParts;
  readonly #settings: DatabaseSettings;
  readonly #mounted: ReadonlyMap<string, Mounted>;
  #journal: Journal | null = null;
  #blocks: WholeBlocks | null = null;
  #catchUps: CatchUpRun | null = null;
  /** Where the databases that are in step stand together. */
  #applied: JournalPosition | null = null;
  /** The end of the block that they are being given: whoever comes into step meanwhile is not given it. */
  #inHand: JournalPosition | null = null;
  /** The dejournal filter (SYN-023). */
  readonly filtering = new Filtering();
  /** SYN-018: why dejournaling into all databases stands still, on a reporting async; empty = it does not. */
  stopped = '';
  /** Wall clock of the newest block applied, ms. */
  newestAppliedMs = 0;

  constructor(parts: CatalogParts, settings: DatabaseSettings, mounted: ReadonlyMap<string, Mounted>) {
    this.#parts = parts;
    this.#settings = settings;
    this.#mounted = mounted;
  }

  #isActivated({ attribute }: Database): boolean {
    return isActivatedHere(attribute, this.#parts.configuration.get());
  }

  /**
   * Begin to follow a journal: all activated databases in step, from the one that is furthest behind. One that holds more
   * than the journal does shows that the journal was lost: an error, since nothing can be said of its data. One that is
   * paused, or whose journal is gone, is left where it is.
   */
  follow(journal: Journal): { readonly applied: JournalPosition; readonly furthest: JournalPosition } {
    this.#journal = journal;
    this.#blocks = this.#blocksOf(journal);
    this.#catchUps = null;
    this.stopped = '';
    let applied: JournalPosition | null = null;
    let furthest: JournalPosition | null = null;
    for (const [name, entry] of this.#mounted) {
      const at = entry.database.applied;
      if (!this.#isActivated(entry.database) || at === undefined) continue;
      if (comparePositions(at, journal.end) > 0) {
        throw new Error(
          `database ${entry.database.directory} holds journal data up to ${printPosition(at)}, but the journal here ends at ${printPosition(journal.end)}; restore the journal files, or delete the instance and join again`,
        );
      }
      furthest = furthest === null ? at : later(furthest, at);
      if (this.#settings.isPaused(this.#settings.of(name))) continue;
      const gap = gapBehind(at, journal);
      if (gap !== null) {
        this.#parts.log('cannot-catch-up', { database: name, because: gap.text });
        continue;
      }
      entry.inStep = true;
      if (applied === null || comparePositions(at, applied) < 0) applied = at;
    }
    // Without databases nothing holds data that the journal lacks, and nothing has to be applied.
    this.#applied = applied ?? journal.end;
    return { applied: this.#applied, furthest: furthest ?? { epoch: 0, file: 0, offset: 0, sequence: 0 } };
  }

  #blocksOf(journal: Journal): WholeBlocks {
    return new WholeBlocks(journal, this.#parts.readParts, shipChunkBytes);
  }

  /** Where the databases in step stand together: never inside a group of records. Null before a journal is followed. */
  get applied(): JournalPosition | null {
    return this.#applied;
  }

  /** Up to there a database catches up by itself; from there on it is given what the others are given. */
  get #meeting(): JournalPosition | null {
    return this.#inHand ?? this.#applied;
  }

  /** One that is in step and idle learns where the others stand. */
  async bringForward({ database, inStep }: Mounted): Promise<void> {
    const { applied } = database;
    const isBehind = applied !== undefined && this.#applied !== null && comparePositions(this.#applied, applied) > 0;
    if (inStep && isBehind) await database.apply([], this.#applied as JournalPosition);
  }

  /** All that was applied to it is on its disk, too. */
  async store(mounted: Mounted): Promise<void> {
    await this.bringForward(mounted);
    await mounted.database.flushed();
  }

  /** It became part of the mirror, with its data from there on. */
  letIn(name: string, mounted: Mounted, applied: JournalPosition): void {
    const inTime = this.#meeting !== null && comparePositions(applied, this.#meeting) >= 0;
    const mayFollow = !this.#settings.isPaused(this.#settings.of(name)) && this.stopped === '';
    mounted.inStep = this.#isActivated(mounted.database) && inTime && mayFollow;
  }

  /** One database at fault, or the filter: on a reporting async none goes on (SYN-018). */
  #stopAll(because: string): void {
    for (const mounted of this.#mounted.values()) mounted.inStep = false;
    if (this.stopped !== '') return;
    this.stopped = because;
    this.#parts.log('dejournaling-stopped', { because });
  }

  /** SYN-019, SYN-021: it may go on; databases that are caught up then follow the journal again. The filter is loaded anew. */
  goOn(): void {
    this.stopped = '';
    this.filtering.reset();
    this.#parts.log('dejournaling-goes-on');
  }

  /** Activate if need be, and apply what it lacks of the journal until it runs with the others (DB-031). */
  async catchUp(name: string, onProgress: (progress: CatchUpProgress) => void): Promise<void> {
    const mounted = mountedOne(this.#mounted, this.#settings, name);
    const attribute = mounted.database.attribute;
    const journal = this.#journal;
    if (mounted.catchingUp) return;
    if (attribute === undefined || journal === null) {
      throw new CatalogRefusal('not-mirrored', `database ${name} is not mirrored on this member`);
    }
    if (this.#settings.isPaused(this.#settings.of(name))) {
      throw new CatalogRefusal('paused', `dejournaling into database ${name} is paused; resume it first`, 'SYN-020');
    }
    if (this.stopped !== '') {
      const text = `dejournaling into all databases is stopped here (${this.stopped}); mend or dismount what is at fault, then restart dejournaling`;
      throw new CatalogRefusal('all-stopped', text, 'SYN-018');
    }
    this.#checkPlacement(name, mounted.database, attribute, journal);
    if (mounted.inStep) return;
    mounted.catchingUp = true;
    mounted.fault = '';
    this.#parts.log('catchup-started', { database: attribute.database });
    try {
      await this.#activate(mounted.database);
      await this.#catchUpTo(mounted, journal, onProgress);
      this.#parts.log('catchup-completed', { database: attribute.database });
    } catch (error) {
      mounted.fault = (error as Error).message;
      this.#parts.log('catchup-failed', { database: attribute.database, reason: mounted.fault });
      if (!(error instanceof CatalogRefusal)) this.#faultIn(name, mounted);
      throw error;
    } finally {
      mounted.catchingUp = false;
      mounted.progress = null;
    }
  }

  /** Of one that was dismounted or replaced meanwhile nothing is to be said. */
  #faultIn(name: string, mounted: Mounted): void {
    const isHere = this.#mounted.get(this.#settings.of(name).name) === mounted;
    if (isHere && isReportingAsync(this.#parts.configuration.get()))
      this.#stopAll(`database ${name}: ${mounted.fault}`);
  }

  /** @throws CatalogRefusal while nothing is changed. */
  #checkPlacement(name: string, database: Database, attribute: MirrorAttribute, journal: Journal): void {
    const applied = database.applied ?? attribute.addedAt;
    const configuration = this.#parts.configuration.get();
    const set = configuration.mirrorSet;
    if (set === null) return;
    // What the primary itself adds is in its copy before it is in the mirror set.
    const isOwn = this.#isActivated(database) && !set.databases.some((each) => each.name === attribute.database);
    const why = isOwn
      ? gapBehind(applied, journal)
      : refusalToFollow(attribute, applied, set, journal, ownType(configuration));
    if (why !== null) throw new CatalogRefusal(why.reason, `database ${name}: ${why.text}`, why.spec);
  }

  /** The first of the two steps (DB-031). */
  async #activate(database: Database): Promise<void> {
    const { attribute } = database;
    const { member } = this.#parts.configuration.get();
    if (attribute === undefined || member === null || this.#isActivated(database)) return;
    const activated = {
      ...attribute,
      activated: true,
      activatedOn: member,
      ...flagOfNewCopy(this.#parts.configuration.get()),
    };
    await database.setAttribute(activated, database.applied ?? attribute.addedAt);
    this.#parts.log('database-activated', { mirrorDatabase: attribute.database });
  }

  /** With all others that are caught up now, in one reading of the journal. */
  async #catchUpTo(mounted: Mounted, journal: Journal, onProgress: (progress: CatchUpProgress) => void): Promise<void> {
    const { nowMs, turn } = this.#parts;
    this.#catchUps ??= new CatchUpRun({
      blocks: this.#blocksOf(journal),
      target: () => this.#meeting as JournalPosition,
      filtering: this.filtering,
      jobsMax: () => ownJobs(this.#parts.configuration.get()),
      maximumFor: (database) => maximumFor(this.#parts, database),
      turn,
    });
    const begin = mounted.database.applied as JournalPosition;
    const course = new CatchUpCourse(begin, this.#applied as JournalPosition, journal, nowMs());
    mounted.progress = course;
    await this.#catchUps.join(mounted.database, {
      onReached: (at, to) => {
        course.reached(at, to, nowMs());
        onProgress(course.report(nowMs()));
      },
      onThere: () => {
        mounted.inStep = this.stopped === '';
      },
    });
  }

  /** Records behind `end` were cut from the journal; no database holds any of them. */
  cutTo(end: JournalPosition): void {
    if (this.#applied !== null && comparePositions(this.#applied, end) > 0) this.#applied = end;
    if (this.#journal !== null) this.#blocks = this.#blocksOf(this.#journal);
    this.#catchUps = null;
  }

  /** Bring every database that is in step up to there, or to the beginning of a group that ends behind it. */
  async apply(to: JournalPosition): Promise<void> {
    for (;;) {
      // `cutTo` may have come while a block was applied.
      const blocks = this.#blocks as WholeBlocks;
      const applied = this.#applied as JournalPosition;
      const block = this.following().length > 0 ? blocks.next(applied, to) : blocks.pass(applied, to);
      if (block === null) {
        if (!blocks.isOpen) this.#applied = later(applied, to);
        return;
      }
      this.#inHand = block.to;
      await this.#applyBlock(block);
      this.#inHand = null;
      this.#applied = block.to;
      if (block.timeMs > 0) this.newestAppliedMs = block.timeMs;
      if (block.barrier !== null) this.#parts.onBarrier(block.barrier, this.#standingAt(block.to));
      if (comparePositions(block.to, to) < 0) await this.#parts.turn();
    }
  }

  async #applyBlock(block: WholeBlock): Promise<void> {
    const skipped = this.filtering.isOn ? await this.#filtered(block.parts) : noRecords;
    if (skipped === null) return;
    const parts = byDatabase(block.parts);
    const touched = [...this.#mounted].flatMap(([name, mounted]) => {
      const its = parts.get(mounted.database.attribute?.database ?? '');
      return mounted.inStep && its !== undefined ? [{ name, mounted, its }] : [];
    });
    // A group of several databases shows in all of them in one turn: none of them may have to wait.
    if (touched.length > 1) await Promise.allSettled(touched.map(({ mounted }) => mounted.database.ready()));
    await Promise.all(
      touched.map(({ name, mounted, its }) => this.#applyKeepingStep(name, mounted, its, skipped, block)),
    );
  }

  /** Null: the filter did not say, so dejournaling is stopped. Not asked while no database would take anything. */
  async #filtered(parts: readonly JournalPart[]): Promise<SkippedRecords | null> {
    if (this.following().length === 0) return noRecords;
    return await this.filtering.judge(parts).catch((error: Error) => {
      this.#stopAll(`the dejournal filter ${error.message}`);
      return null;
    });
  }

  /** SYN-017: a fault in one database pauses only that one - but on a primary it holds up what depends on it. */
  async #applyKeepingStep(
    name: string,
    mounted: Mounted,
    parts: readonly JournalPart[],
    skipped: SkippedRecords,
    block: WholeBlock,
  ): Promise<void> {
    let told = false;
    while (mounted.inStep) {
      try {
        const maximum = maximumFor(this.#parts, mounted.database);
        this.filtering.count(await applyParts(mounted.database, parts, block.to, skipped, maximum));
        return;
      } catch (error) {
        const text = (error as Error).message;
        if (!told) this.#parts.log('dejournaling-failed', { database: name, reason: text });
        told = true;
        if (!this.#parts.isPrimary() || !(error instanceof DatabaseFullError)) {
          mounted.inStep = false;
          mounted.fault = text;
          if (!(error instanceof CatalogRefusal)) this.#faultIn(name, mounted);
          return;
        }
      }
      await this.#parts.wait(fullRetryMs);
    }
  }

  /** The mirrored databases that follow the journal now. */
  following(): readonly Database[] {
    return [...this.#mounted.values()].filter(({ inStep }) => inStep).map(({ database }) => database);
  }

  /** Those of them that hold what the primary's do, and nothing else. */
  exact(): readonly Database[] {
    return this.following().filter(({ attribute }) => !isFlagCleared(attribute));
  }

  /** Those that hold everything up to there, and nothing behind it. */
  #standingAt(to: JournalPosition): readonly Database[] {
    return this.exact().filter(({ applied }) => applied !== undefined && comparePositions(applied, to) <= 0);
  }
}
