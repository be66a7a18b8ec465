/**
 * Databases as a subject of the crash proof: a process that carries out workloads while recorder.c writes down what it does to
 * its files. Each workload has a directory of its own; in `marks` there it says, line by line, what was begun and what is
 * durable, and the digest of every state that may be found. Bundled and started by scripts/crash/databases.mjs.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Database, MirrorAttribute, Update } from '../../src/database/databases.ts';
import { LmdbDatabaseStore } from '../../src/database/lmdb-databases.ts';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';
import { encodeKey, subtreeEnd } from '../../src/protocol/global-key.ts';
import { digestOf, type Found } from './database-digest.ts';

/** What is expected, kept without a database. */
class Expected {
  readonly nodes = new Map<string, Buffer>();
  attribute: MirrorAttribute | undefined;
  applied: JournalPosition | undefined;

  carryOut(updates: readonly Update[]): void {
    for (const { kind, key, value } of updates) {
      const name = Buffer.from(key).toString('hex');
      if (kind === 'set') this.nodes.set(name, Buffer.from(value));
      else this.#kill(name, subtreeEnd(key).toString('hex'));
    }
  }

  #kill(from: string, until: string): void {
    for (const name of [...this.nodes.keys()]) if (name >= from && name < until) this.nodes.delete(name);
  }

  found(): Found {
    const entries = [...this.nodes].sort(([a], [b]) => (a < b ? -1 : 1));
    return { entries, attribute: this.attribute, applied: this.applied };
  }
}

const start: JournalPosition = { epoch: 1, file: 1, offset: 0, sequence: 0 };
const attributeOf = (sequence: number): MirrorAttribute => ({
  mirror: 'M',
  database: 'D',
  addedAt: { ...start, sequence },
  fromEmpty: true,
  activated: true,
});

function updatesOf(operation: string, number: number): readonly Update[] {
  const set = (name: string, bytes: number): Update => ({
    kind: 'set',
    key: encodeKey(name.split(' ')[0]!, name.split(' ').slice(1)),
    value: Buffer.alloc(bytes, number),
  });
  switch (operation.split(' ')[1]) {
    case 'one':
      return [set('A 7', 40)];
    case 'some':
      return [1, 20, 40].map((at) => set(`A ${at}`, 100 + number)).concat(set(`B ${number}`, 10));
    case 'long':
      return [set(`A ${number}`, 9000), set('A 3', 5000)];
    case 'kill':
      return [{ kind: 'kill', key: encodeKey('A', ['1']), value: Buffer.alloc(0) }, set('A 5', 3)];
    case 'all':
      return [{ kind: 'kill', key: encodeKey('A', []), value: Buffer.alloc(0) }, set('C', 8)];
    default:
      throw new Error(`no operation ${operation}`);
  }
}

const store = new LmdbDatabaseStore(nodeFileOperations);

class Workload {
  readonly #directory: string;
  readonly #isMirrored: boolean;
  readonly #expected = new Expected();
  #database!: Database;
  #state = 0;
  #copies = 0;

  constructor(directory: string, isMirrored: boolean) {
    this.#directory = directory;
    this.#isMirrored = isMirrored;
    mkdirSync(directory, { recursive: true });
  }

  async run(operations: readonly string[]): Promise<void> {
    this.#mark({ operation: 'create', state: 0, digest: digestOf(this.#expected.found()) });
    this.#database = await store.create(join(this.#directory, 'db'));
    this.#mark({ durable: 0 });
    const base = Array.from({ length: 60 }, (_, index): Update => {
      const key = encodeKey('A', index % 2 === 0 ? [String(index)] : ['1', String(index)]);
      return { kind: 'set', key, value: Buffer.alloc(50 + index, index) };
    });
    if (this.#isMirrored) await this.#setAttribute();
    await this.#update('base', base);
    await this.#database.flushed();
    this.#mark({ durable: this.#state });
    this.#mark({ prepared: true });
    for (const operation of operations) await this.#perform(operation);
    this.#mark({ operation: 'close' });
    await this.#database.close();
    this.#mark({ durable: this.#state });
  }

  async #perform(operation: string): Promise<void> {
    if (operation === 'attribute') return this.#setAttribute();
    if (operation === 'flush') {
      await this.#database.flushed();
      this.#mark({ durable: this.#state });
    } else if (operation === 'reopen') {
      await this.#database.close();
      this.#mark({ durable: this.#state });
      this.#database = await store.open(join(this.#directory, 'db'));
    } else if (operation === 'copy') {
      const state = this.#state;
      const name = `copy${++this.#copies}`;
      await this.#database.copyTo(join(this.#directory, name));
      this.#mark({ copied: name, state });
    } else {
      await this.#update(operation, updatesOf(operation, this.#state + 1));
    }
  }

  async #setAttribute(): Promise<void> {
    this.#state += 1;
    this.#expected.attribute = attributeOf(this.#state);
    this.#expected.applied = { ...start, sequence: this.#state, offset: this.#state };
    this.#mark({ operation: 'attribute', state: this.#state, digest: digestOf(this.#expected.found()) });
    await this.#database.setAttribute(this.#expected.attribute, this.#expected.applied);
    this.#mark({ durable: this.#state });
  }

  async #update(operation: string, updates: readonly Update[]): Promise<void> {
    this.#state += 1;
    this.#expected.carryOut(updates);
    const to = { ...start, sequence: this.#state, offset: this.#state };
    if (this.#isMirrored) this.#expected.applied = to;
    this.#mark({ operation, state: this.#state, digest: digestOf(this.#expected.found()) });
    if (this.#isMirrored) return this.#database.apply(updates, to);
    await this.#database.change(updates);
    this.#mark({ durable: this.#state });
  }

  #mark(line: Readonly<Record<string, unknown>>): void {
    appendFileSync(join(this.#directory, 'marks'), `${JSON.stringify(line)}\n`);
  }
}

const [, , root = '', list = '[]'] = process.argv;
const workloads: readonly { name: string; isMirrored: boolean; operations: readonly string[] }[] = JSON.parse(list);
for (const { name, isMirrored, operations } of workloads) {
  await new Workload(join(root, name), isMirrored).run(operations);
}
