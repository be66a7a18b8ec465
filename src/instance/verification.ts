/**
 * The primary's part in comparing databases: it puts barriers into the journal, writes its own sums behind them, asks the
 * connected members, and where a copy differs looks for the first entry in which it does. Now and then it compares the running
 * sums by itself. Nothing here holds up updates: members compare what they held at a place in the journal.
 */
import type { Database } from '../database/databases.ts';
import type { Clock, Timer } from '../host/host.ts';
import type { JournalRecord } from '../journal/journal.ts';
import { type JournalPosition, printPosition } from '../mirror/journal-position.ts';
import { verifyEveryMinutes } from '../mirror/limits.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import { type MirrorSet, memberNamed } from '../mirror/mirror-set.ts';
import type { CopyReport, VerificationReport } from '../mirror/status.ts';
import { isReporting, type MemberName, type MirrorDatabaseName } from '../mirror/terms.ts';
import {
  type BarrierOrder,
  type BarrierSums,
  type CheckedCopy,
  type ComparedCopy,
  type CopySum,
  encodeBarrier,
  type RangeAnswer,
  type VerificationWord,
} from '../protocol/verification.ts';
import { cutRange, firstDifference, type KeyDifference } from './content-ranges.ts';
import { referenceOf, type Verifier } from './verifier.ts';

export interface VerificationParts {
  readonly self: MemberName;
  readonly verifier: Verifier;
  readonly mirrorSet: () => MirrorSet;
  readonly isPrimary: () => boolean;
  /** Members that are connected now. */
  readonly connected: () => readonly MemberName[];
  readonly tell: (member: MemberName, word: VerificationWord) => void;
  /** Resolves with the position behind them when they are durable and in the databases here. */
  readonly append: (records: readonly JournalRecord[]) => Promise<JournalPosition>;
  readonly copies: () => readonly Database[];
  readonly clock: Pick<Clock, 'wait' | 'nowMs' | 'wallMs' | 'after'>;
  readonly log: WriteLog;
}

export interface VerifyOptions {
  /** Only the running sums; else every entry of every copy is read too. */
  readonly quick: boolean;
  readonly withinMs: number;
}

/** Verification cannot be carried out: one sentence for the operator. */
export class VerificationError extends Error {
  readonly code = 'verification';
}

const lookAgainMs = 20;
const dueCheckMs = 10_000;
const advice = 'restore this copy from a backup of a good one, or remove it from the mirror here and build it anew';
const first = Uint8Array.of(1);

interface Compared {
  readonly position: string;
  readonly own: readonly CopySum[];
  readonly members: ReadonlyMap<MemberName, readonly ComparedCopy[] | null>;
}

type Words = { readonly from: MemberName; readonly word: VerificationWord };

export class Verification {
  readonly #parts: VerificationParts;
  /** What members said since the present run began. */
  #heard: Words[] = [];
  #running = false;
  #checks = 0;
  #lastMs: number;
  #timer: Timer | null = null;

  constructor(parts: VerificationParts) {
    this.#parts = parts;
    this.#lastMs = parts.clock.nowMs();
    this.#watch();
  }

