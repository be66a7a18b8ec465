/** The explorer itself: it ends, it finds what is broken, and it takes worlds for the same only when they are. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { agentTable } from '../../src/mirror/agent.ts';
import { begin } from '../../src/simulation/explorer/beginnings.ts';
import { keyOf } from '../../src/simulation/explorer/canonical-key.ts';
import { type Configuration, configurations, termsOf } from '../../src/simulation/explorer/configurations.ts';
import { Coverage } from '../../src/simulation/explorer/coverage.ts';
import { explore } from '../../src/simulation/explorer/explore.ts';
import { Moves } from '../../src/simulation/explorer/moves.ts';
import type { World } from '../../src/simulation/explorer/plain-world.ts';
import { StateSet } from '../../src/simulation/explorer/state-set.ts';

function exploring(configuration: keyof typeof configurations, livenessSample = 0, statesMax = 100_000) {
  return explore({ configuration, statesMax, nowMs: () => 0, lastsMs: 1, livenessSample });
}

function beginning(configuration: keyof typeof configurations): World {
  const chosen = configurations[configuration];
  const world = begin(chosen.beginning, termsOf(chosen), chosen.budget);
  if (typeof world === 'string') throw new Error(world);
  return world;
}

/** The worlds one move away, by what was done. */
function next(world: World, configuration: keyof typeof configurations): ReadonlyMap<string, World> {
  const worlds = new Map<string, World>();
  const visit = ({ world: reached }: { world: World }, _kind: unknown, label: string): void => {
    worlds.set(label, reached);
  };
  new Moves(world, termsOf(configurations[configuration]), new Coverage(), false, visit).all();
  return worlds;
}

describe('searching', () => {
  test('FO-023 FO-025 FO-061 one process dies at any moment, also between two effects: a fixpoint without a broken promise', () => {
    const report = exploring('pair, a death', 30);
    expect(report.broken).toBeNull();
    expect(report.bound).toBeNull();
    expect(report.stuck).toBeNull();
    expect(report.states).toBeGreaterThan(200);
    expect(report.livelyFrom).toBeGreaterThan(10);
    expect(report.rules).toEqual(expect.arrayContaining(['FO-017', 'FO-023', 'FO-061', 'FO-065']));
  });
});

describe('a third member', () => {
  test('FO-078 FO-083 an async is promoted by its primary: a fixpoint, and from each world all follow one primary again', () => {
    const report = exploring('promotion', 60);
    expect(report.broken).toBeNull();
    expect(report.bound).toBeNull();
    expect(report.stuck).toBeNull();
    expect(report.states).toBeGreaterThan(1000);
    expect(report.livelyFrom).toBeGreaterThan(40);
    expect(report.rules).toEqual(expect.arrayContaining(['FO-078', 'FO-083', 'FO-087']));
  });

  test('FO-079 FO-081 FO-082 an async is promoted with every partner while the pair is down', () => {
    const report = exploring('promotion without a primary', 60, 6000);
    expect(report.broken).toBeNull();
    expect(report.stuck).toBeNull();
    expect(report.rules).toEqual(expect.arrayContaining(['FO-079', 'FO-081', 'FO-082']));
  });

  test('FO-078 whoever tries again may dial anybody, and questions to two agents are two questions', () => {
    const world = beginning('two promotions');
    const labels = [...next(world, 'two promotions').keys()];
    expect(labels).toEqual(expect.arrayContaining(['B says hello to C', 'C says hello to B']));
    const asked = next(beginning('promotion without a primary'), 'promotion without a primary');
    expect(asked.get('the operator of C: promote')?.calls[2].map(({ of }) => of)).toEqual([0, 1]);
  });
});

