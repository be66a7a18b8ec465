/**
 * `caretmirror journal ...`: the mirror journal files of an instance. `list`, `view`, `search` and `check` read the files as they
 * are, beside a running instance or without it; `switch`, `purge` and `edit` ask the instance.
 */
import { basename } from 'node:path';
import { eachRecordOf, type InspectedFile, type InspectedRecord } from '../journal/journal-inspection.ts';
import { journalFields } from './database-fields.ts';
import { failed, usage } from './failures.ts';
import { jsonValue } from './global-records.ts';
import { findInstance, onlyInstance } from './instances.ts';
import { checkFiles, listFiles, readableJournal } from './journal-listing.ts';
import { asLine, inTime, notWhole, referenceOf } from './journal-records.ts';
import { isWanted, type SearchOptions, wantedOf } from './journal-search.ts';
import { defineFields, type Options, readFields } from './option-fields.ts';
import { JsonArray } from './output.ts';
import { perform } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseWhole } from './target.ts';

const limitDefault = '100';

interface ViewOptions {
  readonly offset: string;
  readonly limit: string;
  readonly json: boolean;
}

export const define: DefineGroup = (group, surroundings) => {
  defineReading(group, surroundings);
  group
    .command('switch <instance>')
    .description('on the primary, begin a new mirror journal file')
    .action(async (name: string) => {
      const here = await surroundings();
      here.print(`${await perform(here, findInstance(here, name), 'switch-journal', {})}\n`);
    });
  group
    .command('purge <instance>')
    .description('remove now the files that nobody needs any more; it is done by itself all the time')
    .action(async (name: string) => {
      const here = await surroundings();
      here.print(`${await perform(here, findInstance(here, name), 'purge-journal', {})}\n`);
    });
  group
    .command('repair <instance> <file>')
    .description('put a copy from another member in the place of a damaged file, while the instance is down')
    .requiredOption('--from <path>', 'the copy, or the journal directory of another member')
    .action(async (name: string, file: string, options: { from: string }) => {
      const here = await surroundings();
      const { repairFile } = await import('./journal-repair.ts');
      here.print(`${await repairFile(here, findInstance(here, name), file, options.from)}\n`);
    });
  const edit = group
    .command('edit <instance>')
    .description("change this instance's journal settings; those of the mirror are changed by mirror edit");
  defineFields(edit, journalFields).action(async (name: string, options: Options) => {
    const here = await surroundings();
    const given = readFields(journalFields, options);
    if (Object.keys(given).length === 0) throw usage('give --alternate or --purge-at-once');
    here.print(`${await perform(here, findInstance(here, name), 'edit-journal', given)}\n`);
  });
};

const defineReading: DefineGroup = (group, surroundings) => {
  group
    .command('list [instance]')
    .description('files: when, which epoch and records, how large, who still needs them')
    .option('--json', 'one JSON document', false)
    .action(async (name: string | undefined, options: { json: boolean }) => {
      const here = await surroundings();
      await listFiles(here, onlyInstance(here, name), options.json);
    });
  group
    .command('view <instance> [file]')
    .description('the records of a file; of the newest one when left out')
    .option('--offset <bytes>', 'from the first record at or behind this offset', '0')
    .option('--limit <count>', 'so many records', limitDefault)
    .option('--json', 'one JSON document', false)
    .action(async (name: string, file: string | undefined, options: ViewOptions) => {
      const here = await surroundings();
      const { files } = await readableJournal(here, findInstance(here, name));
      const offset = parseWhole(options.offset, '--offset', 0, Number.MAX_SAFE_INTEGER);
      walk(here, [fileNamed(files, file)], offset, () => true, options);
    });
  group
    .command('search <instance>')
    .description('records by global, value, database or time, in all files')
    .option('--global <reference>', 'of this global or node and all below it')
    .option('--value <text>', 'whose value holds this text')
    .option('--database <name>', 'of this mirror database')
    .option('--from <time>', 'not before this time, ISO 8601')
    .option('--to <time>', 'not after this time')
    .option('--limit <count>', 'so many records', limitDefault)
    .option('--json', 'one JSON document', false)
    .action(async (name: string, options: SearchOptions & ViewOptions) => {
      const here = await surroundings();
      const wanted = wantedOf(options);
      const { files } = await readableJournal(here, findInstance(here, name));
      walk(here, inTime(files, wanted), 0, (record) => isWanted(record, wanted), options);
    });
  group
    .command('check [instance]')
    .description('read every record of every file and verify its checksum')
    .option('--json', 'one JSON document', false)
    .action(async (name: string | undefined, options: { json: boolean }) => {
      const here = await surroundings();
      await checkFiles(here, onlyInstance(here, name), options.json);
    });
};

function fileNamed(files: readonly InspectedFile[], typed: string | undefined): InspectedFile {
  const found = typed === undefined ? files.at(-1) : files.find(({ name }) => name === basename(typed));
  if (found !== undefined) return found;
  const names = files.map(({ name }) => name).join(', ');
  throw failed(
    typed === undefined ? 'there are no mirror journal files' : `there is no file ${typed}: ${names || 'none'}`,
  );
}

function walk(
  here: Surroundings,
  files: readonly InspectedFile[],
  fromOffset: number,
  isShown: (record: InspectedRecord) => boolean,
  options: { readonly limit: string; readonly json: boolean },
): void {
  const limit = parseWhole(options.limit, '--limit', 1, Number.MAX_SAFE_INTEGER);
  const array = options.json ? new JsonArray(here.print) : null;
  let shown = 0;
  let isMore = false;
  for (const file of files) {
    const end = eachRecordOf(here.host.files, file, fromOffset, (record) => {
      if (!isShown(record)) return true;
      isMore = shown === limit;
      if (isMore) return false;
      shown += 1;
      if (array === null) here.print(`${asLine(record)}\n`);
      else array.add(asJson(file, record));
      return true;
    });
    if (end !== null && !end.isWhole) here.tell(notWhole(file, end.offset));
    if (isMore) break;
  }
  array?.end();
  if (isMore) here.tell(`there are more; the first ${limit} are shown (--limit)`);
  else if (shown === 0) here.tell('no record was found');
}

function asJson({ name }: InspectedFile, record: InspectedRecord): object {
  const { offset, sequence, timeMs, kind, database, value } = record;
  const shown = kind === 'set' ? { value: jsonValue(value) } : {};
  return {
    file: name,
    offset,
    sequence,
    at: new Date(timeMs).toISOString(),
    kind,
    database,
    reference: referenceOf(record),
    ...shown,
  };
}
