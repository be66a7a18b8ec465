/**
 * Names of mirror journal files (SYN-001), and the text of the mirror journal log mirrorjrn-<NAME>.log, which lists them:
 * one line for each file, `number,name,epoch,owner,lineage,created`, and remarks after `#`. Not for reading or writing them.
 */
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

export interface JournalLog {
  readonly files: readonly { readonly file: number; readonly name: string }[];
  /** What was cut and why, oldest first. */
  readonly remarks: readonly string[];
  readonly text: string;
}

export const EMPTY_LOG: JournalLog = { files: [], remarks: [], text: '' };

export function printJournalLog(headers: readonly FileHeader[], remarks: readonly string[]): string {
  const lines = remarks.map((remark) => `# ${remark}`);
  for (const { file, fileName, epoch, createdMs } of headers) {
    const created = new Date(createdMs).toISOString();
    lines.push([file, fileName, epoch.number, epoch.owner, epoch.lineage, created].join(','));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Lines that are not understood are left out: the files themselves say what they are, the log only lists them. */
export function parseJournalLog(text: string): JournalLog {
  const files: { file: number; name: string }[] = [];
  const remarks: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) remarks.push(line.slice(2));
    const [number, name] = line.split(',');
    if (name !== undefined && /^\d+$/.test(number!) && parseFileName(name) !== null) {
      files.push({ file: Number(number), name });
    }
  }
  return { files, remarks, text };
}
