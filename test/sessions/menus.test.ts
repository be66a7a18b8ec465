import { describe, expect, test } from '@jest/globals';
import { mirrorConfiguration } from '../../menus/mirror-configuration.ts';
import { noMirror } from '../../menus/no-mirror.ts';
import { monitorRefreshSeconds } from '../../menus/wording.ts';
import * as limits from '../../src/mirror/limits.ts';
import type { Finding } from '../../src/protocol/assessment.ts';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import { expectTranscript, pipedSession } from '../fixtures/piped-session.ts';
import {
  assessment,
  blankAssessment,
  description,
  localMoment,
  mirrorSet,
  type Place,
  report,
  type Script,
} from '../fixtures/scripted-instance.ts';

const done = (text: string) => async (): Promise<Outcome> => ({ ok: true, text });

function at(place: Place, more: Script = {}): Script {
  const isMember = place === 'primary' || place === 'backup' || place === 'dr';
  return { describe: () => description(place), ...(isMember ? { status: () => report(place) } : {}), ...more };
}

/** What the instance found before it was asked to do it. */
const finds = (...findings: readonly Finding[]) => ({ assess: () => ({ ...blankAssessment, findings }) });

const ownAddresses: readonly Finding[] = [
  { says: 'agent', facts: { at: '10.0.0.2|2188', version: '0.1.0' } },
  { says: 'superserver', facts: { at: '10.0.0.2|1972' } },
];
const databasesHere: Finding = { says: 'ordinary', facts: { databases: 'CITIES, ORDERS', mirror: 'DEMO' } };

const lookUp = () => ({ mirrorSet, asked: 'ALPHA/IRIS', primary: 'ALPHA/IRIS' });

