/**
 * The two logs beside a journal: mirrorjrn-<NAME>.log, which is part of what opening relies on and replaced as a whole, and
 * journal.log, which is for people. Not for: their text (file-names.ts), when files come and go (disk-journal.ts).
 */
import { isDiskFull } from './disk-errors.ts';
import { type PlacedHeader, printInstanceLog, printJournalLog } from './file-names.ts';
import type { JournalFileOperations } from './journal.ts';

export interface JournalLogPlaces {
  /** The journal directory. */
  readonly directory: string;
  readonly logPath: string;
  readonly instanceLogPath?: string;
}

export class JournalLogs {
  readonly #files: JournalFileOperations;
  readonly #places: JournalLogPlaces;
  #remarks: readonly string[];
  /** What the logs say on disk; null = not known. */
  #text: string | null;
  #instanceText: string | null = null;

  constructor(
    files: JournalFileOperations,
    places: JournalLogPlaces,
    present: { readonly remarks: readonly string[]; readonly text: string },
  ) {
    this.#files = files;
    this.#places = places;
    this.#remarks = present.remarks;
    this.#text = present.text;
  }

  remark(text: string): void {
    this.#remarks = [...this.#remarks, text];
  }

  /** Durable when it returns. Throws what the file operations throw. */
  write(kept: readonly PlacedHeader[]): void {
    const { directory, logPath } = this.#places;
    const text = printJournalLog(kept, this.#remarks, directory);
    if (text !== this.#text) {
      this.#text = null;
      this.#files.replace(logPath, Buffer.from(text));
      this.#text = text;
    }
    this.#writeInstanceLog(kept);
  }

  /**
   * It is for people, and written anew at each opening: no sync, for which a file switch would wait, and a disk without room for it
   * is no reason to stop.
   */
  #writeInstanceLog(kept: readonly PlacedHeader[]): void {
    const { instanceLogPath: path } = this.#places;
    const text = printInstanceLog(kept);
    if (path === undefined || text === this.#instanceText) return;
    const handle = this.#files.open(path, this.#files.exists(path) ? 'update' : 'create');
    try {
      const bytes = Buffer.from(text);
      this.#files.write(handle, bytes, 0);
      this.#files.truncate(handle, bytes.length);
      this.#instanceText = text;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    } finally {
      this.#files.close(handle);
    }
  }
}
