/** How the members of a mirror learn about each other (MON-022): a primary watches those it serves and tells a row of each, the others keep them. */
import type { Clock } from '../host/host.ts';
import { isAtOrAfter } from '../mirror/journal-position.ts';
import type { MemberState } from '../mirror/member-state.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberReport } from '../mirror/status.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { JournalClaims } from './journal-claims.ts';
import type { MemberLinks } from './member-links.ts';

interface TimedRows {
  readonly rows: readonly MemberReport[];
  /** When they came. */
  readonly atMs: number;
}

export interface MemberRowsParts {
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs'>;
  readonly links: Pick<MemberLinks, 'notify'>;
  readonly claims: JournalClaims;
  readonly mirrorSet: () => MirrorSet;
  /** Rows of the members as this primary sees them, for the others. */
  readonly rows: () => readonly MemberReport[];
  /** The connection with the primary was rebuilt. */
  readonly onContact: () => void;
}

/** How often a primary tells the others about each other (MON-022), ms. */
const rowsPeriodMs = 1000;

export class MemberRows {
  readonly #parts: MemberRowsParts;
  #present: TimedRows | null = null;
  /** Those of a contact that is over, until this member is primary itself. */
  #last: TimedRows | null = null;
  /** Connection with the primary in the present contact; rows of an older one are let go. */
  #contact = 0;
  #dueMs = 0;
  /** On the primary: members served at the last step, and when others were lost (wall clock, ms). */
  #members: MemberState['serving']['members'] = new Map();
  readonly #lostMs = new Map<MemberName, number>();
  /** The connection on which a member had everything for the first time. */
  readonly #caughtUp = new Map<MemberName, number>();

  constructor(parts: MemberRowsParts) {
    this.#parts = parts;
  }

  /** As the primary told them last in the present contact; null = nothing yet. */
  present(): readonly MemberReport[] | null {
    return this.#aged(this.#present);
  }

  /** Likewise in a contact that is over. */
  last(): readonly MemberReport[] | null {
    return this.#aged(this.#last);
  }

  lostMsOf(member: MemberName): number | null {
    return this.#lostMs.get(member) ?? null;
  }

  /** The primary has told them. */
  take(rows: readonly MemberReport[]): void {
    this.#present = { rows, atMs: this.#parts.clock.nowMs() };
  }

  onStep(state: MemberState): void {
    this.#watchMembers(state);
    const contact = state.attachment?.asking === false ? state.attachment.connection : 0;
    if (contact !== this.#contact) {
      this.#last = this.#present ?? this.#last;
      this.#present = null;
      if (contact !== 0) this.#parts.onContact();
    }
    this.#contact = contact;
    if (state.role === 'primary') this.#last = null;
    this.#tellOthers(state);
  }

  /** They have grown older since the primary told them. */
  #aged(timed: TimedRows | null): readonly MemberReport[] | null {
    if (timed === null) return null;
    const heldMs = Math.round(this.#parts.clock.nowMs() - timed.atMs);
    return timed.rows.map((row) => (row.ageMs === undefined ? row : { ...row, ageMs: row.ageMs + heldMs }));
  }

  /** Who came gets the mirror set at once, and its row when it has everything; who went is remembered with the time. */
  #watchMembers({ serving: { members }, journal, role }: MemberState): void {
    const { links, clock, mirrorSet } = this.#parts;
    if (role !== 'primary') this.#lostMs.clear();
    if (members === this.#members) return;
    for (const name of this.#members.keys()) if (!members.has(name)) this.#lostMs.set(name, clock.wallMs());
    for (const [name, { connection, sentTo, ackedTo }] of members) {
      const isNew = this.#members.get(name)?.connection !== connection;
      if (isNew) links.notify(connection, { mirrorSet: mirrorSet() });
      // An idle mirror takes its next step only at a keep-alive: until then it would count as synchronizing.
      const isComplete = sentTo !== null && isAtOrAfter(ackedTo, journal.durable);
      const isFirst = isComplete && this.#caughtUp.get(name) !== connection;
      if (isFirst) this.#caughtUp.set(name, connection);
      if (isNew || isFirst) this.#dueMs = 0;
    }
    this.#members = members;
  }

  /** The rows go to all, once a second at most and with each keep-alive. */
  #tellOthers(state: MemberState): void {
    const { serving, journal } = state;
    const { clock, claims, links } = this.#parts;
    const nowMs = clock.nowMs();
    if (serving.members.size === 0 || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + rowsPeriodMs;
    const rows = this.#parts.rows();
    claims.hear(state);
    const told = claims.toTell(journal.flushed);
    for (const { connection } of serving.members.values()) links.notify(connection, { rows, claims: told });
  }
}
