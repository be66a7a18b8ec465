/** One application's connection: answers go out in the order of its requests, however long a single one takes. */
import type { Connection } from '../network/network.ts';
import { CLIENT_ANSWER, type ClientRefusal, type WriteLevel } from '../protocol/client-channel.ts';
import { type EncodedMessage, encodeAnswer, encodeDoneBody } from '../protocol/client-messages.ts';
import type { Frame } from '../protocol/frame.ts';
import type { ClientSession } from './client-session.ts';

/** How far the journal is, by sequence: what may be answered, and what reads can see. */
export interface Progress {
  durable: number;
  /** On the disk of this member. */
  journaled: number;
  /** Updates that ask for less than durable are answered early; not while the primary may be none any more. */
  answersEarly: boolean;
  applied: number;
  /** The furthest that a waiting read wants to see. */
  wanted: number;
  onWanted: () => void;
}

/** Updates of one connection that came one after the other in one turn: answered together, as done. */
export class UpdateRun {
  /** Of its requests: first number and count of each series; emptied once they have a place in the journal, from when only the newest counts. */
  series: { readonly first: number; readonly count: number }[] = [];
  newest = 0;
  count = 0;
  /** Place of its newest update in the batch that goes into the journal next, counted from 1. */
  place = 0;
  /** Sequence of its newest update; null while it is taken and not journaled. */
  sequence: number | null = null;
  /** $INCREMENT, which stands alone, is answered with its new value. */
  readonly value: Uint8Array | null;
  readonly level: WriteLevel;
  /** Set when nothing may be added any more: something else came behind it. */
  isClosed: boolean;

  constructor(value: Uint8Array | null, level: WriteLevel) {
    this.value = value;
    this.level = level;
    this.isClosed = value !== null;
  }

  add(first: number, count: number): void {
    this.series.push({ first, count });
    this.newest = (first + count - 1) >>> 0;
    this.count += count;
  }

  /** The batch was appended behind this sequence. */
  appendedAfter(sequence: number): void {
    this.sequence = sequence + this.place;
    this.isClosed = true;
    this.series = [];
  }
}

/** An answer to anything but an update. */
interface Reply {
  /** How to make it, when it is its turn; null while it is not ready. */
  make: (() => EncodedMessage | readonly EncodedMessage[]) | null;
  /** When it is its turn: what the databases must hold first. */
  seesUpTo: number | null;
  /** What this connection was answered early must be durable first. */
  afterDurable?: boolean;
  /** Done once, when it is its turn and the databases hold enough: what is due instead of this one. */
  begin?: () => Due;
  /** Nothing that comes behind it is looked at before it is answered. */
  isAlone?: true;
}

export type Due = UpdateRun | Reply;

export class ClientConnection {
  /** It is to be closed when this member is not primary any more. */
  readonly followsMirror: boolean;
  readonly #connection: Connection;
  readonly #progress: Progress;
  readonly #onAnswered: (updates: number, isIdle: boolean) => void;
  #due: Due[] = [];
  #first = 0;
  /** The run that further updates of this turn join. */
  #run: UpdateRun | null = null;
  /** Nothing that came behind this one is looked at before it is answered or begun. */
  #blockedBy: Due | null = null;
  #kept: Frame[] = [];
  /** Reading was stopped for what blocks. */
  #wasBlocked = false;
  #pausedByLoad = false;
  /** Sequence of the newest update that was answered before it was durable. */
  #newestEarly = 0;
  /** Transaction, locks and early answers; null while it has none of them. */
  session: ClientSession | null = null;
  /** Frames that were kept may be looked at now. */
  onFree: (frames: readonly Frame[]) => void = () => undefined;

  constructor(
    connection: Connection,
    followsMirror: boolean,
    progress: Progress,
    /** So many updates are answered, or need no answer any more; `isIdle`: nothing else is under way. */
    onAnswered: (updates: number, isIdle: boolean) => void,
  ) {
    this.followsMirror = followsMirror;
    this.#connection = connection;
    this.#progress = progress;
    this.#onAnswered = onAnswered;
  }