describe('an instance in no mirror', () => {
  test('CFG-001, CFG-002: with the service off it can be enabled, and the next menu is that of a non-member', async () => {
    let enabled = false;
    const session = await pipedSession(
      {
        describe: () => description(enabled ? 'no-mirror' : 'service-off'),
        perform: async () => {
          enabled = true;
          return { ok: true, text: 'The mirror service is enabled.' };
        },
      },
      '1\ny\n\n',
    );
    expectTranscript('enable-service', session);
    expect(session.instance.performed).toEqual([{ type: 'perform', command: 'enable-mirror-service', arguments: {} }]);
  });

  test('CFG-017, CFG-018, CFG-019, CFG-020, CFG-021, CFG-022, CFG-023, CFG-024: create asks in this order', async () => {
    const session = await pipedSession(
      at('no-mirror', {
        ...finds(
          ...ownAddresses,
          { says: 'no-leftover', facts: { mirror: 'DEMO', directory: '/srv/home/journal' } },
          { says: 'arbiter-silent', facts: { at: '10.0.0.9|2188', met: 'nothing listens there' } },
          { says: 'begins-journal', facts: { member: 'BETA/IRIS', mirror: 'DEMO', directory: '/srv/home/journal' } },
          databasesHere,
        ),
        perform: done('Mirror DEMO is created; this member is its primary.'),
      }),
      '1\ndemo\nno\ny\n10.0.0.9\n\nN\n\nunc\n\n\n\n4000\nall\n10.1.0.2\n\ny\n\n',
    );
    expectTranscript('create-mirror', session);
    expect(session.instance.performed[0]?.arguments).toEqual({
      mirror: 'DEMO',
      member: 'BETA/IRIS',
      requireTls: false,
      arbiter: { host: '10.0.0.9', port: 2188 },
      compressionFailover: 'System Selected',
      compressionAsync: 'Uncompressed',
      superserverAddress: '10.0.0.2',
      agentPort: 2188,
      qosTimeoutMs: 4000,
      parallelDejournaling: 'All Members',
      privateAddress: '10.1.0.2',
      agentAddress: '10.0.0.2',
    });
  });

  test('CFG-018: SSL/TLS takes only No in this version, and says why', async () => {
    const session = await pipedSession(at('no-mirror'), '1\nDEMO\n?\ny\n');
    expectTranscript('create-tls', session);
    expect(session.instance.performed).toEqual([]);
  });

  test('CFG-004: an option the instance refuses here is disabled and says why', async () => {
    const refusal = { reason: 'no-agent', text: 'no ISCAgent runs on this host; start it first', spec: 'CFG-004' };
    const now = description('no-mirror');
    const describe = () => ({ ...now, commands: { ...now.commands, 'create-mirror': refusal } });
    expectTranscript('create-disabled', await pipedSession({ describe }, '?\n1\n\n'));
  });

  test('CFG-027, CFG-028, CFG-029, CFG-030: join as failover member', async () => {
    const session = await pipedSession(
      at('no-mirror', {
        lookUp,
        ...finds(
          ...ownAddresses,
          { says: 'data-channel', facts: { primary: 'ALPHA/IRIS', at: '10.0.0.1|1972' } },
          { says: 'taken-in', facts: { primary: 'ALPHA/IRIS', member: 'BETA/IRIS', type: 'Failover' } },
          { says: 'journal-kept', facts: { primary: 'ALPHA/IRIS', from: '1/0', upTo: '3/99' } },
          { says: 'copies', facts: { databases: 'SALES' } },
          databasesHere,
        ),
        perform: done('This member has joined mirror DEMO.'),
      }),
      'Join Mirror as F\ndemo\n10.0.0.1\n\niris\n\n\n\n\n\nyes\n\n',
    );
    expectTranscript('join-failover', session);
    expect(session.instance.performed[0]?.arguments).toEqual({
      mirror: 'DEMO',
      type: 'Failover',
      otherAgentAddress: '10.0.0.1',
      otherAgentPort: 2188,
      otherInstance: 'IRIS',
      member: 'BETA/IRIS',
      superserverAddress: '10.0.0.2',
      agentPort: 2188,
      privateAddress: '10.0.0.2',
      agentAddress: '10.0.0.2',
    });
  });

  test('CFG-012, CFG-073: what would be refused is refused before the confirmation, with the number that the original has', async () => {
    const refusal = { reason: 'agent-not-reached', text: 'this instance does not reach the ISCAgent', spec: 'CFG-012' };
    const assess = () => ({ ...blankAssessment, refusal });
    const create = await pipedSession(at('no-mirror', { assess }), `1\nDEMO\n${'\n'.repeat(12)}y\n`);
    expectTranscript('create-refused', create);
    const join = await pipedSession(at('no-mirror', { lookUp, assess }), '2\ndemo\n10.0.0.1\n\niris\n\n\n\n\n\ny\n');
    const add = await pipedSession(at('primary', { assess }), '2\n1\nCITATIONS\n\n\n\ny\n');
    for (const session of [create, join, add]) {
      expect([session.exitCode, session.instance.performed]).toEqual([1, []]);
      expect(session.output).toContain('Refused: ERROR #2086: this instance does not reach the ISCAgent');
      expect(session.output).not.toMatch(/(Create|Join) this mirror\?|Do you want to continue\?/);
    }
  });

  test('CFG-028: a mirror that cannot be looked up cannot be joined', async () => {
    const refused = () => ({ reason: 'agent', text: 'the agent at 10.0.0.1|2188 does not answer', spec: 'CFG-028' });
    const session = await pipedSession(at('no-mirror', { lookUp: refused }), '2\ndemo\n10.0.0.1\n\niris\n\n');
    expectTranscript('join-no-agent', session);
  });

  test('CFG-034, CFG-035, CFG-036, CFG-037: join as async member', async () => {
    const session = await pipedSession(
      at('no-mirror', { lookUp, perform: done('This member has joined mirror DEMO.') }),
      '3\ndemo\n10.0.0.1\n\niris\n\n\n\n\nyes\n\n',
    );
    expectTranscript('join-async', session);
    expect(session.instance.performed[0]?.arguments).toMatchObject({ type: 'Disaster Recovery', member: 'GAMMA_IRIS' });
  });

  test('CFG-037: each of the three types of async can be chosen', async () => {
    const typeOf = async (choice: string) => {
      const answers = `3\ndemo\n10.0.0.1\n\niris\n\n\n\n${choice}\ny\n\n`;
      const session = await pipedSession(at('no-mirror', { lookUp, perform: done('Joined.') }), answers);
      expect(session.exitCode).toBe(0);
      return session.instance.performed[0]?.arguments;
    };
    expect(await typeOf('')).toMatchObject({ type: 'Disaster Recovery' });
    expect(await typeOf('2')).toMatchObject({ type: 'Read-Only Reporting' });
    expect(await typeOf('read-w')).toMatchObject({ type: 'Read-Write Reporting' });
  });
});

