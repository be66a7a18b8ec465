/** The small files of a member as subjects of the crash proof: its record, its configuration, its events, a lab's links. */
import assert from 'node:assert/strict';
import {
  createConfiguration,
  newConfiguration,
  openConfiguration,
  readConfiguration,
} from '../../src/host/configuration-file.ts';
import { openEventsLog, readEvents } from '../../src/host/events-log.ts';
import type { InstanceConfiguration } from '../../src/host/host.ts';
import { readLinks, writeLinks } from '../../src/host/host-files.ts';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { createRecordFiles } from '../../src/host/record-file.ts';
import { firstRecord, type MemberRecord } from '../../src/mirror/member-record.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { useDisk } from './simulated-node-fs.ts';
import type { Life, Promised, Step, Subject } from './subject.ts';

/** A file that is replaced whole: the newest number that was acknowledged, or one that was begun after it. */
interface WholeFile {
  readonly operations: readonly string[];
  readonly onlyFirst?: readonly string[];
  /** Number 0; null = there is none to begin with. */
  readonly prepare: (() => unknown) | null;
  /** A writer, as a process has it. */
  open(): unknown;
  /** The number it was written as, where that is not the one given. */
  write(operation: string, number: number, writer: unknown): unknown;
  /** The number read; -1 when the file is missing. Throws what a reader may not meet. */
  read(): number | Promise<number>;
}

interface Facts {
  readonly acknowledged: number;
  readonly begun: number;
}

class WholeFileLife implements Life {
  readonly #file: WholeFile;
  readonly #writer: unknown;
  #facts: Facts;

  constructor(file: WholeFile, writer: unknown) {
    this.#file = file;
    this.#writer = writer;
    const present = file.prepare === null ? -1 : 0;
    this.#facts = { acknowledged: present, begun: present };
  }

  stepsOf(operation: string): readonly Step[] {
    return [
      {
        what: operation,
        run: async () => {
          const number = this.#facts.begun + 1;
          this.#facts = { ...this.#facts, begun: number };
          this.#facts = { acknowledged: await this.#write(operation, number, this.#writer), begun: number };
        },
      },
    ];
  }