  /** Updates in the journal that are not answered: their outcome is not known to the client. */
  get hasJournaled(): boolean {
    if (this.#newestEarly > this.#progress.durable) return true;
    return this.#waiting().some((due) => due instanceof UpdateRun && due.sequence !== null);
  }

  /** Its newest update that is not durable, by sequence: null = it has no place in the journal yet. */
  get unsure(): { readonly sequence: number | null } | null {
    const newest = this.#waiting().findLast((due) => due instanceof UpdateRun);
    if (newest !== undefined) return newest;
    return this.#newestEarly > this.#progress.durable ? { sequence: this.#newestEarly } : null;
  }

  get isBlocked(): boolean {
    return this.#blockedBy !== null;
  }

  /** Keep what came while something before it is not settled. */
  keep(frames: readonly Frame[]): void {
    for (const frame of frames) this.#kept.push(frame);
  }

  /** Updates were taken; the run they belong to is told its place in the journal later. `value`: of an $INCREMENT. */
  expect(first: number, count: number, value: Uint8Array | null, level: WriteLevel): UpdateRun {
    let run = this.#run;
    if (run === null || run.isClosed || value !== null || run.level !== level) {
      run = new UpdateRun(value, level);
      this.#push(run);
      this.#run = run;
    }
    run.add(first, count);
    return run;
  }

  /** The updates of a transaction were taken: answered when the last one is sure enough. */
  expectGroup(number: number, level: WriteLevel): UpdateRun {
    const run = new UpdateRun(null, level);
    run.add(number, 1);
    run.isClosed = true;
    this.#push(run);
    return run;
  }

  /** An answer that is made when everything before it is answered. */
  whenReady(make: () => EncodedMessage | readonly EncodedMessage[]): void {
    this.#push({ make, seesUpTo: null });
  }

  /** The same, and nothing that comes behind it is looked at before. */
  whenReadyAlone(make: () => EncodedMessage | readonly EncodedMessage[]): void {
    this.#pushAlone({ make, seesUpTo: null });
  }

  /** An answer that needs nothing but its turn. */
  whenTurn(make: () => EncodedMessage): void {
    this.#push({ make, seesUpTo: 0 });
  }

  /** An answer, or none, once everything answered before is durable, so that all others see it. */
  whenDurable(make: () => EncodedMessage | readonly EncodedMessage[]): void {
    this.#push({ make, seesUpTo: 0, afterDurable: true });
  }

  /** Something that is done when it is its turn, and says then what is due. */
  whenReadyBegin(begin: () => Due): void {
    this.#pushAlone({ make: null, seesUpTo: null, begin });
  }

  /** The same, once everything answered before is durable. */
  whenDurableBegin(begin: () => Due): void {
    this.#pushAlone({ make: null, seesUpTo: 0, afterDurable: true, begin });
  }

  /** What is due next; what comes behind it waits where it is to be alone. */
  expectNext(due: Due): void {
    if ('isAlone' in due) this.#pushAlone(due);
    else this.#push(due);
  }

  #pushAlone(due: Due): void {
    this.#push(due);
    this.#blockedBy = due;
    this.drain();
    if (!this.isBlocked) return;
    this.#wasBlocked = true;
    this.#adjustReading();
  }

  refuse(number: number, refusal: ClientRefusal): void {
    this.whenTurn(() => encodeAnswer({ number, type: 'refused', refusal }));
    this.drain();
  }

