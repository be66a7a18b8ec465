/** Records of mirror journal files as a person reads them, and which files a search has to read. */
import type { InspectedFile, InspectedRecord } from '../journal/journal-inspection.ts';
import { decodeKey } from '../protocol/global-key.ts';
import { isKey } from '../protocol/global-key-check.ts';
import { printReference } from '../protocol/global-reference.ts';
import { jsonValue } from './global-records.ts';
import type { Wanted } from './journal-search.ts';

/** Characters of a value that are shown to a person. */
const shownMax = 60;

/** Files are begun in the order of time: what ended before the search begins is not read. */
export function inTime(files: readonly InspectedFile[], { fromMs, toMs }: Wanted): readonly InspectedFile[] {
  return files.filter(({ header }, index) => {
    const endedMs = files[index + 1]?.header.createdMs ?? Number.POSITIVE_INFINITY;
    return endedMs >= fromMs && header.createdMs <= toMs;
  });
}

export function notWhole({ path }: InspectedFile, offset: number): string {
  return `${path}: what follows offset ${offset} is no whole record: it is being written, or the file is damaged there (see caretmirror journal check)`;
}

export function asLine(record: InspectedRecord): string {
  const { offset, sequence, timeMs, kind, database, value } = record;
  const text = JSON.stringify(jsonValue(value));
  const clipped = text.length > shownMax ? `${text.slice(0, shownMax)}... (${value.length} bytes)` : text;
  const shown = kind === 'set' ? ` = ${clipped}` : '';
  return [offset, sequence, new Date(timeMs).toISOString(), kind, database, referenceOf(record) + shown].join('  ');
}

export function referenceOf({ key }: InspectedRecord): string {
  if (!isKey(key)) return '';
  const { global, subscripts } = decodeKey(key);
  return printReference(global, subscripts);
}
