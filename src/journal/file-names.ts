/**
 * Names of mirror journal files (SYN-001), and the texts of the two logs that list them. mirrorjrn-<NAME>.log is the mirror
 * journal log: one line for each file, `number,name,epoch,owner,lineage,created` and, for one that is not in the journal
 * directory, `,directory`; remarks after `#`. journal.log lists all journal files of the instance by path, with when they were
 * begun. Not for reading or writing them.
 */
import { join } from 'node:path';
import type { MirrorName } from '../mirror/terms.ts';
import type { FileHeader } from './file-header.ts';

export interface JournalFileName {
  readonly mirror: MirrorName;
  /** YYYYMMDD. */
  readonly day: string;
  /** Counts the files of the day, from 1. */
  readonly ofDay: number;
}

/** The day is that of universal time: members of one mirror may stand in different time zones. */
function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '');
}

function printFileName(name: JournalFileName): string {
  return `MIRROR-${name.mirror}-${name.day}.${String(name.ofDay).padStart(3, '0')}`;
}

/** Null for any other name; what it accepts has no directory in it, so that a received name is safe to create. */
export function parseFileName(text: string): JournalFileName | null {
  const found = /^MIRROR-([A-Z0-9]{1,15})-(\d{8})\.(\d{3,5})$/.exec(text);
  if (found === null) return null;
  const name = { mirror: found[1]!, day: found[2]!, ofDay: Number(found[3]) };
  return name.ofDay >= 1 && printFileName(name) === text ? name : null;
}

/** The name a file begun at `atMs` gets beside `existing` files. */
export function nextFileName(mirror: MirrorName, atMs: number, existing: readonly string[]): string {
  const day = dayOf(atMs);
  let newest = 0;
  for (const text of existing) {
    const name = parseFileName(text);
    if (name !== null && name.mirror === mirror && name.day === day) newest = Math.max(newest, name.ofDay);
  }
  return printFileName({ mirror, day, ofDay: newest + 1 });
}

export interface LoggedFile {
  readonly file: number;
  readonly name: string;
  /** Null = the journal directory. */
  readonly directory: string | null;
}

export interface JournalLog {
  readonly files: readonly LoggedFile[];
  /** What was cut and why, oldest first. */
  readonly remarks: readonly string[];
  readonly text: string;
}

export const EMPTY_LOG: JournalLog = { files: [], remarks: [], text: '' };

/** A file with the directory it is in, and the directory that needs no mention. */
export interface PlacedHeader {
  readonly header: FileHeader;
  readonly directory: string;
}

export function printJournalLog(files: readonly PlacedHeader[], remarks: readonly string[], usual: string): string {
  const lines = remarks.map((remark) => `# ${remark}`);
  for (const { header, directory } of files) {
    const { file, fileName, epoch, createdMs } = header;
    const created = new Date(createdMs).toISOString();
    const elsewhere = directory === usual ? [] : [directory];
    lines.push([file, fileName, epoch.number, epoch.owner, epoch.lineage, created, ...elsewhere].join(','));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** journal.log: one line for each file, `path,begun`. */
export function printInstanceLog(files: readonly PlacedHeader[]): string {
  const lines = files.map(({ header, directory }) => {
    const begun = new Date(header.createdMs).toISOString();
    return `${join(directory, header.fileName)},${begun}\n`;
  });
  return lines.join('');
}

/** Lines that are not understood are left out: the files themselves say what they are, the log only lists them. */
export function parseJournalLog(text: string): JournalLog {
  const files: LoggedFile[] = [];
  const remarks: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) remarks.push(line.slice(2));
    const [number, name, , , , , ...directory] = line.split(',');
    if (name !== undefined && /^\d+$/.test(number!) && parseFileName(name) !== null) {
      files.push({ file: Number(number), name, directory: directory.length === 0 ? null : directory.join(',') });
    }
  }
  return { files, remarks, text };
}