describe('what is asked before a mirror is created or joined', () => {
  test('CFG-078: what parallel dejournaling gains and costs', async () => {
    const session = await pipedSession(at('no-mirror'), `1\nDEMO\n${'\n'.repeat(9)}?\n`);
    const help = session.output.slice(session.output.indexOf('Allow Parallel Dejournaling'));
    expect(help.replace(/\s+/g, ' ')).toMatch(
      /More throughput, but slightly more chance of inconsistent results in queries or reports over several databases\./,
    );
  });

  test.each([
    ['create', '1', 'DEMO\nno\nno\n^\n'],
    ['join as failover member', '2', 'DEMO\n10.0.0.1\n\nIRIS\n\n^\n'],
    ['join as async member', '3', 'DEMO\n10.0.0.1\n\nIRIS\n\n\n^\n'],
    ['create, at the last question', '1', 'DEMO\n\n\n\n\n\n\n\n\n\n\n\n\nno\n'],
  ])('CFG-073: %s can be abandoned, and nothing was asked of the instance', async (_, option, answers) => {
    const session = await pipedSession(at('no-mirror', { lookUp }), `${option}\n${answers}\n`);
    expect([session.exitCode, session.instance.performed]).toEqual([0, []]);
    expect(session.output).toMatch(/Nothing was changed\.\n/);
  });

  test('CFG-047: members with type, instance directory and addresses; no member is added from here', async () => {
    const session = await pipedSession(at('primary'), '1\n3\n\n3\n?\n\n\n');
    for (const { name, type, instanceDirectory, superserver, agent } of mirrorSet.members) {
      expect(session.output).toMatch(
        new RegExp(`${name} +${type} +${superserver.host}\\|${superserver.port} .* ${agent.host}\\|`),
      );
      expect(session.output).toMatch(new RegExp(`${name}: +IRIS, ${instanceDirectory}`));
    }
    expect(session.output).not.toContain('Add New Async Member');
  });

  test('MON-018 PROC-055: an arbiter that is configured and not connected makes the screen say what may be the cause', async () => {
    const arbiter = { address: '10.0.0.9|2189', connection: 'This member is not connected to the arbiter' } as const;
    const status = () => report('primary', { failoverMode: 'Agent Controlled', arbiter });
    const session = await pipedSession(at('primary', { status }), '1\n4\nq\n\n\n');
    expect(session.output).toContain('     Failover Mode:     Agent Controlled\n');
    expect(session.output.replace(/\s+/g, ' ')).toContain(
      'agent may not be installed or not be running, address or port',
    );
    const without = await pipedSession(at('primary', { status: () => report('primary') }), '1\n4\nq\n\n\n');
    expect(without.output).not.toContain('may not be installed');
  });
});

describe('the menus of a member', () => {
  test('the fifteen entries of Mirror Management on a backup, explained', async () => {
    expectTranscript('management-backup', await pipedSession(at('backup'), '2\n?\n\n\n'));
  });

  test('the menus of a primary', async () => {
    expectTranscript('menus-primary', await pipedSession(at('primary'), '1\n\n2\n\n3\n\n\n'));
  });

  test('CFG-043: the menus of a disaster recovery async', async () => {
    expectTranscript('menus-dr', await pipedSession(at('dr'), 'mirror man\n\nmirror c\n\n\n'));
  });
});

