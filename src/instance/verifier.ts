/**
 * One member's part in comparing databases: it looks at its copies where the journal has a barrier, compares the running sums with
 * those that the primary wrote behind it, answers the primary's questions, and keeps what came out. A copy found different is
 * marked until it is found equal again, also over a restart. The primary's part is verification.ts.
 */
import type { Database } from '../database/databases.ts';
import type { RecordFiles } from '../host/host.ts';
import type { PlacedRecord } from '../journal/journal.ts';
import { printPosition } from '../mirror/journal-position.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { VerifiedCopy } from '../mirror/status.ts';
import type { MemberName, MirrorDatabaseName } from '../mirror/terms.ts';
import { decodeKey } from '../protocol/global-key.ts';
import { printReference } from '../protocol/global-reference.ts';
import {
  type BarrierSums,
  type CheckedCopy,
  type CopySum,
  type RangeAnswer,
  readBarrierOrder,
  readBarrierSums,
  type VerificationWord,
} from '../protocol/verification.ts';
import { answerOrder } from './content-ranges.ts';

export interface VerifierParts {
  readonly self: MemberName;
  readonly records: RecordFiles;
  /** Where what came out is kept. */
  readonly path: string;
  readonly isPrimary: () => boolean;
  /** The copies of this member that follow the journal now. */
  readonly copies: () => readonly Database[];
  readonly tellPrimary: (word: VerificationWord) => void;
  readonly wallMs: () => number;
  readonly log: WriteLog;
}

/** Found by comparing running sums, which may be equal although entries were lost; or by looking at the entries. */
type FoundBy = 'sums' | 'entries';

interface Kept extends VerifiedCopy {
  readonly foundBy: FoundBy;
  /** When its entries themselves were looked at and found equal last. */
  readonly proven: VerifiedCopy['identical'];
}

/** So many barriers may be passed before the sums of the first are there. */
const notedMax = 8;
const progressEveryKeys = 200_000;

