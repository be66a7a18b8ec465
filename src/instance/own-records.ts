/** Records that this primary appends of its own, for the set of databases, for a comparison or for the site; no client waits for them. */
import type { Clock } from '../host/host.ts';
import type { Journal, JournalRecord } from '../journal/journal.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { MemberState } from '../mirror/member-state.ts';

export interface OwnRecordsParts {
  readonly journal: Journal;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly appended: (to: JournalPosition) => void;
}

export class OwnRecords {
  readonly #parts: OwnRecordsParts;
  /** What is not yet in the databases. */
  #waits: {
    readonly to: JournalPosition;
    readonly done: (to: JournalPosition) => void;
    readonly fail: (error: Error) => void;
  }[] = [];

  constructor(parts: OwnRecordsParts) {
    this.#parts = parts;
  }

  /** Resolves when they are durable and in the databases. */
  async append(records: readonly JournalRecord[]): Promise<JournalPosition> {
    const { journal, clock, appended } = this.#parts;
    const to = journal.append(records, clock.wallMs());
    return await new Promise<JournalPosition>((done, fail) => {
      this.#waits.push({ to, done, fail });
      appended(to);
    });
  }

  settle({ journal, role }: MemberState): void {
    if (this.#waits.length === 0) return;
    const mayStillCome = role === 'becoming' || role === 'primary' || role === 'handing-over';
    this.#waits = this.#waits.filter(({ to, done, fail }) => {
      if (to.sequence <= journal.applied.sequence) done(to);
      else if (!mayStillCome) fail(new Error('this member is not primary any more; see the messages log'));
      else return true;
      return false;
    });
  }
}