describe('a primary in trouble state without a time limit', () => {
  const present = description('primary');
  const offered = { ...present.commands, 'resume-primary': null, 'stop-instance': null };
  const inTrouble = { ...present, indefiniteTrouble: true, commands: offered };
  const trouble = {
    since: localMoment(18, 59, 58),
    spec: 'FO-036 FO-048',
    because: 'alone: the backup may have taken over',
    other: 'BETA/IRIS',
    agentSays: 'no-answer',
    arbiterSays: 'no-answer',
  } as const;
  const refusal = {
    reason: 'other-is-primary',
    text: 'BETA/IRIS is running as primary; shut this one down',
    spec: null,
  };

  /** Out of trouble as soon as something was carried out. */
  function troubled(more: Script = {}): Script {
    let isOver = false;
    return {
      describe: () => (isOver ? present : inTrouble),
      assess: () => ({ ...assessment, trouble }),
      perform: async () => {
        isOver = true;
        return { ok: true, text: 'ALPHA/IRIS is now primary' };
      },
      ...more,
    };
  }

  test('FO-036 FO-076: it says so first and offers two ways out; RETURN leads to the menus', async () => {
    const session = await pipedSession(troubled(), '?\n\n\n');
    expectTranscript('indefinite-trouble', session);
    expect(session.instance.performed).toEqual([]);
  });

  test('FO-076: it resumes when all three questions are answered with Yes, in the situation that was shown', async () => {
    const session = await pipedSession(troubled(), '1\nyes\nyes\nyes\n\n');
    expectTranscript('trouble-resume', session);
    expect(session.instance.performed).toEqual([
      { type: 'perform', command: 'resume-primary', arguments: {}, situation: 41 },
    ]);
  });

  test.each([
    ['the first', '1\nno\n'],
    ['the second', '1\ny\n\n'],
    ['the last', '1\ny\ny\nn\n'],
  ])('FO-076: a No to %s question changes nothing', async (_, answers) => {
    const session = await pipedSession(troubled(), answers);
    expect(session.output).toContain('\nNothing was changed.\n');
    expect(session.exitCode).toBe(0);
    expect(session.instance.performed).toEqual([]);
  });

  test('FO-076: after a No the answers to the questions that were not asked are not taken for something else', async () => {
    expectTranscript('trouble-declined', await pipedSession(troubled(), '1\nno\n2\nyes\n'));
  });

  test('FO-076: the words for what the agent and the arbiter say', async () => {
    const outputs: string[] = [];
    for (const [agentSays, arbiterSays] of [
      ['down', 'licensed-other'],
      ['hung', 'other-not-connected'],
      ['running', 'other-connected'],
      ['is-primary', 'not-configured'],
    ] as const) {
      const assess = () => ({ ...assessment, trouble: { ...trouble, agentSays, arbiterSays } });
      outputs.push((await pipedSession(troubled({ assess }), '1\n\n')).output);
    }
    const said = outputs.join('').match(/^The (ISCAgent|arbiter|mirror) .*$/gm);
    expect(said).toEqual([
      'The ISCAgent of BETA/IRIS answers: its instance is down.',
      'The arbiter has allowed BETA/IRIS to take over.',
      'The ISCAgent of BETA/IRIS answers: its instance hangs.',
      'The arbiter answers: BETA/IRIS is not connected to it.',
      'The ISCAgent of BETA/IRIS answers: its instance is running.',
      'The arbiter answers: BETA/IRIS is connected to it.',
      'The ISCAgent of BETA/IRIS answers: its instance is running as primary.',
      'The mirror has no arbiter.',
    ]);
  });

  test('FO-076: refused while the agent of the other says that it is primary', async () => {
    const assess = () => ({ ...assessment, refusal, trouble: { ...trouble, agentSays: 'is-primary' as const } });
    const session = await pipedSession(troubled({ assess }), '1\ny\ny\ny\n');
    expectTranscript('trouble-refused', session);
    expect(session.instance.performed).toEqual([]);
  });

  test('FO-076: it is shut down, without the question of a failover', async () => {
    const session = await pipedSession(troubled({ perform: done('no backup is connected') }), 'shut\ny\n');
    expectTranscript('trouble-shut-down', session);
    expect(session.instance.performed).toEqual([
      { type: 'perform', command: 'stop-instance', arguments: { noFailover: false } },
    ]);
  });

  test('FO-076: answers that were made for the other menus change nothing', async () => {
    const session = await pipedSession(troubled(), '2\n9\ny\n');
    expect(session.exitCode).toBe(3);
    expect(session.instance.performed).toEqual([]);
  });
});

