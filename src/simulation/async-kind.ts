/**
 * What kind of async a simulated member is: its type, which the primary writes into the mirror set, and whether the FailoverDB flags of
 * its copies are cleared (here all of them or none). The twin of src/instance/async-commands.ts and of what
 * src/instance/promotion-commands.ts checks before it gives an order to the rules.
 */
import type { OperatorCommand } from '../mirror/events.ts';
import { refusalToChangeKind } from '../mirror/members-change.ts';
import { failoverMembers, memberNamed } from '../mirror/mirror-set.ts';
import { isReporting, type MemberType } from '../mirror/terms.ts';
import type { MemberHost } from './member-host.ts';

type Promote = Extract<OperatorCommand, { command: 'promote' }>;

export class AsyncKind {
  readonly #on: MemberHost;

  constructor(on: MemberHost) {
    this.#on = on;
  }

  /** As its own configuration says; null = it is a member of nothing. */
  get type(): MemberType | null {
    const { disk, name } = this.#on;
    return disk.set === null ? null : (memberNamed(disk.set, name)?.type ?? null);
  }

  get isReporting(): boolean {
    const { type } = this;
    return type !== null && isReporting(type);
  }

  // People.

  /** CFG-050..052: this member checks what depends on its copies, the primary writes the type. */
  becomeType(type: MemberType, clears = false): void {
    const { process, disk, world, name } = this.#on;
    if (process === null || process.frozen || disk.set === null || this.type === type) return;
    if (this.#on.failoverMember || (!isReporting(type) && disk.flagCleared) || !this.#isFree) return;
    world.tell(name, `an operator makes this member ${type}`);
    for (const { name: target } of failoverMembers(disk.set))
      world.network.carry(name, target, () => {
        const set = world.member(target).membership.changeTypeOf(name, type);
        if (set === null) return;
        world.network.carry(target, name, () => {
          if (!process.alive || process.frozen) return;
          this.#on.membership.told(set);
          if (clears) this.clearFlags();
        });
      });
  }

  /** DB-040. */
  clearFlags(): void {
    const { disk, world, name } = this.#on;
    if (!this.isReporting || disk.flagCleared || !this.#isFree) return;
    world.tell(name, 'an operator clears the FailoverDB flags of its copies');
    disk.flagCleared = true;
    world.checkers.flagCleared(this.#on);
  }

  /** DB-039: by copies of a member whose flags are set; on a read-write reporting async those are writable at once (DB-038). */
  replaceCopies(): void {
    const { disk, world, name } = this.#on;
    if (!disk.flagCleared || this.type === 'Read-Write Reporting') return;
    world.tell(name, 'an operator replaces its copies');
    disk.flagCleared = false;
  }

  /** No promotion is under way. */
  get #isFree(): boolean {
    const { process, name } = this.#on;
    return process !== null && refusalToChangeKind(process.state, name) === null;
  }

  /** FO-077, DB-042. */
  promote(order: Promote): void {
    const { disk, world, name } = this.#on;
    if (disk.flagCleared) return world.tell(name, 'is not promoted: the FailoverDB flags of its copies are cleared');
    this.#on.order(order);
  }
}
