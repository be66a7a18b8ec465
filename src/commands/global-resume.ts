/** Where a cut-off import of a file goes on: a file beside it, FILE.progress, that is gone when the import is done. */
import type { FileOperations } from '../host/host.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { failed } from './failures.ts';

export interface ImportPlace {
  /** Everything up to this byte of the file is durable at the target. */
  readonly offset: number;
  /** Records before it. */
  readonly records: number;
}

interface Kept extends ImportPlace {
  readonly target: string;
  readonly database: string;
  readonly bytes: number;
  /** Of the beginning of the file: another file of the same name is noticed. */
  readonly checksum: number;
}

const startBytes = 64 * 1024;

export class ImportProgressFile {
  readonly #files: FileOperations;
  readonly #path: string;
  readonly #of: Omit<Kept, keyof ImportPlace>;

  constructor(files: FileOperations, path: string, target: string, database: string) {
    this.#files = files;
    this.#path = `${path}.progress`;
    const checksum = crc32c(files.readStart(path, startBytes) ?? new Uint8Array(0));
    this.#of = { target, database, bytes: files.sizeOf(path) ?? 0, checksum };
  }

  get bytes(): number {
    return this.#of.bytes;
  }

  /** The beginning when there is nothing to go on with. @throws CommandFailure when it belongs to another import */
  read(): ImportPlace {
    const bytes = this.#files.readWhole(this.#path);
    if (bytes === null) return { offset: 0, records: 0 };
    let kept: Partial<Kept>;
    try {
      kept = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Kept>;
    } catch {
      throw failed(`${this.#path} is damaged: remove it and import the whole file again`);
    }
    const isThis =
      kept.target === this.#of.target &&
      kept.database === this.#of.database &&
      kept.bytes === this.#of.bytes &&
      kept.checksum === this.#of.checksum;
    const { offset, records } = kept;
    if (!isThis || !Number.isSafeInteger(offset) || !Number.isSafeInteger(records) || (offset ?? 0) > this.#of.bytes) {
      throw failed(
        `${this.#path} is of an import of another file, or to another target or database: remove it and import the whole file`,
      );
    }
    return { offset: offset ?? 0, records: records ?? 0 };
  }

  write(place: ImportPlace): void {
    const kept: Kept = { ...this.#of, ...place };
    this.#files.replace(this.#path, Buffer.from(`${JSON.stringify(kept)}\n`));
  }

  remove(): void {
    this.#files.remove(this.#path);
  }
}
