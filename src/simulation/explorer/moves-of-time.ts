/** The moves of one member that a deadline makes, and the exchange of keep-alives. */
import { wantsSession } from '../../mirror/arbiter-link.ts';
import type { MemberState } from '../../mirror/member-state.ts';
import { isTrying } from '../../mirror/seeking.ts';
import type { Moves } from './moves.ts';
import {
  arbiterHost,
  type Connection,
  type Host,
  hostNames,
  isCut,
  isLinkUp,
  now,
  other,
  type Process,
  type Who,
  type World,
} from './plain-world.ts';
import type { Play } from './play.ts';

export function ofTime(moves: Moves, who: Who, process: Process): void {
  const { state } = process;
  switch (state.role) {
    case 'seeking':
      ofSeeking(moves, who, state);
      break;
    case 'attached':
      ofAttached(moves, who, state);
      break;
    case 'becoming':
      ofBecoming(moves, who, state);
      break;
    case 'primary':
    case 'handing-over':
      ofPrimary(moves, who, process);
      break;
    default:
  }
  if (process.isShowing) ofShowing(moves, who);
  ofArbiter(moves, who, process);
  if (state.orders.some(({ command }) => command === 'force-primary'))
    moves.try('timer', `${hostNames[who]} has tried long enough`, (play) => play.wake(who, 'order'), who);
}

/** May this end hear nothing more though its connection stands? */
function isSilent(world: World, id: number, end: Host): boolean {
  const connection = world.connections.find((candidate) => candidate.id === id);
  if (connection === undefined) return true;
  const from = connection.ends[0] === end ? connection.ends[1] : connection.ends[0];
  if (isCut(world, from, end)) return true;
  if (from === arbiterHost) return false;
  const { up, process } = world.nodes[from];
  return !up || process?.hung === true;
}

function ofSeeking(moves: Moves, who: Who, { seeking, settings }: MemberState): void {
  const { world } = moves;
  const name = hostNames[who];
  const of = other(who);
  if (!isTrying(seeking)) {
    moves.try('retry', `${name} tries again`, (play) => play.wake(who, 'retry'), who);
    return;
  }
  const { up, process, agent } = world.nodes[of];
  const isReached = up && isLinkUp(world, who, of);
  if (seeking.dialling !== null) {
    const to = settings.partner as string;
    if (isReached && process !== null) {
      moves.try(
        'message',
        `${name} reaches ${hostNames[of]}`,
        (play) => {
          play.run(who, { type: 'dialled', to, connection: play.connect(who, of) });
        },
        who,
      );
    } else {
      moves.try('message', `${name} does not reach ${hostNames[of]}`, (play) =>
        play.run(who, { type: 'dial-failed', to, reason: isReached ? 'refused' : 'timeout' }),
      );
    }
  }
  if (seeking.helloOver !== null && isSilent(world, seeking.helloOver, who))
    moves.try('timer', `${name} hears no answer to its hello`, (play) => play.wake(who, 'attempt'), who);
  if (seeking.request !== null && seeking.fetching === null) {
    const isAsked = world.calls[who]?.request === seeking.request;
    if (!isAsked || !isReached || (!agent && !up))
      moves.try('timer', `${name} hears no answer of the agent`, (play) => play.wake(who, 'attempt'), who);
  }
}

function ofAttached(moves: Moves, who: Who, { attachment, windowUntilMs, record }: MemberState): void {
  if (attachment === null) return;
  if (windowUntilMs > now && record.wasActive !== null)
    moves.try('window', `the window of ${hostNames[who]} closes`, (play) => play.setState(who, { windowUntilMs: 0 }));
  if (!attachment.asking && isSilent(moves.world, attachment.connection, who))
    moves.try('timer', `${hostNames[who]} hears nothing of its primary`, (play) => play.wake(who, 'primary'), who);
}

function ofBecoming(moves: Moves, who: Who, { becoming }: MemberState): void {
  if (becoming === null || becoming.retryAtMs === 0) return;
  const { world } = moves;
  const isAsked = becoming.request !== null && world.calls[who]?.request === becoming.request;
  const { up } = world.nodes[other(who)];
  if (!isAsked || !up || !isLinkUp(world, who, other(who)))
    moves.try('retry', `${hostNames[who]} asks its site again`, (play) => play.wake(who, 'site'), who);
}

function ofPrimary(moves: Moves, who: Who, { state, flushing }: Process): void {
  const { world } = moves;
  const { serving, role } = state;
  const name = hostNames[who];
  const served = [...serving.members.values()][0];
  const others = world.nodes[other(who)];
  if (served !== undefined) {
    const unanswered = served.inFlight.length > 0 && isCut(world, who, other(who));
    if (isSilent(world, served.connection, who) || (serving.counted !== null && unanswered))
      moves.try('timer', `${name} hears nothing of its backup`, (play) => play.wake(who, 'backup'), who);
  }
  // Trouble ends by time only after the window of the backup it counts has closed (FO-019, FO-023).
  const isWindowOpen = others.process?.hung === false && others.process.state.windowUntilMs > now;
  if (serving.trouble?.untilMs != null && !isWindowOpen)
    moves.try(
      'timer',
      `the trouble timeout of ${name} is over`,
      (play) => {
        play.age(other(who));
        play.wake(who, 'trouble');
      },
      who,
    );
  if (serving.mode === 'entering' && serving.trouble === null && !serving.leaving && isHopeless(world))
    moves.try(
      'timer',
      `${name} has waited long enough for arbiter controlled mode`,
      (play) => play.wake(who, 'enter'),
      who,
    );
  if (serving.fencing !== null && world.calls[who] === null)
    moves.try('retry', `${name} fences the former primary`, (play) => play.wake(who, 'fence'), who);
  if (role !== 'handing-over') return;
  const isStuck = served === undefined || isHopeless(world) || (flushing && serving.hung);
  if (isStuck)
    moves.try('timer', `${name} has waited long enough to hand over`, (play) => play.wake(who, 'hand-over'), who);
}