describe('Mirror Status', () => {
  test('the three displays', async () => {
    expectTranscript('status-displays', await pipedSession(at('backup'), '1\n1\n2\n3\n\n\n'));
  });

  test('MON-014, MON-015, MON-016, MON-017, MON-018, MON-019: the monitor on a primary', async () => {
    const status = () => report('primary', { noFailover: true });
    expectTranscript('monitor-primary', await pipedSession(at('primary', { status }), '1\n4\nd\n30\nQ\n\n\n'));
  });

  test('MON-011, MON-020, MON-021: the monitor on a backup measures the transfer since the page before', async () => {
    let asked = 0;
    const status = () => {
      asked += 1;
      const incoming = { networkBytes: 1_000_000 * asked, journalBytes: 3_000_000 * asked, atMs: asked * 11_000 };
      return report('backup', { incoming, at: localMoment(19, 0, 11 * asked) });
    };
    expectTranscript('monitor-backup', await pipedSession(at('backup', { status }), '1\n4\n\nD\nq\n\n\n'));
  });

  test('MON-007: a lost member is said to be lost once, without an arbiter', async () => {
    const lost = 'Disconnected on 11/22/2026 18:59:15.12';
    const members = report('backup').members.map((member) =>
      member.name === 'ALPHA/IRIS'
        ? { ...member, status: 'Down' as const, journalTransfer: lost, dejournaling: lost }
        : member,
    );
    const arbiter = { address: null, connection: 'This member is not connected to the arbiter' as const };
    const status = () =>
      report('backup', {
        members,
        arbiter,
        failoverMode: 'Agent Controlled',
        waitingFor: 'the other failover member; start it',
      });
    expectTranscript('monitor-lost', await pipedSession(at('backup', { status }), '1\n4\nq\n\n\n'));
  });

  test('MON-015: on an async the failover members and itself, without an arbiter block', async () => {
    expectTranscript('monitor-dr', await pipedSession(at('dr'), '1\n4\nq\n\n\n'));
  });

  test('the monitor is left with Q or ^; answers that end there end in an action, and what is no wish is refused', async () => {
    for (const left of ['Q', '^']) expect((await pipedSession(at('dr'), `1\n4\n${left}\n`)).exitCode).toBe(0);
    const ended = await pipedSession(at('dr'), '1\n4\n');
    expect(ended.exitCode).toBe(3);
    expect(ended.errors).toMatch(
      /^line 3 of the answers, at .*: the answers ended: expected a whole number of seconds/,
    );
    const unfit = await pipedSession(at('dr'), '1\n4\nsoon\n');
    expect(unfit.exitCode).toBe(3);
    expect(unfit.errors).toMatch(
      /^line 3 of the answers, at .*"soon" does not fit: expected a whole number of seconds/,
    );
  });
});