export class Verifier {
  readonly #parts: VerifierParts;
  readonly #noted = new Map<string, Promise<readonly CopySum[]>>();
  /** On the primary: its own answer to the newest question about a range. */
  #ownRange: { readonly barrier: string; readonly answer: RangeAnswer } | null = null;
  #kept: ReadonlyMap<MirrorDatabaseName, Kept>;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
    this.#kept = this.#read();
  }

  get verified(): readonly VerifiedCopy[] {
    return [...this.#kept.values()].map(({ database, identical, difference }) => ({ database, identical, difference }));
  }

  /** Why this copy must not be a source for others; null = nothing is known against it. */
  differenceOf(database: MirrorDatabaseName): string | null {
    return this.#kept.get(database)?.difference?.text ?? null;
  }

  /** What the copies of this member held at a barrier that was passed. */
  async sumsAt(barrier: string): Promise<readonly CopySum[]> {
    return (await this.#noted.get(barrier)) ?? [];
  }

  ownRangeAt(barrier: string): RangeAnswer | null {
    return this.#ownRange?.barrier === barrier ? this.#ownRange.answer : null;
  }

  /** `standing`: the copies that hold everything up to the record and nothing behind it. */
  onBarrier(record: PlacedRecord, standing: readonly Database[]): void {
    const barrier = printPosition(record.position);
    if (record.kind === 'barrier-sums') {
      const said = readBarrierSums(record.value);
      if (said !== null && !this.#parts.isPrimary()) void this.#compare(said);
      return;
    }
    const order = readBarrierOrder(record.value);
    if (order === null) return;
    if (order.what === 'sums') {
      this.#note(barrier, standing);
      return;
    }
    const isPrimary = this.#parts.isPrimary();
    if (!isPrimary && order.of !== this.#parts.self) return;
    const copy = standing.find(({ attribute }) => attribute?.database === order.database);
    const answer =
      copy === undefined
        ? { damaged: `database ${order.database} does not follow the journal here` }
        : answerOrder(copy, order);
    if (isPrimary) this.#ownRange = { barrier, answer };
    else this.#parts.tellPrimary({ says: 'range', barrier, answer });
  }

  #note(barrier: string, standing: readonly Database[]): void {
    const sums = standing.map(async (copy): Promise<readonly CopySum[]> => {
      const database = copy.attribute?.database;
      // A copy that is closed or fails meanwhile has its own way to say so; it is left out here.
      const content = await copy.barrier().catch(() => null);
      return database === undefined || content === null ? [] : [{ database, sum: content.sum, keys: content.keys }];
    });
    this.#noted.set(
      barrier,
      Promise.all(sums).then((each) => each.flat()),
    );
    for (const old of [...this.#noted.keys()].slice(0, -notedMax)) this.#noted.delete(old);
  }

  /** The running sums here with those of the primary; a copy that was not there at the barrier is left out. */
  async #compare({ barrier, sums }: BarrierSums): Promise<void> {
    const own = await this.sumsAt(barrier);
    const copies = own.flatMap((copy) => {
      const theirs = sums.find(({ database }) => database === copy.database);
      return theirs === undefined
        ? []
        : [{ ...copy, same: theirs.sum === copy.sum && theirs.keys === copy.keys, theirs }];
    });
    for (const { database, same, keys, theirs } of copies) {
      const difference = `its running checksum differs from the primary's (${keys} keys here, ${theirs.keys} there)`;
      this.#keep(database, barrier, same ? null : difference, 'sums');
    }
    const said = copies.map(({ database, sum, keys, same }) => {
      const kept = this.#kept.get(database);
      return { database, sum, keys, same, known: kept?.foundBy === 'entries' ? (kept.difference?.text ?? null) : null };
    });
    this.#parts.tellPrimary({ says: 'compared', barrier, copies: said });
  }

  /** From the primary. */
  hear(word: VerificationWord): void {
    if (word.says === 'found') this.found(word.database, word.position, word.difference);
    if (word.says === 'check') void this.#answerCheck(word.check);
  }

  /** On the primary: these sums are what the others are compared with. */
  noteOwn(position: string, sums: readonly CopySum[]): void {
    for (const { database } of sums) this.#keep(database, position, null, 'sums');
  }

  /** The end of a comparison of one copy entry by entry: null = it is as the primary's. */
  found(database: MirrorDatabaseName, position: string, difference: string | null): void {
    this.#keep(database, position, difference, 'entries');
  }

  async #answerCheck(check: number): Promise<void> {
    const copies = await this.check((database, done, of) =>
      this.#parts.tellPrimary({ says: 'checking', check, database, done, of }),
    );
    this.#parts.tellPrimary({ says: 'checked', check, copies });
  }

  /** Read every copy whole. */
  async check(onProgress: (database: string, done: number, of: number) => void): Promise<readonly CheckedCopy[]> {
    const checked: CheckedCopy[] = [];
    for (const copy of this.#parts.copies()) {
      const database = copy.attribute?.database;
      if (database === undefined) continue;
      let toldAt = 0;
      const result = await copy
        .check((done, of) => {
          if (done < toldAt + progressEveryKeys) return;
          toldAt = done;
          onProgress(database, done, of);
        })
        .catch((error: Error) => ({ ok: false, key: null, text: error.message }) as const);
      const place = !result.ok && result.key !== null ? referenceOf(result.key) : null;
      checked.push({ database, fault: result.ok ? null : result.text, place });
    }
    return checked;
  }

  #keep(database: MirrorDatabaseName, position: string, text: string | null, foundBy: FoundBy): void {
    const before = this.#kept.get(database);
    // Equal running sums do not disprove what was seen in the entries.
    if (text === null && foundBy === 'sums' && before?.difference != null && before.foundBy === 'entries') return;
    if (text !== null && foundBy === 'sums' && before?.difference != null) return;
    const at = new Date(this.#parts.wallMs()).toISOString();
    const now = { at, position };
    const proven = text === null && foundBy === 'entries' ? now : (before?.proven ?? null);
    // Lost entries are not in the running sums: where some are lost, equal sums before said nothing.
    const known = foundBy === 'entries' ? proven : (before?.identical ?? null);
    const identical = text === null ? now : known;
    const difference = text === null ? null : { ...now, text };
    this.#kept = new Map(this.#kept).set(database, { database, identical, difference, foundBy, proven });
    this.#parts.records.saveRecord(this.#parts.path, [...this.#kept.values()]);
    if (text !== null && text !== before?.difference?.text) {
      this.#parts.log('verified-different', { database, position, difference: text });
    }
    if (text === null && before?.difference != null) {
      this.#parts.log('verified-equal', { database, position });
    }
  }

  #read(): ReadonlyMap<MirrorDatabaseName, Kept> {
    const read = this.#parts.records.readRecord(this.#parts.path);
    if (read.state === 'damaged') {
      this.#parts.log('verification-unreadable', { reason: read.reason });
    }
    const kept = read.state === 'read' ? (read.value as readonly Kept[]) : [];
    return new Map(kept.map((each) => [each.database, each]));
  }
}

/** As an operator writes it; the bytes where they are no key of a global. */
export function referenceOf(key: Uint8Array): string {
  try {
    const { global, subscripts } = decodeKey(key);
    return printReference(global, subscripts);
  } catch {
    return `the key with bytes ${Buffer.from(key).toString('hex')}`;
  }
}
