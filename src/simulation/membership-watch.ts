/**
 * Who is in the mirror, as people were told (CFG-027, CFG-069): a takeover that nobody forced keeps it, by whoever was the active backup when
 * it was told, or has become active since, or goes on with the journal of one that knows it (docs/decisions/0058). Judged by the mirror sets on
 * disks and by the answers alone.
 */
import type { MemberState } from '../mirror/member-state.ts';
import type { MemberDefinition } from '../mirror/mirror-set.ts';
import type { Checkers } from './checkers.ts';
import type { History } from './histories.ts';
import type { MemberProcess } from './member-process.ts';

/** A primary of this history has told that a member is in the mirror, or out of it, and has neither taken it in nor out since. */
interface Told {
  readonly isIn: boolean;
  readonly history: History | undefined;
  /** The primary, the backup that counted then, and whoever has become active or fetched a journal since. */
  readonly knownTo: Set<string>;
}

export class MembershipWatch {
  readonly #checkers: Checkers;
  readonly #told = new Map<string, Told>();
  /** How often a takeover was put to the test. */
  kept = 0;

  constructor(checkers: Checkers) {
    this.#checkers = checkers;
  }

  told(process: MemberProcess, name: string): void {
    const { counted } = process.state.serving;
    const knownTo = new Set([process.host, ...(counted === null ? [] : [counted.member])]);
    this.#told.set(name, { isIn: process.on.membership.knows(name), history: this.#historyOf(process), knownTo });
  }

  /** A primary writes another set: who comes or goes by it has been told to nobody yet. */
  changes(before: readonly MemberDefinition[], after: readonly MemberDefinition[]): void {
    const has = (members: readonly MemberDefinition[], name: string): boolean =>
      members.some((each) => each.name === name);
    for (const { name } of [...before, ...after]) if (has(before, name) !== has(after, name)) this.#told.delete(name);
  }

  stepped(process: MemberProcess, before: MemberState): void {
    const { counted } = process.state.serving;
    if (counted?.confirmed !== true || before.serving.counted?.confirmed === true) return;
    const history = this.#historyOf(process);
    for (const told of this.#told.values()) if (told.history === history) told.knownTo.add(counted.member);
  }

  /** A member has fetched all that another one has in its journal. */
  learns(name: string, of: string): void {
    for (const { knownTo } of this.#told.values()) if (knownTo.has(of)) knownTo.add(name);
  }

  /** A takeover that nobody forced, before it is on disk. */
  reigns({ on }: MemberProcess, history: History): void {
    for (const [name, told] of this.#told) {
      if (told.history !== history || name === on.name) continue;
      const isKnown = on.membership.knows(name) === told.isIn;
      if (!told.knownTo.has(on.name)) {
        // Lost, as may be without an active backup: whoever becomes active from here on hears nothing of it.
        if (!isKnown) this.#told.delete(name);
        continue;
      }
      this.kept += 1;
      if (isKnown) continue;
      const where = told.isIn ? 'in the mirror' : 'out of the mirror';
      this.#checkers.complain('CFG-069', `${on.name} becomes primary and does not know that ${name} is ${where}`);
    }
  }

  rebuilt(name: string): void {
    for (const { knownTo } of this.#told.values()) knownTo.delete(name);
  }

  /** Sets go back with the disks. */
  setBack(): void {
    this.#told.clear();
  }

  #historyOf({ state }: MemberProcess): History | undefined {
    return this.#checkers.histories.of(state.record.epoch.lineage);
  }
}