describe('Mirror Management', () => {
  test('DB-019: several databases are added, each with its name in the mirror', async () => {
    const session = await pipedSession(
      at('primary', {
        ...finds(
          { says: 'adds', facts: { name: 'ORDERS', mirrorDatabase: 'ORDERS' } },
          { says: 'adds', facts: { name: 'CITATIONS', mirrorDatabase: 'CITING' } },
          { says: 'added-from', facts: { from: '3/99', members: 'BETA/IRIS, GAMMA_IRIS' } },
          { says: 'background', facts: {} },
        ),
        perform: async (request) => ({
          ok: true,
          text: `${(request.arguments as { databases: string[] }).databases.join(', ')} are added`,
        }),
      }),
      '2\n1\norders\nCITA\n\n\nciting\nyes\ny\n\n\n',
    );
    expectTranscript('add-databases', session);
    expect(session.instance.performed.map((request) => request.arguments)).toEqual([
      { databases: ['ORDERS', 'CITATIONS'], mirrorDatabases: ['ORDERS', 'CITING'], background: true },
    ]);
  });

  test('DB-019: from five on nobody is asked, since they are added in the background anyway', async () => {
    const present = description('primary');
    const databases = ['ONE', 'TWO', 'THREE', 'FOUR', 'FIVE'].map((name) => ({
      ...(present.databases[0] as (typeof present.databases)[number]),
      name,
      mirrored: null,
      addable: true,
    }));
    expect(databases).toHaveLength(limits.addInBackgroundFrom);
    const describe = () => ({ ...present, databases });
    const perform = done('They are added in the background');
    const session = await pipedSession({ describe, perform }, `2\n1\n*\n${'\n'.repeat(5)}y\n\n\n`);
    expect(session.output).not.toContain('Add in the background?');
    expect(session.instance.performed).toHaveLength(1);
    const four = await pipedSession({ describe, perform }, '2\n1\n1\n2\n3\n4\n\n\n\n\n\n\ny\n\n\n');
    expect(four.output).toContain('Add in the background? <No>');
    expect(four.instance.performed[0]?.arguments).toMatchObject({ background: false });
  });

  test('DB-031: activate and catch up all', async () => {
    const session = await pipedSession(at('backup', { perform: done('Catch-up succeeded.') }), '2\n3\n*\ny\n\n\n');
    expectTranscript('catch-up', session);
    expect(session.instance.performed[0]).toMatchObject({
      command: 'catch-up-databases',
      arguments: { databases: ['CITIES'] },
    });
  });

  test('DB-031 DB-032: several are caught up in one operation', async () => {
    const present = description('backup');
    const databases = present.databases.map((each) => ({ ...each, mirrored: each.name, needsCatchUp: true }));
    const text = 'activation and catchup of CITIES, ORDERS run in the background';
    const session = await pipedSession(
      { describe: () => ({ ...present, databases }), perform: done(text) },
      '2\n3\n1\norders\n\ny\n\n\n',
    );
    expect(session.output).toContain('Activation and catchup of CITIES, ORDERS run in the background');
    expect(session.instance.performed.map((request) => request.arguments)).toEqual([
      { databases: ['CITIES', 'ORDERS'] },
    ]);
  });

  test('DB-056: a database that is not journaled cannot be added, and it says why', async () => {
    const present = description('primary');
    const databases = present.databases.map((each) => ({
      ...each,
      addable: false,
      notAddable: each.mirrored === null ? 'Databases must be journaled to be mirrored' : null,
    }));
    const session = await pipedSession({ describe: () => ({ ...present, databases }) }, '2\n1\n\n\n');
    expect(session.errors).toContain('Databases must be journaled to be mirrored');
    expect(session.instance.performed).toEqual([]);
  });

  test('SYN-020: dejournaling is paused for single databases of a backup', async () => {
    const present = description('backup');
    const databases = present.databases.map((each) => ({ ...each, mirrored: each.name, status: 'Dejournaling' }));
    const session = await pipedSession(
      { describe: () => ({ ...present, databases }), perform: done('dejournaling into ORDERS is paused') },
      '2\n14\nORDERS\n\ny\n\n\n',
    );
    expectTranscript('pause-dejournaling', session);
    expect(session.instance.performed.map((request) => [request.command, request.arguments])).toEqual([
      ['pause-databases', { databases: ['ORDERS'] }],
    ]);
  });

  test('SYN-020: dejournaling of all databases is stopped and started on an async', async () => {
    let dejournalingPaused = false;
    const session = await pipedSession(
      {
        describe: () => description('dr', { dejournalingPaused }),
        perform: async () => {
          dejournalingPaused = !dejournalingPaused;
          return { ok: true, text: `dejournaling is ${dejournalingPaused ? 'paused' : 'restarted'} on this member` };
        },
      },
      '2\n13\n\n13\nYES\n13\ny\n\n\n',
    );
    expectTranscript('manage-dejournaling', session);
    expect(session.instance.performed.map((request) => request.arguments)).toEqual([
      { paused: true },
      { paused: false },
    ]);
  });

  test('DB-045 SYN-017: the sizes of a database are changed', async () => {
    const session = await pipedSession(
      at('backup', { perform: done('database CITIES may have 500 MB at most') }),
      '2\n8\ncities\n\n500\n20\ny\n\n\n',
    );
    expectTranscript('modify-size', session);
    expect(session.instance.performed.map((request) => request.arguments)).toEqual([
      { database: 'CITIES', maximumMegabytes: 500, expansionMegabytes: 20 },
    ]);
  });

  test('a database is removed only after Yes', async () => {
    const session = await pipedSession(at('primary'), '2\n2\n1\n\n\n\n\n');
    expectTranscript('remove-declined', session);
    expect(session.instance.performed).toEqual([]);
  });

  test('FO-072: no failover is set, and then cleared', async () => {
    let noFailover = false;
    const session = await pipedSession(
      {
        describe: () => description('backup', { noFailover }),
        perform: async () => {
          noFailover = !noFailover;
          return { ok: true, text: `No failover is ${noFailover ? 'set' : 'cleared'}.` };
        },
      },
      '2\n4\nYES\n4\nyes\n\n\n',
    );
    expectTranscript('no-failover', session);
    expect(session.instance.performed.map((request) => request.arguments)).toEqual([{ set: true }, { set: false }]);
  });

  test('try to make this the primary names the present primary and carries the situation number', async () => {
    const session = await pipedSession(
      at('backup', { assess: () => assessment, perform: done('This member is now the primary.') }),
      '2\n5\ny\n\n\n',
    );
    expectTranscript('become-primary', session);
    expect(session.instance.performed[0]).toMatchObject({ command: 'become-primary', situation: 41 });
  });

  test('FO-074, FO-075: force on a member that was active; the default is No', async () => {
    const session = await pipedSession(at('backup', { assess: () => assessment }), '2\n9\n\n\n\n');
    expectTranscript('force-active-declined', session);
    expect(session.instance.performed).toEqual([]);
  });

  test('FO-074, FO-075: force on a member that was not active; not known after 60 s', async () => {
    const session = await pipedSession(
      at('backup', {
        assess: () => ({ ...assessment, wasActive: false, otherAnswers: true }),
        perform: async (_, progress) => {
          progress('Forcing the former primary down.');
          const refusal = {
            reason: 'timed-out',
            text: 'this member is not the primary after 60 seconds.',
            spec: 'FO-074',
          };
          return { ok: false, outcome: 'not-known', refusal };
        },
      }),
      '2\n9\nyes\n\n\n',
    );
    expectTranscript('force-not-known', session);
    expect(session.exitCode).toBe(5);
  });

  test('FO-075, PROC-032: force on the last primary itself', async () => {
    const wasPrimary = { ...assessment, wasActive: false, wasPrimary: true };
    const session = await pipedSession(
      at('backup', { assess: () => wasPrimary, perform: done('BETA/IRIS is now primary') }),
      '2\n9\nyes\n\n\n',
    );
    expectTranscript('force-last-primary', session);
    expect(session.instance.performed[0]).toMatchObject({ command: 'force-primary', situation: 41 });
  });

  test('FO-075: a situation that changed is never confirmed by a later answer', async () => {
    const refusal = { reason: 'situation-changed', text: 'the primary answers again', spec: null };
    const session = await pipedSession(
      at('backup', { assess: () => assessment, perform: async () => ({ ok: false, outcome: 'refused', refusal }) }),
      '2\n9\ny\ny\ny\ny\n',
    );
    expectTranscript('force-situation-changed', session);
    expect(session.instance.performed).toHaveLength(1);
  });

  test('SYN-022: mirroring is stopped; a refusal ends the session with 1 and goes on until then', async () => {
    const refusal = { reason: 'stopped', text: 'mirroring is stopped already', spec: null };
    const session = await pipedSession(
      at('backup', { perform: async () => ({ ok: false, outcome: 'refused', refusal }) }),
      '2\n7\ny\n6\n\n\n\n',
    );
    expectTranscript('stop-refused', session);
  });
});

