/** Where the searches begin: a mirror in full operation, and ways out of it and into it, each reached by the rules themselves. */
import { initialArbiter } from '../../mirror/arbiter.ts';
import { firstRecord } from '../../mirror/member-record.ts';
import { Coverage } from './coverage.ts';
import { runFair, type Steering } from './fair-run.ts';
import type { Terms } from './moves.ts';
import {
  arbiterHost,
  directionBit,
  firstSet,
  type Host,
  membersOf,
  type Node,
  nobodyThere,
  type World,
} from './plain-world.ts';
import { Play } from './play.ts';
import { settingsOf } from './removals.ts';

export type Beginning = 'full operation' | 'before entry' | keyof typeof ways;

const emptyNode: Node = {
  up: true,
  agent: true,
  disk: { set: firstSet, record: firstRecord, journal: [], flushed: 0, applied: 0, readable: true },
  process: null,
};

const empty: World = {
  nodes: [emptyNode, emptyNode, nobodyThere],
  arbiter: null,
  connections: [],
  calls: [[], [], []],
  cut: 0,
  nextConnection: 1,
  nextSession: 1,
  updates: 0,
  faults: 0,
  past: { reign: { epoch: 0, owner: 0, lineage: '' }, acknowledged: '', licence: null, forced: false },
};

/** The rules do not lead where a search wants to begin. */
class NoWay extends Error {}

/** The world to begin with, or why the rules do not lead there. */
export function begin(beginning: Beginning, terms: Terms, faults: number): World | string {
  try {
    const isEntered = terms.arbiter && beginning !== 'before entry' && beginning !== 'half entered';
    const world = operating(terms, isEntered);
    if (beginning === 'full operation' || beginning === 'before entry') return { ...world, faults };
    return { ...ways[beginning](world, terms), faults };
  } catch (error) {
    if (error instanceof NoWay) return error.message;
    throw error;
  }
}

/** Without faults, and fairly, until this is reached. */
function until(world: World, terms: Terms, isReached: (world: World) => boolean, steering: Steering = {}): World {
  const calm = { ...terms, faults: new Set<never>(), updates: 0 };
  const end = runFair(world, calm, new Coverage(), isReached, steering);
  if (end.reached) return end.world;
  throw new NoWay(`the mirror does not come into operation: ${end.told.slice(-5).join('; ')}`);
}

function playOn(world: World, terms: Terms): Play {
  return new Play(world, terms, new Coverage(), null);
}

/**
 * A alone becomes primary of a new mirror, and B becomes its active backup; then the arbiter comes. The agents start at last, so
 * that none of this hangs on what they say.
 */
function operating(terms: Terms, isEntered: boolean): World {
  const onlyA = { ...terms, members: [0] as const };
  const alone = playOn(empty, onlyA);
  alone.start(0);
  alone.wake(0, 'retry');
  const first = until(alone.world, { ...onlyA, arbiter: false }, isPrimary);
  const both = playOn(first, terms);
  both.run(0, { type: 'settings-changed', settings: settingsOf(0, terms, firstSet) });
  both.setNode(0, { agent: false });
  both.start(1);
  const isLate = (label: string): boolean => label === 'the agent of A starts';
  const second = playOn(until(both.world, { ...terms, arbiter: false }, isActive, { isLate }), terms);
  second.setNode(0, { agent: true });
  const all = terms.members.length === 3 ? withAsync(second, terms) : second.world;
  if (!terms.arbiter) return all;
  const third = { ...all, arbiter: initialArbiter(all.nextSession) };
  return until(third, terms, isEntered ? isArbiterMode : hasSessions);
}

function withAsync(play: Play, terms: Terms): World {
  play.setNode(2, emptyNode);
  play.start(2);
  return until(play.world, { ...terms, arbiter: false }, followsA);
}

function followsA(world: World): boolean {
  return (
    isQuiet(world) && membersOf(world).every((who) => who === 0 || world.nodes[who].process?.state.role === 'attached')
  );
}

function isPrimary(world: World): boolean {
  return world.nodes[0].process?.state.role === 'primary';
}

