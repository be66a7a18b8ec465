/** The command lines that menus print, each run by the command line: the instance gets the same order. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { equivalentLine } from '../../src/commands/equivalent-line.ts';
import { instancePaths } from '../../src/host/home.ts';
import type { HeldLock } from '../../src/host/host.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import type { CommandArguments, CommandName, RestorePlan } from '../../src/protocol/control-channel.ts';
import {
  blankAssessment,
  database,
  description,
  mirrorSet,
  type ScriptedInstance,
  startScriptedInstance,
} from '../fixtures/scripted-instance.ts';
import { CommandLine } from './command-line.ts';

const own = {
  member: 'ALPHA',
  superserverAddress: '10.0.0.1',
  agentPort: 2189,
  privateAddress: '10.1.0.1',
  agentAddress: 'fe80::1',
};
const properties = {
  mountRequired: true,
  journaled: false,
  maximumMegabytes: 100,
  expansionMegabytes: 0,
  resource: '%DB_CITIES',
};

/** For each command what a menu may send, the last of them with everything that can be given. */
const examples: { readonly [N in CommandName]: readonly CommandArguments[N][] } = {
  'enable-mirror-service': [{}],
  'create-mirror': [
    { mirror: 'DEMO', requireTls: false, arbiter: null },
    {
      mirror: 'DEMO',
      requireTls: false,
      arbiter: { host: 'fe80::9', port: 2200 },
      compressionFailover: 'Compressed with LZ4',
      compressionAsync: 'Uncompressed',
      qosTimeoutMs: 2000,
      parallelDejournaling: 'All Members',
      ...own,
    },
  ],
  'join-mirror': (['Failover', 'Disaster Recovery', 'Read-Only Reporting', 'Read-Write Reporting'] as const).map(
    (type) => ({
      mirror: 'DEMO',
      type,
      otherAgentAddress: '10.0.0.2',
      otherAgentPort: 2188,
      otherInstance: 'IRIS',
      ...own,
    }),
  ),
  'join-as-new-member': [{}, { type: 'Read-Only Reporting', ...own }],
  'edit-mirror': [
    { qosTimeoutMs: 4000 },
    { arbiter: null, compressionFailover: 'System Selected', compressionAsync: 'Compressed' },
    {
      limitMegabytes: null,
      limitDays: null,
      keepDays: 3,
      switchDaily: false,
      verifyEveryMinutes: 0,
      parallelDejournaling: 'Failover Members and DR',
    },
    { limitMegabytes: 100, limitDays: 3, switchDaily: true },
  ],
  'edit-addresses': [
    { member: 'ALPHA/IRIS', privateAddress: null },
    { ...own, superserverPort: 1973 },
  ],
  'remove-member': [
    { member: 'GAMMA_IRIS', removeAttribute: false },
    { member: 'BETA/IRIS', removeAttribute: true },
  ],
  'remove-mirror': [
    { removeAttribute: false, withoutPrimary: false },
    { removeAttribute: true, withoutPrimary: true },
  ],
  'switch-journal': [{}],
  'purge-journal': [{}],
  'edit-journal': [{ alternateDirectory: null }, { alternateDirectory: "/srv/o'neil's place", purgeAtOnce: true }],
  'change-no-failover': [{}, { set: true }, { set: false }],
  'become-primary': [{}],
  promote: [{ hold: false }, { hold: true, partner: 'ALPHA/IRIS', acceptLossUpTo: '3/100' }],
  demote: [{}],
  'demote-other': [{}],
  'force-primary': [{}],
  'resume-primary': [{}],
  'start-mirror': [{}],
  'stop-mirror': [{}],
  'create-database': [
    { database: 'CITIES', mirrored: null },
    { database: 'CITIES', directory: '/srv/the cities', mirrored: 'TOWNS', ...properties },
  ],
  'edit-database': [
    { database: 'CITIES', mountRequired: false },
    { database: 'CITIES', mirrored: 'CITIES', ...properties },
  ],
  'add-databases': [
    { databases: ['CITIES', 'ORDERS'], mirrorDatabases: ['CITIES', 'SALES'], background: false },
    { databases: ['CITIES'], mirrorDatabases: ['CITIES'], background: true },
  ],
  'remove-database': [{ database: 'CITIES' }, { database: 'CITIES', onlyHere: true }],
  'catch-up-databases': [{ databases: ['CITIES'] }, { databases: ['CITIES', 'ORDERS'], wait: true }],
  'pause-databases': [{ databases: ['CITIES', 'ORDERS'] }],
  'resume-databases': [{ databases: ['CITIES'] }],
  'edit-async': [
    { type: 'Disaster Recovery' },
    { type: 'Read-Write Reporting', clearFailoverDb: true, purgeAtOnce: true },
    { type: 'Read-Only Reporting', purgeAtOnce: false },
  ],
  'clear-failoverdb': [{}, { databases: ['CITIES'] }],
  'set-dejournal-filter': [{ module: null }, { module: 'zcities.mjs' }],
  'manage-dejournaling': [{ paused: true }, { paused: false }],
  'backup-databases': [{ databases: ['CITIES', 'ORDERS'], to: '/srv/backups/today' }],
  'restore-databases': [
    { from: '/srv/backups/today', replace: ['CITIES'] },
    { from: '/srv/backups/today', databases: ['CITIES'], as: 'TOWNS', replace: ['CITIES'] },
  ],
  'download-databases': [{ databases: ['TOWNS'], from: 'ALPHA/IRIS', replace: ['CITIES'] }],
  'rebuild-member': [{}, { from: 'ALPHA/IRIS' }],
  'mount-database': [
    { database: 'CITIES', catchUp: true },
    { database: 'CITIES', catchUp: false },
  ],
  'dismount-database': [{ database: 'CITIES' }],
  'delete-database': [{ database: 'CITIES' }],
  'recreate-database': [{ database: 'CITIES' }],
  'stop-instance': [{ noFailover: false }, { noFailover: true }],
};

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
let instance: ScriptedInstance;
let lock: HeldLock | undefined;

beforeAll(async () => {
  await commandLine.run(['instance', 'create', 'IRIS']);
  lock = nodeHost.processes.acquireLock(paths.lock, 'instance');
  instance = await startScriptedInstance(
    {
      describe: () => now,
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

/** As a shell takes the line apart. */
function wordsOf(line: string): readonly string[] {
  const script = `printf '%s\\0' ${line}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('what a menu prints is what the command line does', () => {
  test.each(Object.keys(examples) as CommandName[])('%s', async (command) => {
    for (const given of examples[command]) {
      const [program, ...words] = wordsOf(equivalentLine(null)(command, given as never, now));
      expect(program).toBe('caretmirror');
      const before = instance.performed.length;
      const ran = await commandLine.run(words);
      expect({ words, ...ran }).toMatchObject({ code: endTheInstance.includes(command) ? 1 : 0 });
      expect(instance.performed.slice(before)).toEqual([{ type: 'perform', command, arguments: given }]);
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
