/**
 * Finds the member to talk to: the primary of a mirror, or one instance whatever its role. Every known address is tried
 * by a loop of its own, so that a frozen member does not delay the finding of the others; a member that is not primary
 * says who is, and that address is tried too.
 */
import type { Address } from '../mirror/mirror-set.ts';
import type { MirrorName } from '../mirror/terms.ts';
import { type Connection, type Network, UnreachableError } from '../network/network.ts';
import { openChannel, RefusedError } from '../network/opening-exchange.ts';
import { makeOpen, type Opened, type Refused } from '../protocol/opening.ts';
import { MirrorUnreachableError } from './client-errors.ts';

export interface FoundMember {
  readonly connection: Connection;
  readonly address: Address;
  readonly opened: Opened;
}

export interface MemberSearch {
  readonly network: Network;
  /** Empty = the instance at the only target, whatever its role. */
  readonly mirror: MirrorName;
  /** Known addresses; those learned on the way are added. */
  readonly addresses: Address[];
  /** Only a member of this epoch or a later one is taken. */
  readonly epochMin: number;
  readonly deadlineAtMs: number;
  readonly signal?: AbortSignal;
}

/** `isFinal`: it ended before its time, and the next search would end in the same way. */
export class NotFoundError extends MirrorUnreachableError {
  readonly isFinal: boolean;
  constructor(message: string, isFinal: boolean) {
    super(message);
    this.isFinal = isFinal;
  }
}

/** A member that answers slower than this is tried again. */
const attemptTimeoutMs = 1500;
const pauseMs = 50;

/** Null when the signal was aborted. @throws NotFoundError at the deadline; at once for a single instance. */
export async function findMember(search: MemberSearch): Promise<FoundMember | null> {
  const ended = new AbortController();
  const abort = () => ended.abort();
  search.signal?.addEventListener('abort', abort);
  const timer = setTimeout(abort, Math.max(0, search.deadlineAtMs - performance.now()));
  const reasons = new Map<string, string>();
  let found: FoundMember | null = null;
  const loops: Promise<void>[] = [];
  const take = (member: FoundMember) => {
    if (found !== null || ended.signal.aborted) {
      member.connection.destroy();
      return;
    }
    found = member;
    ended.abort();
  };
  const started = new Set<string>();
  const start = (address: Address) => {
    const name = printAddress(address);
    if (started.has(name)) return;
    started.add(name);
    if (!search.addresses.some((known) => printAddress(known) === name)) search.addresses.push(address);
    loops.push(tryUntilEnded(search, address, ended.signal, take, start, reasons));
  };
  for (const address of [...search.addresses]) start(address);
  // An address learned in one loop starts another: wait until no new one has come.
  for (let waited = 0; waited < loops.length; ) {
    const all = loops.length;
    await Promise.all(loops);
    waited = all;
  }
  clearTimeout(timer);
  search.signal?.removeEventListener('abort', abort);
  if (found !== null) return found;
  if (search.signal?.aborted === true) return null;
  const tried = [...reasons].map(([address, reason]) => `${address}: ${reason}`).join('; ');
  const what = search.mirror === '' ? 'instance is not reachable' : `no primary of mirror ${search.mirror} was found`;
  throw new NotFoundError(`${what} (${tried === '' ? 'no answer in time' : tried})`, !ended.signal.aborted);
}

/** An IPv6 address stands in brackets. */
export function printAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `host:port`; null when it is none. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65535 ? null : { host, port };
}

async function tryUntilEnded(
  search: MemberSearch,
  address: Address,
  ended: AbortSignal,
  take: (member: FoundMember) => void,
  learn: (address: Address) => void,
  reasons: Map<string, string>,
): Promise<void> {
  while (!ended.aborted) {
    const attempt = await attemptOnce(search, address, ended);
    if (attempt === null) return;
    if ('opened' in attempt) {
      if (attempt.opened.epoch.number >= search.epochMin) {
        take(attempt);
        return;
      }
      attempt.connection.destroy();
      reasons.set(printAddress(address), 'it does not know yet that another member became primary');
    } else {
      reasons.set(printAddress(address), attempt.reason);
      const primary = attempt.primary === null ? null : parseAddress(attempt.primary);
      if (primary !== null && search.mirror !== '') learn(primary);
      if (attempt.isFinal) return;
    }
    if (search.mirror === '') return;
    await pause(pauseMs, ended);
  }
}

/** `isFinal`: the same will be answered however often it is asked. */
type Attempt = FoundMember | { readonly reason: string; readonly primary: string | null; readonly isFinal: boolean };

const finalReasons: readonly Refused['reason'][] = ['version', 'tls', 'mirror', 'channel'];

/** Null when the search has ended meanwhile. */
async function attemptOnce(search: MemberSearch, address: Address, ended: AbortSignal): Promise<Attempt | null> {
  let connection: Connection;
  const dialing = search.network.dial(address.host, address.port, attemptTimeoutMs);
  try {
    const dialed = await unlessEnded(dialing, ended);
    if (dialed === null) {
      dialing.then((late) => late.destroy()).catch(() => {});
      return null;
    }
    connection = dialed;
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { reason: error.message, primary: null, isFinal: false };
  }
  try {
    const opened = await unlessEnded(
      openChannel(connection, makeOpen({ channel: 'client', mirror: search.mirror }), attemptTimeoutMs),
      ended,
    );
    if (opened !== null) return { connection, address, opened };
    connection.destroy();
    return null;
  } catch (error) {
    if (error instanceof UnreachableError) return { reason: error.message, primary: null, isFinal: false };
    if (!(error instanceof RefusedError)) throw error;
    const { reason, text, primary } = error.refused;
    return { reason: text, primary, isFinal: finalReasons.includes(reason) };
  }
}

/** Null when the signal came first. */
function unlessEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const abort = () => resolve(null);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await unlessEnded(elapsed, signal);
  clearTimeout(timer);
}
