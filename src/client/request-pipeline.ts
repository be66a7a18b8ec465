/**
 * Sends requests to one member after the other and hands each its answer: many under way at once, in order, and over a
 * change of the primary. Not here: what the requests mean (client.ts) and how a member is found (member-search.ts).
 *
 * The order is kept in three places: `waiting` (not under way), `inFlight` (sent, not answered), `again` (to be sent
 * again). When a link ends, `again` and what is still in flight go in front of `waiting`. A refusal that may be repeated
 * does not cut the link, since that would leave the outcome of others unknown: the link is drained first. Of a stream,
 * everything behind a repeated record is repeated too, done or not: in order that changes nothing, out of order it would.
 *
 * Each entry has a time limit of its own, however often links end and members refuse for now: when it is over, the entry fails
 * with what stood in its way last, and of what is under way nobody wants the answer any more.
 *
 * An entry may stand for many sets of a stream, which are answered one after the other: what was answered is not sent again.
 */
import type { Address } from '../mirror/mirror-set.ts';
import type { MirrorName } from '../mirror/terms.ts';
import type { Network } from '../network/network.ts';
import type { ClientRefusal } from '../protocol/client-channel.ts';
import {
  type ClientAnswer,
  ClientMessageError,
  type ClientRequest,
  decodeAnswer,
  type EncodedMessage,
  encodeRequest,
} from '../protocol/client-messages.ts';
import type { Frame } from '../protocol/frame.ts';
import { packedSetsMax } from '../protocol/packed-sets.ts';
import { RequestRefusedError, SessionLostError } from './client-errors.ts';
import { type Entry, isWrite, SingleEntry, withoutAnswer } from './entry.ts';
import { Fifo } from './fifo.ts';
import { type FoundMember, findMember, type NotFoundError, printAddress } from './member-search.ts';
import { withThoseBehind } from './shared-message.ts';

export interface PipelineOptions {
  readonly network: Network;
  readonly targets: readonly Address[];
  /** Empty = the instance at the only target, which is not followed. */
  readonly mirror: MirrorName;
  /** How long each request may wait: since it was first sent, or, while none before it gets an answer, since it was added. */
  readonly timeoutMs: number;
  /** Silence of the primary after which others are asked whether they are it now. */
  readonly silenceMs: number;
  /** Requests under way at most. */
  readonly window: number;
  /** Of a session: one link, which is never followed by another. */
  readonly pinned?: boolean;
}

interface Link {
  readonly member: FoundMember;
  readonly inFlight: Fifo<Entry>;
  /** Requests of all entries in flight that are not answered. */
  underWay: number;
  /** Requests of the oldest entry in flight that are answered. */
  answeredOfOldest: number;
  /** Number of the oldest request in flight. */
  oldest: number;
  next: number;
  heardAtMs: number;
  /** Set when nothing more may be sent here: the reason. */
  draining: ClientRefusal | null;
}

/** Bytes a connection may hold unsent before no more requests are given to it. */
const unsentBytesMax = 4 * 1024 * 1024;
/** Fewer sets are not divided between messages: each costs both sides a frame. */
const setsOfEntryLeast = 64;
/** What is put behind it is done when the present call has ended: queueMicrotask makes an object of its own for each. */
const atOnce = Promise.resolve();
const watchEveryMs = 200;
const wasClosed = 'the connection was closed';
/** Pause before a member that has refused for now is asked again. */
const refusedPauseMs = 25;

