/** What the configuration of the instance says of its databases, one by one. */
import type { ConfigurationStore, DatabaseConfiguration } from '../host/host.ts';
import { DatabaseNames } from './database-lookup.ts';
import { CatalogRefusal } from './parts.ts';

export class DatabaseSettings {
  readonly #configuration: ConfigurationStore;
  #names = new DatabaseNames([]);

  constructor(configuration: ConfigurationStore) {
    this.#configuration = configuration;
  }

  /** @throws CatalogRefusal when there is none of this name. */
  of(name: string): DatabaseConfiguration {
    const found = this.called(name).find((database) => database.name === name.toUpperCase());
    if (found === undefined) {
      throw new CatalogRefusal('no-database', `there is no database ${name.toUpperCase()} on this instance`);
    }
    return found;
  }

  /** Those that an application may mean by this name. */
  called(name: string): readonly DatabaseConfiguration[] {
    const { databases } = this.#configuration.get();
    if (this.#names.databases !== databases) this.#names = new DatabaseNames(databases);
    return this.#names.called(name);
  }

  /** Null = it is gone. */
  change(name: string, change: Partial<DatabaseConfiguration> | null): void {
    const present = this.#configuration.get();
    const databases = present.databases.flatMap((database) => {
      if (database.name !== name.toUpperCase()) return [database];
      return change === null ? [] : [{ ...database, ...change }];
    });
    const deleted =
      change === null ? withDeleted(present.deletedDatabases, name.toUpperCase()) : present.deletedDatabases;
    this.#configuration.set({ ...present, databases, deletedDatabases: deleted });
  }

  /** By an operator: it alone, or all of this member (SYN-020). */
  isPaused({ dejournalingPaused }: DatabaseConfiguration): boolean {
    return dejournalingPaused || this.#configuration.get().dejournalingPaused;
  }
}

/** Names of deleted databases that are remembered. */
const deletedMax = 1000;

function withDeleted(names: readonly string[], name: string): readonly string[] {
  return [...names.filter((each) => each !== name), name].slice(-deletedMax);
}
