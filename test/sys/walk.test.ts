/**
 * Menus, command line and library reach the same: every command of the instance by all three, and none of them has an entry behind
 * which there is nothing. What is counted is what arrives at an instance, not what stands in the sources.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import type { Option } from '../../menus/menu.ts';
import { equivalentLine } from '../../src/commands/equivalent-line.ts';
import { wholeProgram } from '../../src/commands/main.ts';
import { openConfiguration } from '../../src/host/configuration-file.ts';
import { instancePaths } from '../../src/host/home.ts';
import type { HeldLock } from '../../src/host/host.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { commandNames } from '../../src/instance/command-arguments.ts';
import type { CommandName } from '../../src/protocol/control-commands.ts';
import { allMethods } from '../../src/sys/classes.ts';
import type { Kind, Method, Parameter } from '../../src/sys/method.ts';
import { CommandLine } from '../commands/command-line.ts';
import { leavesOf } from '../fixtures/command-words.ts';
import { orders } from '../fixtures/orders.ts';
import { textOf } from '../fixtures/project-files.ts';
import { routineNames, waysOf } from '../fixtures/routine-menus.ts';
import { isAction, states } from '../fixtures/scripted-control.ts';
import {
  blankAssessment,
  database,
  description,
  mirrorSet,
  report,
  type ScriptedInstance,
  startScriptedInstance,
} from '../fixtures/scripted-instance.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const isBuilt = ({ returns }: Method): boolean => !returns.includes('not built');

/** Each option of each menu in each state of a member; test/sessions/menu-walk.test.ts carries them out. */
const options: readonly Option[] = states.flatMap((state) =>
  routineNames.flatMap((routine) => waysOf(state, routine).map(({ option }) => option)),
);

function commandOf({ leadsTo }: Option): readonly CommandName[] {
  return isAction(leadsTo) && 'command' in leadsTo ? [leadsTo.command] : [];
}

/** The commands that give an order, as test/commands/equivalent-line.test.ts gives it to an instance. */
function leavesFor(program: Command, command: CommandName): readonly string[] {
  return orders[command].map((order) =>
    leafOf(program, equivalentLine(null)(command, order as never, description('primary'))),
  );
}

function leafOf(program: Command, line: string): string {
  const [, ...words] = line.split(' ');
  const path: string[] = [];
  for (let at: Command | undefined = program; at !== undefined; ) {
    at = at.commands.find((each) => each.name() === words[path.length]);
    if (at !== undefined) path.push(at.name());
  }
  return path.join(' ');
}

const where = ['primary', 'backup', 'dr', 'no-mirror', 'service-off'] as const;
let place: (typeof where)[number] = 'primary';

const commandLine = new CommandLine();
const paths = instancePaths(commandLine.home, 'IRIS');
let instance: ScriptedInstance;
let lock: HeldLock | undefined;
let program: Command;

beforeAll(async () => {
  program = await wholeProgram();
  await commandLine.run(['instance', 'create', 'IRIS']);
  lock = nodeHost.processes.acquireLock(paths.lock, 'instance');
  // The list of journal files is read beside the instance, which is configured for it.
  const configuration = await openConfiguration(paths.configuration, lock);
  configuration.set({ ...configuration.get(), member: 'ALPHA/IRIS', memberType: 'Failover', mirrorSet });
  nodeHost.files.makeDirectory(paths.journal);
  const databases = [
    database('CITIES', { mirrored: 'CITIES', status: 'Dejournaling', needsCatchUp: true }),
    database('TOWNS', { addable: true }),
    database('HAMLETS', { mirrored: 'HAMLETS', status: 'Dejournaling', paused: true }),
    database('VILLAGES', { addable: true, journaled: false }),
  ];
  instance = await startScriptedInstance(
    {
      describe: () => description(place, { databases }),
      status: () => report(place === 'no-mirror' || place === 'service-off' ? 'primary' : place),
      assess: () => ({
        ...blankAssessment,
        removal: { step: 'leave', mirror: 'DEMO', member: 'BETA/IRIS', isLast: false, databases: [] },
      }),
      perform: async ({ command }) => ({ ok: true, text: `${command} is done` }),
    },
    paths.control,
  );
});

