/** The databases of an instance: which there are, which are mounted, and how far the mirrored ones have the journal. */
import { type CopyFacts, type Database, isFlagCleared, type MirrorAttribute } from '../database/databases.ts';
import type { DatabaseConfiguration } from '../host/host.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { DatabaseStatus, MirrorDatabaseName } from '../mirror/terms.ts';
import { type CatalogParts, freshlyMounted, type Mounted, mountedOne, ordinaryDatabase } from './catalog-parts.ts';
import { DatabaseSettings } from './database-settings.ts';
import { JournalFollower } from './journal-follower.ts';
import { isActivatedHere, isReportingAsync } from './own-type.ts';
import { type CatalogEntry, CatalogRefusal, type ChangeableProperties, type DatabaseCatalog } from './parts.ts';

export class Catalog implements DatabaseCatalog {
  readonly #parts: CatalogParts;
  readonly #settings: DatabaseSettings;
  readonly #mounted = new Map<string, Mounted>();
  readonly dejournaling: JournalFollower;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
    this.#settings = new DatabaseSettings(parts.configuration);
    this.dejournaling = new JournalFollower(parts, this.#settings, this.#mounted);
  }

  /** Mount what the configuration says and is not mounted yet. One that cannot be mounted is logged and left. */
  async open(): Promise<void> {
    for (const { name, mounted } of this.#parts.configuration.get().databases) {
      if (!mounted || this.#mounted.has(name)) continue;
      await this.#open(name).catch((error: Error) => {
        this.#parts.log('database-not-mounted', { reason: error.message });
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
    this.#mounted.set(name, freshlyMounted(database));
    this.#parts.log('database-mounted', { directory });
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
    const now = inFile === null ? 'is no mirrored one any more' : `holds a copy of mirror database ${inFile}`;
    this.#parts.log('database-file-replaced', { database: name, now });
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
      const { database } = mounted;
      const { attribute } = database;
      // What a copy of another mirror needs is in no journal here.
      if (attribute === undefined || attribute.mirror !== mirror) continue;
      // A fault shows when there is data for it.
      if (isUrgent) await this.dejournaling.store(mounted).catch(() => undefined);
      stored.set(name, attribute.activated ? (database.stored ?? attribute.addedAt) : attribute.addedAt);
    }
    return stored;
  }

  async settle(name: string): Promise<void> {
    await this.dejournaling.store(this.#mountedOne(name));
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
      moving: mounted?.moving ?? null,
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
    if (!isActivatedHere(mounted.database.attribute, this.#parts.configuration.get())) return 'Needs Activation';
    if (!mounted.inStep && (this.#settings.isPaused(configuration) || this.dejournaling.stopped !== ''))
      return 'Dejournaling Stopped';
    if (!mounted.inStep) return mounted.fault === '' ? 'Needs Catchup' : 'Dejournaling Stopped';
    return this.#parts.isPrimary() ? 'Normal' : 'Dejournaling';
  }

  async create(name: string, directory: string): Promise<void> {
    const upper = name.toUpperCase();
    if (this.#parts.isNameTaken(upper)) {
      throw new CatalogRefusal('database-exists', `database ${upper} exists already on this instance`);
    }
    // A directory left by a creation that was cut off before it was configured holds an empty database: taken over.
    const database = this.#parts.store.holds(directory)
      ? await this.#adopt(directory)
      : await this.#parts.store.create(directory);
    const added = ordinaryDatabase(upper, directory);
    // As it is by now: the primary may have told of the mirror meanwhile.
    const present = this.#parts.configuration.get();
    this.#parts.configuration.set({ ...present, databases: [...present.databases, added] });
    this.#mounted.set(upper, freshlyMounted(database));
    this.#parts.log('database-created', { database: upper, directory });
  }

  async #adopt(directory: string): Promise<Database> {
    const database = await this.#parts.store.open(directory);
    const [first] = database.keys({ from: new Uint8Array([0]), limit: 1 });
    if (first === undefined && database.attribute === undefined) return database;
    await database.close();
    throw new CatalogRefusal('directory-in-use', `${directory} holds a database with data; choose another directory`);
  }

  #mountedOne(name: string): Mounted {
    return mountedOne(this.#mounted, this.#settings, name);
  }

  async addToMirror(name: string, attribute: MirrorAttribute, applied: JournalPosition): Promise<void> {
    const mounted = this.#mountedOne(name);
    await mounted.database.setAttribute(attribute, applied);
    this.#settings.change(name, { mirrorDatabase: attribute.database });
    this.dejournaling.letIn(name, mounted, applied);
    this.#parts.log('database-in-mirror', {
      database: name,
      mirror: attribute.mirror,
      mirrorDatabase: attribute.database,
    });
  }

  async whileMoving<T>(name: string, act: () => Promise<T>): Promise<T> {
    const mounted = this.#mountedOne(name);
    let end = (): void => undefined;
    mounted.moving = new Promise((resolve) => {
      end = resolve;
    });
    try {
      return await act();
    } finally {
      mounted.moving = null;
      end();
    }
  }

  async removeFromMirror(name: string): Promise<void> {
    const mounted = this.#mountedOne(name);
    mounted.inStep = false;
    await mounted.database.setAttribute(undefined, undefined);
    this.#settings.change(name, { mirrorDatabase: null, dejournalingPaused: false });
    this.#parts.log('database-removed', { database: name });
  }

  async leaveMirror(name: string, mirror: string, removeAttribute: boolean): Promise<void> {
    const { database } = this.#mountedOne(name);
    const { attribute } = database;
    if (attribute === undefined || attribute.mirror !== mirror) return;
    if (removeAttribute) return await this.removeFromMirror(name);
    await database.setAttribute({ ...attribute, activated: false }, database.applied ?? attribute.addedAt);
    this.#parts.log('mark-kept', { database: name, mirror });
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
    this.#parts.log('dejournaling-paused', { database: configured.name });
  }

  unpause(name: string): void {
    const configured = this.#settings.of(name);
    this.#settings.change(configured.name, { dejournalingPaused: false });
    this.#parts.log('dejournaling-resumed', { database: configured.name });
  }

  pauseAll(isPaused: boolean): void {
    this.#parts.configuration.set({ ...this.#parts.configuration.get(), dejournalingPaused: isPaused });
    if (isPaused) for (const mounted of this.#mounted.values()) mounted.inStep = false;
    this.#parts.log(isPaused ? 'dejournaling-paused-here' : 'dejournaling-restarted-here');
  }

  async clearFailoverDb(name: string): Promise<void> {
    const { database } = this.#mountedOne(name);
    if (isFlagCleared(database.attribute)) return;
    await database.clearFailoverDb();
    this.#parts.log('flag-cleared', { database: name });
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
      this.#parts.log('restored-copy', { database: configured.name });
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
      this.#parts.log('database-dismounted', { directory: configured.directory });
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
    this.#parts.log('database-deleted', { database: configured.name, directory: configured.directory });
  }

  /** Close every database in order. */
  async close(): Promise<void> {
    for (const mounted of this.#mounted.values()) {
      // So that the next start need not read the journal again.
      await this.dejournaling.bringForward(mounted).catch(() => undefined);
      await mounted.database.close();
    }
    this.#mounted.clear();
  }
}
