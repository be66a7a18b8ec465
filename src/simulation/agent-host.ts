/** The simulated ISCAgent of one host: decides with src/mirror/agent.ts, shares the disk and the process with its instance. */
import { decideForAgent, downRecord, fenced, type InstanceState, withList } from '../mirror/agent.ts';
import type { MemberEffect } from '../mirror/effects.ts';
import type { AgentAnswer } from '../mirror/messages.ts';
import { listedSince } from '../mirror/mirror-set.ts';
import type { MemberDisk } from './member-disk.ts';
import type { MemberHost } from './member-host.ts';

export class AgentHost {
  readonly #on: MemberHost;
  alive = true;
  #frozen = false;
  #waiting: (() => void)[] = [];

  constructor(on: MemberHost) {
    this.#on = on;
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const run of this.#waiting.splice(0)) run();
  }

  die(): void {
    this.alive = false;
    this.#frozen = false;
    this.#waiting = [];
  }

  whenAwake(run: () => void): void {
    if (this.#frozen) this.#waiting.push(run);
    else run();
  }

  confirmDown(
    { question, epoch, failoverMembers }: Extract<MemberEffect, { type: 'ask-agent' }>,
    requester: string,
    answer: (said: AgentAnswer) => void,
  ): void {
    const { process, disk, world, membership } = this.#on;
    if (disk.set === null) return answer({ says: 'nothing', reason: 'the instance is in no mirror' });
    const removal = membership.removalOf(world.member(requester));
    if (removal !== undefined) {
      world.tell(this.#on.name, `its agent turns ${requester} away: it was removed`);
      return answer({ says: 'removed', removeAttribute: removal.removeAttribute });
    }
    const own = process?.state.record.epoch ?? disk.record.epoch;
    const verdict = decideForAgent({
      question,
      instance: this.#instance(),
      epoch: own.number < epoch.number ? 'lower' : 'not-lower',
    });
    if (verdict.outcome === 'running') {
      const role = process?.state.role;
      return answer({ says: 'running', primary: role === 'primary' || role === 'handing-over', epoch: own });
    }
    if (verdict.outcome === 'kill-then-down') {
      world.tell(this.#on.name, `its agent forces the instance down for ${requester} [${verdict.spec}]`);
      this.#on.kill();
    }
    if (!disk.readable) return answer({ says: 'down', record: null });
    if (question !== 'look-down')
      disk.record = withList(fenced(disk.record, requester, epoch), failoverMembers, this.#on.name);
    answer({
      says: 'down',
      record: downRecord(disk.record, listedSince(disk.set, world.member(requester).disk.set ?? undefined)),
    });
  }

  /** Null = not to be had: it is in no mirror or has the caller as removed, the disk cannot be read, or that incarnation is not the last one or lives. */
  journalOf(incarnation: number, requester: MemberHost): MemberDisk | null {
    const { process, disk, membership } = this.#on;
    if (disk.set === null || membership.removalOf(requester) !== undefined) return null;
    if (process !== null || !disk.readable) return null;
    return incarnation === 0 || disk.record.incarnation === incarnation ? disk : null;
  }

  #instance(): InstanceState {
    const { process } = this.#on;
    if (process === null) return 'dead';
    if (process.frozen) return 'hung';
    return process.state.role === 'primary' || process.state.role === 'handing-over' ? 'serves-as-primary' : 'serves';
  }
}
