/**
 * The journal on disk: appending, group flush, file switch, storing what is received, cutting. Opening is looked through in
 * journal-opening.ts, reading is in journal-reading.ts. Not for: deciding when to flush, ship or cut.
 *
 * What is appended or stored lives in memory (RecentBytes) until flush writes it in one go behind what is flushed already.
 * An interrupted write leaves bytes behind the flushed end only, so opening may cut them. A failed sync or a write error
 * other than a full disk leaves what is durable unknown: from then on every change is refused (JournalBrokenError).
 *
 * The newest file has zeros ahead of its records (newest-file.ts); they are cut off before the next file is begun and at
 * closing, so that finished files are byte-identical on all members. `end.offset` is where the records end, always.
 */
import assert from 'node:assert/strict';
import { type JournalPosition, printPosition } from '../mirror/journal-position.ts';
import { journalFileBytesMax } from '../mirror/limits.ts';
import { type Epoch, type MirrorName, sameEpoch } from '../mirror/terms.ts';
import { brokenError, DiskTrust, frozenError, isDiskFull } from './disk-errors.ts';
import { DiskRoom } from './disk-room.ts';
import { encodeFileHeader, type FileHeader, fileHeaderBytes } from './file-header.ts';
import { nextFileName } from './file-names.ts';
import { writeAheadStepBytes } from './file-writer.ts';
import { type Closing, FlushedMark, type FoundMark, markPath } from './flushed-mark.ts';
import {
  type Journal,
  type JournalChunk,
  type JournalFileOperations,
  JournalFrozenError,
  JournalMismatchError,
  type JournalRecord,
  type JournalSets,
  type JournalSurplus,
  type KeptFile,
} from './journal.ts';
import { type JournalFile, JournalFiles, journalFile } from './journal-files.ts';
import { JournalLogs } from './journal-logs.ts';
import { inspectJournal, type Opening } from './journal-opening.ts';
import { boundaryAt, bytesBetween, locate, readChunk } from './journal-reading.ts';
import { LostAndFound } from './lost-and-found.ts';
import { NewestFile } from './newest-file.ts';
import { checkedHeader, checkedRecords, mismatchError } from './received-chunk.ts';
import { RecentBytes } from './recent-bytes.ts';
import { encodeRecord, encodeSets, recordBytes, recordChecksum, setsBytes } from './record.ts';
import type { Boundary } from './record-scan.ts';

export interface DiskJournalOptions {
  readonly files: JournalFileOperations;
  /** Where the mirror journal files are. */
  readonly directory: string;
  readonly mirror: MirrorName;
  /** Where a new file is begun while the journal directory has no room for it; left out: nowhere. */
  readonly alternateDirectory?: string;
  /** Path of the mirror journal log, mirrorjrn-<NAME>.log. */
  readonly logPath: string;
  /** Path of journal.log, which lists all journal files of the instance; left out: there is none. */
  readonly instanceLogPath?: string;
  readonly lostAndFoundDirectory: string;
  /** For reports in lost+found; left out: the clock of this machine. */
  readonly wallMs?: () => number;
  /** A new file is begun before one would grow beyond this. */
  readonly fileBytesMax?: number;
  /** Zeros are written ahead of the records in steps of this (file-writer.ts). */
  readonly writeAheadStepBytes?: number;
  /** Free bytes below which flush refuses (JournalFrozenError). */
  readonly reserveBytes?: number;
  /** For another process while the instance is down: changes nothing on disk, ends at the last whole record. */
  readonly readOnly?: boolean;
}

/** @throws JournalDamagedError when durable data is damaged or missing; JournalFrozenError, JournalBrokenError. */
export function openDiskJournal(options: DiskJournalOptions): Journal {
  return new DiskJournal(options);
}

function directoriesOf({ directory, alternateDirectory }: DiskJournalOptions): [string, ...string[]] {
  return alternateDirectory === undefined ? [directory] : [directory, alternateDirectory];
}

function keptFile({ number, header, directory, end }: JournalFile): KeptFile {
  const { fileName: name, epoch, sequenceBefore, createdMs } = header;
  return {
    file: number,
    name,
    directory,
    bytes: end.offset,
    epoch: epoch.number,
    sequenceBefore,
    sequence: end.sequence,
    createdMs,
    newestMs: end.timeMs,
  };
}

