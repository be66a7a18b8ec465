/** One application's connection: answers go out in the order of its requests, however long a single one takes. */
import type { Connection } from '../network/network.ts';
import { CLIENT_ANSWER, type ClientRefusal } from '../protocol/client-channel.ts';
import { type EncodedMessage, encodeAnswer, encodeDoneBodies } from '../protocol/client-messages.ts';

/** How far the journal is, by sequence: what may be answered, and what reads can see. */
export interface Progress {
  durable: number;
  applied: number;
  /** The furthest that a waiting read wants to see. */
  wanted: number;
  onWanted: () => void;
}

/** An answer that is due. */
interface Due {
  readonly number: number;
  /** Of an update in the journal: its sequence. Null while it is taken and not journaled, or is no update. */
  sequence: number | null;
  /** $INCREMENT. */
  value: Uint8Array | null;
  readonly update: boolean;
  /** Of anything but an update: how to make it, when it is its turn; null while it is not ready. */
  make: (() => EncodedMessage) | null;
  /** When it is its turn: what the databases must hold first. */
  seesUpTo: number | null;
}

export class ClientConnection {
  /** It is to be closed when this member is not primary any more. */
  readonly followsMirror: boolean;
  readonly #connection: Connection;
  readonly #progress: Progress;
  readonly #onAnswered: (updates: number) => void;
  #due: Due[] = [];
  #first = 0;
  /** Index from which updates wait for their place in the journal. */
  #unplaced = 0;

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
    return this.#due.slice(this.#first).some(({ sequence }) => sequence !== null);
  }

  /** An update was taken; `journaled` says later where it stands. */
  expect(number: number): void {
    this.#due.push({ number, sequence: null, value: null, update: true, make: null, seesUpTo: null });
  }

  journaled(number: number, sequence: number, value: Uint8Array | null): void {
    this.#unplaced = Math.max(this.#unplaced, this.#first);
    for (; this.#unplaced < this.#due.length; this.#unplaced += 1) {
      const due = this.#due[this.#unplaced] as Due;
      if (!due.update || due.sequence !== null || due.number !== number) continue;
      due.sequence = sequence;
      due.value = value;
      this.#unplaced += 1;
      return;
    }
  }

  /** An answer that is made when everything before it is answered. */
  whenReady(make: () => EncodedMessage): void {
    this.#due.push({ number: 0, sequence: null, value: null, update: false, make, seesUpTo: null });
  }

  refuse(number: number, refusal: ClientRefusal): void {
    const make = (): EncodedMessage => encodeAnswer({ number, type: 'refused', refusal });
    const taken = this.#due.findIndex((due, index) => index >= this.#first && due.update && due.number === number);
    if (taken < 0) {
      this.whenReady(make);
    } else {
      this.#due[taken] = { number, sequence: null, value: null, update: false, make, seesUpTo: null };
      this.#onAnswered(1);
    }
    this.drain();
  }

  /** A change of an ordinary database is under way. */
  expectLocal(number: number): object {
    const due: Due = { number, sequence: null, value: null, update: false, make: null, seesUpTo: null };
    this.#due.push(due);
    return due;
  }

  answerLocal(place: object, message: EncodedMessage): void {
    (place as Due).make = () => message;
    this.drain();
  }

  /** Send every answer whose turn has come. */
  drain(): void {
    if (this.#first === this.#due.length || !this.#isReady(this.#due[this.#first] as Due)) return;
    const done: number[] = [];
    let count = 0;
    this.#connection.cork();
    while (this.#first < this.#due.length) {
      const due = this.#due[this.#first] as Due;
      if (!this.#isReady(due)) break;
      this.#first += 1;
      if (due.update) count += 1;
      if (due.update && due.value === null) {
        done.push(due.number);
        continue;
      }
      this.#sendDone(done);
      const { kind, body } = due.update
        ? encodeAnswer({ number: due.number, type: 'value', value: due.value })
        : (due.make as () => EncodedMessage)();
      this.#connection.send(kind, body);
    }
    this.#sendDone(done);
    this.#connection.uncork();
    if (count > 0) this.#onAnswered(count);
    this.#compact();
  }

  #isReady(due: Due): boolean {
    if (due.update) return due.sequence !== null && due.sequence <= this.#progress.durable;
    due.seesUpTo ??= this.#progress.durable;
    if (due.make === null || due.seesUpTo <= this.#progress.applied) return due.make !== null;
    if (due.seesUpTo > this.#progress.wanted) {
      this.#progress.wanted = due.seesUpTo;
      this.#progress.onWanted();
    }
    return false;
  }

  #sendDone(numbers: number[]): void {
    if (numbers.length === 0) return;
    for (const body of encodeDoneBodies(numbers)) this.#connection.send(CLIENT_ANSWER.done, body);
    numbers.length = 0;
  }

  #compact(): void {
    if (this.#first < 1024 || this.#first * 2 < this.#due.length) return;
    this.#due = this.#due.slice(this.#first);
    this.#unplaced = Math.max(0, this.#unplaced - this.#first);
    this.#first = 0;
  }

  /** The connection is gone: nobody waits for these answers. */
  forget(): void {
    this.#onAnswered(this.#due.slice(this.#first).filter(({ update }) => update).length);
    this.#due = [];
    this.#first = 0;
    this.#unplaced = 0;
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
