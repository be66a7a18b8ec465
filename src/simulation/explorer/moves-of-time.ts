/** The moves of one member that a deadline makes, and the exchange of keep-alives. */
import { wantsSession } from '../../mirror/arbiter-link.ts';
import { otherAsyncs } from '../../mirror/failover-members.ts';
import type { MemberState, Promotion } from '../../mirror/member-state.ts';
import { isTrying } from '../../mirror/seeking.ts';
import { connectToArbiter } from './arbiter.ts';
import type { Moves } from './moves.ts';
import {
  arbiterHost,
  type Connection,
  callTo,
  type Host,
  hostNames,
  isCut,
  isLinkUp,
  membersOf,
  now,
  otherEnd,
  type Process,
  type Who,
  type World,
  whoIs,
} from './plain-world.ts';
import type { Play } from './play.ts';
import { reach } from './removals.ts';

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
  for (const to of membersOf(moves.world)) if ((process.showing & (1 << to)) !== 0) ofShowing(moves, who, to);
  if (state.promotion !== null) ofPromotion(moves, who, state.promotion);
  ofArbiter(moves, who, process);
  if (state.orders.some(({ command }) => command === 'force-primary'))
    moves.try('timer', `${hostNames[who]} has tried long enough`, (play) => play.wake(who, 'order'), who);
}

/** May this end hear nothing more though its connection stands? */
function isSilent(world: World, id: number, end: Host): boolean {
  const connection = world.connections.find((candidate) => candidate.id === id);
  if (connection === undefined) return true;
  const from = otherEnd(connection, end);
  if (isCut(world, from, end)) return true;
  if (from === arbiterHost) return false;
  const { up, process } = world.nodes[from];
  return !up || process?.hung === true;
}

function ofSeeking(moves: Moves, who: Who, state: MemberState): void {
  const { world } = moves;
  const { seeking, settings } = state;
  const name = hostNames[who];
  if (!isTrying(seeking)) return ofTryingAgain(moves, who, state);
  if (seeking.dialling !== null) {
    const to = seeking.dialling;
    const of = whoIs(to);
    const { up, process } = world.nodes[of];
    const isReached = up && isLinkUp(world, who, of);
    if (isReached && process !== null) {
      moves.try('message', `${name} reaches ${hostNames[of]}`, (play) => reach(play, who, of), who);
    } else {
      moves.try('message', `${name} does not reach ${hostNames[of]}`, (play) =>
        play.run(who, { type: 'dial-failed', to, reason: isReached ? 'refused' : 'timeout' }),
      );
    }
  }
  if (seeking.helloOver !== null && isSilent(world, seeking.helloOver, who))
    moves.try('timer', `${name} hears no answer to its hello`, (play) => play.wake(who, 'attempt'), who);
  if (seeking.request !== null && seeking.fetching === null) {
    const of = whoIs(settings.partner ?? '');
    const { up, agent } = world.nodes[of];
    const isReached = up && isLinkUp(world, who, of);
    const isAsked = callTo(world, who, of)?.request === seeking.request;
    if (!isAsked || !isReached || (!agent && !up))
      moves.try('timer', `${name} hears no answer of the agent`, (play) => play.wake(who, 'attempt'), who);
  }
}

/**
 * Whom it dials next is free: a counter in the state says in the product whose turn it is, and leaving that open allows more than
 * the counter does. An async says hello in one move, since what it dials in vain changes nothing.
 */
function ofTryingAgain(moves: Moves, who: Who, state: MemberState): void {
  const { world } = moves;
  const name = hostNames[who];
  const again = (turn: number) => (play: Play) => {
    if (turn > 0) play.setState(who, { seeking: { ...state.seeking, turn } });
    play.wake(who, 'retry');
  };
  if (state.failoverMember || state.promotion !== null) {
    moves.try('retry', `${name} tries again`, again(0), who);
    const asyncs = otherAsyncs(state);
    if (asyncs.length > 0 && state.seeking.next === 'hello')
      moves.try('retry', `${name} tries ${asyncs[0]}`, again(turnOfAsyncs), who);
    return;
  }
  const targets = [...state.settings.failoverMembers, ...otherAsyncs(state)];
  for (const [turn, to] of targets.entries()) {
    const of = whoIs(to);
    if (world.nodes[of].process === null || !isLinkUp(world, who, of)) continue;
    const act = (play: Play): void => {
      play.setState(who, { seeking: { ...state.seeking, turn } });
      play.wake(who, 'retry');
      reach(play, who, of);
    };
    moves.try('retry', `${name} says hello to ${to}`, act, who);
  }
}

/** Of four hellos of a failover member this one goes to an async (src/mirror/negotiation.ts). */
const turnOfAsyncs = 3;

/** The primary does not answer, or a question that was waited for is lost. */
function ofPromotion(moves: Moves, who: Who, { phase, waits }: Promotion): void {
  const { world } = moves;
  const isLost = [...waits.keys()].some((request) => world.calls[who].every((call) => call.request !== request));
  if (isLost || (phase === 'requested' && isHopeless(world)))
    moves.try('timer', `${hostNames[who]} gives up its promotion`, (play) => play.wake(who, 'promotion'), who);
}

/** The list of failover members: a change that nobody agrees to, and former failover members that are told of one by force. */
function ofListChange(moves: Moves, who: Who, { serving }: MemberState): void {
  const { world } = moves;
  const name = hostNames[who];
  if (serving.change !== null && serving.change.asking === null && isHopeless(world))
    moves.try('timer', `${name} gives up the change of the list`, (play) => play.wake(who, 'change'), who);
  const before = world.nodes[who].process?.showing;
  moves.try(
    'retry',
    `${name} calls former failover members`,
    (play) => {
      play.wake(who, 'tell');
      return play.process(who)?.showing !== before;
    },
    who,
  );
}

