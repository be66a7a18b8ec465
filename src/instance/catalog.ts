/**
 * The databases of an instance: which there are, which are mounted, and how far the mirrored ones have the journal. This is
 * the only road of journal data into a database, the same on primary, backup and async.
 */
import {
  type CopyFacts,
  type Database,
  DatabaseFullError,
  isFlagCleared,
  type MirrorAttribute,
} from '../database/databases.ts';
import type { DatabaseConfiguration } from '../host/host.ts';
import type { Journal, JournalPart } from '../journal/journal.ts';
import { type WholeBlock, WholeBlocks } from '../journal/record-groups.ts';
import { comparePositions, type JournalPosition, later, printPosition } from '../mirror/journal-position.ts';
import { shipChunkBytes } from '../mirror/limits.ts';
import type { DatabaseStatus, MirrorDatabaseName } from '../mirror/terms.ts';
import type { CatchUpProgress } from '../protocol/control-channel.ts';
import { type CatalogParts, maximumFor, ordinaryDatabase } from './catalog-parts.ts';
import { gapBehind, refusalToFollow } from './copy-placement.ts';
import { DatabaseSettings } from './database-settings.ts';
import { applyParts, byDatabase, CatchUpCourse, CatchUpRun } from './dejournaling.ts';
import { Filtering, noRecords, type SkippedRecords } from './filtering.ts';
import { flagOfNewCopy, isActivatedHere, isReportingAsync, ownJobs, ownType } from './own-type.ts';
import { type CatalogEntry, CatalogRefusal, type ChangeableProperties, type DatabaseCatalog } from './parts.ts';

interface Mounted {
  readonly database: Database;
  /** In step with the others: `apply` brings it forward. Otherwise it needs activation or catchup. */
  inStep: boolean;
  catchingUp: boolean;
  /** Of the catchup under way. */
  progress: CatchUpCourse | null;
  /** Why it fell out of step; empty = nothing happened. */
  fault: string;
}

/** How long a primary waits before it tries a full database again. */
const fullRetryMs = 500;

