/** Which errors of the file operations mean "no room", after which one tries again, and what is thrown for the others. */
import { JournalBrokenError, JournalFrozenError } from './journal.ts';

export function isDiskFull(error: unknown): boolean {
  return errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT';
}

/** By its field: an error of the platform is not always an instance of this realm's Error. */
export function errorCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'no code';
}

export function brokenError(what: string, path: string, cause: unknown): JournalBrokenError {
  return new JournalBrokenError(
    `${what} ${path} failed (${errorCode(cause)}): what is durable is unknown, the process must end; check the disk before restarting.`,
    { cause },
  );
}

export function frozenError(what: string, path: string, cause?: unknown): JournalFrozenError {
  const why = cause === undefined ? 'too little room' : errorCode(cause);
  return new JournalFrozenError(`${what} ${path} failed (${why}): make room on its disk; nothing is lost.`, { cause });
}

/** Is what is on the disk known? After a failed sync, or a write error other than a full disk, it is not: nothing is changed any more. */
export class DiskTrust {
  brokenBy: JournalBrokenError | null = null;

  /** @throws JournalBrokenError what it was lost by */
  mustHold(): void {
    if (this.brokenBy !== null) throw this.brokenBy;
  }

  orBroken(what: string, path: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      throw this.broken(what, path, error);
    }
  }

  broken(what: string, path: string, cause: unknown): JournalBrokenError {
    this.brokenBy = brokenError(what, path, cause);
    return this.brokenBy;
  }
}
