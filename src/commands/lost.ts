/** `caretmirror lost list | show`: journal data that an instance had alone and that was cut (FO-088). They only look. */
import { basename, join } from 'node:path';
import { decodeFileHeader, type FileHeader, fileHeaderBytes } from '../journal/file-header.ts';
import { JournalDamagedError, type PlacedRecord } from '../journal/journal.ts';
import { type LostReport, reportEnding } from '../journal/lost-and-found.ts';
import { readRecords } from '../journal/read-records.ts';
import { decodeKey } from '../protocol/global-key.ts';
import { isKey } from '../protocol/global-key-check.ts';
import { printReference } from '../protocol/global-reference.ts';
import { failed } from './failures.ts';
import { jsonValue } from './global-records.ts';
import { type Instance, onlyInstance } from './instances.ts';
import { JsonArray, json, table } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

export const define: DefineGroup = (group, surroundings) => {
  group
    .command('list [name]')
    .description('files, which records, why and when')
    .option('--json', 'one JSON document', false)
    .action(async (name: string | undefined, options: { json: boolean }) => {
      const here = await surroundings();
      const instance = onlyInstance(here, name);
      const lost = list(here, instance);
      if (options.json) here.print(json(lost));
      else if (lost.length === 0) tellNothing(here, instance);
      else here.print(lostTable(lost));
    });
  group
    .command('show <name> [file]')
    .description('the records: database, global reference, value')
    .option('--json', 'one JSON document', false)
    .action(async (name: string, file: string | undefined, options: { json: boolean }) => {
      const here = await surroundings();
      const instance = onlyInstance(here, name);
      const files = wantedFiles(list(here, instance), file);
      if (files.length === 0) tellNothing(here, instance);
      const array = options.json ? new JsonArray(here.print) : null;
      for (const { file: kept } of files) show(here, instance, kept, array);
      array?.end();
    });
};

function tellNothing(here: Surroundings, { name }: Instance): void {
  here.tell(`instance ${name} has lost nothing`);
}

type Lost = { readonly file: string } & Omit<LostReport, 'cutAt' | 'because'> & {
    /** Null: no report lies beside it. */
    readonly cutAt: string | null;
    readonly because: string | null;
  };

function list(here: Surroundings, { paths }: Instance): readonly Lost[] {
  const { files } = here.host;
  if (!files.exists(paths.lostAndFound)) return [];
  const names = files.list(paths.lostAndFound).filter((name) => !name.endsWith(reportEnding));
  return names.map((file) => {
    const report = files.readWhole(join(paths.lostAndFound, file + reportEnding));
    if (report !== null) return { file, ...(JSON.parse(Buffer.from(report).toString()) as LostReport) };
    return { file, ...withoutReport(here, join(paths.lostAndFound, file)), cutAt: null, because: null };
  });
}

/** What the file itself says. */
function withoutReport(here: Surroundings, path: string): Omit<Lost, 'file' | 'cutAt' | 'because'> {
  const { header, bytes } = open(here, path);
  let newest: PlacedRecord | null = null;
  eachRecord(header, bytes, (record) => {
    newest = record;
  });
  const last = newest as PlacedRecord | null;
  const toSequence = last?.position.sequence ?? header.sequenceBefore;
  return {
    mirror: header.mirror,
    epoch: { number: header.epoch.number, owner: header.epoch.owner },
    journalFile: header.fileName,
    afterSequence: header.sequenceBefore,
    toSequence,
    records: toSequence - header.sequenceBefore,
    newestRecordAt: new Date(last?.timeMs ?? header.newestBeforeMs).toISOString(),
  };
}

function lostTable(lost: readonly Lost[]): string {
  const rows = lost.map((entry) => [
    entry.file,
    String(entry.records),
    `${entry.epoch.number}/${entry.afterSequence + 1}`,
    `${entry.epoch.number}/${entry.toSequence}`,
    entry.newestRecordAt,
    entry.cutAt ?? '?',
    entry.because ?? 'no report lies beside it',
  ]);
  return table(['File', 'Records', 'From', 'To', 'Newest record', 'Cut', 'Why'], rows);
}

function wantedFiles(lost: readonly Lost[], typed: string | undefined): readonly Lost[] {
  if (typed === undefined) return lost;
  const found = lost.filter(({ file }) => file === basename(typed));
  if (found.length === 0)
    throw failed(`no file ${typed} in lost+found: ${lost.map(({ file }) => file).join(', ') || 'it is empty'}`);
  return found;
}

function show(here: Surroundings, { paths }: Instance, file: string, array: JsonArray | null): void {
  const { header, bytes } = open(here, join(paths.lostAndFound, file));
  const damage = eachRecord(header, bytes, ({ kind, database, key, value, timeMs, position }) => {
    const reference = isKey(key) ? decodeKey(key) : null;
    const node = reference === null ? '' : printReference(reference.global, reference.subscripts);
    const at = new Date(timeMs).toISOString();
    const shown = jsonValue(value);
    if (array !== null)
      array.add({ file, sequence: position.sequence, at, kind, database, reference: node, value: shown });
    else
      here.print(
        `${position.sequence}  ${at}  ${kind}  ${database}  ${node}${kind === 'set' ? ` = ${JSON.stringify(shown)}` : ''}\n`,
      );
  });
  if (damage !== null) here.tell(damage);
}

/** @throws CommandFailure when it is no journal file. */
function open(here: Surroundings, path: string): { readonly header: FileHeader; readonly bytes: Uint8Array } {
  const bytes = here.host.files.readWhole(path) ?? new Uint8Array(0);
  const decoded = decodeFileHeader(bytes.subarray(0, fileHeaderBytes));
  if (!decoded.ok) throw failed(`${path} cannot be read: ${decoded.problem}`);
  return { header: decoded.header, bytes };
}

/** Up to its end, or to where it is damaged: then the sentence that says so. */
function eachRecord(header: FileHeader, bytes: Uint8Array, take: (record: PlacedRecord) => void): string | null {
  const { file, fileName, epoch, sequenceBefore } = header;
  const from = { epoch: epoch.number, file, offset: 0, sequence: sequenceBefore };
  const to = { ...from, offset: bytes.length };
  try {
    for (const record of readRecords({ file, fileName, offset: 0, from, to, timeMs: 0, bytes })) take(record);
    return null;
  } catch (error) {
    if (!(error instanceof JournalDamagedError)) throw error;
    return error.message;
  }
}
