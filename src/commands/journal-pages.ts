/** The journal of an instance for ^JOURNAL: its files, and records page by page, read beside the instance as `caretmirror journal` does. */
import { eachRecordOf, type InspectedFile } from '../journal/journal-inspection.ts';
import type {
  JournalFileRow,
  JournalPage,
  JournalPlace,
  JournalReader,
  JournalSearch,
} from '../terminal/journal-reader.ts';
import { CommandFailure } from './failures.ts';
import type { Instance } from './instances.ts';
import { fileRows, readableJournal } from './journal-listing.ts';
import { asLine, inTime, notWhole } from './journal-records.ts';
import { isWanted, type SearchOptions, wantedOf } from './journal-search.ts';
import type { Surroundings } from './surroundings.ts';

/** Of the mirror that `control` is about when it is asked. */
export function journalReader(
  surroundings: Surroundings,
  instance: Instance,
  control: { readonly mirror: string | undefined },
): JournalReader {
  const placed = (): Surroundings => ({ ...surroundings, mirror: control.mirror });
  const filesOf = async (): Promise<readonly InspectedFile[]> => (await readableJournal(placed(), instance)).files;
  return {
    files: async (): Promise<readonly JournalFileRow[]> =>
      (await fileRows(placed(), instance, await filesOf())).map(({ name, begun, first, last, bytes }) => ({
        name,
        begun,
        records: `${first}-${last}`,
        bytes,
      })),
    problemOf: (search) => {
      try {
        wantedOf(optionsOf(search));
        return null;
      } catch (error) {
        if (error instanceof CommandFailure) return error.message;
        throw error;
      }
    },
    page: async (search, from, count) => pageOf(surroundings, await filesOf(), search, from, count),
  };
}

/** A file that was purged between two pages is passed over. */
function pageOf(
  here: Surroundings,
  all: readonly InspectedFile[],
  search: JournalSearch,
  from: JournalPlace | null,
  count: number,
): JournalPage {
  const wanted = wantedOf(optionsOf(search));
  const files = search.file === null ? inTime(all, wanted) : all.filter(({ name }) => name === search.file);
  const lines: string[] = [];
  for (const file of files) {
    if (from !== null && file.header.file < from.file) continue;
    const offset = from !== null && file.header.file === from.file ? from.offset : 0;
    let next: JournalPlace | null = null;
    const end = eachRecordOf(here.host.files, file, offset, (record) => {
      if (!isWanted(record, wanted)) return true;
      if (lines.length === count) {
        next = { file: file.header.file, offset: record.offset };
        return false;
      }
      lines.push(asLine(record));
      return true;
    });
    if (next !== null) return { lines, next };
    if (end !== null && !end.isWhole) lines.push(notWhole(file, end.offset));
  }
  return { lines, next: null };
}

function optionsOf({ global, value, database, from, to }: JournalSearch): SearchOptions {
  const given = { global, value, database, from, to };
  return Object.fromEntries(Object.entries(given).filter(([, text]) => text !== ''));
}
