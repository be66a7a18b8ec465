/**
 * The site's own code, `zmirror.mjs` in the instance's directory: what ^ZMIRROR is in the original. This file is the contract:
 * what an entry point is given, and what the instance hears of a call. It runs in a thread of its own with a time limit
 * (node-site-code.ts, site-code-thread.ts), so whatever it does, the member goes on.
 */
import type { SiteNotice, SiteQuestion } from '../mirror/effects.ts';
import type { Right } from '../mirror/terms.ts';

export type SiteEntry = SiteQuestion | SiteNotice;

/** The one argument of every entry point. */
export interface SiteArgument extends SiteFacts {
  readonly globals: SiteGlobals;
  /** Is this member primary now? Before NotifyBecomePrimary it is not (FO-071). */
  isPrimary(): Promise<boolean>;
}

export interface SiteFacts {
  /** Name of the instance. */
  readonly instance: string;
  readonly mirror: string;
  /** By which right the member becomes primary: 'force' and 'resume' are a person's. Null with NotifyBecomePrimaryFailed. */
  readonly right: Right | null;
  /** Why, in one sentence. */
  readonly reason: string;
}

export interface SiteGlobalOptions {
  /** Mirror database name or local name; may be left out where only one database is mirrored. */
  readonly database?: string;
}

export interface SiteSearchOptions extends SiteGlobalOptions {
  readonly direction?: 'forward' | 'backward';
}

/**
 * Globals in the mirrored databases of the instance. A reference is text as people write it, `^CITY("FR",75)`; where a search
 * begins its last subscript may be "". Promises are settled in the order of the calls; one that is rejected and not caught
 * fails the entry point. Updates are allowed in CheckBecomePrimaryOK only (FO-066).
 */
export interface SiteGlobals {
  /** The value as UTF-8 text; null where the node has none. */
  get(reference: string, options?: SiteGlobalOptions): Promise<string | null>;
  /** $DATA: 0, 1, 10 or 11. */
  data(reference: string, options?: SiteGlobalOptions): Promise<number>;
  /** $ORDER: the neighbour on the same level, null at the end. */
  order(reference: string, options?: SiteSearchOptions): Promise<string | null>;
  /** $QUERY: the next node with a value, null at the end. */
  query(reference: string, options?: SiteSearchOptions): Promise<string | null>;
  /** Fulfilled when the update is durable and in the database. A number is stored as its canonical text. */
  set(reference: string, value: string | number | Uint8Array, options?: SiteGlobalOptions): Promise<void>;
  /** The node and everything below it. */
  kill(reference: string, options?: SiteGlobalOptions): Promise<void>;
  /** $INCREMENT: the new value. */
  increment(reference: string, amount?: string | number, options?: SiteGlobalOptions): Promise<string>;
}

/** What the thread asks of the instance. Nothing in it has been checked. */
export interface SiteRequest {
  readonly ask: keyof SiteGlobals | 'isPrimary';
  readonly given: readonly unknown[];
}
export type SiteValue = string | number | boolean | null | undefined;

/** How a call ended. `tookMs` = whole ms. */
export type SiteResult =
  /** The module has no such entry point (FO-071). */
  | { readonly how: 'absent' }
  /** `allows`: 1 and true are yes, 0 and false are no, any other value is neither (null). `value` as text. */
  | { readonly how: 'returned'; readonly allows: boolean | null; readonly value: string; readonly tookMs: number }
  /** Nobody waited for it any more (`end`, another call of the entry point, `close`). */
  | { readonly how: 'let go' }
  /** It threw, did not load, did not return in time, or ended its thread; `why` follows the name of the entry point. */
  | { readonly how: 'failed'; readonly why: string; readonly tookMs: number };

export interface SiteCall {
  /** Path of the module, which is loaded anew for each call. */
  readonly path: string;
  readonly entry: SiteEntry;
  readonly facts: SiteFacts;
  /** Rejections go to the site. Not called any more once the call has ended. */
  readonly answer: (request: SiteRequest) => Promise<SiteValue>;
  /** A line of what the site writes to standard output or error, not more than a bounded number of them. */
  readonly onOutput: (stream: 'stdout' | 'stderr', line: string) => void;
}

export interface SiteRun {
  /** Never rejected. */
  readonly result: Promise<SiteResult>;
  /** Nobody waits for it any more: end the thread. The result is then 'let go'. */
  end(): void;
}

export interface SiteCode {
  /** A call for the same entry point takes the place of one that still runs. */
  run(call: SiteCall): SiteRun;
  /** End all threads. False: one stands in a call of the system, and would keep the process from its end for as long. */
  close(): Promise<boolean>;
}
