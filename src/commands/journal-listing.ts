/** `caretmirror journal list | check`: which mirror journal files an instance has, who needs them, and whether they are whole. */

import { mirrorJournalLogPath } from '../host/home.ts';
import {
  eachRecordOf,
  type InspectedFile,
  type InspectedJournal,
  inspectFiles,
} from '../journal/journal-inspection.ts';
import type { Holder } from '../mirror/journal-purge.ts';
import type { JournalReport, StatusReport } from '../mirror/status.ts';
import type { JournalFile } from '../sys/method.ts';
import { failed } from './failures.ts';
import { askInstance, configurationFor, type Instance, lockHolder } from './instances.ts';
import { json, table } from './output.ts';
import type { Surroundings } from './surroundings.ts';

export async function listFiles(here: Surroundings, instance: Instance, asJsonDocument: boolean): Promise<void> {
  const { files } = await readableJournal(here, instance);
  const isRunning = lockHolder(here, instance) !== null;
  const status = await statusOf(here, instance);
  const rows = files.map((file, index) => rowOf(here, file, files[index + 1], status));
  const journal = status?.journal ?? null;
  if (asJsonDocument) {
    here.print(
      json({
        instance: instance.name,
        running: isRunning,
        files: rows.map((row) => withHolders(row, journal)),
        journal,
      }),
    );
    return;
  }
  if (rows.length === 0) {
    here.tell('there are no mirror journal files');
    return;
  }
  const head = ['File', 'Begun', 'Epoch', 'Records', 'Bytes', 'Needed by'];
  const cells = rows.map((row) => {
    const { neededBy } = withHolders(row, journal);
    const isKnown = journal !== null && journal.holders.length > 0;
    const needed = isKnown ? neededBy.join(', ') || '-' : journal === null ? '? (not running)' : '? (just started)';
    return [row.name, row.begun, `${row.epoch} ${row.owner}`, `${row.first}-${row.last}`, String(row.bytes), needed];
  });
  here.print(table(head, cells));
  if (journal !== null) tellOfRoom(here, journal);
}

export async function fileRows(
  here: Surroundings,
  instance: Instance,
  files: readonly InspectedFile[],
): Promise<readonly Row[]> {
  const status = await statusOf(here, instance);
  return files.map((file, index) => rowOf(here, file, files[index + 1], status));
}

async function statusOf(here: Surroundings, instance: Instance): Promise<StatusReport | null> {
  if (lockHolder(here, instance) === null) return null;
  return await askInstance(here, instance, (control) => control.status());
}

interface Row {
  readonly file: number;
  readonly name: string;
  readonly directory: string;
  readonly begun: string;
  readonly epoch: number;
  readonly owner: string;
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

/** An older file ends where the next one begins; the newest where the instance says, or where reading it ends. */
function rowOf(
  here: Surroundings,
  file: InspectedFile,
  next: InspectedFile | undefined,
  status: StatusReport | null,
): Row {
  const { name, path, size, header } = file;
  const position = status?.position?.file === name ? status.position : null;
  const end =
    next !== undefined
      ? { sequence: next.header.sequenceBefore, offset: size }
      : (position ?? eachRecordOf(here.host.files, file, Number.POSITIVE_INFINITY, () => true));
  return {
    file: header.file,
    name,
    directory: path.slice(0, -name.length - 1),
    begun: new Date(header.createdMs).toISOString(),
    epoch: header.epoch.number,
    owner: header.epoch.owner,
    first: header.sequenceBefore + 1,
    last: end?.sequence ?? header.sequenceBefore,
    bytes: end?.offset ?? size,
  };
}

function withHolders(row: Row, journal: JournalReport | null): Row & { readonly neededBy: readonly string[] } {
  const holders = journal?.holders ?? [];
  return {
    ...row,
    neededBy: holders.filter(({ from }) => from <= row.file).map((holder) => holderName(holder, journal)),
  };
}

function holderName({ kind, name }: Holder, journal: JournalReport | null): string {
  if (kind === 'member') return name;
  if (kind === 'database') return `database ${name}`;
  return kind === 'days' ? `kept ${journal?.settings.keepDays} days` : 'present file';
}

function tellOfRoom(here: Surroundings, { warnings, fullInMs, freeBytes }: JournalReport): void {
  for (const warning of warnings) here.tell(warning);
  const full = fullInMs === null ? '' : `, full in about ${Math.round(fullInMs / 60_000)} min at the present rate`;
  here.tell(`${freeBytes} bytes are free on the disk of the newest file${full}`);
}

/** Exit code 1 when anything is damaged; what follows damage in a file cannot be read. */
export async function checkFiles(here: Surroundings, instance: Instance, asJsonDocument: boolean): Promise<void> {
  const { files, unreadable } = await readableJournal(here, instance);
  const isRunning = lockHolder(here, instance) !== null;
  const damaged: { file: string; offset: number; problem: string }[] = unreadable.map(({ path, problem }) => ({
    file: path,
    offset: 0,
    problem,
  }));
  let records = 0;
  for (const [index, file] of files.entries()) {
    const next = files[index + 1];
    const end = eachRecordOf(here.host.files, file, 0, () => {
      records += 1;
      return true;
    });
    if (end === null) continue;
    const isShort = next !== undefined && end.sequence !== next.header.sequenceBefore;
    const isBeingWritten = next === undefined && isRunning;
    if ((end.isWhole || isBeingWritten) && !isShort) continue;
    const problem = `no whole record follows record ${end.sequence}`;
    damaged.push({ file: file.path, offset: end.offset, problem });
  }
  if (asJsonDocument) here.print(json({ files: files.length, records, damaged }));
  else here.print(`${files.length} files with ${records} records were read, ${damaged.length} are damaged\n`);
  if (damaged.length === 0) return;
  const [{ file, offset, problem }] = damaged as [(typeof damaged)[number]];
  throw failed(
    `${file} is damaged at offset ${offset} (${problem}); stop the instance, and put a copy from another member in its place: caretmirror journal repair`,
  );
}

/** What cannot be read is told. @throws CommandFailure when the instance is in no mirror. */
/** The files as the library lists them; which of them are needed is asked with the others. */
export async function listedJournalFiles(here: Surroundings, instance: Instance): Promise<readonly JournalFile[]> {
  const { files } = await readableJournal(here, instance);
  return files.map(({ name, path, size, header }) => ({
    Name: name,
    Directory: path.slice(0, -name.length - 1),
    Begun: new Date(header.createdMs).toISOString(),
    Epoch: header.epoch.number,
    SizeBytes: size,
  }));
}

export async function readableJournal(here: Surroundings, instance: Instance): Promise<InspectedJournal> {
  const { mirrorSet, alternateJournal } = await configurationFor(here, instance);
  if (mirrorSet === null) throw failed(`instance ${instance.name} is in no mirror and has no mirror journal files`);
  const { paths, name } = instance;
  const inspected = inspectFiles(here.host.files, {
    directories: [paths.journal, ...(alternateJournal === null ? [] : [alternateJournal])],
    mirror: mirrorSet.name,
    logPath: mirrorJournalLogPath(here.home, name, mirrorSet.name),
  });
  for (const { path, problem } of inspected.unreadable) here.tell(`${path} cannot be read: ${problem}`);
  return inspected;
}