afterAll(async () => {
  await instance.close();
  lock?.release();
  commandLine.remove();
});

describe('menus', () => {
  const exceptions: Partial<Record<CommandName, string>> = {
    'resume-databases': 'Activate or Catchup resumes a database that was paused',
    'download-databases': 'the original has no option for it; DB-029 is done by the command line',
    'rebuild-member': 'the original has no option for it; FO-089 is done by the command line',
  };

  test('reach every command of the instance, but for the exceptions, and no other', () => {
    const reached = new Set(options.flatMap(commandOf));
    expect([...reached].filter((name) => !commandNames.includes(name))).toEqual([]);
    expect(commandNames.filter((name) => !reached.has(name)).sort()).toEqual(Object.keys(exceptions).sort());
  });
});

describe('command line', () => {
  /** Commands whose order menus name by another one. */
  const also: Readonly<Record<string, { readonly words: readonly string[]; readonly order: CommandName }>> = {
    'mirror leave': { words: ['--confirm', 'BETA/IRIS'], order: 'remove-mirror' },
    'database catchup': { words: ['CITIES'], order: 'catch-up-databases' },
  };
  /** Commands that give an instance no order, and what they do instead. */
  const without: Readonly<Record<string, readonly string[]>> = {
    'look only': [
      ...['mirror show', 'status', 'wait', 'events', 'log', 'verify', 'lost list', 'lost show'],
      ...['journal list', 'journal view', 'journal search', 'journal check', 'database list', 'instance list'],
      ...['agent status', 'lab status', 'man-page'],
    ],
    'are about the instance as a process or its files': [
      ...[
        'instance create',
        'instance edit',
        'instance start',
        'instance restart',
        'instance force',
        'instance delete',
      ],
      'journal repair',
    ],
    'are about the agent': ['agent start', 'agent stop', 'agent restart', 'agent run'],
    'are about a lab': ['lab up', 'lab open', 'lab kill', 'lab cut', 'lab heal', 'lab down', 'lab-cable'],
    'lead to menus, methods or data': ['session', 'sys', 'global'],
    'serve a shell': ['completion bash', 'completion zsh', 'completion fish', 'completion words'],
  };

  test('reaches every command of the instance, and each of its commands reaches something', () => {
    const leaves = [...leavesOf(program).keys()];
    const giving = commandNames.flatMap((name) => leavesFor(program, name));
    const accounted = new Set([...giving, ...Object.keys(also), ...Object.values(without).flat()]);
    expect(leaves.filter((leaf) => !accounted.has(leaf))).toEqual([]);
    expect([...accounted].filter((leaf) => !leaves.includes(leaf))).toEqual([]);
  });

  test.each(Object.entries(also))('%s gives the order too', async (leaf, { words, order }) => {
    place = 'backup';
    const before = instance.performed.length;
    expect(await commandLine.run([...leaf.split(' '), 'IRIS', ...words])).toMatchObject({ code: 0 });
    expect(instance.performed.slice(before).map(({ command }) => command)).toEqual([order]);
  });
});