export class Catalog implements DatabaseCatalog {
  readonly #parts: CatalogParts;
  readonly #settings: DatabaseSettings;
  readonly #mounted = new Map<string, Mounted>();
  #journal: Journal | null = null;
  #blocks: WholeBlocks | null = null;
  #catchUps: CatchUpRun | null = null;
  /** Where the databases that are in step stand together. */
  #applied: JournalPosition | null = null;
  readonly filtering = new Filtering();
  stopped = '';
  /** Wall clock of the newest block applied, ms. */
  newestAppliedMs = 0;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
    this.#settings = new DatabaseSettings(parts.configuration);
  }

  /** Mount what the configuration says and is not mounted yet. One that cannot be mounted is logged and left. */
  async open(): Promise<void> {
    for (const { name, mounted } of this.#parts.configuration.get().databases) {
      if (!mounted || this.#mounted.has(name)) continue;
      await this.#open(name).catch((error: Error) => {
        this.#parts.log(2, 'Database.MountFailed', error.message);
      });
    }
  }

  async #open(name: string): Promise<void> {
    const configured = this.#settings.of(name);
    const { directory } = configured;
    const database = await this.#parts.store.open(directory);
    try {
      this.#recognise(configured, database.attribute);
    } catch (error) {
      await database.close();
      throw error;
    }
    this.#mounted.set(name, { database, inStep: false, catchingUp: false, progress: null, fault: '' });
    this.#parts.log(0, 'Database.MountedRW', `Mounted database ${directory}.`);
  }

  /** The mark in the file counts: what was restored or copied over a database is what its file says (DB-022, DB-027). */
  #recognise({ name, mirrorDatabase }: DatabaseConfiguration, attribute: MirrorAttribute | undefined): void {
    const inFile = attribute?.database ?? null;
    if (inFile === mirrorDatabase) return;
    const { databases } = this.#parts.configuration.get();
    const other = databases.find((each) => each.name !== name && inFile !== null && each.mirrorDatabase === inFile);
    if (other !== undefined) {
      throw new CatalogRefusal(
        'name-taken',
        `database ${name} holds a copy of mirror database ${inFile}, and ${other.name} is one already; delete one of the two`,
        'DB-011',
      );
    }
    this.#settings.change(name, { mirrorDatabase: inFile });
    const text = inFile === null ? 'is no mirrored one any more' : `holds a copy of mirror database ${inFile}`;
    this.#parts.log(1, 'Utility.Event', `The file of database ${name} was replaced: it ${text}`);
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
        this.#parts.log(2, 'Utility.Event', `Database ${name} cannot be caught up: ${gap.text}`);
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

  /**
   * Of each mirrored database that is mounted: it holds everything up to here durably. With `isUrgent` what is applied is brought
   * to the disk first, and one that is in step and idle is told where the others stand, or it would need journal for ever that
   * has nothing for it. One that is not activated needs all from where it became part of the mirror.
   */
  async stored(isUrgent: boolean): Promise<ReadonlyMap<string, JournalPosition>> {
    const stored = new Map<string, JournalPosition>();
    const mirror = this.#parts.configuration.get().mirrorSet?.name;
    for (const [name, mounted] of this.#mounted) {
      const { database, inStep } = mounted;
      const { attribute } = database;
      // What a copy of another mirror needs is in no journal here.
      if (attribute === undefined || attribute.mirror !== mirror) continue;
      // A fault shows when there is data for it.
      if (isUrgent) await this.#store(database, inStep).catch(() => undefined);
      stored.set(name, attribute.activated ? (database.stored ?? attribute.addedAt) : attribute.addedAt);
    }
    return stored;
  }

  async #store(database: Database, inStep: boolean): Promise<void> {
    const { applied } = database;
    const isBehind = applied !== undefined && this.#applied !== null && comparePositions(this.#applied, applied) > 0;
    if (inStep && isBehind) await database.apply([], this.#applied as JournalPosition);
    await database.flushed();
  }

  async settle(name: string): Promise<void> {
    const { database, inStep } = this.#mountedOne(name);
    await this.#store(database, inStep);
  }

  entries(): readonly CatalogEntry[] {
    return this.#parts.configuration.get().databases.map((configuration) => this.#entry(configuration));
  }

  called(name: string): readonly CatalogEntry[] {
    return this.#settings.called(name).map((configuration) => this.#entry(configuration));
  }

  #entry(configuration: DatabaseConfiguration): CatalogEntry {
    const mounted = this.#mounted.get(configuration.name);
    const attribute = mounted?.database.attribute;
    return {
      configuration,
      database: mounted?.database ?? null,
      attribute,
      status: this.#status(configuration, mounted),
      isWritable: isFlagCleared(attribute) && isReportingAsync(this.#parts.configuration.get()),
      catchUp: mounted?.progress?.report(this.#parts.nowMs()) ?? null,
    };
  }

  find(name: string): CatalogEntry | undefined {
    return this.called(name).find((entry) => entry.configuration.name === name.toUpperCase());
  }

  /** The mounted database of this mirror database name. */
  mirrored(name: MirrorDatabaseName): Database | undefined {
    return [...this.#mounted.values()].find((entry) => entry.database.attribute?.database === name)?.database;
  }

  #status(configuration: DatabaseConfiguration, mounted: Mounted | undefined): DatabaseStatus | 'Local' {
    if (configuration.mirrorDatabase === null) return 'Local';
    if (mounted === undefined) return 'Database Dismounted';
    if (mounted.catchingUp) return 'Catchup Running';
    if (!this.#isActivated(mounted.database)) return 'Needs Activation';
    if (!mounted.inStep && (this.#settings.isPaused(configuration) || this.stopped !== ''))
      return 'Dejournaling Stopped';
    if (!mounted.inStep) return mounted.fault === '' ? 'Needs Catchup' : 'Dejournaling Stopped';
    return this.#parts.isPrimary() ? 'Normal' : 'Dejournaling';
  }

  async create(name: string, directory: string): Promise<void> {
    const present = this.#parts.configuration.get();
    const upper = name.toUpperCase();
    if (this.#parts.isNameTaken(upper)) {
      throw new CatalogRefusal('database-exists', `database ${upper} exists already on this instance`);
    }
    // A directory left by a creation that was cut off before it was configured holds an empty database: taken over.
    const database = this.#parts.store.holds(directory)
      ? await this.#adopt(directory)
      : await this.#parts.store.create(directory);
    const added = ordinaryDatabase(upper, directory);
    this.#parts.configuration.set({ ...present, databases: [...present.databases, added] });
    this.#mounted.set(upper, { database, inStep: false, catchingUp: false, progress: null, fault: '' });
    this.#parts.log(0, 'Database.Created', `Created database ${upper} in ${directory}`);
  }

  async #adopt(directory: string): Promise<Database> {
    const database = await this.#parts.store.open(directory);
    const [first] = database.keys({ from: new Uint8Array([0]), limit: 1 });
    if (first === undefined && database.attribute === undefined) return database;
    await database.close();
    throw new CatalogRefusal('directory-in-use', `${directory} holds a database with data; choose another directory`);
  }

  #mountedOne(name: string): Mounted {
    const mounted = this.#mounted.get(this.#settings.of(name).name);
    if (mounted === undefined)
      throw new CatalogRefusal('not-mounted', `database ${name} is dismounted; mount it first`);
    return mounted;
  }

  async addToMirror(name: string, attribute: MirrorAttribute, applied: JournalPosition): Promise<void> {
    const mounted = this.#mountedOne(name);
    await mounted.database.setAttribute(attribute, applied);
    this.#settings.change(name, { mirrorDatabase: attribute.database });
    const inTime = this.#applied !== null && comparePositions(applied, this.#applied) >= 0;
    const mayFollow = !this.#settings.isPaused(this.#settings.of(name)) && this.stopped === '';
    mounted.inStep = this.#isActivated(mounted.database) && inTime && mayFollow;
    this.#parts.log(0, 'Utility.Event', `Database ${name} is in mirror ${attribute.mirror} as ${attribute.database}`);
  }

  async removeFromMirror(name: string): Promise<void> {
    const mounted = this.#mountedOne(name);
    mounted.inStep = false;
    await mounted.database.setAttribute(undefined, undefined);
    this.#settings.change(name, { mirrorDatabase: null, dejournalingPaused: false });
    this.#parts.log(1, 'Utility.Event', `Database ${name} was removed from the mirror`);
  }

  async leaveMirror(name: string, mirror: string, removeAttribute: boolean): Promise<void> {
    const { database } = this.#mountedOne(name);
    const { attribute } = database;
    if (attribute === undefined || attribute.mirror !== mirror) return;
    if (removeAttribute) return await this.removeFromMirror(name);
    await database.setAttribute({ ...attribute, activated: false }, database.applied ?? attribute.addedAt);
    this.#parts.log(1, 'Utility.Event', `Database ${name} keeps its mark of mirror ${mirror} and is read-only`);
  }

  async mount(name: string): Promise<void> {
    const configured = this.#settings.of(name);
    if (!this.#mounted.has(configured.name)) await this.#open(configured.name);
    this.#settings.change(name, { mounted: true });
  }

  change(name: string, change: ChangeableProperties): void {
    this.#settings.change(this.#settings.of(name).name, change);
  }

  pause(name: string): void {
    const configured = this.#settings.of(name);
    const mounted = this.#mountedOne(name);
    if (mounted.catchingUp) {
      const text = `catchup of database ${configured.name} is running; pause it when that has ended`;
      throw new CatalogRefusal('catching-up', text, 'SYN-020');
    }
    this.#settings.change(configured.name, { dejournalingPaused: true });
    mounted.inStep = false;
    this.#parts.log(1, 'Utility.Event', `Dejournaling into database ${configured.name} was paused`);
  }

  unpause(name: string): void {
    const configured = this.#settings.of(name);
    this.#settings.change(configured.name, { dejournalingPaused: false });
    this.#parts.log(0, 'Utility.Event', `Dejournaling into database ${configured.name} is resumed`);
  }

  pauseAll(isPaused: boolean): void {
    this.#parts.configuration.set({ ...this.#parts.configuration.get(), dejournalingPaused: isPaused });
    if (isPaused) for (const mounted of this.#mounted.values()) mounted.inStep = false;
    this.#parts.log(1, 'Utility.Event', `Dejournaling on this member was ${isPaused ? 'paused' : 'restarted'}`);
  }

  /** One database at fault, or the filter: on a reporting async none goes on (SYN-018). */
  #stopAll(because: string): void {
    for (const mounted of this.#mounted.values()) mounted.inStep = false;
    if (this.stopped !== '') return;
    this.stopped = because;
    const text = `Dejournaling into all databases is stopped on this member: ${because}; it is tried again when the connection with the primary is rebuilt, or by "Manage mirror dejournaling"`;
    this.#parts.log(2, 'Utility.Event', text);
  }

  goOn(): void {
    this.stopped = '';
    this.filtering.reset();
    this.#parts.log(0, 'Utility.Event', 'Dejournaling on this member goes on');
  }

  async clearFailoverDb(name: string): Promise<void> {
    const { database } = this.#mountedOne(name);
    if (isFlagCleared(database.attribute)) return;
    await database.clearFailoverDb();
    this.#parts.log(1, 'Utility.Event', `The FailoverDB flag of database ${name} was cleared: it may be changed here`);
  }

  fileOf(directory: string): string {
    return this.#parts.store.fileOf(directory);
  }

  async inspect(directory: string, onProgress: (done: number, keys: number) => void): Promise<CopyFacts> {
    return await this.#parts.store.inspect(directory, onProgress);
  }

  async replace(name: string, from: string): Promise<void> {
    const configured = this.#settings.of(name);
    const mounted = this.#mounted.get(configured.name);
    if (mounted?.catchingUp) {
      throw new CatalogRefusal('catching-up', `catchup of database ${configured.name} is running; try again later`);
    }
    await this.letGo(configured.name);
    try {
      this.#parts.store.replace(configured.directory, from);
      this.#parts.log(1, 'Utility.Event', `Database ${configured.name} was replaced by a restored copy`);
    } finally {
      await this.mount(configured.name);
    }
  }

  async dismount(name: string): Promise<void> {
    const configured = this.#settings.of(name);
    const mounted = this.#mounted.get(configured.name);
    if (mounted !== undefined) {
      if (configured.mirrorDatabase !== null && this.#parts.isPrimary()) {
        throw new CatalogRefusal(
          'is-primary',
          `database ${configured.name} is mirrored and this member is primary: updates to it would wait; remove it from the mirror first`,
        );
      }
      this.#mounted.delete(configured.name);
      await mounted.database.close();
      this.#parts.log(0, 'Database.Dismounted', `Dismounted database ${configured.directory}`);
    }
    this.#settings.change(name, { mounted: false });
  }

  /** Closed here: it is mounted by the catalog of another mirror of this instance. */
  async letGo(name: string): Promise<void> {
    const mounted = this.#mounted.get(name);
    this.#mounted.delete(name);
    await mounted?.database.close();
  }

  async delete(name: string): Promise<void> {
    const configured = this.#settings.of(name);
    if (configured.mirrorDatabase !== null) {
      throw new CatalogRefusal('mirrored', `database ${configured.name} is mirrored; remove it from the mirror first`);
    }
    await this.letGo(configured.name);
    this.#settings.change(name, null);
    this.#parts.files.removeTree(configured.directory);
    this.#parts.log(0, 'Database.Deleted', `Deleted database ${configured.name} in ${configured.directory}`);
  }

  async catchUp(name: string, onProgress: (progress: CatchUpProgress) => void): Promise<void> {
    const mounted = this.#mountedOne(name);
    const attribute = mounted.database.attribute;
    const journal = this.#journal;
    if (mounted.inStep || mounted.catchingUp) return;
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
    mounted.catchingUp = true;
    mounted.fault = '';
    this.#parts.log(0, 'Utility.Event', `Mirror Catchup started for ${attribute.database}`);
    try {
      await this.#activate(mounted.database);
      await this.#catchUpTo(mounted, journal, onProgress);
      this.#parts.log(0, 'Utility.Event', `Mirror Catchup completed for ${attribute.database}`);
    } catch (error) {
      mounted.fault = (error as Error).message;
      this.#parts.log(2, 'Utility.Event', `Mirror Catchup failed for ${attribute.database}: ${mounted.fault}`);
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
    this.#parts.log(0, 'Utility.Event', `Mirror database ${attribute.database} was activated on this member`);
  }

  /** With all others that are caught up now, in one reading of the journal. */
  async #catchUpTo(mounted: Mounted, journal: Journal, onProgress: (progress: CatchUpProgress) => void): Promise<void> {
    const { nowMs, turn } = this.#parts;
    this.#catchUps ??= new CatchUpRun({
      blocks: this.#blocksOf(journal),
      target: () => this.#applied as JournalPosition,
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
      const block = blocks.next(this.#applied as JournalPosition, to);
      if (block === null) {
        if (!blocks.isOpen) this.#applied = later(this.#applied as JournalPosition, to);
        return;
      }
      await this.#applyBlock(block);
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
        if (!told) this.#parts.log(2, 'Utility.Event', `Dejournaling into ${name} failed: ${text}`);
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

  /** Close every database in order. */
  async close(): Promise<void> {
    for (const mounted of this.#mounted.values()) {
      // An idle database learns where the others stand, so that the next start need not read the journal again.
      const at = mounted.database.applied;
      if (mounted.inStep && this.#applied !== null && at !== undefined && comparePositions(this.#applied, at) > 0) {
        await mounted.database.apply([], this.#applied).catch(() => undefined);
      }
      await mounted.database.close();
    }
    this.#mounted.clear();
  }
}
