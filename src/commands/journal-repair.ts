/**
 * `caretmirror journal repair`: a damaged mirror journal file is replaced by a copy of it. Files of all members are equal byte for
 * byte, so a copy that has the same header, is whole, and ends where the next file says is the file.
 */
import { basename, dirname, join } from 'node:path';
import { eachRecordOf, type InspectedFile, inspectFile } from '../journal/journal-inspection.ts';
import { failed } from './failures.ts';
import { type Instance, takeLock } from './instances.ts';
import { readableJournal } from './journal-listing.ts';
import type { Surroundings } from './surroundings.ts';

const copyBytes = 4 * 1024 * 1024;

/** The sentence that says what was done. @throws CommandFailure: then nothing was changed. */
export async function repairFile(here: Surroundings, instance: Instance, typed: string, from: string): Promise<string> {
  const name = basename(typed);
  const lock = takeLock(here, instance);
  try {
    const { files, unreadable } = await readableJournal(here, instance);
    const present = [...files, ...unreadable].find((file) => file.name === name);
    if (present === undefined) throw failed(`instance ${instance.name} has no mirror journal file ${name}`);
    const copy = wholeCopy(here, name, from, files);
    copyOver(here, copy, present.path);
    return `${present.path} was replaced by a copy of ${copy.path} (${copy.size} bytes, every record verified)`;
  } finally {
    lock.release();
  }
}

function wholeCopy(here: Surroundings, name: string, from: string, own: readonly InspectedFile[]): InspectedFile {
  const { files } = here.host;
  const inDirectory = join(from, name);
  const copy = files.exists(inDirectory)
    ? inspectFile(files, from, name)
    : inspectFile(files, dirname(from), basename(from));
  if (copy === null) throw failed(`there is no copy of ${name} at ${from}`);
  if ('problem' in copy) throw failed(`${copy.path} is no copy of ${name}: ${copy.problem}`);
  const { header, path, size } = copy;
  if (header.fileName !== name) throw failed(`${path} is a copy of ${header.fileName}, not of ${name}`);
  const mine = own.find((file) => file.name === name)?.header;
  const isSame = mine === undefined || JSON.stringify(mine) === JSON.stringify(header);
  const next = own.find((file) => file.header.file === header.file + 1)?.header;
  if (next === undefined) {
    throw failed(`${name} is the newest file here, which may differ from a copy: let this member be rebuilt instead`);
  }
  const end = eachRecordOf(files, copy, 0, () => true);
  const isWhole = end?.isWhole === true && end.offset === size;
  if (!isSame || !isWhole || size !== next.previousFileEnd || end.sequence !== next.sequenceBefore) {
    throw failed(
      `${path} is not whole, or not the same file: it must end with record ${next.sequenceBefore} at ${next.previousFileEnd}`,
    );
  }
  return copy;
}

/** Whole beside it first, then in its place. */
function copyOver({ host: { files } }: Surroundings, copy: InspectedFile, path: string): void {
  const beside = `${path}.repaired`;
  files.remove(beside);
  const source = files.open(copy.path, 'read');
  const target = files.open(beside, 'create');
  try {
    const bytes = Buffer.alloc(Math.min(copyBytes, copy.size));
    for (let at = 0; at < copy.size; ) {
      const length = files.read(source, bytes, at);
      files.write(target, bytes.subarray(0, length), at);
      at += length;
    }
    files.sync(target);
  } finally {
    files.close(source);
    files.close(target);
  }
  files.rename(beside, path);
  files.syncDirectory(dirname(path));
}