  promised(): Promised {
    const { acknowledged, begun } = this.#facts;
    const check = async (disk: SimulatedDisk): Promise<void> => {
      useDisk(disk);
      const found = await this.#file.read();
      assert.ok(found >= acknowledged && found <= begun, `${found} is found, ${acknowledged} to ${begun} was promised`);
      assert.equal(await this.#file.read(), found, 'reading twice');
      const writer = await this.#file.open();
      if (found < 0) return;
      const written = await this.#write(this.#file.operations.at(-1)!, begun + 1, writer);
      const lost = disk.crashed(disk.undecided().map(() => 0));
      useDisk(lost);
      assert.equal(await this.#file.read(), written, 'what was written after the crash');
    };
    return { text: `${acknowledged} ${begun}`, check };
  }

  /** The caller ends its process when it cannot write; that the old or the new one is there must hold all the same. */
  answerTo(error: unknown): 'undone' | null {
    return typeof (error as { code?: unknown }).code === 'string' ? 'undone' : null;
  }

  close(): void {}

  async #write(operation: string, number: number, writer: unknown): Promise<number> {
    const written = await this.#file.write(operation, number, writer);
    return typeof written === 'number' ? written : number;
  }
}

function subjectOf(name: string, file: WholeFile): Subject {
  return {
    name,
    operations: file.operations,
    onlyFirst: file.onlyFirst ?? [],
    async prepare(disk) {
      useDisk(disk);
      nodeFileOperations.makeDirectory('/i');
      await file.prepare?.();
    },
    async open(disk) {
      useDisk(disk);
      return new WholeFileLife(file, await file.open());
    },
  };
}

const records = createRecordFiles(nodeFileOperations);
const recordPath = '/i/member.json';

function recordOf(operation: string, number: number): MemberRecord {
  const forced = { epoch: { number, owner: 'A', lineage: 'x' }, atMs: 1, evidence: 'x'.repeat(1200) };
  return { ...firstRecord, incarnation: number, forced: operation === 'save a long one' ? forced : null };
}

function readNumber(path: string): number {
  const read = records.readRecord(path);
  if (read.state === 'missing') return -1;
  assert.equal(read.state, 'read', read.state === 'damaged' ? read.reason : '');
  return (read as { value: MemberRecord }).value.incarnation;
}

const memberRecord = subjectOf('member record', {
  operations: ['save', 'save a long one'],
  prepare: () => records.saveRecord(recordPath, recordOf('save', 0)),
  open: () => null,
  write: (operation, number) => records.saveRecord(recordPath, recordOf(operation, number)),
  read: () => readNumber(recordPath),
});

const firstMemberRecord = subjectOf('first member record', {
  operations: ['save', 'save a long one'],
  prepare: null,
  open: () => null,
  write: (operation, number) => records.saveRecord(recordPath, recordOf(operation, number)),
  read: () => readNumber(recordPath),
});

const configurationPath = '/i/configuration.json';

/** The number is that of the port. */
function configurationOf(operation: string, number: number): InstanceConfiguration {
  const present = newConfiguration('ONE', '/i', { host: '127.0.0.1', port: 2000 + number });
  const count = operation === 'set many databases' ? 10 : 0;
  const databases = Array.from({ length: count }, (_, index) => ({
    name: `D${index}`,
    directory: `/i/databases/d${index}`,
    mounted: true,
    mirrorDatabase: null,
    mountRequiredAtStartup: false,
    journaled: true,
    dejournalingPaused: false,
    expansionMegabytes: 0,
    resource: '%DB_%DEFAULT',
  }));
  return { ...present, databases };
}

async function writeConfiguration(operation: string, number: number, writer: unknown): Promise<void> {
  const next = configurationOf(operation, number);
  if (operation === 'create') return createConfiguration(configurationPath, next);
  const store = (writer ?? (await openConfiguration(configurationPath, { isHeld: () => true }))) as {
    set(next: InstanceConfiguration): void;
  };
  store.set(next);
}

async function readConfigurationNumber(): Promise<number> {
  if (!nodeFileOperations.exists(configurationPath)) return -1;
  return (await readConfiguration(configurationPath)).superserver.port - 2000;
}

const configuration = subjectOf('configuration', {
  operations: ['set', 'set many databases'],
  prepare: () => createConfiguration(configurationPath, configurationOf('create', 0)),
  open: () => openConfiguration(configurationPath, { isHeld: () => true }),
  write: writeConfiguration,
  read: readConfigurationNumber,
});

const firstConfiguration = subjectOf('first configuration', {
  operations: ['create', 'set'],
  onlyFirst: ['create'],
  prepare: null,
  open: () => null,
  write: writeConfiguration,
  read: readConfigurationNumber,
});

const linksPath = '/i/links.json';
const links = subjectOf('links', {
  operations: ['write'],
  prepare: () => writeLinks(nodeFileOperations, linksPath, new Map([['a:1', { host: 'b', port: 2000 }]])),
  open: () => null,
  write: (_operation, number) =>
    writeLinks(nodeFileOperations, linksPath, new Map([['a:1', { host: 'b', port: 2000 + number }]])),
  read: () => readLinks(linksPath).get('a:1')!.port - 2000,
});

const eventsPath = '/i/events.jsonl';
const event = (number: number) => ({
  at: '2026-03-14T12:00:00.000Z',
  member: 'A',
  what: `event ${number}`,
  rules: [],
  facts: { long: 'x'.repeat(number === 2 ? 1000 : 20) },
});

/** Its number is that of the newest event; those before it must be there too. */
const events = subjectOf('events', {
  operations: ['append'],
  prepare: null,
  open: () => openEventsLog(eventsPath),
  write: (_operation, number, log) => {
    const appended = (log as ReturnType<typeof openEventsLog>).append(event(number + 1));
    return appended.number - 1;
  },
  read: () => {
    const found = readEvents(eventsPath, 0);
    for (const [index, { number }] of found.entries()) assert.equal(number, index + 1, 'events without a gap');
    return found.length - 1;
  },
});

export const fileSubjects: readonly Subject[] = [
  memberRecord,
  firstMemberRecord,
  configuration,
  firstConfiguration,
  links,
  events,
];