describe('Mirror Configuration', () => {
  test('CFG-043, CFG-045: settings are edited, with the present ones as default; only what differs is sent', async () => {
    const session = await pipedSession(
      at('primary', { perform: done('The arbiter is now 10.0.0.9|2189.') }),
      '3\n1\n\n\n2189\n\ncompressed with l\n\ny\n\n\n',
    );
    expectTranscript('edit-mirror', session);
    expect(session.instance.performed[0]?.arguments).toEqual({
      arbiter: { host: '10.0.0.9', port: 2189 },
      compressionAsync: 'Compressed with LZ4',
    });
  });

  test('CFG-045, CFG-049: parallel dejournaling is edited, and nothing is sent where nothing differs', async () => {
    const script = at('primary', { perform: done('Parallel dejournaling is now on All Members.') });
    const edited = await pipedSession(script, '3\n1\n\n\n\n\n\nall\ny\n\n\n');
    expect(edited.instance.performed[0]?.arguments).toEqual({ parallelDejournaling: 'All Members' });
    expect(edited.output).toContain("mirror edit IRIS --parallel-dejournaling 'All Members'");
    const same = await pipedSession(script, '3\n1\n\n\n\n\n\n\ny\n\n\n');
    expect(same).toMatchObject({ exitCode: 0, output: expect.stringContaining('Nothing was changed.') });
    expect(same.instance.performed).toEqual([]);
  });

  test('CFG-048: the QoS timeout is adjusted', async () => {
    const session = await pipedSession(
      at('primary', { perform: done('The QoS timeout is now 2000.') }),
      '3\nadj\n2000\ny\n\n\n',
    );
    expectTranscript('adjust-qos', session);
    expect(session.instance.performed[0]?.arguments).toEqual({ qosTimeoutMs: 2000 });
  });

  test('the limits printed by the menus are those of the mirror', () => {
    expect(monitorRefreshSeconds).toEqual(limits.monitorRefreshSeconds);
    const printed = JSON.stringify([noMirror, mirrorConfiguration]);
    const { min, max } = limits.qosTimeoutMs;
    expect(printed.match(/"name":"qosTimeoutMs".*?"min":(\d+),"max":(\d+)/)?.slice(1)).toEqual([`${min}`, `${max}`]);
    expect(printed).toContain(`"default":"<${limits.qosTimeoutMs.default}>"`);
    expect(printed).toContain(`"default":"<${limits.agentPortDefault}>"`);
  });
});