function ofAttached(moves: Moves, who: Who, { attachment, windowUntilMs, record }: MemberState): void {
  if (attachment === null) return;
  if (windowUntilMs > now && record.wasActive !== null)
    moves.try('window', `the window of ${hostNames[who]} closes`, (play) => play.setState(who, { windowUntilMs: 0 }));
  if (!attachment.asking && isSilent(moves.world, attachment.connection, who))
    moves.try('timer', `${hostNames[who]} hears nothing of its primary`, (play) => play.wake(who, 'primary'), who);
}

function ofBecoming(moves: Moves, who: Who, { becoming, settings }: MemberState): void {
  if (becoming === null || becoming.retryAtMs === 0) return;
  const { world } = moves;
  const partner = whoIs(settings.partner ?? '');
  const isAsked = becoming.request !== null && callTo(world, who, partner)?.request === becoming.request;
  const { up } = world.nodes[partner];
  if (!isAsked || !up || !isLinkUp(world, who, partner))
    moves.try('retry', `${hostNames[who]} asks its site again`, (play) => play.wake(who, 'site'), who);
}

function ofPrimary(moves: Moves, who: Who, { state, flushing }: Process): void {
  const { world } = moves;
  const { serving, role } = state;
  const name = hostNames[who];
  const served = [...serving.members.values()];
  for (const one of served) {
    const of = whoIs(one.name);
    const unanswered = serving.counted?.member === one.name && one.inFlight.length > 0 && isCut(world, who, of);
    if (!isSilent(world, one.connection, who) && !unanswered) continue;
    const whom = one.failoverMember ? 'its backup' : hostNames[of];
    moves.try('timer', `${name} hears nothing of ${whom}`, (play) => play.wake(who, 'backup', of), who);
  }
  // Trouble ends by time only after the window of the backup it counts has closed (FO-019, FO-023).
  const isWindowOpen = membersOf(world).some((of) => {
    const { process } = world.nodes[of];
    return of !== who && process?.hung === false && process.state.windowUntilMs > now;
  });
  if (serving.trouble?.untilMs != null && !isWindowOpen)
    moves.try(
      'timer',
      `the trouble timeout of ${name} is over`,
      (play) => {
        play.ageOthers(who);
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
  const partner = state.settings.partner === null ? null : whoIs(state.settings.partner);
  if (serving.fencing !== null && partner !== null && callTo(world, who, partner) === undefined)
    moves.try('retry', `${name} fences the former primary`, (play) => play.wake(who, 'fence'), who);
  ofListChange(moves, who, state);
  if (role !== 'handing-over') return;
  const isStuck =
    !served.some(({ failoverMember }) => failoverMember) || isHopeless(world) || (flushing && serving.hung);
  if (isStuck)
    moves.try('timer', `${name} has waited long enough to hand over`, (play) => play.wake(who, 'hand-over'), who);
}

/** One primary dials another one to tell it who reigns; one such connection at a time, since the network ends an idle one. */
function ofShowing(moves: Moves, who: Who, of: Who): void {
  const { world } = moves;
  const to = hostNames[of];
  const isOpen = world.connections.some(({ ends }) => ends[0] === who && ends[1] === of);
  const isReached = world.nodes[of].process !== null && isLinkUp(world, who, of) && !isOpen;
  const act = (play: Play): void => {
    const { showing = 0 } = play.process(who) ?? {};
    play.setProcess(who, { showing: showing & ~(1 << of) });
    if (isReached) reach(play, who, of);
    else play.run(who, { type: 'dial-failed', to, reason: 'timeout' });
  };
  moves.try('message', `${hostNames[who]}, which reigns, ${isReached ? 'reaches' : 'does not reach'} ${to}`, act, who);
}

/** Nothing is under way that a member could wait for, or something is in the way. */
function isHopeless(world: World): boolean {
  const isQuiet = ({ queues }: Connection): boolean => queues[0].length === 0 && queues[1].length === 0;
  const processes = membersOf(world).map((who) => world.nodes[who].process);
  const isIdle = processes.every((process) => process?.flushing !== true);
  const isHung = processes.some((process) => process === null || process.hung);
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
      return connectToArbiter(play, who);
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
  const served = serving.members.get(state.self);
  const session = arbiter.state === 'open' ? arbiter.session : 0;
  if (attachment === null || served === undefined || served.session !== session) return true;
  if (attachment.windowAllowed && attachment.mode === 'agent' && record.wasActive !== null && windowUntilMs <= now)
    return true;
  if (primary.state.role === 'handing-over' || !served.failoverMember) return false;
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
  for (const who of membersOf(world)) {
    const { process } = world.nodes[who];
    const attachment = process?.state.attachment;
    if (process == null || process.hung || attachment == null || attachment.asking) continue;
    const primary = whoIs(attachment.to);
    const connection = world.connections.find(({ id }) => id === attachment.connection);
    const theirs = world.nodes[primary].process;
    if (connection === undefined || theirs === null || theirs.hung || !isLinkUp(world, who, primary)) continue;
    if (!connection.open[0] || !connection.open[1]) continue;
    if (connection.queues.some((queue) => queue.length > 0) || !tells(process, theirs)) continue;
    moves.try('tick', `${hostNames[who]} and ${hostNames[primary]} hear each other's keep-alives`, (play) => {
      play.exchangeKeepAlives(who, primary, connection.id, true);
    });
  }
}
