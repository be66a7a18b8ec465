/**
 * The newest file of a journal while it is written to: how one is begun, the zeros ahead of its records and that they are cut off, its
 * handle. Not for: what is written when, and what is durable (disk-journal.ts).
 */
import { dirname, join } from 'node:path';
import { type DiskTrust, frozenError, isDiskFull } from './disk-errors.ts';
import type { DiskRoom } from './disk-room.ts';
import { type FileHeader, fileHeaderBytes } from './file-header.ts';
import { FileWriter, type WriteAhead } from './file-writer.ts';
import type { JournalFileOperations } from './journal.ts';
import { type JournalFile, type JournalFiles, journalFile } from './journal-files.ts';
import type { JournalLogs } from './journal-logs.ts';
import type { RecentBytes } from './recent-bytes.ts';

interface NewestFileParts {
  readonly disk: JournalFileOperations;
  readonly room: DiskRoom;
  readonly logs: JournalLogs;
  readonly kept: JournalFiles;
  readonly recent: RecentBytes;
  readonly trust: DiskTrust;
  readonly ahead: WriteAhead;
  /** Directories in which a file may be begun, and where the mirror journal log is; for messages. */
  readonly directories: readonly string[];
  readonly logPath: string;
}

export class NewestFile {
  readonly #parts: NewestFileParts;
  #writer: FileWriter | null = null;

  constructor(parts: NewestFileParts) {
    this.#parts = parts;
  }

  /** Header, directory entry, line in the log (SYN-001), in this order: a file without a line may be unfinished. */
  begin(header: FileHeader, headerBytes: Uint8Array): void {
    const { disk, logPath, directories } = this.#parts;
    const directory = this.#parts.room.forNewFile(fileHeaderBytes);
    if (directory === null) throw frozenError('Beginning a file in', directories.join(' or '));
    const path = join(directory, header.fileName);
    this.cutZeros();
    let writer: FileWriter | null = null;
    try {
      writer = this.#writerOf(header.file, disk.open(path, 'create'));
      writer.write(headerBytes, 0);
    } catch (error) {
      if (!isDiskFull(error)) throw this.#parts.trust.broken('Beginning', path, error);
      this.#abandon(path, writer);
      throw frozenError('Beginning', path, error);
    }
    this.writeAhead(writer, fileHeaderBytes, 0, path);
    this.#parts.trust.orBroken('Syncing', path, () => {
      writer.sync();
      disk.syncDirectory(directory);
    });
    const file = journalFile(header, directory);
    this.#parts.kept.add(file);
    try {
      this.#parts.logs.write(this.#parts.kept.all);
    } catch (error) {
      this.#parts.kept.removeNewest();
      if (!isDiskFull(error)) throw this.#parts.trust.broken('Writing', logPath, error);
      this.#abandon(path, writer);
      throw frozenError('Writing', logPath, error);
    }
    this.stopWriting();
    this.#writer = writer;
    this.#keepHeaderAtHand(file, headerBytes);
  }

  /** With the header in memory, header and first records can be shipped before anything of them is flushed. */
  #keepHeaderAtHand(file: JournalFile, headerBytes: Uint8Array): void {
    const run = this.#parts.recent.roomFor(file.number, { ...file.end, offset: 0 }, fileHeaderBytes, fileHeaderBytes);
    run.bytes.set(headerBytes, 0);
    run.end = file.end;
  }

  #abandon(path: string, writer: FileWriter | null): void {
    this.#parts.trust.orBroken('Removing', path, () => {
      writer?.close();
      this.#parts.disk.remove(path);
      this.#parts.disk.syncDirectory(dirname(path));
    });
  }

  /** Zeros behind what was written up to `end`, durable with the sync that follows. Without room for them the file just grows. */
  writeAhead(writer: FileWriter, end: number, written: number, path: string): void {
    const zeros = writer.zerosWanted(end, written);
    if (zeros === 0) return;
    try {
      if (this.#parts.room.has(dirname(path), zeros)) writer.writeZeros(zeros);
      else writer.zerosLater(end);
    } catch (error) {
      if (!isDiskFull(error)) throw this.#parts.trust.broken('Writing ahead in', path, error);
      this.#parts.trust.orBroken('Cutting zeros off', path, () => writer.cut(end));
      writer.zerosLater(end);
    }
  }

  /** The newest file, all of it flushed, ends with its records when it is finished: durable before anything is begun after it. */
  cutZeros(): void {
    const file = this.#parts.kept.newest;
    if (file === undefined) return;
    const writer = this.openForWriting(file);
    const { path } = file;
    try {
      if (!writer.cut(file.end.offset)) return;
    } catch (error) {
      if (isDiskFull(error)) throw frozenError('Cutting zeros off', path, error);
      throw this.#parts.trust.broken('Cutting zeros off', path, error);
    }
    this.#parts.trust.orBroken('Syncing', path, () => writer.sync());
  }

  openForWriting(file: JournalFile): FileWriter {
    if (this.#writer?.file === file.number) return this.#writer;
    this.stopWriting();
    const { path } = file;
    this.#parts.trust.orBroken('Opening', path, () => {
      this.#writer = this.#writerOf(file.number, this.#parts.disk.open(path, 'update'));
    });
    return this.#writer!;
  }

  #writerOf(file: number, handle: number): FileWriter {
    return new FileWriter(this.#parts.disk, file, handle, this.#parts.ahead);
  }

  stopWriting(): void {
    this.#writer?.close();
    this.#writer = null;
  }
}