/** One primary dials another one to tell it who reigns; one such connection at a time, since the network ends an idle one. */
function ofShowing(moves: Moves, who: Who): void {
  const { world } = moves;
  const of = other(who);
  const to = hostNames[of];
  const isOpen = world.connections.some(({ ends }) => ends[0] === who && ends[1] === of);
  const isReached = world.nodes[of].process !== null && isLinkUp(world, who, of) && !isOpen;
  const act = (play: Play): void => {
    play.setProcess(who, { isShowing: false });
    if (isReached) play.run(who, { type: 'dialled', to, connection: play.connect(who, of) });
    else play.run(who, { type: 'dial-failed', to, reason: 'timeout' });
  };
  moves.try('message', `${hostNames[who]}, which reigns, ${isReached ? 'reaches' : 'does not reach'} ${to}`, act, who);
}

/** Nothing is under way that a member could wait for, or something is in the way. */
function isHopeless(world: World): boolean {
  const isQuiet = ({ queues }: Connection): boolean => queues[0].length === 0 && queues[1].length === 0;
  const isIdle = world.nodes.every(({ process }) => process?.flushing !== true);
  const isHung = world.nodes.some(({ process }) => process === null || process.hung);
  return world.cut !== 0 || isHung || (isIdle && world.connections.every(isQuiet));
}

function ofArbiter(moves: Moves, who: Who, process: Process): void {
  const { world } = moves;
  const { state, arbiterConnection } = process;
  const name = hostNames[who];
  if (!wantsSession(state)) {
    if (state.arbiter.state !== 'off')
      moves.try('timer', `${name} needs no arbiter any more`, (play) => play.wake(who, 'nothing'), who);
    return;
  }
  const isOpening = state.arbiter.state === 'opening' && arbiterConnection === 0;
  const isReached = world.arbiter !== null && isLinkUp(world, who, arbiterHost);
  // An attempt that cannot succeed would change nothing.
  if (isReached && (isOpening || state.arbiter.state === 'off')) {
    moves.try('retry', `${name} connects to the arbiter`, (play) => {
      if (!isOpening) play.wake(who, 'arbiter');
      return play.connectToArbiter(who);
    });
  }
  if (isOpening && !isReached)
    moves.try('timer', `${name} does not reach the arbiter`, (play) =>
      play.run(who, { type: 'arbiter-closed', reason: 'timeout' }),
    );
  const connection = world.connections.find(({ id }) => id === arbiterConnection);
  if (
    connection !== undefined &&
    (isCut(world, arbiterHost, who) || (!connection.open[1] && isCut(world, who, arbiterHost)))
  ) {
    moves.try(
      'timer',
      `${name} hears nothing of the arbiter`,
      (play) => {
        if (state.arbiter.state === 'open') return play.wake(who, 'arbiter-silence');
        play.closeEnd(arbiterConnection, who);
        play.setProcess(who, { arbiterConnection: 0 });
        return play.run(who, { type: 'arbiter-closed', reason: 'timeout' });
      },
      who,
    );
  }
}

/** Would an exchange of keep-alives change anything? */
function tells({ state }: Process, primary: Process): boolean {
  const { attachment, arbiter, record, windowUntilMs } = state;
  const { serving, arbiter: theirs } = primary.state;
  const served = [...serving.members.values()][0];
  const session = arbiter.state === 'open' ? arbiter.session : 0;
  if (attachment === null || served === undefined || served.session !== session) return true;
  if (attachment.windowAllowed && attachment.mode === 'agent' && record.wasActive !== null && windowUntilMs <= now)
    return true;
  if (primary.state.role === 'handing-over') return false;
  // With its keep-alive the primary looks whether the backup may count by now.
  if (serving.counted === null && serving.trouble === null && served.sentTo !== null) return true;
  return serving.mode === 'agent' && serving.trouble === null && session !== 0 && theirs.state === 'open';
}

/** Between two exchanges a second passes: more than two messages to or from the arbiter are not under way for so long. */
function isArbiterBehind({ connections }: World): boolean {
  return connections.some(({ ends, queues }) => ends[1] === arbiterHost && queues.some((queue) => queue.length > 1));
}

/**
 * Both members of a connection hear each other's keep-alives: in one move, since nothing but the session, the mode and the
 * echo in them counts. What the exchange sets off is under way afterwards.
 */
export function keepAliveTick(moves: Moves): void {
  const { world } = moves;
  if (isArbiterBehind(world)) return;
  for (const who of [0, 1] as const) {
    const { process } = world.nodes[who];
    const attachment = process?.state.attachment;
    if (process == null || process.hung || attachment == null || attachment.asking) continue;
    const primary = other(who);
    const connection = world.connections.find(({ id }) => id === attachment.connection);
    const theirs = world.nodes[primary].process;
    if (connection === undefined || theirs === null || theirs.hung || !isLinkUp(world, who, primary)) continue;
    if (!connection.open[0] || !connection.open[1]) continue;
    if (connection.queues.some((queue) => queue.length > 0) || !tells(process, theirs)) continue;
    moves.try('tick', `${hostNames[who]} and ${hostNames[primary]} hear each other's keep-alives`, (play) => {
      play.exchangeKeepAlives(who, connection.id, true);
    });
  }
}
