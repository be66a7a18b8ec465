/** What waits in the pipeline: a request, or many sets of a stream; and the words for what became of it. */
import type { ClientAnswer, ClientRequest } from '../protocol/client-messages.ts';
import { decodeKey } from '../protocol/global-key.ts';
import { isKey } from '../protocol/global-key-check.ts';
import { printReference } from '../protocol/global-reference.ts';
import { MirrorUnreachableError, OutcomeUnknownError } from './client-errors.ts';

export interface Entry {
  readonly request: ClientRequest;
  /** As many have numbers of their own, and answers. */
  readonly requests: number;
  /** May it be sent again when nobody knows whether it was done? */
  readonly repeatable: boolean;
  /** Entries of one stream are repeated together; null = it stands alone. */
  readonly stream: object | null;
  /** Nobody wants the answer any more: it is not sent, and its answer is not told. */
  readonly isAbandoned: boolean;
  wasSent: boolean;
  readonly addedAtMs: number;
  /** 0 = it was never sent. */
  firstSentAtMs: number;
  /** `count` of its requests, the next ones that are not answered yet. */
  answered(answer: ClientAnswer, count: number): void;
  /** It is to be sent again, without what was answered. */
  repeat(): void;
  failed(error: Error): void;
}

export class SingleEntry<T> implements Entry {
  readonly request: ClientRequest;
  readonly requests = 1;
  readonly repeatable: boolean;
  readonly stream = null;
  readonly addedAtMs = performance.now();
  firstSentAtMs = 0;
  wasSent = false;
  isAbandoned = false;
  readonly #reject: (error: Error) => void;
  readonly #take: (answer: ClientAnswer) => T;
  readonly #resolve: (taken: T) => void;

  constructor(
    request: ClientRequest,
    repeatable: boolean,
    take: (answer: ClientAnswer) => T,
    resolve: (taken: T) => void,
    reject: (error: Error) => void,
  ) {
    this.request = request;
    this.repeatable = repeatable;
    this.#take = take;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  answered(answer: ClientAnswer): void {
    try {
      this.#resolve(this.#take(answer));
    } catch (error) {
      this.failed(error as Error);
    }
  }

  repeat(): void {}

  failed(error: Error): void {
    this.isAbandoned = true;
    this.#reject(error);
  }
}

const writes: ReadonlySet<ClientRequest['type']> = new Set(['set', 'sets', 'kill', 'increment', 'merge', 'commit']);

export function isWrite({ request }: Entry): boolean {
  return writes.has(request.type);
}

/** Why it has no answer, which request it was, what is known of it, and what to do. */
export function withoutAnswer(entry: Entry, reason: string): Error {
  const about = `${inWords(entry.request)}: ${reason}`;
  if (!isWrite(entry)) return new MirrorUnreachableError(`${about}; ask again`);
  if (entry.wasSent) {
    return new OutcomeUnknownError(`${about}; it was sent and may have been done or not: read the node to find out`);
  }
  return new MirrorUnreachableError(`${about}; nothing of it was done: ask again`);
}

/** `set ^CITY("FR")` */
function inWords(request: ClientRequest): string {
  if (request.type === 'sets') {
    const [first] = request.sets;
    return `${request.sets.count} sets from ${first === undefined ? '' : reference(first.key)} on`;
  }
  return 'key' in request ? `${request.type} ${reference(request.key)}` : request.type;
}

function reference(key: Uint8Array): string {
  if (!isKey(key)) return 'of no global';
  const { global, subscripts } = decodeKey(key);
  return printReference(global, subscripts);
}
