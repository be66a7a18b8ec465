/** The arbiter of a small mirror: the rules of src/mirror/arbiter.ts, its effects carried out on a world. */
import { type ArbiterEffect, type ArbiterEvent, stepArbiter } from '../../mirror/arbiter.ts';
import { arbiterHost, hostNames, now, qosTimeoutMs, type Who, whoIs } from './plain-world.ts';
import type { Play, Untimed } from './play.ts';
import { watchLicence } from './promises.ts';

/** False = it is not wanted. */
export function connectToArbiter(play: Play, who: Who): boolean {
  const state = play.process(who)?.state;
  if (state?.arbiter.state !== 'opening') return false;
  const connection = play.connect(who, arbiterHost);
  play.setProcess(who, { arbiterConnection: connection });
  const member = hostNames[who];
  runArbiter(play, { type: 'opened', connection, mirror: 'MIRROR', member, qosTimeoutMs });
  return true;
}

export function runArbiter(play: Play, event: Untimed<ArbiterEvent>): void {
  if (play.world.arbiter === null) return;
  const { state, effects } = stepArbiter(play.world.arbiter, { ...event, nowMs: now } as ArbiterEvent);
  play.set({ arbiter: state, nextSession: Math.max(play.world.nextSession, state.nextSession) });
  for (const effect of effects) carryOut(play, effect);
}

function carryOut(play: Play, effect: ArbiterEffect): void {
  switch (effect.type) {
    case 'welcome':
      return play.push(effect.connection, arbiterHost, { kind: 'session', session: effect.session });
    case 'close':
      return play.closeEnd(effect.connection, arbiterHost);
    case 'tell': {
      const { message } = effect;
      // It tells only the status who else is there.
      if (message.type === 'keep-alive') return;
      const to = whoIs(hostNames[play.connection(effect.connection)?.ends[0] ?? 0]);
      if (message.type === 'gone')
        watchLicence(play, `${message.epoch.number}${message.epoch.owner}/${message.term}`, to);
      play.note(arbiterHost, `tells ${hostNames[to]} ${message.type}`);
      return play.push(effect.connection, arbiterHost, { kind: 'from-arbiter', message });
    }
    default:
      play.coverage.rules(effect.rules);
      return;
  }
}