  hear(from: MemberName, word: VerificationWord): void {
    if (this.#running) this.#heard.push({ from, word });
  }

  /** Compare nothing by itself any more. */
  close(): void {
    this.#timer?.cancel();
  }

  /** @throws VerificationError */
  async run(options: VerifyOptions, progress: (text: string) => void): Promise<VerificationReport> {
    if (this.#running) throw new VerificationError('a verification is running already; wait for its end');
    this.#running = true;
    try {
      return await this.#run(options, progress);
    } finally {
      this.#running = false;
      this.#heard = [];
    }
  }

  async #run({ quick, withinMs }: VerifyOptions, progress: (text: string) => void): Promise<VerificationReport> {
    const { self, mirrorSet, connected, clock } = this.#parts;
    const untilMs = clock.nowMs() + withinMs;
    const asked = connected();
    progress(`comparing the running checksums of ${[self, ...asked].join(', ')}`);
    const compared = await this.#compareSums(asked, untilMs);
    const checked = quick ? null : await this.#checkAll(asked, untilMs, progress);
    const members: VerificationReport['members'][number][] = [];
    for (const { name } of mirrorSet().members) {
      const report = async (): Promise<VerificationReport['members'][number]> => {
        const known = name === self || asked.includes(name);
        if (!known) return { member: name, databases: [], notCompared: 'not connected' };
        if (name !== self && compared.members.get(name) === null) {
          return { member: name, databases: [], notCompared: this.#whyNot(name) };
        }
        const databases: CopyReport[] = [];
        for (const { database } of compared.own) {
          databases.push(await this.#reportCopy(name, database, compared, checked, untilMs, progress));
        }
        return { member: name, databases, notCompared: null };
      };
      members.push(await report());
    }
    const identical = members.every(
      ({ databases, notCompared }) => notCompared === null && databases.every(({ result }) => isAsItShouldBe(result)),
    );
    const at = new Date(clock.wallMs()).toISOString();
    return { mirror: mirrorSet().name, at, position: compared.position, allRead: !quick, identical, members };
  }

  /** A barrier, the primary's own sums behind it, and what the members make of them; null for one that did not say. */
  async #compareSums(asked: readonly MemberName[], untilMs: number): Promise<Compared> {
    const { verifier } = this.#parts;
    const position = await this.#barrier({ what: 'sums' });
    const own = await verifier.sumsAt(position);
    await this.#append('barrier-sums', { barrier: position, sums: own });
    verifier.noteOwn(position, own);
    this.#lastMs = this.#parts.clock.nowMs();
    const members = new Map<MemberName, Compared['members'] extends ReadonlyMap<string, infer V> ? V : never>();
    for (const name of asked) {
      const word = await this.#until(
        name,
        (said) => (said.says === 'compared' && said.barrier === position ? said : null),
        untilMs,
      );
      members.set(name, word?.copies ?? null);
    }
    return { position, own, members };
  }

  /** Every member reads its copies whole, all at the same time. */
  async #checkAll(
    asked: readonly MemberName[],
    untilMs: number,
    progress: (text: string) => void,
  ): Promise<ReadonlyMap<MemberName, readonly CheckedCopy[] | null>> {
    this.#checks += 1;
    const check = this.#checks;
    progress('reading every entry of every copy');
    for (const name of asked) this.#parts.tell(name, { says: 'check', check });
    const tell = (name: MemberName) => (database: string, done: number, of: number) =>
      progress(`${name}: ${database} ${done} of ${of} entries read`);
    const own = this.#parts.verifier.check(tell(this.#parts.self));
    const checked = new Map<MemberName, readonly CheckedCopy[] | null>([[this.#parts.self, await own]]);
    for (const name of asked) {
      const word = await this.#until(name, (said) => this.#readChecked(said, check, tell(name)), untilMs);
      checked.set(name, word);
    }
    return checked;
  }

  #readChecked(
    said: VerificationWord,
    check: number,
    tell: (database: string, done: number, of: number) => void,
  ): readonly CheckedCopy[] | null {
    if (said.says === 'checking' && said.check === check) tell(said.database, said.done, said.of);
    return said.says === 'checked' && said.check === check ? said.copies : null;
  }

  async #reportCopy(
    member: MemberName,
    database: MirrorDatabaseName,
    { position, own, members }: Compared,
    checked: ReadonlyMap<MemberName, readonly CheckedCopy[] | null> | null,
    untilMs: number,
    progress: (text: string) => void,
  ): Promise<CopyReport> {
    const isSelf = member === this.#parts.self;
    const known = isSelf ? this.#parts.verifier.differenceOf(database) : null;
    const sums = isSelf ? own.map((sum) => ({ ...sum, same: true, known })) : (members.get(member) ?? []);
    const sum = sums.find((each) => each.database === database);
    const none = { database, keys: null, reference: null };
    if (sum === undefined) {
      // A reporting async holds what it likes, and changes its writable copies itself (DB-005, DB-038).
      const type = memberNamed(this.#parts.mirrorSet(), member)?.type;
      if (type !== undefined && isReporting(type)) return { ...none, result: 'left out', text: null };
      const text = `no copy there follows the journal: it is missing, dismounted or behind; the status of ${member} says which`;
      return { ...none, result: 'not compared', text };
    }
    const check = checked?.get(member)?.find((each) => each.database === database);
    if (checked !== null && check === undefined) {
      return { ...none, result: 'not compared', text: 'it did not answer in time; verify again' };
    }
    const { keys } = sum;
    const fault = check?.fault ?? null;
    if (sum.same && checked === null && sum.known !== null) {
      return { ...none, result: 'differs', keys, text: `${sum.known} (found before; it was not read again)` };
    }
    if (sum.same && fault === null) {
      if (checked !== null) this.#found(member, database, position, null);
      return { database, result: 'identical', keys, text: null, reference: null };
    }
    const damagedEntry = check?.place ?? null;
    const place =
      damagedEntry === null
        ? await this.#firstDifference(member, database, checked, untilMs, progress)
        : { reference: damagedEntry, text: null };
    const text = textOf(fault, place?.text ?? null);
    this.#found(member, database, position, text);
    const reference = place?.reference ?? null;
    return { database, result: fault === null ? 'differs' : 'damaged', keys, text, reference };
  }

  #found(member: MemberName, database: MirrorDatabaseName, position: string, difference: string | null): void {
    const { self, verifier, tell, log } = this.#parts;
    if (member === self) verifier.found(database, position, difference);
    else tell(member, { says: 'found', database, position, difference });
    if (difference !== null && member !== self) {
      log('verified-different-there', { database, member, position, difference });
    }
  }

  /**
   * Where a copy differs from the primary's, or the primary's from that of the first member whose copy is whole. Range by
   * range, each at a barrier of its own, so that writes go on; null when no range differs any more.
   */
  async #firstDifference(
    member: MemberName,
    database: MirrorDatabaseName,
    checked: ReadonlyMap<MemberName, readonly CheckedCopy[] | null> | null,
    untilMs: number,
    progress: (text: string) => void,
  ): Promise<Place | null> {
    const { self, copies } = this.#parts;
    const isWhole = (name: MemberName): boolean =>
      checked?.get(name)?.some((copy) => copy.database === database && copy.fault === null) ?? false;
    const other = member === self ? this.#parts.connected().find(isWhole) : member;
    const copy = copies().find(({ attribute }) => attribute?.database === database);
    if (other === undefined || copy === undefined) return null;
    progress(`looking for the first difference in ${database} between ${self} and ${other}`);
    for (let from: Uint8Array | null = first; from !== null; ) {
      const cut = cutRange(copy, from);
      const pieces = cut.pieces.map(base64);
      const until = cut.until === null ? null : base64(cut.until);
      const told = await this.#askRange(other, { what: 'pieces', of: other, database, pieces, until }, untilMs);
      if (told.damaged !== null) return { reference: null, text: told.damaged };
      const index = pieces.findIndex((_, at) => told.own.digests[at] !== told.theirs.digests[at]);
      if (index < 0) {
        from = cut.until;
        continue;
      }
      const begin = pieces[index] as string;
      const end = pieces[index + 1] ?? until;
      const listed = await this.#askRange(
        other,
        { what: 'keys', of: other, database, from: begin, until: end },
        untilMs,
      );
      if (listed.damaged !== null) return { reference: null, text: listed.damaged };
      const found = firstDifference(listed.own.keys, listed.theirs.keys);
      if (found !== null) return placeOf(found, member === self);
      // It was overwritten meanwhile.
      from = end === null ? null : Buffer.from(end, 'base64');
    }
    return null;
  }

  async #askRange(
    other: MemberName,
    order: Exclude<BarrierOrder, { what: 'sums' }>,
    untilMs: number,
  ): Promise<RangeTold> {
    const barrier = await this.#barrier(order);
    const own = this.#parts.verifier.ownRangeAt(barrier);
    const theirs = await this.#until(
      other,
      (said) => (said.says === 'range' && said.barrier === barrier ? said.answer : null),
      untilMs,
    );
    if (theirs === null || own === null) return { ...nothing, damaged: `${other} did not answer; verify again` };
    const damaged = damagedIn(theirs) ?? damagedIn(own);
    return { damaged, own: { ...nothing.own, ...own }, theirs: { ...nothing.theirs, ...theirs } };
  }

  /** Its place in the journal, once it is durable and the databases here have passed it. */
  async #barrier(order: BarrierOrder): Promise<string> {
    return printPosition(await this.#append('barrier', order));
  }

  async #append(kind: 'barrier' | 'barrier-sums', value: BarrierOrder | BarrierSums): Promise<JournalPosition> {
    const { isPrimary, append } = this.#parts;
    if (!isPrimary()) throw new VerificationError('this member is not primary any more; verify on the primary');
    // A call of its own: a barrier never stands inside a group.
    return await append([{ kind, database: '', key: new Uint8Array(0), value: encodeBarrier(value) }]);
  }

  /** What `isIt` makes of a word of this member; null when it goes away or time is up. */
  async #until<T>(member: MemberName, isIt: (word: VerificationWord) => T | null, untilMs: number): Promise<T | null> {
    const { clock, connected } = this.#parts;
    for (let read = 0; ; ) {
      for (; read < this.#heard.length; read += 1) {
        const { from, word } = this.#heard[read] as Words;
        const found = from === member ? isIt(word) : null;
        if (found !== null) return found;
      }
      if (!connected().includes(member) || clock.nowMs() > untilMs) return null;
      await clock.wait(lookAgainMs);
    }
  }

  #whyNot(member: MemberName): string {
    return this.#parts.connected().includes(member)
      ? 'it has not reached that position yet; verify again when it is caught up'
      : 'its connection was lost; verify again when it is back';
  }

  /** The running sums, every so often. */
  #watch(): void {
    const { clock, isPrimary, mirrorSet, connected } = this.#parts;
    this.#timer = clock.after(dueCheckMs, () => {
      const minutes = mirrorSet().settings.verifyEveryMinutes ?? verifyEveryMinutes.default;
      const isDue = minutes > 0 && clock.nowMs() - this.#lastMs >= minutes * 60_000;
      if (isDue && isPrimary() && !this.#running && connected().length > 0) void this.#compareQuietly();
      this.#watch();
    });
  }

  async #compareQuietly(): Promise<void> {
    this.#lastMs = this.#parts.clock.nowMs();
    try {
      await this.#compareSums([], 0);
    } catch {
      // This member is not primary any more, or its journal is frozen: both are told elsewhere, and it comes again.
    }
  }
}