function isQuiet(world: World): boolean {
  return (
    world.calls.every((calls) => calls.length === 0) &&
    world.connections.every(({ queues }) => queues[0].length === 0 && queues[1].length === 0) &&
    membersOf(world).every((who) => world.nodes[who].process?.flushing === false)
  );
}

function isActive(world: World): boolean {
  return world.nodes[0].process?.state.serving.counted?.confirmed === true && isQuiet(world);
}

function hasSessions(world: World): boolean {
  return [0, 1].every((who) => world.nodes[who]?.process?.state.arbiter.state === 'open') && isQuiet(world);
}

function modes(world: World): readonly [string | undefined, string | undefined] {
  const [a, b] = world.nodes.map(({ process }) => process?.state);
  return [a?.serving.mode, b?.attachment?.mode];
}

function isArbiterMode(world: World): boolean {
  return modes(world).every((mode) => mode === 'arbiter') && isQuiet(world);
}

function link(a: Host, b: Host): number {
  return directionBit(a, b) | directionBit(b, a);
}

/** The primary has seen its backup die and goes on alone. */
function leftAlone(world: World, terms: Terms): Play {
  const play = playOn(world, terms);
  const id = world.connections[0]?.id ?? 0;
  play.die(1);
  play.closeEnd(id, 0);
  play.run(0, { type: 'closed', connection: id, reason: 'closed' });
  play.wake(0, 'trouble');
  return play;
}

function oneFailoverMember(world: World, terms: Terms): World {
  const play = playOn(world, terms);
  play.run(0, { type: 'operator', request: 1, order: { command: 'demote-other' } });
  const isDemoted = ({ nodes }: World): boolean => nodes[0].process?.state.settings.partner === null;
  return until(until(play.world, terms, isDemoted), terms, followsA);
}

