/** What ^JOURNAL needs to look into journal files: a door that the command line fills in, because the terminal opens no file. */
export interface JournalReader {
  /** Oldest first. @throws an error that says why there are none to read. */
  files(): Promise<readonly JournalFileRow[]>;
  /** Why nothing can be searched for so; null = it can. */
  problemOf(search: JournalSearch): string | null;
  /** At most `count` records from a place on, or from the beginning. */
  page(search: JournalSearch, from: JournalPlace | null, count: number): Promise<JournalPage>;
}

export interface JournalFileRow {
  readonly name: string;
  /** ISO 8601. */
  readonly begun: string;
  /** Numbers of its first and last record. */
  readonly records: string;
  readonly bytes: number;
}

export interface JournalPlace {
  readonly file: number;
  readonly offset: number;
}

export interface JournalPage {
  readonly lines: readonly string[];
  /** Null = there are no more. */
  readonly next: JournalPlace | null;
}

/** Which records; an empty text asks for nothing. */
export interface JournalSearch {
  /** Null = all files. */
  readonly file: string | null;
  readonly global: string;
  readonly value: string;
  readonly database: string;
  /** ISO 8601. */
  readonly from: string;
  readonly to: string;
}
