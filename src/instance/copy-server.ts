/**
 * Channel 'copy': other members of the mirror have hot copies of databases made here and download them (DB-029, DB-030). A copy
 * is a backup in a directory of its own, so it is whole or not there, survives a restart of this instance, and whoever
 * was cut off goes on reading where it was. One that nobody reads any more is removed.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isFlagCleared } from '../database/databases.ts';
import type { Timer } from '../host/host.ts';
import { copyKeptMs } from '../mirror/limits.ts';
import type { Connection } from '../network/network.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import { COPY, type CopyAnswer, type CopyRequest, readCopyRequest } from '../protocol/copy-channel.ts';
import { jsonBody } from '../protocol/frame.ts';
import { backupDatabases } from './backup-command.ts';
import { copyDirectory, readManifest } from './backup-manifest.ts';
import { refusal } from './command-outcome.ts';
import { mirrorNameOf } from './mirrored-databases.ts';
import type { InstanceDaemon } from './parts.ts';

/** Copies that are made or kept at a time: each takes the room of its databases. */
const copiesMax = 4;

type Read = Extract<CopyRequest, { type: 'read' }>;

export class CopyServer {
  readonly #daemon: InstanceDaemon;
  /** When each copy was used last, monotonic ms. */
  readonly #usedMs = new Map<string, number>();
  #making = 0;
  #timer: Timer | null = null;

  constructor(daemon: InstanceDaemon) {
    this.#daemon = daemon;
  }

  /** What an earlier life of this instance left is kept for those who go on reading it; what it had not finished is not. */
  open(): void {
    const { host, paths } = this.#daemon;
    if (!host.files.exists(paths.copies)) return;
    for (const name of host.files.list(paths.copies)) {
      if (readManifest(host.records, join(paths.copies, name)).ok) this.#use(name);
      else host.files.removeTree(join(paths.copies, name));
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** A connection whose opening with channel 'copy' was accepted. */
  accept(connection: Connection, member: string): void {
    let last: Promise<void> = Promise.resolve();
    connection.onFrames((frames) => {
      for (const frame of frames) {
        const request = readCopyRequest(frame);
        last = last.then(() => this.#answer(connection, member, request));
      }
    });
  }

  async #answer(connection: Connection, member: string, request: CopyRequest): Promise<void> {
    if (connection.isClosed) return;
    try {
      if (request.type === 'read') return connection.send(COPY.bytes, this.#read(request));
      if (request.type === 'release') return this.#release(request.copy);
      const answer =
        request.type === 'make' ? await this.#make(connection, member, request) : this.#offer(request.copy);
      connection.send(COPY.answer, jsonBody(answer));
    } catch (error) {
      const text = `${this.#daemon.configuration.get().instance}: ${(error as Error).message}`;
      connection.send(COPY.answer, jsonBody(no(refusal('copy-failed', text))));
    }
  }

  #release(copy: string): void {
    this.#usedMs.delete(copy);
    this.#daemon.host.files.removeTree(join(this.#daemon.paths.copies, copy));
  }

  async #make(
    connection: Connection,
    member: string,
    { databases, ofPrimary }: Extract<CopyRequest, { type: 'make' }>,
  ): Promise<CopyAnswer> {
    const { catalog, host, paths, configuration } = this.#daemon;
    const self = configuration.get().member ?? '';
    if (ofPrimary && this.#daemon.member?.state.role !== 'primary') {
      return no(refusal('not-primary', `${self} is not the primary`, 'DB-029'));
    }
    if (!this.#isOfMirror()) {
      const text = `${self} has no connection with a primary, so what it has may not be what the mirror has; use another source`;
      return no(refusal('not-connected', text, 'DB-030'));
    }
    if (this.#usedMs.size + this.#making >= copiesMax) {
      const text = `${self} keeps ${copiesMax} copies for other members already; wait until one of them is downloaded, or choose another source`;
      return no(refusal('too-many-copies', text));
    }
    const names: string[] = [];
    for (const database of databases) {
      const entry = catalog.entries().find((each) => mirrorNameOf(each) === database);
      if (entry === undefined) return no(refusal('no-database', `${self} holds no copy of ${database}`, 'DB-030'));
      if (isFlagCleared(entry.attribute)) {
        const text = `the FailoverDB flag of ${database} is cleared on ${self}, so its copy is no source for others`;
        return no(refusal('flag-cleared', text, 'DB-030'));
      }
      names.push(entry.configuration.name);
    }
    const copy = randomBytes(8).toString('hex');
    const progress = (text: string): void => connection.send(COPY.progress, jsonBody({ text: `${self}: ${text}` }));
    this.#making += 1;
    try {
      host.files.makeDirectory(paths.copies);
      const to = join(paths.copies, copy);
      const outcome = await backupDatabases(this.#daemon, { databases: names, to }, progress);
      if (!outcome.ok) return no(outcome.refusal);
    } finally {
      this.#making -= 1;
    }
    this.#use(copy);
    this.#daemon.log('member-downloads', { member, databases: names.join(', ') });
    return this.#offer(copy);
  }

  #isOfMirror(): boolean {
    const { role, attachment } = this.#daemon.member?.state ?? { role: 'down', attachment: null };
    return role === 'primary' || (attachment !== null && !attachment.asking);
  }

  #offer(copy: string): CopyAnswer {
    const { host, paths } = this.#daemon;
    const read = readManifest(host.records, join(paths.copies, copy));
    if (!read.ok) return no(refusal('no-copy', 'the copy is not kept any more; it is made anew', 'DB-029'));
    this.#use(copy);
    return { ok: true, copy, manifest: read.manifest };
  }

  /** One piece from the cache of the file system, in step with who reads: it has a few requests under way and no more. */
  #read({ copy, database, offset, bytes }: Read): Uint8Array {
    const { catalog, host, paths } = this.#daemon;
    const { files } = host;
    this.#use(copy);
    const handle = files.open(catalog.fileOf(copyDirectory(join(paths.copies, copy), { name: database })), 'read');
    try {
      const piece = new Uint8Array(bytes);
      return piece.subarray(0, files.read(handle, piece, offset));
    } finally {
      files.close(handle);
    }
  }

  #use(copy: string): void {
    const { clock } = this.#daemon.host;
    this.#usedMs.set(copy, clock.nowMs());
    this.#timer ??= clock.after(copyKeptMs, () => this.#expire());
  }

  #expire(): void {
    const { clock } = this.#daemon.host;
    this.#timer = null;
    for (const [copy, usedMs] of this.#usedMs) {
      if (clock.nowMs() - usedMs < copyKeptMs) continue;
      this.#release(copy);
      this.#daemon.log('copy-expired');
    }
    if (this.#usedMs.size > 0) this.#timer = clock.after(copyKeptMs / 4, () => this.#expire());
  }
}

function no(why: Refusal): CopyAnswer {
  return { ok: false, refusal: why };
}