const ways = {
  'both down': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.die(1);
    play.die(0);
    return play.world;
  },

  /** The failover pair is down, and the async has noticed it; all of them may come back at any moment. */
  'pair down': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.die(1);
    play.die(0);
    const isLate = (label: string): boolean => label.endsWith('is started');
    return until(play.world, terms, ({ nodes }) => nodes[2].process?.state.role === 'seeking', { isLate });
  },

  /** A has acknowledged an update alone that nobody else has; then it went down, as B had before. */
  'pair down, A ahead': (world: World, terms: Terms): World => {
    const play = leftAlone(world, terms);
    play.set({ cut: link(0, 2) });
    play.update(0);
    const isLate = (label: string): boolean => label.endsWith('is mended') || label === 'B is started';
    const acknowledged = until(play.world, terms, ({ past }) => past.acknowledged !== '', { isLate });
    const down = playOn(acknowledged, terms);
    down.die(0);
    const isStarted = (label: string): boolean => label.endsWith('is started');
    const isNoticed = ({ nodes, cut }: World): boolean => cut === 0 && nodes[2].process?.state.role === 'seeking';
    return until(down.world, terms, isNoticed, { isLate: isStarted });
  },

  /** B was demoted: A is the only failover member, and two asyncs follow it. */
  'one failover member': (world: World, terms: Terms): World => oneFailoverMember(world, terms),

  /** The same, and A is down. */
  'asyncs alone': (world: World, terms: Terms): World => {
    const play = playOn(oneFailoverMember(world, terms), terms);
    play.die(0);
    const isLate = (label: string): boolean => label.endsWith('is started');
    const isNoticed = ({ nodes }: World): boolean =>
      [nodes[1], nodes[2]].every(({ process }) => process?.state.role === 'seeking');
    return until(play.world, terms, isNoticed, { isLate });
  },

  'primary alone': (world: World, terms: Terms): World => leftAlone(world, terms).world,

  /** The backup comes up again. */
  'backup joins': (world: World, terms: Terms): World => {
    const play = leftAlone(world, terms);
    play.start(1);
    return play.world;
  },

  /** The primary has acknowledged an update alone; the backup has got it, and not flushed it. */
  'backup catches up': (world: World, terms: Terms): World => {
    const play = leftAlone(world, terms);
    play.update(0);
    const acknowledged = until(play.world, terms, ({ past }) => past.acknowledged !== '');
    const joining = playOn(acknowledged, terms);
    joining.start(1);
    const has = ({ nodes }: World): boolean => nodes[1].disk.journal.length > nodes[1].disk.flushed;
    return until(joining.world, terms, has, { isLate: (label) => label === 'the journal of B is flushed' });
  },

  /** The window was open, and both have noticed that they do not hear each other. */
  'cut apart': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.exchangeKeepAlives(1, 0, world.connections[0]?.id ?? 0, true);
    play.set({ cut: link(0, 1) });
    play.wake(0, 'backup');
    play.wake(1, 'primary');
    return play.world;
  },

  /** The link is cut while a keep-alive of the primary is under way. */
  'late keep-alive': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.exchangeKeepAlives(1, 0, world.connections[0]?.id ?? 0, false);
    play.set({ cut: link(0, 1) });
    play.wake(0, 'backup');
    return play.world;
  },

  /** The primary died, and the backup waits for its site to say that it may take over; no agent stands beside it. */
  'right held': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.die(0);
    const isLate = (label: string): boolean => label === 'A is started' || label.startsWith('the site');
    const holds = ({ nodes }: World): boolean => (nodes[1].process?.siteAsked ?? 0) > 0;
    const held = playOn(until(play.world, terms, holds, { isLate }), terms);
    held.setNode(1, { agent: false });
    return held.world;
  },

  /** Cut off from both, the primary finds itself alone; the backup has not noticed anything yet. */
  'alone in trouble': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.set({ cut: link(0, 1) | link(0, arbiterHost) });
    play.wake(0, 'arbiter-silence');
    play.wake(0, 'backup');
    return play.world;
  },

  /** The backup is cut off from both, and nobody has noticed anything yet. */
  'backup cut off': (world: World): World => ({ ...world, cut: link(0, 1) | link(1, arbiterHost) }),

  /** The same, and the primary goes on alone, since the arbiter has lost the backup, too. */
  'gone on alone': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.set({ cut: link(0, 1) | link(1, arbiterHost) });
    play.wake(0, 'backup');
    const isLate = (label: string): boolean => label.startsWith('B ') || label.endsWith('is mended');
    return until(play.world, terms, ({ nodes }) => nodes[0].process?.gate === 'open', { isLate });
  },

  /** The arbiter has said to both that arbiter controlled mode is entered; neither has heard it, and the primary is cut off. */
  'half entered': (world: World, terms: Terms): World => {
    const isLate = (label: string): boolean => label.endsWith(' of X');
    const isSaid = ({ arbiter }: World): boolean => (arbiter?.periods.size ?? 0) > 0;
    return { ...until(world, terms, isSaid, { isLate }), cut: link(0, arbiterHost) };
  },

  /** The backup sent word that it is not active, joined again, and has entered the mode anew, all before that word arrives. */
  'late left notice': (world: World, terms: Terms): World => {
    const play = playOn(world, terms);
    play.set({ cut: link(0, 1) });
    play.wake(1, 'primary');
    const isKept = ({ nodes }: World): boolean => nodes[1].process?.state.role !== 'attached';
    const isLate = (label: string): boolean => /^A (receives (?!call).* of X|sees its connection .*)$/.test(label);
    const isLateOrCut = (label: string): boolean => isLate(label) || label.endsWith('is mended');
    const noted = { ...until(play.world, terms, isKept, { isLate: isLateOrCut }), cut: 0 };
    const isAgain = (later: World): boolean => modes(later)[0] === 'entering' && modes(later)[1] === 'arbiter';
    return until(noted, terms, isAgain, { isLate });
  },

  /** A hello is under way that its sender has given up; a later one has come before it, and the backup is active again. */
  'overtaken hello': (world: World, terms: Terms): World => {
    const play = leftAlone(world, terms);
    play.start(1);
    const said = until(play.world, terms, ({ nodes }) => nodes[1].process?.state.seeking.helloOver != null);
    const over = said.nodes[1].process?.state.seeking.helloOver ?? 0;
    const given = playOn(said, terms);
    given.wake(1, 'attempt');
    const isLate = (_label: string, { world: { connections } }: Play): boolean =>
      connections.every(({ id, queues }) => id !== over || queues[0].length === 0);
    const isBack = (later: World): boolean => modes(later).every((mode) => mode === 'arbiter');
    return until(given.world, terms, isBack, { isLate });
  },
} as const;
