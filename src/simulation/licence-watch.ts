/** I5 and I6: what the arbiter really said, against what members do with it. A period is an epoch and a term of it. */
import type { MemberState } from '../mirror/member-state.ts';
import type { FromArbiter } from '../mirror/messages.ts';
import type { Epoch } from '../mirror/terms.ts';
import type { MemberProcess } from './member-process.ts';

const periodOf = (epoch: Epoch, term: number): string => `${epoch.number}/${epoch.owner}/${epoch.lineage}/${term}`;

export class LicenceWatch {
  readonly #checkers: { complain(promise: string, text: string): void };
  /** In which run of the arbiter a period was entered. */
  readonly #entered = new Map<string, number>();
  readonly #licensed = new Map<string, { readonly member: string; readonly connection: number }>();

  constructor(checkers: { complain(promise: string, text: string): void }) {
    this.#checkers = checkers;
  }

  /** The arbiter says something to a member. */
  told(arbiterRun: number, connection: number, member: string, message: FromArbiter): void {
    if (message.type === 'keep-alive') return;
    const period = periodOf(message.epoch, message.term);
    if (message.type === 'entered') this.#entered.set(period, this.#entered.get(period) ?? arbiterRun);
    if (message.type !== 'gone') return;
    if (this.#entered.get(period) !== arbiterRun)
      this.#checkers.complain(
        'I5',
        `the arbiter licenses ${member} in a period that was not entered with it: ${period}`,
      );
    const holder = this.#licensed.get(period);
    if (holder !== undefined && holder.connection !== connection)
      this.#checkers.complain('I5', `the arbiter licenses ${holder.member} and ${member} in period ${period}`);
    this.#licensed.set(period, { member, connection });
  }

  stepped({ state, host }: MemberProcess, before: MemberState): void {
    if (state.role === 'becoming' && before.role !== 'becoming' && state.right === 'licence') {
      const { attachment, record } = before;
      const period = periodOf(record.epoch, attachment?.modeTerm ?? 0);
      if (attachment?.mode !== 'arbiter')
        this.#checkers.complain('I6', `${host} uses a licence without having confirmed arbiter controlled mode`);
      if (this.#licensed.get(period)?.member !== host)
        this.#checkers.complain('I6', `${host} uses a licence that the arbiter never gave it: ${period}`);
    }
    if (state.serving.mode === 'arbiter' && before.serving.mode !== 'arbiter')
      this.#confirms(host, periodOf(state.record.epoch, state.serving.modeTerm));
    if (state.attachment?.mode === 'arbiter' && before.attachment?.mode !== 'arbiter')
      this.#confirms(host, periodOf(state.record.epoch, state.attachment.modeTerm));
  }

  #confirms(host: string, period: string): void {
    if (!this.#entered.has(period))
      this.#checkers.complain(
        'I6',
        `${host} is in arbiter controlled mode, which the arbiter never entered: ${period}`,
      );
  }
}