function isAsItShouldBe(result: CopyReport['result']): boolean {
  return result === 'identical' || result === 'left out';
}

/** Where a copy differs: the reference, where one is known, and what is to be said of it beside the fault of the copy. */
interface Place {
  readonly reference: string | null;
  readonly text: string | null;
}

interface RangeTold {
  readonly damaged: string | null;
  readonly own: { readonly digests: readonly string[]; readonly keys: KeyList };
  readonly theirs: { readonly digests: readonly string[]; readonly keys: KeyList };
}
type KeyList = readonly { readonly key: string; readonly digest: string }[];

const nothing: RangeTold = { damaged: null, own: { digests: [], keys: [] }, theirs: { digests: [], keys: [] } };

function damagedIn(answer: RangeAnswer): string | null {
  return 'damaged' in answer ? answer.damaged : null;
}

const mirrored = { missing: 'surplus', surplus: 'missing', 'another value': 'another value' } as const;
const words = {
  missing: 'is missing here',
  surplus: 'is here and not where it should be equal',
  'another value': 'has another value here',
} as const;

/** `isSwapped`: it is the primary's own copy that is compared with another one. */
function placeOf({ key, is }: KeyDifference, isSwapped: boolean): Place {
  const reference = referenceOf(key);
  return { reference, text: `first difference: ${reference} ${words[isSwapped ? mirrored[is] : is]}` };
}

function textOf(fault: string | null, where: string | null): string {
  // The text of a fault says itself what to do.
  const what = [fault ?? "its content differs from the primary's", where, fault === null ? advice : null];
  return what.filter((part) => part !== null).join('; ');
}

function base64(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}
