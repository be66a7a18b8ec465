/** The state of a member for a wake-up at which exactly one deadline has come. Everything else that it waits for lies ahead. */
import type { MemberState } from '../../mirror/member-state.ts';
import { later, now } from './plain-world.ts';

export type Due =
  | 'nothing'
  | 'retry'
  | 'attempt'
  | 'primary'
  | 'site'
  | 'backup'
  | 'trouble'
  | 'enter'
  | 'fence'
  | 'hand-over'
  | 'journal'
  | 'arbiter'
  | 'arbiter-silence'
  | 'order'
  | 'keep-alive'
  | 'promotion'
  | 'change'
  | 'tell';

const longAgo = -later;

/** `of` = the member that a primary hears nothing of, or speaks to; all when absent. */
export function withDue(state: MemberState, due: Due, of?: string): MemberState {
  const at = (deadline: Due): number => (due === deadline ? 0 : later);
  const heardAt = (deadline: Due): number => (due === deadline ? longAgo : now);
  const { serving, attachment, becoming, journal } = state;
  return {
    ...state,
    seeking: { ...state.seeking, retryAtMs: at('retry'), deadlineMs: at('attempt') },
    attachment:
      attachment === null ? null : { ...attachment, lastHeardMs: heardAt('primary'), keepAliveAtMs: at('keep-alive') },
    becoming:
      becoming === null || becoming.retryAtMs === 0 ? becoming : { ...becoming, retryAtMs: due === 'site' ? 1 : later },
    journal: { ...journal, unflushedSinceMs: journal.unflushedSinceMs === null ? null : heardAt('journal') },
    serving: {
      ...serving,
      members: new Map(
        [...serving.members].map(([name, served]) => [
          name,
          {
            ...served,
            lastHeardMs: of === undefined || of === name ? heardAt('backup') : now,
            keepAliveAtMs: of === undefined || of === name ? at('keep-alive') : later,
            inFlight: served.inFlight.map((chunk) => ({ ...chunk, sentAtMs: now })),
          },
        ]),
      ),
      trouble:
        serving.trouble === null || serving.trouble.untilMs === null
          ? serving.trouble
          : { ...serving.trouble, untilMs: at('trouble') },
      enterDeadlineMs: at('enter'),
      nextEnterMs: at('keep-alive'),
      fencing: serving.fencing === null ? null : { ...serving.fencing, atMs: at('fence') },
      handOverDeadlineMs: at('hand-over'),
      change: serving.change === null ? null : { ...serving.change, untilMs: at('change') },
      tellAtMs: at('tell'),
    },
    arbiter: {
      ...state.arbiter,
      retryAtMs: at('arbiter'),
      lastHeardMs: heardAt('arbiter-silence'),
      keepAliveAtMs: later,
    },
    promotion: state.promotion === null ? null : { ...state.promotion, untilMs: at('promotion') },
    orders: state.orders.map((order) => ({ ...order, deadlineMs: at('order') })),
  };
}

/** Between two moves more time passes than rounds of data to asyncs are apart. */
export function withRoundOver(state: MemberState): MemberState {
  return state.serving.roundMs === 0 ? state : { ...state, serving: { ...state.serving, roundMs: 0 } };
}

/** Numbers of keep-alives start anew with each exchange, so that they do not make worlds differ. */
export function withoutKeepAlives(state: MemberState): MemberState {
  const { attachment, serving } = state;
  return {
    ...state,
    attachment: attachment === null ? null : { ...attachment, number: 0, echo: 0, sentAtMs: [] },
    serving: {
      ...serving,
      members: new Map([...serving.members].map(([name, served]) => [name, { ...served, number: 0, echo: 0 }])),
    },
  };
}
