/** A superserver with a journal and databases in memory, behind the real channel; the test is the mirror's rules. */
import type { Database } from '../../src/database/databases.ts';
import { Superserver } from '../../src/instance/superserver.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { readParts } from '../../src/journal/read-records.ts';
import { recordsOf, WholeBlocks } from '../../src/journal/record-groups.ts';
import type { Listener } from '../../src/network/network.ts';
import { acceptChannel } from '../../src/network/opening-exchange.ts';
import { SimulatedDatabaseStore } from '../../src/simulation/simulated-databases.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { network } from '../client/small-superserver.ts';
import { epochOf, optionsAt } from '../contracts/journal-promises.ts';

export class SmallPrimary {
  readonly journal: Journal;
  readonly superserver: Superserver;
  readonly databases = new Map<string, Database>();
  /** What becomes of appended updates by itself. */
  reaches: 'memory' | 'disk' | 'both-disks' | 'databases' = 'databases';
  isPrimary = true;
  endOfTurn: (run: () => void) => void = (run) => void setImmediate(run);
  #listener: Listener | null = null;
  readonly #blocks: WholeBlocks;
  #applied;
  #working: Promise<void> = Promise.resolve();

  constructor() {
    const files = new SimulatedFiles();
    files.makeDirectory('/host');
    this.journal = openDiskJournal(optionsAt({ files, root: '/host', remove: () => {} }));
    this.journal.startFile(epochOf(1), 0);
    this.#applied = this.journal.end;
    this.#blocks = new WholeBlocks(this.journal, readParts, 1 << 20);
    const entries = () =>
      [...this.databases].map(([name, database]) => ({
        configuration: {
          name,
          directory: database.directory,
          mounted: true,
          mirrorDatabase: database.attribute === undefined ? null : name,
          mountRequiredAtStartup: false,
          journaled: true,
          dejournalingPaused: false,
          expansionMegabytes: 0,
          resource: '%DB_%DEFAULT',
        },
        database,
        attribute: database.attribute,
        status: database.attribute === undefined ? ('Local' as const) : ('Normal' as const),
        isWritable: false,
        moving: null,
        catchUp: null,
      }));
    this.superserver = new Superserver({
      entries,
      called: entries,
      wallMs: () => 0,
      onAppended: () => this.goOn(),
      primaryAddress: () => null,
      refusal: () => ({ code: 'not-primary', text: 'this member is a backup' }),
      endOfTurn: (run) => this.endOfTurn(run),
      nowMs: () => performance.now(),
      after: (ms, handler) => {
        const timer = setTimeout(handler, ms);
        return { cancel: () => clearTimeout(timer) };
      },
    });
    this.superserver.use(this.journal);
  }

  /** Databases D1 and D2 of the mirror, and LOCAL. */
  async open(): Promise<this> {
    const store = new SimulatedDatabaseStore();
    for (const name of ['D1', 'D2', 'LOCAL']) {
      const database = await store.create(`/${name}`);
      const addedAt = this.journal.end;
      const attribute = { mirror: 'M', database: name, addedAt, fromEmpty: true, activated: true };
      if (name !== 'LOCAL') await database.setAttribute(attribute, addedAt);
      this.databases.set(name, database);
    }
    this.superserver.admit();
    this.#listener = await network.listen('127.0.0.1', 0, async (connection) => {
      const epoch = { number: 1, owner: 'A', lineage: '' };
      const opened = { version: 1, mirror: 'M', member: 'A', instance: 'A', epoch };
      const accepted = await acceptChannel(connection, () => opened, 1000);
      if (accepted.state === 'opened') this.superserver.accept(connection, accepted.open.mirror !== '');
    });
    return this;
  }

  get address() {
    return { host: '127.0.0.1', port: (this.#listener as Listener).port };
  }

  /** Bring what is appended as far as `reaches` says. */
  goOn(): void {
    const to = this.journal.end;
    if (this.reaches === 'memory') return;
    this.journal.flush();
    this.superserver.flushed(to);
    if (this.reaches === 'disk') return;
    this.superserver.answered(to);
    if (this.reaches === 'both-disks') return;
    this.#working = this.#working.then(() => this.#apply());
  }

  async #apply(): Promise<void> {
    const to = this.journal.flushed;
    for (let block = this.#blocks.next(this.#applied, to); block !== null; block = this.#blocks.next(block.to, to)) {
      for (const [name, database] of this.databases) {
        const updates = block.parts
          .flatMap(recordsOf)
          .flatMap(({ kind, database: own, key, value }) =>
            own === name && (kind === 'set' || kind === 'kill') ? [{ kind, key, value }] : [],
          );
        if (updates.length > 0) await database.apply(updates, block.to);
      }
      this.#applied = block.to;
    }
    this.superserver.applied(to, this.#applied);
  }

  /** Not primary any more, as after a failover. */
  stepDown(): void {
    this.superserver.refuse();
  }

  async close(): Promise<void> {
    this.superserver.close();
    await this.#listener?.close();
    await this.#working;
    this.journal.close();
  }
}