class DiskJournal implements Journal {
  readonly mirror: MirrorName;
  readonly openingReport: string | null;
  readonly #options: DiskJournalOptions;
  readonly #disk: JournalFileOperations;
  readonly #room: DiskRoom;
  readonly #recent = new RecentBytes();
  readonly #kept: JournalFiles;
  readonly #mark: FlushedMark | null;
  /** What the newest file's end was found by, at opening. */
  readonly #foundClosing: FoundMark | null;
  readonly #logs: JournalLogs;
  #flushed: JournalPosition;
  readonly #trust = new DiskTrust();
  readonly #newest: NewestFile;

  constructor(options: DiskJournalOptions) {
    this.#options = options;
    this.#disk = options.files;
    this.#room = new DiskRoom(options.files, directoriesOf(options), options.reserveBytes);
    this.mirror = options.mirror;
    const opening = inspectJournal(options.files, directoriesOf(options), options.mirror, options.logPath);
    this.openingReport = opening.report;
    this.#logs = new JournalLogs(options.files, options, opening.log);
    this.#kept = new JournalFiles(options.files, this.#recent, opening.kept);
    this.#newest = new NewestFile({
      disk: this.#disk,
      room: this.#room,
      logs: this.#logs,
      kept: this.#kept,
      recent: this.#recent,
      trust: this.#trust,
      ahead: {
        stepBytes: options.writeAheadStepBytes ?? writeAheadStepBytes,
        fileBytesMax: options.fileBytesMax ?? journalFileBytesMax,
      },
      directories: directoriesOf(options),
      logPath: options.logPath,
    });
    this.#foundClosing = opening.closing === null ? null : { ...this.#kept.end, closing: opening.closing };
    this.#mark = options.readOnly === true ? null : this.#repair(opening);
    this.#flushed = this.#kept.end;
  }

  get directory(): string {
    return this.#options.directory;
  }

  get end(): JournalPosition {
    return this.#kept.end;
  }

  get flushed(): JournalPosition {
    return this.#flushed;
  }

  get newestRecordMs(): number {
    return this.#kept.newest?.end.timeMs ?? 0;
  }

  get files(): Journal['files'] {
    return this.#kept.all.map(keptFile);
  }

  get history(): Journal['history'] {
    return this.#kept.history;
  }

  startFile(epoch: Epoch, atMs: number): JournalPosition {
    this.flush();
    const { newest } = this.#kept;
    const isNext = newest === undefined || epoch.number > newest.header.epoch.number;
    assert(isNext || sameEpoch(epoch, newest.header.epoch), 'a new file continues the epoch or begins a later one');
    const header: FileHeader = {
      mirror: this.mirror,
      epoch,
      file: (newest?.number ?? 0) + 1,
      fileName: nextFileName(this.mirror, atMs, this.#namesInUse()),
      sequenceBefore: newest?.end.sequence ?? 0,
      previousFileEnd: newest?.end.offset ?? 0,
      newestBeforeMs: newest?.end.timeMs ?? 0,
      createdMs: atMs,
    };
    this.#newest.begin(header, encodeFileHeader(header));
    this.#setFlushed();
    return this.end;
  }

  /** A name that stands anywhere is not used again, nor that of a file that was there. */
  #namesInUse(): readonly string[] {
    const { newest } = this.#kept;
    const places = new Set([...directoriesOf(this.#options), ...this.#kept.all.map(({ directory }) => directory)]);
    const names = [...places].flatMap((place) => this.#disk.list(place));
    return newest === undefined ? names : [...names, newest.header.fileName];
  }

  append(records: readonly (JournalRecord | JournalSets)[], atMs: number): JournalPosition {
    this.#mustBeWritable();
    let file = this.#kept.newest;
    assert(file !== undefined, 'startFile comes before append');
    let bytes = 0;
    for (const record of records) bytes += record.kind === 'sets' ? setsBytes(record) : recordBytes(record);
    if (bytes === 0) return this.end;
    const fileBytesMax = this.#options.fileBytesMax ?? journalFileBytesMax;
    const isFull = file.end.offset + bytes > fileBytesMax || this.#room.isBetterElsewhere(file.directory);
    if (isFull && file.end.offset > fileHeaderBytes) file = this.#nextFile(file, atMs);
    const run = this.#recent.roomFor(file.number, file.end, bytes, this.#flushed.offset);
    let at = file.end.offset - run.begin.offset;
    let { sequence } = file.end;
    for (const record of records) {
      if (record.kind === 'sets') {
        at = encodeSets(run.bytes, run.view, at, record, sequence + 1, atMs);
        sequence += record.sets.count;
      } else {
        sequence += 1;
        at = encodeRecord(run.bytes, run.view, at, record, sequence, atMs);
      }
    }
    this.#recent.advance(run, { offset: run.begin.offset + at, sequence, timeMs: atMs });
    this.#advance(file, run.end);
    return this.end;
  }

  flush(): JournalPosition {
    this.#mustBeWritable();
    const file = this.#kept.newest;
    if (file === undefined || file.end.offset === this.#flushed.offset) return this.#flushed;
    const from = this.#flushed.offset;
    const to = file.end.offset;
    const { path } = file;
    const writer = this.#newest.openForWriting(file);
    if (!this.#room.allows(file.directory, to - from, writer.growth(to))) throw frozenError('Writing', path);
    try {
      let at = from;
      for (const piece of this.#recent.pieces(file.number, from, to)) {
        writer.write(piece, at);
        at += piece.length;
      }
    } catch (error) {
      if (!isDiskFull(error)) throw this.#trust.broken('Writing', path, error);
      this.#trust.orBroken('Cutting a half-written', path, () => writer.cut(from));
      this.#room.askNextTime();
      throw frozenError('Writing', path, error);
    }
    this.#newest.writeAhead(writer, to, to - from, path);
    this.#trust.orBroken('Syncing', path, () => writer.sync());
    this.#setFlushed();
    return this.#flushed;
  }

  read(from: JournalPosition, to: JournalPosition, bytesMax: number): JournalChunk | null {
    return readChunk(this.#kept, this.#recent, from, to, bytesMax);
  }

  bytesBetween(from: JournalPosition, to: JournalPosition): number {
    return bytesBetween(this.#kept, from, to);
  }

  locate(epoch: number, sequence: number): JournalPosition | null {
    return locate(this.#kept, epoch, sequence);
  }

  store(chunk: JournalChunk): JournalPosition {
    this.#mustBeWritable();
    const { newest } = this.#kept;
    const own = newest === undefined || chunk.file > newest.number ? undefined : this.#kept.find(chunk.file);
    if (own !== undefined) return this.#storeInto(own, chunk);
    const header = checkedHeader(chunk, this.mirror, newest);
    const file = journalFile(header, '');
    const records = chunk.bytes.subarray(fileHeaderBytes);
    const end = checkedRecords(chunk, header.epoch.number, records, file.end);
    this.flush();
    this.#newest.begin(header, chunk.bytes.subarray(0, fileHeaderBytes));
    this.#setFlushed();
    return this.#storeRecords(this.#kept.newest!, records, end);
  }

  truncateTo(position: JournalPosition, reason: string): JournalSurplus | null {
    this.#mustBeWritable();
    const file = this.#kept.find(position.file);
    const boundary = file === undefined ? null : boundaryAt(this.#kept, file, position);
    if (boundary === null && position.file !== 0) {
      throw new JournalMismatchError(
        `The journal cannot be cut after ${printPosition(position)}: it has no such place.`,
      );
    }
    const { end } = this;
    if (end.file === position.file && end.offset === position.offset) return null;
    this.flush();
    this.#newest.cutZeros();
    const path = this.#options.directory;
    try {
      const keptIn = this.#cut(file, boundary, `cut after ${printPosition(position)}: ${reason.replaceAll('\n', ' ')}`);
      return { from: position, to: end, records: end.sequence - position.sequence, keptIn };
    } catch (error) {
      if (error === this.#trust.brokenBy) throw error;
      if (isDiskFull(error)) throw frozenError('Cutting the mirror journal in', path, error);
      throw this.#trust.broken('Cutting the mirror journal in', path, error);
    }
  }

  purge(before: number): readonly KeptFile[] {
    this.#mustBeWritable();
    const { newest } = this.#kept;
    const purged = this.#kept.all.filter((file) => file.number < before && file !== newest);
    for (const file of purged) {
      const { path } = file;
      this.#kept.removeOldest();
      this.#trust.orBroken('Removing', path, () => {
        this.#disk.remove(path);
        this.#disk.syncDirectory(file.directory);
      });
    }
    if (purged.length > 0) this.#writeLogsOfFewer();
    return purged.map(keptFile);
  }

  /** Files went. Without room the mirror journal log may list some that are gone, until it is written next. */
  #writeLogsOfFewer(): void {
    try {
      this.#logs.write(this.#kept.all);
    } catch (error) {
      if (!isDiskFull(error)) throw this.#trust.broken('Writing', this.#options.logPath, error);
    }
  }

  close(): void {
    try {
      if (this.#mark !== null && this.#trust.brokenBy === null) {
        this.flush();
        this.#newest.cutZeros();
        this.#closeMark(this.#mark);
      }
    } finally {
      this.#newest.stopWriting();
      this.#kept.close();
      this.#mark?.close();
    }
  }

  /** A full disk does not matter here: the mark may lag. */
  #closeMark(mark: FlushedMark): void {
    const { newest } = this.#kept;
    const closing = newest === undefined ? null : this.#closingOf(newest);
    try {
      if (closing === null) mark.lower(this.#flushed);
      else mark.closeAt(this.#flushed, closing);
    } catch (error) {
      if (!isDiskFull(error)) throw this.#trust.broken('Writing the mark of', this.#options.directory, error);
    }
  }

  /** How the newest file ends; null where its last record cannot be read any more. */
  #closingOf(file: JournalFile): Closing | null {
    const { end } = file;
    const found = this.#foundClosing;
    // A file that was only read since it was opened need not be read through either.
    if (found !== null && found.file === file.number && found.offset === end.offset) return found.closing;
    let last = file.anchors.atOrBeforeOffset(end.offset - 1);
    const reached = this.#kept.walk(file, last, end.offset, (at) => {
      if (at.offset < end.offset) last = at;
      return false;
    });
    if (reached.offset !== end.offset || reached.sequence !== end.sequence) return null;
    const { offset: lastOffset } = last;
    const lastChecksum = lastOffset === end.offset ? 0 : recordChecksum(this.#kept.readAt(file, lastOffset, 8));
    return { sequence: end.sequence, timeMs: end.timeMs, lastOffset, lastChecksum };
  }

  /** Make the directory what opening said it is, and durable: bytes found may never have been synced. */
  #repair(opening: Opening): FlushedMark {
    const { directory } = this.#options;
    const disk = this.#disk;
    try {
      for (const needed of directoriesOf(this.#options)) if (!disk.exists(needed)) disk.makeDirectory(needed);
      if (opening.unfinishedPath !== null) disk.remove(opening.unfinishedPath);
      const { newest } = this.#kept;
      if (newest !== undefined) {
        const writer = this.#newest.openForWriting(newest);
        if (opening.tornBytes > 0) writer.cut(newest.end.offset);
        writer.sync();
      }
      for (const used of new Set([directory, ...this.#kept.all.map((file) => file.directory)]))
        disk.syncDirectory(used);
      this.#logs.write(this.#kept.all);
      const { file, offset } = this.end;
      return new FlushedMark(disk, markPath(directory, this.mirror), { file, offset });
    } catch (error) {
      if (isDiskFull(error)) throw frozenError('Opening the mirror journal in', directory, error);
      throw brokenError('Opening the mirror journal in', directory, error);
    }
  }

  /** A full file is left for a new one; while there is no room to begin one, the present one goes on (nothing is refused here). */
  #nextFile(present: JournalFile, atMs: number): JournalFile {
    try {
      this.startFile(present.header.epoch, atMs);
    } catch (error) {
      if (!(error instanceof JournalFrozenError)) throw error;
    }
    return this.#kept.newest!;
  }

  #storeInto(file: JournalFile, chunk: JournalChunk): JournalPosition {
    if (chunk.fileName !== file.header.fileName)
      throw mismatchError(chunk, `that file is ${file.header.fileName} here`);
    const overlap = Math.min(chunk.bytes.length, file.end.offset - chunk.offset);
    if (overlap < 0) throw mismatchError(chunk, `this journal ends at offset ${file.end.offset} of the file`);
    for (let at = 0; at < overlap; ) {
      const own = this.#kept.readAt(file, chunk.offset + at, overlap - at);
      if (Buffer.compare(own, chunk.bytes.subarray(at, at + own.length)) !== 0) {
        throw mismatchError(chunk, `it differs from what is here, at or after offset ${chunk.offset + at}`);
      }
      at += own.length;
    }
    if (overlap === chunk.bytes.length) return this.end;
    if (file !== this.#kept.newest) throw mismatchError(chunk, `that file ends at offset ${file.end.offset} here`);
    const records = chunk.bytes.subarray(overlap);
    const end = checkedRecords(chunk, file.header.epoch.number, records, file.end);
    return this.#storeRecords(file, records, end);
  }

  /** Records that were checked go where appended ones go. */
  #storeRecords(file: JournalFile, records: Uint8Array, end: Boundary): JournalPosition {
    if (records.length === 0) return this.end;
    const run = this.#recent.runWith(file.number, file.end, records, this.#flushed.offset);
    this.#recent.advance(run, end);
    this.#advance(file, run.end);
    return this.end;
  }

  /**
   * Copy first, then lower what the log and the mark promise, then take away from the newest file backwards: whenever this is
   * interrupted, the files that are left are a whole journal, at worst a longer one than wanted.
   */
  #cut(file: JournalFile | undefined, boundary: Boundary | null, remark: string): string[] {
    const { lostAndFoundDirectory } = this.#options;
    const cut = { because: remark, atMs: (this.#options.wallMs ?? Date.now)() };
    const lostAndFound = new LostAndFound(this.#disk, lostAndFoundDirectory, cut);
    const keptIn: string[] = [];
    const readAt = (of: JournalFile) => (offset: number, want: number) => this.#kept.readAt(of, offset, want);
    this.#newest.stopWriting();
    if (file !== undefined && boundary !== null && boundary.offset < file.end.offset) {
      keptIn.push(lostAndFound.keepRecords(file.header, boundary, file.end, readAt(file)));
    }
    const left = this.#kept.all.filter(({ number }) => number <= (file?.number ?? 0));
    this.#logs.remark(remark);
    this.#logs.write(left);
    this.#mark!.lower({ file: file?.number ?? 0, offset: boundary?.offset ?? 0 });
    this.#recent.forgetAll();
    for (let newest = this.#kept.newest; newest !== undefined && newest !== file; newest = this.#kept.newest) {
      const { path } = newest;
      const { begin } = newest.anchors;
      if (newest.end.offset === begin.offset) this.#trust.orBroken('Removing', path, () => this.#disk.remove(path));
      else keptIn.push(lostAndFound.moveFile(path, newest.header, begin, newest.end, readAt(newest)));
      this.#kept.removeNewest();
      this.#flushed = this.end;
      this.#trust.orBroken('Moving', path, () => {
        if (keptIn.length > 0) this.#disk.syncDirectory(lostAndFoundDirectory);
        this.#disk.syncDirectory(newest.directory);
      });
    }
    if (file !== undefined && boundary !== null) {
      const writer = this.#newest.openForWriting(file);
      this.#trust.orBroken('Cutting', file.path, () => {
        writer.cut(boundary.offset);
        writer.sync();
      });
      file.end = boundary;
      file.anchors.cut(boundary.offset);
    }
    this.#flushed = this.end;
    return keptIn;
  }

  #advance(file: JournalFile, end: Boundary): void {
    assert(end.offset > file.end.offset && end.sequence > file.end.sequence, 'a journal only grows');
    file.end = end;
    file.anchors.note(end);
  }

  #setFlushed(): void {
    const { end } = this;
    this.#room.flushed(end.file === this.#flushed.file ? end.offset - this.#flushed.offset : end.offset);
    this.#flushed = end;
    this.#trust.orBroken('Writing the mark of', this.#options.directory, () => this.#mark!.raise(end));
  }

  #mustBeWritable(): void {
    this.#trust.mustHold();
    assert(this.#options.readOnly !== true, 'a journal opened for reading cannot be changed');
  }
}
