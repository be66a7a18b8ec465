/**
 * What each other member of the mirror has of the journal, as far as this member knows, remembered over restarts: on the primary
 * from acknowledgements, on the others as the primary last told. What is remembered may be less than a member has by now, and a
 * lost file costs nothing but journal that is kept for longer. Not for: what follows from it (mirror/journal-purge.ts).
 */
import type { RecordFiles } from '../host/host.ts';
import { comparePositions, JOURNAL_START, type JournalPosition } from '../mirror/journal-position.ts';
import type { MemberClaim, ToldClaims } from '../mirror/journal-purge.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { MemberState } from '../mirror/member-state.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberName } from '../mirror/terms.ts';

interface Claim {
  readonly has: JournalPosition | null;
  readonly isLapsed: boolean;
}

interface Remembered {
  readonly members: Readonly<Record<MemberName, Claim>>;
  /** Where a local database stood when it was last mounted. */
  readonly databases: Readonly<Record<string, JournalPosition>>;
}

export interface JournalClaimsParts {
  readonly self: MemberName;
  readonly records: RecordFiles;
  readonly path: string;
  /** Somebody has to know that the file was damaged. */
  readonly log: WriteLog;
}

export class JournalClaims {
  readonly #parts: JournalClaimsParts;
  #members: Map<MemberName, Claim>;
  #databases: Map<string, JournalPosition>;
  /** What is on disk, without what may well be older there. */
  #saved: string;

  constructor(parts: JournalClaimsParts) {
    this.#parts = parts;
    const { members, databases } = remembered(parts);
    this.#members = new Map(Object.entries(members));
    this.#databases = new Map(Object.entries(databases));
    this.#saved = this.#essence();
  }

  /** On the primary: what the members that are served have acknowledged, and who has come back. */
  hear({ role, serving, journal }: MemberState): void {
    if (role !== 'primary' && role !== 'handing-over') return;
    this.#members.delete(this.#parts.self);
    const oldest = journal.history[0]?.begin ?? JOURNAL_START;
    for (const { name, ackedTo } of serving.members.values()) {
      // A member that was built anew has less than before; until it says where it stands it needs all there is.
      const isServable = comparePositions(ackedTo, JOURNAL_START) === 0 || comparePositions(ackedTo, oldest) >= 0;
      const isLapsed = !isServable && this.#members.get(name)?.isLapsed === true;
      this.#members.set(name, { has: ackedTo, isLapsed });
    }
  }

  /** What the primary tells: it hears of each member, and decides who has lost its claim. */
  take(told: ToldClaims): void {
    for (const [name, { has, isLapsed }] of Object.entries(told)) {
      this.#members.set(name, { has: has ?? this.#members.get(name)?.has ?? null, isLapsed });
    }
  }

  /** For the other members, who also have to know of this one. */
  toTell(flushed: JournalPosition): ToldClaims {
    return { ...Object.fromEntries(this.#members), [this.#parts.self]: { has: flushed, isLapsed: false } };
  }

  lapse(member: MemberName): void {
    const has = this.#members.get(member)?.has ?? null;
    this.#members.set(member, { has, isLapsed: true });
  }

  /** One claim for each other member of the set; of those that are in it no more, nothing is remembered. */
  of({ members }: MirrorSet, { serving }: MemberState): readonly MemberClaim[] {
    const names = members.map(({ name }) => name).filter((name) => name !== this.#parts.self);
    for (const name of this.#members.keys()) if (!names.includes(name)) this.#members.delete(name);
    return names.map((member) => {
      const { has, isLapsed } = this.#members.get(member) ?? { has: null, isLapsed: false };
      return { member, has, isLapsed, isConnected: serving.members.has(member) };
    });
  }

  /** A database that is dismounted stands where it last stood. */
  databaseAt(name: string): JournalPosition | null {
    return this.#databases.get(name) ?? null;
  }

  rememberDatabases(stored: ReadonlyMap<string, JournalPosition>): void {
    this.#databases = new Map(stored);
  }

  /** Durable when it returns; nothing is written while only places within a file have changed. */
  save(): void {
    const essence = this.#essence();
    if (essence === this.#saved) return;
    const { records, path } = this.#parts;
    const value: Remembered = {
      members: Object.fromEntries(this.#members),
      databases: Object.fromEntries(this.#databases),
    };
    records.saveRecord(path, value);
    this.#saved = essence;
  }

  #essence(): string {
    const members = [...this.#members].map(([name, { has, isLapsed }]) => [name, has?.epoch, has?.file, isLapsed]);
    const databases = [...this.#databases].map(([name, { epoch, file }]) => [name, epoch, file]);
    return JSON.stringify([members, databases]);
  }
}

/** A damaged or missing file means that nothing is known, and so that everything is kept until it is. */
function remembered({ records, path, log }: JournalClaimsParts): Remembered {
  const read = records.readRecord(path);
  if (read.state === 'read') return read.value as Remembered;
  if (read.state === 'damaged') log('journal-claims-lost', { reason: read.reason });
  return { members: {}, databases: {} };
}

/** What came in a notice; null when it is no such thing. */
export function readToldClaims(said: unknown): ToldClaims | null {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return null;
  const isClaim = (claim: unknown): claim is Claim => {
    const { has, isLapsed } = (claim ?? {}) as Partial<Claim>;
    return typeof isLapsed === 'boolean' && (has === null || isPosition(has));
  };
  return Object.values(said).every(isClaim) ? (said as ToldClaims) : null;
}

function isPosition(said: unknown): boolean {
  const { epoch, file, offset, sequence } = (said ?? {}) as Partial<JournalPosition>;
  return [epoch, file, offset, sequence].every((part) => Number.isSafeInteger(part) && (part as number) >= 0);
}
