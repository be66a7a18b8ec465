/** One application's connection: answers go out in the order of its requests, however long a single one takes. */
import type { Connection } from '../network/network.ts';
import { CLIENT_ANSWER, type ClientRefusal } from '../protocol/client-channel.ts';
import { type EncodedMessage, encodeAnswer, encodeDoneBody } from '../protocol/client-messages.ts';

/** How far the journal is, by sequence: what may be answered, and what reads can see. */
export interface Progress {
  durable: number;
  applied: number;
  /** The furthest that a waiting read wants to see. */
  wanted: number;
  onWanted: () => void;
}

/** Updates of one connection that came one after the other in one turn: answered together, as done. */
export class UpdateRun {
  /** Of its requests; emptied once they have a place in the journal, from when only the newest counts. */
  numbers: number[] = [];
  newest = 0;
  count = 0;
  /** Place of its newest update in the batch that goes into the journal next, counted from 1. */
  place = 0;
  /** Sequence of its newest update; null while it is taken and not journaled. */
  sequence: number | null = null;
  /** $INCREMENT, which stands alone, is answered with its new value. */
  readonly value: Uint8Array | null;
  /** Set when nothing may be added any more: something else came behind it. */
  isClosed: boolean;

  constructor(value: Uint8Array | null) {
    this.value = value;
    this.isClosed = value !== null;
  }

  add(number: number): void {
    this.numbers.push(number);
    this.newest = number;
    this.count += 1;
  }

  /** The batch was appended behind this sequence. */
  appendedAfter(sequence: number): void {
    this.sequence = sequence + this.place;
    this.isClosed = true;
    this.numbers = [];
  }
}

/** An answer to anything but an update. */
interface Reply {
  /** How to make it, when it is its turn; null while it is not ready. */
  make: (() => EncodedMessage) | null;
  /** When it is its turn: what the databases must hold first. */
  seesUpTo: number | null;
}

type Due = UpdateRun | Reply;

export class ClientConnection {
  /** It is to be closed when this member is not primary any more. */
  readonly followsMirror: boolean;
  readonly #connection: Connection;
  readonly #progress: Progress;
  readonly #onAnswered: (updates: number) => void;
  #due: Due[] = [];
  #first = 0;
  /** The run that further updates of this turn join. */
  #run: UpdateRun | null = null;

  constructor(
    connection: Connection,
    followsMirror: boolean,
    progress: Progress,
    onAnswered: (updates: number) => void,
  ) {
    this.followsMirror = followsMirror;
    this.#connection = connection;
    this.#progress = progress;
    this.#onAnswered = onAnswered;
  }

  /** Updates in the journal that are not answered: their outcome is not known to the client. */
  get hasJournaled(): boolean {
    return this.#waiting().some((due) => due instanceof UpdateRun && due.sequence !== null);
  }

  /** An update was taken; the run it belongs to is told its place in the journal later. `value`: of an $INCREMENT. */
  expect(number: number, value: Uint8Array | null): UpdateRun {
    let run = this.#run;
    if (run === null || run.isClosed || value !== null) {
      run = new UpdateRun(value);
      this.#push(run);
      this.#run = run;
    }
    run.add(number);
    return run;
  }

  /** An answer that is made when everything before it is answered. */
  whenReady(make: () => EncodedMessage): void {
    this.#push({ make, seesUpTo: null });
  }

  refuse(number: number, refusal: ClientRefusal): void {
    this.whenReady(() => encodeAnswer({ number, type: 'refused', refusal }));
    this.drain();
  }

  /** What was taken and has no place in the journal was not done. */
  refuseTaken(refusal: ClientRefusal): void {
    this.#due = this.#waiting().flatMap((due): Due[] => {
      if (!(due instanceof UpdateRun) || due.sequence !== null) return [due];
      this.#onAnswered(due.count);
      return due.numbers.map((number) => ({
        make: () => encodeAnswer({ number, type: 'refused', refusal }),
        seesUpTo: null,
      }));
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

  #push(due: Due): void {
    if (this.#run !== null) this.#run.isClosed = true;
    this.#due.push(due);
  }

  #waiting(): readonly Due[] {
    return this.#due.slice(this.#first);
  }

  /** Send every answer whose turn has come. */
  drain(): void {
    if (this.#first === this.#due.length || !this.#isReady(this.#due[this.#first] as Due)) return;
    let done: number | null = null;
    let count = 0;
    this.#connection.cork();
    while (this.#first < this.#due.length) {
      const due = this.#due[this.#first] as Due;
      if (!this.#isReady(due)) break;
      this.#first += 1;
      if (due instanceof UpdateRun) count += due.count;
      if (due instanceof UpdateRun && due.value === null) {
        done = due.newest;
        continue;
      }
      this.#sendDone(done);
      done = null;
      const { kind, body } =
        due instanceof UpdateRun
          ? encodeAnswer({ number: due.newest, type: 'value', value: due.value })
          : (due.make as () => EncodedMessage)();
      this.#connection.send(kind, body);
    }
    this.#sendDone(done);
    this.#connection.uncork();
    if (count > 0) this.#onAnswered(count);
    this.#compact();
  }

  #isReady(due: Due): boolean {
    if (due instanceof UpdateRun) return due.sequence !== null && due.sequence <= this.#progress.durable;
    due.seesUpTo ??= this.#progress.durable;
    if (due.make === null || due.seesUpTo <= this.#progress.applied) return due.make !== null;
    if (due.seesUpTo > this.#progress.wanted) {
      this.#progress.wanted = due.seesUpTo;
      this.#progress.onWanted();
    }
    return false;
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
    this.#onAnswered(updates);
    this.#due = [];
    this.#first = 0;
    this.#run = null;
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  /** Send what is given, then close. */
  close(): void {
    this.#connection.end();
  }
}