export class RequestPipeline {
  readonly #options: PipelineOptions;
  readonly #addresses: Address[];
  readonly #waiting = new Fifo<Entry>();
  #again: Entry[] = [];
  #againStreams = new Set<object>();
  #link: Link | null = null;
  #finding: Promise<void> | null = null;
  #watch: NodeJS.Timeout | null = null;
  readonly #closing = new AbortController();
  #otherSearch: AbortController | null = null;
  /** Those that wait were told of the search that goes on. */
  #findsForWaiting = false;
  /** When a request was answered for good the last time. */
  #progressAtMs = 0;
  /** What stood in the way of those that wait, the last time that something did. */
  #hindrance = 'no primary was found yet';
  #pumpAsked = false;
  #closed = false;
  /** Why a pinned one has no link any more. */
  #lost: string | null = null;
  #epochMin = 0;
  #linksMade = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#addresses = [...options.targets];
  }

  /** Links made after the first one. */
  get reconnects(): number {
    return Math.max(0, this.#linksMade - 1);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** Sets of one entry at most: never more than may be under way, and where that is much several of them fit into it. */
  get setsOfEntryMax(): number {
    const { window } = this.#options;
    return Math.min(packedSetsMax, window, Math.max(setsOfEntryLeast, window / 4));
  }

  get address(): Address | null {
    return this.#link?.member.address ?? null;
  }

  /** Resolves when a member has been found. @throws MirrorUnreachableError */
  async open(): Promise<void> {
    if (this.#link === null) await this.#find();
  }

  add(entry: Entry): void {
    if (this.#closed) {
      entry.failed(this.#errorOfWaiting(entry, wasClosed));
      return;
    }
    this.#waiting.push(entry);
    this.#startWatch();
    if (this.#link === null) this.#findForWaiting();
    else this.#askPump();
  }

  /** One request by itself; resolves with what `take` makes of its answer. */
  ask<T>(request: ClientRequest, repeatable: boolean, take: (answer: ClientAnswer) => T): Promise<T> {
    return new Promise((resolve, reject) => this.add(new SingleEntry(request, repeatable, take, resolve, reject)));
  }

  #lostError(reason: string): Error {
    return new SessionLostError(`${reason}: the session is over, its transaction rolled back and its locks free`);
  }

  close(): void {
    this.#closed = true;
    this.#closing.abort();
    this.#otherSearch?.abort();
    const link = this.#link;
    if (link !== null) this.#endLink(link, wasClosed);
    this.#failWaiting(wasClosed);
    this.#stopWatch();
  }

  /** Everything added in one turn goes out in one write. */
  #askPump(): void {
    if (this.#pumpAsked) return;
    this.#pumpAsked = true;
    void atOnce.then(this.#pumpAll);
  }

  readonly #pumpAll = (): void => {
    this.#pumpAsked = false;
    if (this.#link !== null) this.#pump(this.#link);
  };

  #pump(link: Link): void {
    if (link.draining !== null || this.#waiting.length === 0) return;
    const { connection } = link.member;
    if (link.inFlight.length === 0) link.heardAtMs = performance.now();
    connection.cork();
    while (connection.unsentBytes < unsentBytesMax) {
      const entry = this.#waiting.peek();
      if (entry === undefined || (!entry.isAbandoned && !this.#hasRoom(link, entry))) break;
      this.#waiting.shift();
      if (!entry.isAbandoned) this.#send(link, entry);
    }
    connection.uncork();
  }

  #hasRoom({ underWay }: Link, { requests }: Entry): boolean {
    return underWay === 0 || underWay + requests <= this.#options.window;
  }

  #send(link: Link, entry: Entry): void {
    const together = withThoseBehind(entry, this.#waiting, this.#options.window - link.underWay, link.next);
    if (together !== null) return this.#give(link, together.entries, together.message);
    try {
      this.#give(link, [entry], encodeRequest(entry.request, link.next));
    } catch (error) {
      if ((error as { code?: string }).code !== 'not-understood') throw error;
      entry.failed(error as Error);
    }
  }

  #give(link: Link, entries: readonly Entry[], { kind, body }: EncodedMessage): void {
    let requests = 0;
    const nowMs = performance.now();
    for (const entry of entries) {
      link.inFlight.push(entry);
      entry.wasSent = true;
      if (entry.firstSentAtMs === 0) entry.firstSentAtMs = nowMs;
      requests += entry.requests;
    }
    link.underWay += requests;
    link.next = (link.next + requests) >>> 0;
    link.member.connection.send(kind, body);
  }

  #heard(link: Link, frames: readonly Frame[]): void {
    if (link !== this.#link) return;
    link.heardAtMs = performance.now();
    try {
      for (const frame of frames) this.#take(link, decodeAnswer(frame.kind, frame.body));
    } catch (error) {
      if ((error as { code?: string }).code !== 'not-understood') throw error;
      this.#endLink(link, (error as Error).message);
      return;
    }
    if (link.draining !== null && link.inFlight.length === 0) this.#endLink(link, link.draining.text);
    else this.#pump(link);
  }

  /** A `done` answers everything up to its number, any other answer one request. */
  #take(link: Link, answer: ClientAnswer): void {
    if (answer.type === 'values') return this.#takeValues(link, answer.number, answer.values);
    const answered = answer.type === 'done' ? ((answer.number - link.oldest) >>> 0) + 1 : 1;
    if (answered > link.underWay || (answered === 1 && answer.number !== link.oldest)) {
      throw new ClientMessageError('answers came out of order', answer.number);
    }
    this.#settleOldest(link, answer, answered);
  }

  /** So many requests, the oldest ones under way, have this answer. */
  #settleOldest(link: Link, answer: ClientAnswer, answered: number): void {
    link.oldest = (link.oldest + answered) >>> 0;
    link.underWay -= answered;
    for (let left = answered; left > 0; ) {
      const entry = link.inFlight.peek() as Entry;
      const count = Math.min(left, entry.requests - link.answeredOfOldest);
      left -= count;
      link.answeredOfOldest += count;
      const isLast = link.answeredOfOldest === entry.requests;
      if (isLast) {
        link.inFlight.shift();
        link.answeredOfOldest = 0;
      }
      this.#settle(link, entry, answer, count, isLast);
    }
  }

  #takeValues(link: Link, number: number, values: readonly (Uint8Array | null)[]): void {
    if (values.length > link.underWay || number !== link.oldest) {
      throw new ClientMessageError('answers came out of order', number);
    }
    for (const value of values) {
      this.#settleOldest(link, { type: 'value', number: link.oldest, value }, 1);
    }
  }

  /** `isLast`: with it the whole entry is answered. */
  #settle(link: Link, entry: Entry, answer: ClientAnswer, count: number, isLast: boolean): void {
    if (entry.isAbandoned) return;
    const isRefusedForNow = answer.type === 'refused' && this.#mayRepeat(answer.refusal);
    if (isRefusedForNow) {
      link.draining ??= answer.refusal;
      this.#hindrance = `${printAddress(link.member.address)}: ${answer.refusal.text}`;
      if (entry.stream !== null) this.#againStreams.add(entry.stream);
      entry.wasSent = false;
    }
    if (isRefusedForNow || (entry.stream !== null && this.#againStreams.has(entry.stream))) {
      if (isLast) this.#repeat(entry);
      return;
    }
    this.#progressAtMs = link.heardAtMs;
    if (answer.type === 'refused') entry.failed(new RequestRefusedError(answer.refusal));
    else entry.answered(answer, count);
  }

  #repeat(entry: Entry): void {
    entry.repeat();
    this.#again.push(entry);
  }

  /** A single instance is not left for another one. */
  #mayRepeat(refusal: ClientRefusal): boolean {
    if (!refusal.retry || this.#options.pinned === true) return false;
    return this.#options.mirror !== '' || (refusal.code !== 'not-primary' && refusal.code !== 'shutting-down');
  }

  /** Sort what was under way into what is sent again and what nobody can know, and look for the next member. */
  #endLink(link: Link, reason: string, next: 'find' | 'found' = 'find'): void {
    if (link !== this.#link) return;
    this.#link = null;
    this.#otherSearch?.abort();
    this.#otherSearch = null;
    link.member.connection.destroy();
    const told = `${printAddress(link.member.address)}: ${reason}`;
    this.#hindrance = told;
    if (this.#options.pinned === true && !this.#closed) this.#lost = told;
    if (this.#lost !== null) this.#closed = true;
    const follows = this.#options.mirror !== '' && !this.#closed;
    for (const entry of link.inFlight.takeAll()) {
      if (entry.isAbandoned) continue;
      if (entry.repeatable && follows) this.#repeat(entry);
      else if (this.#lost !== null && !isWrite(entry)) entry.failed(this.#lostError(this.#lost));
      else entry.failed(withoutAnswer(entry, told));
    }
    this.#waiting.putInFront(this.#again);
    this.#again = [];
    this.#againStreams = new Set();
    if (this.#lost !== null) this.#failWaiting(told);
    if (this.#closed || next === 'found') return;
    if (!follows && link.draining === null) this.#failWaiting(told);
    if (this.#waiting.length === 0) return;
    if (link.draining === null) this.#findForWaiting();
    else setTimeout(() => this.#findForWaiting(), refusedPauseMs);
  }

  #findForWaiting(): void {
    if (this.#findsForWaiting || this.#closed) return;
    this.#findsForWaiting = true;
    this.#find().then(
      () => {
        this.#findsForWaiting = false;
        if (this.#link === null && this.#waiting.length > 0) this.#findForWaiting();
      },
      (error: NotFoundError) => {
        this.#findsForWaiting = false;
        this.#notFound(error);
      },
    );
  }

  /** Those that came later than the search began have time left. */
  #notFound({ message, isFinal }: NotFoundError): void {
    this.#hindrance = message;
    if (isFinal) return this.#failWaiting(message);
    this.#expire();
    if (this.#waiting.length > 0) this.#findForWaiting();
  }

  #find(): Promise<void> {
    this.#finding ??= this.#findOnce().finally(() => {
      this.#finding = null;
    });
    return this.#finding;
  }

  async #findOnce(): Promise<void> {
    const { network, mirror, timeoutMs } = this.#options;
    const deadlineAtMs = performance.now() + timeoutMs;
    const found = await findMember({
      network,
      mirror,
      addresses: this.#addresses,
      epochMin: this.#epochMin,
      deadlineAtMs,
      signal: this.#closing.signal,
    });
    if (found !== null) this.#adopt(found);
  }

  #adopt(member: FoundMember): void {
    if (this.#closed || (this.#options.pinned === true && this.#link !== null)) {
      member.connection.destroy();
      if (this.#link !== null) this.#endLink(this.#link, 'another member became primary');
      return;
    }
    if (this.#link !== null) this.#endLink(this.#link, 'another member became primary', 'found');
    const link: Link = {
      member,
      inFlight: new Fifo(),
      underWay: 0,
      answeredOfOldest: 0,
      oldest: 1,
      next: 1,
      heardAtMs: performance.now(),
      draining: null,
    };
    this.#link = link;
    this.#linksMade += 1;
    this.#epochMin = Math.max(this.#epochMin, member.opened.epoch.number);
    member.connection.onFrames((frames) => this.#heard(link, frames));
    member.connection.onClosed((reason) => this.#endLink(link, reason));
    this.#pump(link);
  }

  #failWaiting(reason: string): void {
    for (const entry of this.#waiting.takeAll()) {
      if (!entry.isAbandoned) entry.failed(this.#errorOfWaiting(entry, reason));
    }
  }

  #errorOfWaiting(entry: Entry, reason: string): Error {
    return this.#lost === null ? withoutAnswer(entry, reason) : this.#lostError(this.#lost);
  }

  #isOverdue({ addedAtMs, firstSentAtMs }: Entry, nowMs: number): boolean {
    const sinceMs = firstSentAtMs === 0 ? Math.max(addedAtMs, this.#progressAtMs) : firstSentAtMs;
    return nowMs - sinceMs >= this.#options.timeoutMs;
  }

  /** What has waited as long as it may fails; of each list the oldest ones come first. */
  #expire(): void {
    const nowMs = performance.now();
    const { timeoutMs } = this.#options;
    const givenUp = `given up after ${timeoutMs / 1000} s`;
    const isOverdue = (entry: Entry) => this.#isOverdue(entry, nowMs);
    const fail = (entry: Entry, reason: string) => entry.failed(withoutAnswer(entry, `${reason}; ${givenUp}`));
    for (const entry of this.#again) if (!entry.isAbandoned && isOverdue(entry)) fail(entry, this.#hindrance);
    for (let entry = this.#waiting.peek(); entry !== undefined; entry = this.#waiting.peek()) {
      if (!entry.isAbandoned && !isOverdue(entry)) break;
      this.#waiting.shift();
      if (!entry.isAbandoned) fail(entry, this.#hindrance);
    }
    if (this.#link === null) return;
    const { inFlight, member } = this.#link;
    for (const entry of inFlight) {
      if (entry.isAbandoned) continue;
      if (!isOverdue(entry)) break;
      fail(entry, `${printAddress(member.address)}: no answer`);
    }
  }

  #startWatch(): void {
    this.#watch ??= setInterval(() => this.#lookAround(), watchEveryMs);
  }

  #stopWatch(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
  }

  /** A frozen primary closes nothing: when it is silent for long, somebody else may be primary. */
  #lookAround(): void {
    const link = this.#link;
    const oldest = link?.inFlight.peek();
    if (link !== null && oldest !== undefined) {
      const { timeoutMs, silenceMs, mirror, pinned } = this.#options;
      const nowMs = performance.now();
      const silentMs = nowMs - link.heardAtMs;
      // What a session has after a request that nobody knows anything of, nobody knows either.
      const isLost = silentMs >= timeoutMs || (pinned === true && this.#isOverdue(oldest, nowMs));
      if (isLost) this.#endLink(link, `no answer in ${timeoutMs / 1000} s`);
      else if (silentMs >= silenceMs && mirror !== '') this.#searchOther(link);
    }
    this.#expire();
    const isIdle = this.#waiting.length === 0 && this.#again.length === 0 && (this.#link?.inFlight.length ?? 0) === 0;
    if (isIdle) this.#stopWatch();
  }

  #searchOther(link: Link): void {
    if (this.#otherSearch !== null) return;
    const stop = new AbortController();
    this.#otherSearch = stop;
    findMember({
      network: this.#options.network,
      mirror: this.#options.mirror,
      addresses: this.#addresses,
      epochMin: link.member.opened.epoch.number + 1,
      deadlineAtMs: performance.now() + this.#options.timeoutMs,
      signal: stop.signal,
    })
      .then((found) => {
        if (found !== null && this.#link === link) this.#adopt(found);
        else found?.connection.destroy();
      })
      .catch(() => {})
      .finally(() => {
        if (this.#otherSearch === stop) this.#otherSearch = null;
      });
  }
}
