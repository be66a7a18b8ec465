/**
 * The disk of one simulated member: its durable record, its mirror journal with a flushed mark, and how far its databases
 * are. It outlives the process; a crash of the host may take what was not flushed. Each journal element carries a number
 * made of everything before it, so that two journals are equal up to an element exactly when these numbers are.
 */
import { countWhole } from '../journal/record-groups.ts';
import { type EpochBeginning, JOURNAL_START, type JournalPosition } from '../mirror/journal-position.ts';
import { firstRecord, type MemberRecord } from '../mirror/member-record.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { Epoch } from '../mirror/terms.ts';
import type { Chance } from './random.ts';

/** A record of the journal, or the header with which an epoch begins (no payload, the sequence of the record before). */
export interface JournalElement {
  readonly position: JournalPosition;
  readonly owner: string;
  readonly lineage: string;
  readonly header: boolean;
  /** The number that a client set; the same in all records of a transaction. */
  readonly payload: number;
  /** The next record is of the same transaction. */
  readonly continues: boolean;
  readonly chain: number;
}

const headerBytes = 256;
const recordBytes = 100;
/** Records of one transaction at most. */
export const transactionRecordsMax = 12;

export type DiskState = Readonly<
  Pick<MemberDisk, 'record' | 'set' | 'elements' | 'flagCleared' | 'flushed' | 'applied' | 'appliedFlushed'>
>;

export class MemberDisk {
  record: MemberRecord = firstRecord;
  /** The mirror as its configuration knows it; null = it is a member of nothing. */
  set: MirrorSet | null;
  elements: JournalElement[] = [];
  /** The FailoverDB flags of its copies of the mirrored databases are cleared (DB-038). */
  flagCleared = false;
  /** How many elements are flushed. */
  flushed = 0;
  /** How many elements the databases hold, and how many of these survive a crash of the host. */
  applied = 0;
  appliedFlushed = 0;
  /** The agent cannot read it, and no process starts from it. */
  readable = true;
  /** Elements that `cut` took away, for I7. */
  keptAside: JournalElement[] = [];

  constructor(set: MirrorSet | null = null) {
    this.set = set;
  }

  positionAt(count: number): JournalPosition {
    return this.elements[count - 1]?.position ?? JOURNAL_START;
  }

  get end(): JournalPosition {
    return this.positionAt(this.elements.length);
  }

  get history(): readonly EpochBeginning[] {
    return this.elements
      .filter((element) => element.header)
      .map(({ position, owner, lineage }) => ({ epoch: position.epoch, owner, lineage, begin: position }));
  }

  /** How many elements stand up to and with this place. */
  countUpTo(place: { readonly epoch: number; readonly sequence: number }): number {
    let low = 0;
    let high = this.elements.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { position } = this.elements[middle] as JournalElement;
      const isAfter = position.epoch - place.epoch || position.sequence - place.sequence;
      if (isAfter > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Is this very element, with the same past, among the first `count`? */
  holds(element: JournalElement, count: number): boolean {
    const at = this.countUpTo(element.position);
    return at > 0 && at <= count && this.elements[at - 1]?.chain === element.chain;
  }

  startFile(epoch: Epoch): JournalElement {
    const { file, sequence } = this.end;
    const position = { epoch: epoch.number, file: file + 1, offset: headerBytes, sequence };
    const element = this.#add({ position, owner: epoch.owner, lineage: epoch.lineage, header: true }, 0, false);
    this.flushed = this.elements.length;
    return element;
  }

  append(payload: number, continues: boolean): JournalElement {
    const { position: last, owner, lineage } = this.elements.at(-1) as JournalElement;
    const { epoch, file, offset, sequence } = last;
    const position = { epoch, file, offset: offset + recordBytes, sequence: sequence + 1 };
    return this.#add({ position, owner, lineage, header: false }, payload, continues);
  }

  /** How many elements databases that were told to apply the first `count` hold: no transaction in part. */
  wholeUpTo(count: number): number {
    const before = Math.max(0, count - transactionRecordsMax);
    return before + countWhole(this.elements.slice(before, count));
  }

  store(elements: readonly JournalElement[]): void {
    this.elements.push(...elements);
  }

  cut(to: { readonly epoch: number; readonly sequence: number }): JournalElement[] {
    const gone = this.elements.splice(this.countUpTo(to));
    this.flushed = this.elements.length;
    this.keptAside.push(...gone);
    return gone;
  }

  /** What a snapshot of the machine keeps: what is on the disk for good. */
  get state(): DiskState {
    const { record, set, flagCleared, flushed, appliedFlushed } = this;
    const elements = this.elements.slice(0, flushed);
    return { record, set, elements, flagCleared, flushed, applied: appliedFlushed, appliedFlushed };
  }

  setBack(state: DiskState): void {
    Object.assign(this, { ...state, elements: [...state.elements] });
  }

  /** A new disk. */
  empty(): void {
    this.record = firstRecord;
    this.flagCleared = false;
    this.elements = [];
    this.flushed = 0;
    this.applied = 0;
    this.appliedFlushed = 0;
    this.keptAside = [];
  }

  /** The power is gone: of what was not flushed only a random beginning is left. */
  loseUnflushed(chance: Chance): void {
    const kept = this.flushed + chance.below(this.elements.length - this.flushed + 1);
    this.elements.length = kept;
    this.flushed = kept;
    this.applied = this.wholeUpTo(this.appliedFlushed + chance.below(this.applied - this.appliedFlushed + 1));
    this.appliedFlushed = this.applied;
  }

  #add(
    place: Pick<JournalElement, 'position' | 'owner' | 'lineage' | 'header'>,
    payload: number,
    continues: boolean,
  ): JournalElement {
    const { position, owner, lineage } = place;
    const before = this.elements.at(-1)?.chain ?? 0;
    let chain = Math.imul(before ^ payload, 0x01000193) ^ position.epoch;
    for (const text of [owner, lineage])
      for (let index = 0; index < text.length; index += 1)
        chain = Math.imul(chain ^ text.charCodeAt(index), 0x5bd1e995);
    chain = Math.imul(chain ^ position.sequence ^ (chain >>> 15), 0x85ebca6b) >>> 0;
    const element = { ...place, payload, continues, chain };
    this.elements.push(element);
    return element;
  }
}
