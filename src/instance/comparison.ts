/** Both parts of comparing databases in one member: its own (verifier.ts), and the primary's (verification.ts) for when it is that. */
import type { Database } from '../database/databases.ts';
import type { PlacedRecord } from '../journal/journal.ts';
import type { MemberState } from '../mirror/member-state.ts';
import type { VerificationReport, VerifiedCopy } from '../mirror/status.ts';
import type { MemberName, MirrorDatabaseName } from '../mirror/terms.ts';
import type { Notice } from '../protocol/member-channel.ts';
import { readVerificationWord } from '../protocol/verification.ts';
import { Verification, type VerificationParts, type VerifyOptions } from './verification.ts';
import { Verifier, type VerifierParts } from './verifier.ts';

export type ComparisonParts = Pick<VerifierParts, 'self' | 'records' | 'path' | 'copies' | 'log'> &
  Pick<VerificationParts, 'mirrorSet' | 'append' | 'clock'> & {
    readonly state: () => MemberState;
    readonly notify: (connection: number, notice: Notice) => void;
  };

export class Comparison {
  readonly #state: () => MemberState;
  readonly #verifier: Verifier;
  readonly #verification: Verification;

  constructor(parts: ComparisonParts) {
    const { state, notify, clock } = parts;
    const isPrimary = (): boolean => state().role === 'primary';
    this.#state = state;
    this.#verifier = new Verifier({
      ...parts,
      isPrimary,
      tellPrimary: (verification) => {
        const { attachment } = state();
        if (attachment !== null) notify(attachment.connection, { verification });
      },
      wallMs: () => clock.wallMs(),
    });
    this.#verification = new Verification({
      ...parts,
      verifier: this.#verifier,
      isPrimary,
      connected: () => [...state().serving.members.keys()],
      tell: (member, verification) => {
        const served = state().serving.members.get(member);
        if (served !== undefined) notify(served.connection, { verification });
      },
    });
  }

  /** Compare what the databases of all connected members hold; on the primary. @throws VerificationError */
  verify(options: VerifyOptions, progress: (text: string) => void): Promise<VerificationReport> {
    return this.#verification.run(options, progress);
  }

  /** What is known of the copies here. */
  get verified(): readonly VerifiedCopy[] {
    return this.#verifier.verified;
  }

  /** Why a copy here must not be a source for others; null = nothing is known against it. */
  differenceOf(database: MirrorDatabaseName): string | null {
    return this.#verifier.differenceOf(database);
  }

  /** The databases given stand exactly at this record. */
  onBarrier(barrier: PlacedRecord, databases: readonly Database[]): void {
    this.#verifier.onBarrier(barrier, databases);
  }

  /** What another member said; only the present primary is obeyed, and only a member that is served is listened to. */
  hear(from: MemberName, said: unknown): void {
    const word = readVerificationWord(said);
    if (word === null) return;
    const { serving, attachment } = this.#state();
    if (serving.members.has(from)) this.#verification.hear(from, word);
    if (attachment?.to === from) this.#verifier.hear(word);
  }

  /** Compare nothing by itself any more. */
  close(): void {
    this.#verification.close();
  }
}
