/**
 * The site's dejournal filter: a module whose name begins with z or Z in the instance's directory, which says of each record of the
 * mirror journal whether it goes into the writable copies of a reporting async (SYN-023, SYN-024). This file is the contract. The
 * module runs in a thread of its own, a block of records at a time and with a time limit (node-dejournal-filter.ts), so whatever it
 * does, the member goes on; what it did not judge is applied nowhere.
 */

/** The one argument of its function `Filter`. Texts are made when they are asked for. */
export interface FilteredRecord {
  /** Mirror database name. */
  readonly database: string;
  readonly kind: 'set' | 'kill';
  /** Without the circumflex. */
  readonly global: string;
  readonly subscripts: readonly string[];
  /** As people write it, `^CITY("FR",75)`. */
  readonly reference: string;
  /** UTF-8; null for a kill. */
  readonly value: string | null;
}

/** What is asked about: the bytes of one record of the journal. */
export interface RecordToFilter {
  readonly database: string;
  readonly kind: 'set' | 'kill';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface DejournalFilter {
  /** File name of the module. */
  readonly module: string;
  /** Load the module now, where it is not loaded. @throws FilterError */
  load(): Promise<void>;
  /** Of each record: is it applied? The first call loads the module. Calls are answered in order. @throws FilterError */
  judge(records: readonly RecordToFilter[]): Promise<readonly boolean[]>;
  /** End the thread, behind the calls under way. The next call begins one with the module as it is then. */
  reset(): void;
}

export interface FilterCode {
  /** `onOutput`: a line that the module wrote. */
  open(path: string, onOutput: (line: string) => void): DejournalFilter;
}

/** The module is not there, failed, took too long or answered something that is neither yes nor no: one sentence. */
export class FilterError extends Error {
  readonly code = 'dejournal-filter';
}

/** Null = it may be the name of a filter. */
export function faultOfFilterName(name: string): string | null {
  if (name.toLowerCase() === 'zmirror.mjs') return 'zmirror.mjs is what is called on the way to being primary';
  return /^[zZ][A-Za-z0-9_-]{0,63}\.mjs$/.test(name)
    ? null
    : 'it is z or Z, then letters, digits, underscores and hyphens, then .mjs';
}
