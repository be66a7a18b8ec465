/** Where the searches begin: a mirror in full operation and some ways out of it, reached by the rules themselves. */
import { initialArbiter } from '../../mirror/arbiter.ts';
import { firstRecord } from '../../mirror/member-record.ts';
import { Coverage } from './coverage.ts';
import { runFair } from './fair-run.ts';
import type { Terms } from './moves.ts';
import { directionBit, type Node, type World } from './plain-world.ts';
import { Play } from './play.ts';

export type Beginning =
  | 'full operation'
  | 'before entry'
  | 'both down'
  | 'backup down'
  | 'backup joins'
  | 'primary alone'
  | 'cut apart'
  | 'alone in trouble';

const emptyNode: Node = {
  up: true,
  agent: true,
  disk: { record: firstRecord, journal: [], flushed: 0, applied: 0, readable: true },
  process: null,
};

const empty: World = {
  nodes: [emptyNode, emptyNode],
  arbiter: null,
  connections: [],
  calls: [null, null],
  cut: 0,
  nextConnection: 1,
  nextSession: 1,
  updates: 0,
  faults: 0,
  past: { reign: { epoch: 0, owner: 0, lineage: '' }, acknowledged: '', licence: null, forced: false },
};

/** The world to begin with, or why the rules do not lead there. */
export function begin(beginning: Beginning, terms: Terms, faults: number): World | string {
  const world = operating(terms, beginning !== 'before entry');
  if (typeof world === 'string') return world;
  return { ...leave(world, beginning, terms), faults };
}

/** A alone becomes primary of a new mirror, and B becomes its active backup. */
function operating(terms: Terms, wholly: boolean): World | string {
  const coverage = new Coverage();
  const calm = { ...terms, faults: new Set<never>(), updates: 0 };
  const alone = new Play(empty, { ...terms, partner: false }, coverage, null);
  alone.start(0);
  alone.wake(0, 'retry');
  const { settings } = alone.process(0)!.state;
  const first = runFair(alone.world, { ...calm, partner: false, arbiter: false }, coverage, isPrimary);
  const both = new Play(first.world, terms, coverage, null);
  both.run(0, { type: 'settings-changed', settings: { ...settings, partner: 'B', arbiter: terms.arbiter } });
  both.start(1);
  const second = runFair(both.world, { ...calm, arbiter: false }, coverage, isActive);
  if (!second.reached) return `no active backup after ${second.told.slice(-5).join('; ')}`;
  if (!terms.arbiter) return second.world;
  const third = { ...second.world, arbiter: initialArbiter(second.world.nextSession) };
  const fourth = runFair(third, calm, coverage, wholly ? isArbiterMode : hasSessions);
  if (!fourth.reached) return `no arbiter controlled mode after ${fourth.told.slice(-5).join('; ')}`;
  return fourth.world;
}

function isPrimary(world: World): boolean {
  return world.nodes[0].process?.state.role === 'primary';
}

function isQuiet(world: World): boolean {
  return (
    world.calls.every((call) => call === null) &&
    world.connections.every(({ queues }) => queues[0].length === 0 && queues[1].length === 0) &&
    world.nodes.every(({ process }) => process !== null && !process.flushing)
  );
}

function isActive(world: World): boolean {
  return world.nodes[0].process?.state.serving.counted?.confirmed === true && isQuiet(world);
}

function hasSessions(world: World): boolean {
  return world.nodes.every(({ process }) => process?.state.arbiter.state === 'open') && isQuiet(world);
}

function isArbiterMode(world: World): boolean {
  const [a, b] = world.nodes.map(({ process }) => process?.state);
  return a?.serving.mode === 'arbiter' && b?.attachment?.mode === 'arbiter' && isQuiet(world);
}

function leave(world: World, beginning: Beginning, terms: Terms): World {
  const play = new Play(world, terms, new Coverage(), null);
  if (beginning === 'backup joins' || beginning === 'primary alone') {
    // The primary has seen its backup die and go on alone; the backup comes up again.
    play.die(1);
    play.closeEnd(world.connections[0]?.id ?? 0, 0);
    play.run(0, { type: 'closed', connection: world.connections[0]?.id ?? 0, reason: 'closed' });
    play.wake(0, 'trouble');
    if (beginning === 'backup joins') play.start(1);
  }
  if (beginning === 'cut apart') {
    // The window was open, and both have noticed that they do not hear each other.
    play.exchangeKeepAlives(1, world.connections[0]?.id ?? 0, true);
    play.set({ cut: directionBit(0, 1) | directionBit(1, 0) });
    play.wake(0, 'backup');
    play.wake(1, 'primary');
  }
  if (beginning === 'both down' || beginning === 'backup down') play.die(1);
  if (beginning === 'both down') play.die(0);
  if (beginning === 'alone in trouble') {
    // Cut off from both, the primary finds itself alone; the backup has not noticed anything yet.
    play.set({ cut: directionBit(0, 1) | directionBit(1, 0) | directionBit(0, 2) | directionBit(2, 0) });
    play.wake(0, 'arbiter-silence');
    play.wake(0, 'backup');
  }
  return play.world;
}
