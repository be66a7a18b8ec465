/**
 * Application to superserver. After the opening (channel 'client') the client sends requests, each with a number it
 * chooses (u32, rising); answers carry it and come in the order of the requests of one connection.
 *
 * Key and value travel as bytes: keys are encoded and decoded by the client (protocol/global-key.ts). The database is a
 * mirror database name or a local one; empty means "the only mirrored database" and is refused when there are several.
 *
 * A `set`, `kill` or `increment` is answered when it is durable, or at another write level that its kind says. One `done` may answer many requests: what
 * becomes durable with one flush is answered with one message a connection, that of its newest request. `retry` = nothing was done and the
 * same request may be sent to the primary; when the connection breaks before an answer the outcome is unknown.
 */

/** Frame kinds of requests. Bodies begin with u32 request number and u8-length-prefixed database name. */
export const CLIENT_REQUEST = {
  /** u16 key length, key, value to the end. */
  set: 16,
  /** key to the end: the node and everything below it. */
  kill: 17,
  /** key to the end. */
  get: 18,
  /** u16 key length, key, amount as text: $INCREMENT; answered with the new value. */
  increment: 19,
  /** key to the end: $DATA. */
  data: 20,
  /** u8 1 = forward, 255 = backward; key to the end: $ORDER, the neighbour on the same level; answered with its key or empty. */
  order: 21,
  /** u8 direction; key to the end: $QUERY, the next node with a value; answered with its key or empty. */
  query: 22,
  /** key to the end: number of nodes with a value at and below it. An empty key counts the whole database. */
  count: 23,
  /** u32 limit, u16 key length, key = prefix of the scan, then key to start after (may be empty): a page of nodes. */
  scan: 24,
  /** no more fields: answered when everything accepted before is durable. */
  sync: 25,
  /** no more fields: JSON {databases: [{name, mirrored}]}. */
  databases: 26,
  /** no more fields: TSTART; answered with the new $TLEVEL. Updates are kept for this connection until the outermost commit. */
  begin: 27,
  /** no more fields: TCOMMIT; the outermost one is answered when all updates of the transaction are durable. */
  commit: 28,
  /** u8 0 = the whole transaction, 1 = its innermost level: TROLLBACK; answered with the new $TLEVEL. */
  rollback: 29,
  /** u8 1 = give up all other locks first, u32 ms to wait, names: LOCK; answered with 1, or 0 when the time was over. */
  lock: 30,
  /** names, none = all: LOCK -. A name is u8 1 = shared, u16 key length, key. */
  unlock: 31,
  /** u16 key length, key = the target, u8 length and name of the source's database, key of the source: MERGE; answered with the number of nodes. */
  merge: 32,
  /** sets as packed-sets.ts says, at least one: as many requests, with numbers one after the other; that of the first is said. */
  sets: 33,
  /** u16 key length, key, at least once: as many gets, likewise. */
  gets: 34,
} as const;

/**
 * How sure an update is when it is answered: `durable` = on the disks of this member and of its active backup; `journaled` = on
 * the disk of this member; `buffered` = in order in this member's memory. Only of what is durable nothing is ever lost.
 */
export type WriteLevel = 'durable' | 'journaled' | 'buffered';

/** Added to the kind of `set`, `sets`, `kill`, `increment`, `commit` and `merge`. */
export const WRITE_LEVEL: Readonly<Record<WriteLevel, number>> = { durable: 0, journaled: 64, buffered: 128 };

/** Frame kinds of answers. Bodies begin with u32 request number. */
export const CLIENT_ANSWER = {
  /** Nothing more: done and as sure as was asked for, this request and all updates before it that are not answered yet. */
  done: 48,
  /** u8 defined (0 or 1), bytes: a value, a key or a number as text. */
  value: 49,
  /** A page: repeated u16 key length, key, u32 value length, value; the first byte says 1 = more follows. */
  page: 50,
  /** JSON {code, text, retry, primary}: refused; `code` is a reason word, `text` one sentence. */
  refused: 51,
  /** u32 length of the value and 1, or 0 = undefined, value, again and again: as many answers, whose numbers follow that of the first. */
  values: 52,
} as const;

export interface ClientRefusal {
  readonly code:
    | 'not-primary'
    | 'in-trouble'
    | 'becoming-primary'
    | 'frozen'
    /** SYN-017. */
    | 'database-full'
    | 'no-database'
    | 'which-database'
    | 'read-only'
    | 'bad-key'
    | 'bad-value'
    | 'not-understood'
    /** DB-043. */
    | 'protect'
    | 'no-transaction'
    | 'too-large'
    | 'rolled-back'
    | 'shutting-down';
  readonly text: string;
  /** May the same request be sent again, here or at `primary`, without doing it twice? */
  readonly retry: boolean;
  readonly primary: string | null;
}