describe('methods', () => {
  const noMethod = 'the original has no method of SYS.Mirror for it that is known';
  const ordinary = 'belongs to databases of any kind, not to mirroring';
  /** Commands that no method gives, and why. */
  const exceptions: Partial<Record<CommandName, string>> = {
    'force-primary': 'forcing has no method (FO-074)',
    'resume-primary': 'resuming has no method (FO-074, FO-076)',
    'edit-mirror': noMethod,
    'join-as-new-member': noMethod,
    'edit-addresses': noMethod,
    'edit-async': noMethod,
    'edit-journal': noMethod,
    'switch-journal': noMethod,
    'change-no-failover': noMethod,
    'remove-member': noMethod,
    'clear-failoverdb': noMethod,
    'set-dejournal-filter': noMethod,
    'rebuild-member': noMethod,
    'create-database': ordinary,
    'mount-database': ordinary,
    'dismount-database': ordinary,
    'delete-database': ordinary,
    'recreate-database': ordinary,
    'backup-databases': ordinary,
    'restore-databases': ordinary,
    'stop-instance': 'belongs to the instance, not to mirroring',
  };
  /** By the name of a parameter; the rest is left out where it may be. */
  const samples: Readonly<Record<string, readonly string[]>> = {
    MirrorSetName: [mirrorSet.name],
    MirrorName: ['', mirrorSet.name],
    InstanceName: ['IRIS'],
    AgentAddress: ['10.0.0.1'],
    Directory: ['/srv/home/cities/', 'TOWNS', 'VILLAGES'],
    MirrorDBName: ['CITIES'],
    DBList: ['CITIES', 'HAMLETS'],
    SelectedPartner: ['ALPHA/IRIS'],
    Name: ['%Service_Mirror'],
    Enabled: ['1'],
  };

  function wordsFor({ name, kind, default: otherwise }: Parameter): readonly string[] {
    if (typeof kind === 'object')
      return Object.keys(kind as Record<string, Kind>).includes('Enabled') ? ['Enabled=1'] : [];
    const found = samples[name];
    if (found === undefined && otherwise === undefined) throw new Error(`no sample for parameter ${name}`);
    return found ?? [''];
  }

  /** One call for each sample of the first parameter that has several. */
  function callsOf({ parameters }: Method): readonly (readonly string[])[] {
    const choices = parameters.map(wordsFor);
    const most = Math.max(1, ...choices.map(({ length }) => length));
    return Array.from({ length: most }, (_, n) =>
      choices.flatMap((words) => words[Math.min(n, words.length - 1)] ?? []),
    );
  }

  test('FO-074: each one, typed, gives its instance the orders that its row names, or looks at it, and none forces or resumes', async () => {
    const given = new Set<CommandName>();
    for (const { name, method } of allMethods) {
      const performed = new Set<CommandName>();
      let [done, asked] = [0, 0];
      for (const at of where) {
        place = at;
        for (const words of callsOf(method)) {
          const [before, requests] = [instance.performed.length, instance.requests.length];
          const ran = await commandLine.run(['sys', name, ...words, '--json']);
          const { method: called, value } = JSON.parse(ran.out || 'null') ?? { method: name, value: { ok: false } };
          expect({ name, at, called, ...ran }).toMatchObject({ called: name, code: value?.ok === false ? 1 : 0 });
          if (ran.code === 0) done += 1;
          for (const { command } of instance.performed.slice(before)) performed.add(command);
          asked += instance.requests.length - requests;
        }
      }
      expect({ name, performed: [...performed].sort() }).toEqual({ name, performed: [...method.commands].sort() });
      expect({ name, isDone: done > 0, asks: asked > 0 }).toEqual({
        name,
        isDone: isBuilt(method),
        asks: isBuilt(method),
      });
      for (const command of performed) given.add(command);
    }
    expect(commandNames.filter((name) => !given.has(name)).sort()).toEqual(Object.keys(exceptions).sort());
  }, 120_000);

  test('have names, facts and as many parameters as their calls take', () => {
    expect(allMethods.length).toBeGreaterThan(50);
    expect(new Set(allMethods.map(({ name }) => name.toLowerCase())).size).toBe(allMethods.length);
    const wrong = allMethods.filter(
      ({ method }) =>
        method.does === '' ||
        method.returns === '' ||
        (isBuilt(method) && method.call.length !== method.parameters.length + 1),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  test('are all that docs/spec names, and stand at the statement that names them', () => {
    const rows = textOf(root, 'docs/spec/09-api.md').matchAll(/^\| (API-\d{3}) \| [^|]* \| ([^|]*) \|/gm);
    const stated = [...rows].flatMap(([, id, calls]) =>
      [...(calls as string).matchAll(/`((?:(?:SYS|Config|\$SYSTEM)\.\w+\.)?)(\w+)\([^`]*\)`/g)].map(
        ([, named, method]) => ({ id, named, method }),
      ),
    );
    expect(stated.length).toBeGreaterThan(25);
    const known = new Map(allMethods.map(({ name, method }) => [name, method.spec]));
    let className = '';
    for (const { id, named, method } of stated) {
      className = named || className;
      expect({ method: `${className}${method}`, id: known.get(`${className}${method}`) }).toEqual({
        method: `${className}${method}`,
        id,
      });
    }
  });
});