describe('a reporting async', () => {
  /** Read-only, with one copy whose flag is set and one that is writable. */
  const reporting = (): ReturnType<typeof description> => {
    const now = description('dr');
    const members = mirrorSet.members.map((each) =>
      each.name === now.member ? { ...each, type: 'Read-Only Reporting' as const } : each,
    );
    const [copy] = now.databases as [(typeof now.databases)[number]];
    const databases = [copy, { ...copy, name: 'OWN', mirrored: 'OWN', failoverDb: false }];
    const offered = { 'edit-async': null, 'clear-failoverdb': null, 'set-dejournal-filter': null };
    return { ...now, mirrorSet: { ...mirrorSet, members }, databases, commands: { ...now.commands, ...offered } };
  };
  const script = (text: string): Script => ({ describe: reporting, status: () => report('dr'), perform: done(text) });

  test('CFG-050, CFG-051, CFG-054: its edit screen shows members and flags, offers the types, and with read-write to clear all flags', async () => {
    const session = await pipedSession(
      script('the type of this member is Read-Write Reporting'),
      '3\n1\n3\ny\n\ny\n\n\n',
    );
    expectTranscript('edit-async', session);
    expect(session.instance.performed[0]?.arguments).toEqual({
      type: 'Read-Write Reporting',
      clearFailoverDb: true,
      purgeAtOnce: false,
    });
  });

  test('CFG-050: as DR it keeps its journal by the local policy, and nothing is asked of flags', async () => {
    const session = await pipedSession(script('done'), '3\n1\ndisaster\ny\n\n\n');
    expect(session.exitCode).toBe(0);
    expect(session.instance.performed[0]?.arguments).toEqual({ type: 'Disaster Recovery' });
  });

  test('DB-040, DB-059: clearing flags names what it means, asks, and takes single ones or all', async () => {
    const session = await pipedSession(script('FailoverDB is cleared on CITIES'), '3\n5\n*\nn\n5\ncit\n\ny\n\n\n');
    expectTranscript('clear-flags', session);
    expect(session.instance.performed).toMatchObject([{ arguments: { databases: ['CITIES'] } }]);
  });

  test('SYN-023: the filter is set and removed by name', async () => {
    const session = await pipedSession(
      script('the dejournal filter is zmine.mjs'),
      '3\nset\nzmine.mjs\ny\nset\nnone\ny\n\n\n',
    );
    expect(session.instance.performed.map((each) => each.arguments)).toEqual([
      { module: 'zmine.mjs' },
      { module: null },
    ]);
    const bad = await pipedSession(script('done'), '3\nset\nmine.mjs\n');
    expect(bad.exitCode).toBe(3);
    expect(bad.instance.performed).toEqual([]);
  });

  test('DB-055, DB-061: the list of databases shows flags on an async, and what is missing there', async () => {
    const missing = { missingDatabases: ['ORDERS'] };
    const session = await pipedSession({ describe: reporting, status: () => report('dr', missing) }, '1\n1\n\n\n');
    expect(session.output).toMatch(/Status +FailoverDB +Directory/);
    expect(session.output).toMatch(/:mirror:DEMO:CITIES +CITIES +Dejournaling +Yes /);
    expect(session.output).toMatch(/Missing Mirrored Databases Report:\n +:mirror:DEMO:ORDERS\n/);
  });
});