  /** What was taken and has no place in the journal was not done. */
  refuseTaken(refusal: ClientRefusal): void {
    this.#due = this.#waiting().flatMap((due): Due[] => {
      if (!(due instanceof UpdateRun) || due.sequence !== null) return [due];
      this.#onAnswered(due.count, false);
      return due.series.flatMap(({ first, count }) =>
        Array.from({ length: count }, (_, index) => ({
          make: () => encodeAnswer({ number: (first + index) >>> 0, type: 'refused', refusal }),
          seesUpTo: null,
        })),
      );
    });
    this.#first = 0;
    this.#run = null;
    this.drain();
  }

  /** A change of an ordinary database is under way. */
  expectLocal(): object {
    const due: Due = { make: null, seesUpTo: null };
    this.#push(due);
    return due;
  }

  answerLocal(place: object, message: EncodedMessage): void {
    (place as Reply).make = () => message;
    this.drain();
  }

  /** This request, and what comes behind it, is looked at when that has ended. */
  keepUntil(ended: Promise<void>, frame: Frame): void {
    const place: Due = { make: null, seesUpTo: 0 };
    this.#pushAlone(place);
    this.keep([frame]);
    void ended.then(() => {
      place.make = () => [];
      this.drain();
    });
  }

  #push(due: Due): void {
    if (this.#run !== null) this.#run.isClosed = true;
    this.#due.push(due);
  }

  #waiting(): readonly Due[] {
    return this.#due.slice(this.#first);
  }

  /** Send every answer whose turn has come. */
  drain(): void {
    if (this.#first === this.#due.length) return;
    if (!this.#isReady()) return this.#lookAtKept();
    let done: number | null = null;
    let count = 0;
    this.#connection.cork();
    while (this.#first < this.#due.length && this.#isReady()) {
      const due = this.#due[this.#first] as Due;
      this.#first += 1;
      if (due === this.#blockedBy) this.#blockedBy = null;
      if (due instanceof UpdateRun) count += due.count;
      if (due instanceof UpdateRun && due.value === null) {
        done = due.newest;
        continue;
      }
      this.#sendDone(done);
      done = null;
      if (due instanceof UpdateRun) this.#send(encodeAnswer({ number: due.newest, type: 'value', value: due.value }));
      else this.#send((due.make as NonNullable<Reply['make']>)());
    }
    this.#sendDone(done);
    this.#connection.uncork();
    if (count > 0) this.#onAnswered(count, this.#first === this.#due.length);
    this.#compact();
    this.#lookAtKept();
  }

  #send(message: EncodedMessage | readonly EncodedMessage[]): void {
    if ('kind' in message) this.#connection.send(message.kind, message.body);
    else for (const each of message) this.#connection.send(each.kind, each.body);
  }

  /** May the first one that is due be answered? */
  #isReady(): boolean {
    const due = this.#due[this.#first] as Due;
    if (due instanceof UpdateRun) return this.#isSure(due);
    due.seesUpTo ??= this.#progress.durable;
    if (due.make === null && due.begin === undefined) return false;
    if (due.afterDurable === true && this.#newestEarly > this.#progress.durable) return false;
    if (due.seesUpTo <= this.#progress.applied) {
      if (due.begin === undefined) return true;
      const next = due.begin();
      this.#due[this.#first] = next;
      if (this.#blockedBy === due) this.#blockedBy = 'isAlone' in next ? next : null;
      return this.#isReady();
    }
    if (due.seesUpTo > this.#progress.wanted) {
      this.#progress.wanted = due.seesUpTo;
      this.#progress.onWanted();
    }
    return false;
  }

  #isSure({ sequence, level }: UpdateRun): boolean {
    const { durable, journaled, answersEarly } = this.#progress;
    if (sequence === null) return false;
    if (sequence <= durable) return true;
    if (level === 'durable' || !answersEarly || (level === 'journaled' && sequence > journaled)) return false;
    this.#newestEarly = Math.max(this.#newestEarly, sequence);
    return true;
  }

  #lookAtKept(): void {
    if (this.isBlocked || !this.#wasBlocked) return;
    this.#wasBlocked = false;
    const kept = this.#kept;
    this.#kept = [];
    this.#adjustReading();
    if (kept.length > 0) this.onFree(kept);
  }

  /** One answer for all updates up to this request. */
  #sendDone(number: number | null): void {
    if (number !== null) this.#connection.send(CLIENT_ANSWER.done, encodeDoneBody(number));
  }

  #compact(): void {
    if (this.#first < 64 || this.#first * 2 < this.#due.length) return;
    this.#due = this.#due.slice(this.#first);
    this.#first = 0;
  }

  /** The connection is gone: nobody waits for these answers. */
  forget(): void {
    let updates = 0;
    for (const due of this.#waiting()) if (due instanceof UpdateRun) updates += due.count;
    this.#onAnswered(updates, false);
    this.#due = [];
    this.#first = 0;
    this.#run = null;
    this.#blockedBy = null;
    this.#kept = [];
  }

  pause(): void {
    this.#pausedByLoad = true;
    this.#adjustReading();
  }

  resume(): void {
    this.#pausedByLoad = false;
    this.#adjustReading();
  }

  /** Nothing more is read while too much waits anywhere, or behind something here. */
  #adjustReading(): void {
    if (this.#pausedByLoad || this.isBlocked) this.#connection.pause();
    else this.#connection.resume();
  }

  /** Send what is given, then close. */
  close(): void {
    this.#connection.end();
  }
}
