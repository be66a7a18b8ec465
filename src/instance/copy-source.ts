/** The asking side of channel 'copy': another member that makes copies and hands out their files, over one connection. */
import { copyPieceBytesMax } from '../mirror/limits.ts';
import type { MemberDefinition } from '../mirror/mirror-set.ts';
import type { Epoch } from '../mirror/terms.ts';
import { type Connection, type Timers, UnreachableError } from '../network/network.ts';
import { openChannel } from '../network/opening-exchange.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import { COPY, type CopyFrame, type CopyRequest, encodeCopyRequest, readCopyFrame } from '../protocol/copy-channel.ts';
import { makeOpen } from '../protocol/opening.ts';
import { type BackupManifest, checkManifest } from './backup-manifest.ts';
import { type Progress, refusal } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';

const openTimeoutMs = 5000;
/** A source that makes copies tells each second how far it is; the checksum of a long file is its longest silence. */
const silenceMsMax = 60_000;
/** Pieces asked for ahead. */
const piecesAhead = 4;

export type Offer =
  | { readonly ok: true; readonly copy: string; readonly manifest: BackupManifest }
  | { readonly ok: false; readonly refusal: Refusal };

interface Waiting {
  readonly take: (frame: CopyFrame) => void;
  readonly fail: (error: Error) => void;
}

export class CopySource {
  readonly #connection: Connection;
  readonly #timers: Timers;
  readonly member: string;
  /** What that member has adopted. */
  readonly epoch: Epoch;
  readonly #waiting: Waiting[] = [];
  #deadline: { cancel(): void } | null = null;
  #lost: Error | null = null;

  private constructor(connection: Connection, timers: Timers, member: string, epoch: Epoch) {
    this.#connection = connection;
    this.#timers = timers;
    this.member = member;
    this.epoch = epoch;
    connection.onClosed((reason) => this.#fail(new UnreachableError(`${member}: ${reason}`)));
    connection.onFrames((frames) => {
      for (const frame of frames) this.#take(readCopyFrame(frame));
    });
  }

  /** @throws UnreachableError, RefusedError */
  static async open(daemon: InstanceDaemon, target: MemberDefinition): Promise<CopySource> {
    const { network, host, configuration } = daemon;
    const { mirrorSet, member, instance } = configuration.get();
    const { host: address, port } = target.superserver;
    const connection = await network.dial(address, port, openTimeoutMs);
    const caller = { channel: 'copy', mirror: mirrorSet?.name ?? '', member: member ?? '', instance } as const;
    const opened = await openChannel(connection, makeOpen(caller), openTimeoutMs, host.clock);
    return new CopySource(connection, host.clock, target.name, opened.epoch);
  }

  /** `progress` hears what the source says while it makes copies. @throws UnreachableError */
  async ask(request: Extract<CopyRequest, { type: 'make' | 'find' }>, progress: Progress): Promise<Offer> {
    const frame = await this.#request(request, progress);
    if (frame.type !== 'answer') throw new UnreachableError(`${this.member} answers something else than was asked`);
    if (!frame.answer.ok) return frame.answer;
    const checked = checkManifest(frame.answer.manifest, `the copy of ${this.member}`);
    return checked.ok
      ? { ok: true, copy: frame.answer.copy, manifest: checked.manifest }
      : { ok: false, refusal: refusal('no-copy', checked.text) };
  }

  /** The bytes of a file from an offset to its end, in order. @throws UnreachableError */
  async *read(copy: string, database: string, from: number, end: number): AsyncGenerator<Uint8Array> {
    const pieces: Promise<CopyFrame>[] = [];
    for (let asked = from, got = from; got < end; ) {
      while (asked < end && pieces.length < piecesAhead) {
        const bytes = Math.min(copyPieceBytesMax, end - asked);
        const piece = this.#request({ type: 'read', copy, database, offset: asked, bytes });
        piece.catch(() => undefined);
        pieces.push(piece);
        asked += bytes;
      }
      const frame = await (pieces.shift() as Promise<CopyFrame>);
      if (frame.type === 'answer' && !frame.answer.ok) throw new Error(frame.answer.refusal.text);
      if (frame.type !== 'bytes' || frame.bytes.length === 0) {
        throw new Error(`${this.member} has less of the copy of ${database} than it said`);
      }
      got += frame.bytes.length;
      yield frame.bytes;
    }
  }

  /** The copy is not needed any more. */
  release(copy: string): void {
    this.#connection.send(COPY.request, encodeCopyRequest({ type: 'release', copy }));
  }

  close(): void {
    this.#deadline?.cancel();
    this.#connection.end();
  }

  async #request(request: CopyRequest, progress: Progress = () => undefined): Promise<CopyFrame> {
    if (this.#lost !== null) throw this.#lost;
    return await new Promise<CopyFrame>((resolve, fail) => {
      const take = (frame: CopyFrame): void => (frame.type === 'progress' ? progress(frame.text) : resolve(frame));
      this.#waiting.push({ take, fail });
      this.#expectFrame();
      this.#connection.send(COPY.request, encodeCopyRequest(request));
    });
  }

  #take(frame: CopyFrame): void {
    const first = this.#waiting[0];
    if (frame.type !== 'progress') this.#waiting.shift();
    first?.take(frame);
    this.#expectFrame();
  }

  #expectFrame(): void {
    this.#deadline?.cancel();
    if (this.#waiting.length === 0) return;
    this.#deadline = this.#timers.after(silenceMsMax, () => {
      this.#fail(new UnreachableError(`${this.member} has said nothing for ${silenceMsMax / 1000} s`));
    });
  }

  #fail(error: Error): void {
    this.#deadline?.cancel();
    this.#lost ??= error;
    this.#connection.destroy();
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}
