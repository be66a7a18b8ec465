/** The command lines that menus print, each run by the command line: the instance gets the same order. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { equivalentLine } from '../../src/commands/equivalent-line.ts';
import { instancePaths } from '../../src/host/home.ts';
import type { HeldLock } from '../../src/host/host.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import type { RestorePlan } from '../../src/protocol/control-channel.ts';
import type { CommandName } from '../../src/protocol/control-commands.ts';
import { shellWords } from '../fixtures/command-words.ts';
import { orders } from '../fixtures/orders.ts';
import {
  blankAssessment,
  database,
  description,
  mirrorSet,
  type ScriptedInstance,
  startScriptedInstance,
} from '../fixtures/scripted-instance.ts';
import { CommandLine } from './command-line.ts';

const restorePlan: RestorePlan = {
  instance: 'IRIS',
  mirror: null,
  member: null,
  takenAt: new Date(0).toISOString(),
  steps: [
    {
      copy: 'CITIES',
      database: 'CITIES',
      directory: '/srv/cities',
      mirrorDatabase: null,
      isNew: false,
      holdsData: true,
      refusal: null,
    },
  ],
};

const commandLine = new CommandLine();
const paths = instancePaths(commandLine.home, 'IRIS');
const now = description('primary', {
  databases: [database('CITIES', { mirrored: 'TOWNS', status: 'Normal' })],
});
/** Those that end the instance are refused: the command would wait for the end of this very process. */
const endTheInstance = ['stop-instance', 'rebuild-member'];
/** One that is in the mirror already is not made its member again. */
let isInMirror = true;
let instance: ScriptedInstance;
let lock: HeldLock | undefined;

beforeAll(async () => {
  await commandLine.run(['instance', 'create', 'IRIS']);
  lock = nodeHost.processes.acquireLock(paths.lock, 'instance');
  instance = await startScriptedInstance(
    {
      describe: () => (isInMirror ? now : { ...now, mirrorSet: null, mirrors: [] }),
      assess: () => ({
        ...blankAssessment,
        removal: { step: 'leave', mirror: 'DEMO', member: 'ALPHA/IRIS', databases: [], others: [] } as never,
      }),
      planRestore: () => restorePlan,
      perform: async ({ command }) =>
        endTheInstance.includes(command)
          ? { ok: false, outcome: 'refused', refusal: { reason: 'no', text: 'not in this test', spec: null } }
          : { ok: true, text: 'done' },
    },
    paths.control,
  );
});

afterAll(async () => {
  await instance.close();
  lock?.release();
  commandLine.remove();
});

describe('what a menu prints is what the command line does', () => {
  test.each(Object.keys(orders) as CommandName[])('%s', async (command) => {
    for (const given of orders[command]) {
      const [program, ...words] = shellWords(equivalentLine(null)(command, given as never, now));
      expect(program).toBe('caretmirror');
      isInMirror = !['create-mirror', 'join-mirror'].includes(command);
      const before = instance.performed.length;
      const ran = await commandLine.run(words);
      expect({ words, ...ran }).toMatchObject({ code: endTheInstance.includes(command) ? 1 : 0 });
      const performed = instance.performed.slice(before).map(({ situation: _, ...order }) => order);
      expect(performed).toEqual([{ type: 'perform', command, arguments: given }]);
    }
  });

  test('of an instance in several mirrors, and of another home, the line says which', () => {
    const several = { ...now, mirrors: ['DEMO', 'OTHER'] };
    expect(equivalentLine('/srv/home of A')('start-mirror', {}, several)).toBe(
      "caretmirror mirror start IRIS --mirror DEMO --home '/srv/home of A'",
    );
    expect(equivalentLine(null)('stop-instance', { noFailover: false }, several)).toBe(
      'caretmirror instance stop IRIS',
    );
    expect(several.mirrorSet).toBe(mirrorSet);
  });
});