describe('beginning', () => {
  test('FO-015 FO-028 the rules lead to every world that a search begins with', () => {
    for (const [name, { beginning, budget, ...terms }] of Object.entries<Configuration>(configurations))
      expect([name, typeof begin(beginning, termsOf({ ...terms, beginning, budget }), budget)]).toEqual([
        name,
        'object',
      ]);
  });

  test('FO-029 what is late at the beginning is under way there', () => {
    const underWay = (configuration: keyof typeof configurations): readonly string[] =>
      beginning(configuration).connections.flatMap(({ queues }) =>
        queues
          .flat()
          .map((frame) => (frame.kind === 'session' || frame.kind === 'set' ? frame.kind : frame.message.type)),
      );
    expect(underWay('arbiter, half entered')).toEqual(['entered', 'entered']);
    expect(underWay('arbiter, late left notice')[0]).toBe('left-notice');
    expect(underWay('arbiter, overtaken hello')).toEqual(['hello']);
    expect(underWay('pair, late keep-alive')).toEqual(['keep-alive']);
  });
});

describe('found before', () => {
  test('FO-025 FO-061 FO-088 the last primary keeps its journal when the record of the other, dead for long, cannot be read', () => {
    const report = exploring('pair, primary alone', 0, 3000);
    expect(report.broken).toBeNull();
    expect(report.states).toBe(3000);
  });
});

describe('finding', () => {
  const row = agentTable.find((candidate) => candidate.instance === 'hung' && candidate.epoch === 'not-lower');
  const untouched = Object.getOwnPropertyDescriptor(row, 'outcome') as PropertyDescriptor;
  afterEach(() => {
    Object.defineProperty(row, 'outcome', untouched);
  });

  test('FO-026 an agent that calls a hung primary down without killing it is caught, with the way there', () => {
    Object.defineProperty(row, 'outcome', { value: 'down', configurable: true });
    const report = exploring('pair, hang');
    expect(report.broken?.promises[0]).toMatch(/^I1: A may acknowledge alone while B has begun epoch 2/);
    expect(report.broken?.trace.join('\n')).toMatch(
      /A stands still[\s\S]*its agent answers down[\s\S]*B {2}writes epoch 2/,
    );
  });
});

describe('sameness', () => {
  test('FO-010 a world is the same after its numbers have moved on', () => {
    const world = beginning('pair');
    const [a, b, c] = world.nodes;
    const moved = {
      ...a,
      process: a.process && { ...a.process, state: { ...a.process.state, requests: 7, hellos: 3 } },
    };
    expect(keyOf({ ...world, nodes: [moved, b, c], nextConnection: 99, nextSession: 50 })).toBe(keyOf(world));
  });

  test('FO-023 every move from the beginning makes another world, and no two moves the same', () => {
    const world = beginning('pair');
    const keys = [...next(world, 'pair').values()].map(keyOf);
    expect(keys.length).toBeGreaterThan(3);
    expect(new Set([...keys, keyOf(world)]).size).toBe(keys.length + 1);
  });

  test('FO-017 a state is new once, and its path is that of its first meeting', () => {
    const states = new StateSet(4);
    expect(states.add(7, -1, 0)).toBe(true);
    for (let index = 0; index < 1000; index += 1) expect(states.add(1e12 + index * 4096, index, index % 7)).toBe(true);
    expect(states.add(1e12 + 500 * 4096, 3, 3)).toBe(false);
    expect(states.size).toBe(1001);
    expect(states.path(3)).toEqual([0, 1, 2]);
  });
});

/** Minutes into a search is late to hear that a mutant has lost its place. */
test('each mutant changes a text that stands in the sources', async () => {
  const list = '../../scripts/mutants/list.mjs';
  const { mutants } = (await import(list)) as {
    mutants: readonly { name: string; changes: readonly [string, string][] }[];
  };
  const rooms = ['src/mirror', 'src/simulation/explorer'];
  const files = rooms.flatMap((room) => readdirSync(room).map((name) => `${room}/${name}`));
  const sources = files.filter((path) => path.endsWith('.ts')).map((path) => readFileSync(path, 'utf8'));
  const lost = mutants.filter(({ changes }) =>
    changes.some(([from]) => !sources.some((source) => source.includes(from))),
  );
  expect(mutants.length).toBeGreaterThan(40);
  expect(lost.map(({ name }) => name)).toEqual([]);
});
