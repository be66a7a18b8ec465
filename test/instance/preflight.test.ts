/**
 * What a command would meet is looked at before a person confirms it, and what is refused has changed nothing: over real control sockets,
 * with agents, superservers and files of several hosts. "Nothing changed" is every file of every host but the logs, byte for byte.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join as path } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Assessment, Finding } from '../../src/protocol/assessment.ts';
import type { CommandArguments, CommandName, Outcome } from '../../src/protocol/control-commands.ts';
import { errorNumberOf } from '../../src/protocol/error-numbers.ts';
import { freePort, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let c: WholeHost;
let fresh: WholeHost;
let nowhere = 0;

beforeAll(async () => {
  [a, b, c, fresh] = await Promise.all([
    startWholeHost('ALPHA'),
    startWholeHost('BETA'),
    startWholeHost('GAMMA'),
    startWholeHost('DELTA'),
  ]);
  nowhere = await freePort();
  await done(a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A', enableService: true }));
  for (const database of ['DATA', 'PLAIN']) await done(a.control.perform('create-database', { database }));
  await done(a.control.perform('add-databases', { databases: ['DATA'] }));
  await done(b.control.perform('join-mirror', { ...joining('Failover', 'B'), enableService: true }));
  await done(c.control.perform('join-mirror', { ...joining('Disaster Recovery', 'C'), enableService: true }));
  for (const host of [b, c]) {
    await done(host.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' }));
  }
  await a.reach(({ members }) => members.some((row) => row.name === 'B' && row.journalTransfer === 'Active'));
  await c.reach(({ databases }) => databases.every(({ status }) => status === 'Dejournaling'));
}, 60_000);

afterAll(async () => {
  for (const host of [fresh, c, b, a]) await host?.close();
}, 30_000);

const joining = (type: CommandArguments['join-mirror']['type'], member: string) => ({
  mirror: 'DEMO',
  type,
  member,
  otherAgentAddress: '127.0.0.1',
  otherAgentPort: a.agentPort,
  otherInstance: 'ALPHA',
});

async function done(work: Promise<Outcome>): Promise<string> {
  const outcome = await work;
  if (!outcome.ok) throw new Error(`${outcome.outcome}: ${outcome.refusal.text}`);
  return outcome.text;
}

/** Where each stands is in these; logs tell of refusals, and databases write what they have when they like. */
const records = ['configuration.json', 'member.json'];

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory).flatMap((name) => {
    const at = path(directory, name);
    if (statSync(at).isDirectory()) return [`${at}/`, ...filesBelow(at)];
    if (!records.includes(name)) return [at];
    return [`${at} ${createHash('sha256').update(readFileSync(at)).digest('hex')}`];
  });
}

/** Of everybody: what one member is refused may not have changed another either. */
const everything = () =>
  [a, b, c, fresh].map(({ home, instance }) => ({
    files: filesBelow(home),
    set: instance.configuration.get().mirrorSet,
    journal: instance.member?.journal.end,
    databases: instance.catalog.entries().map(({ configuration, status }) => [configuration, status]),
  }));

type Refused = { readonly [N in CommandName]?: CommandArguments[N] };

interface Row {
  readonly on: () => WholeHost;
  readonly given: () => Refused;
  readonly reason: string;
  /** Of the original, where it has one. */
  readonly number?: number;
}

const create = (more: Partial<CommandArguments['create-mirror']>) => (): Refused => ({
  'create-mirror': { mirror: 'NEW', member: 'N', enableService: true, ...more },
});
const join = (more: () => Partial<CommandArguments['join-mirror']>) => (): Refused => ({
  'join-mirror': { ...joining('Disaster Recovery', 'N'), enableService: true, ...more() },
});
const add = (given: CommandArguments['add-databases']) => (): Refused => ({ 'add-databases': given });

const rows: Readonly<Record<string, Row>> = {
  'create with the service off': {
    on: () => fresh,
    given: create({ enableService: false }),
    reason: 'service-off',
    number: 2066,
  },
  'create with TLS': { on: () => fresh, given: create({ requireTls: true }), reason: 'not-built' },
  'create with a bad name': { on: () => fresh, given: create({ mirror: 'NEW_1' }), reason: 'bad-name', number: 2110 },
  'create with a bad member name': { on: () => fresh, given: create({ member: 'N:1' }), reason: 'bad-name' },
  'create with a bad QoS timeout': { on: () => fresh, given: create({ qosTimeoutMs: 1 }), reason: 'bad-value' },
  'create with its own agent as arbiter': {
    on: () => fresh,
    given: () => create({ arbiter: { host: '127.0.0.1', port: fresh.agentPort } })(),
    reason: 'arbiter-on-member',
  },
  'create with an agent that nobody is': {
    on: () => fresh,
    given: () => create({ agentPort: nowhere })(),
    reason: 'agent-not-reached',
    number: 2086,
  },
  'create with the agent of another host': {
    on: () => fresh,
    given: () => create({ agentPort: a.agentPort })(),
    reason: 'agent-of-another-host',
  },
  'create at a name that nobody knows': {
    on: () => fresh,
    given: create({ superserverAddress: 'nobody.invalid', agentAddress: '127.0.0.1' }),
    reason: 'superserver-not-reached',
    number: 2088,
  },
  'create at a private address where nothing is': {
    on: () => fresh,
    given: create({ privateAddress: '127.0.0.254' }),
    reason: 'member-not-reached',
    number: 2087,
  },
  'create in a mirror': { on: () => a, given: create({}), reason: 'in-a-mirror', number: 2109 },
  'join with a bad name': {
    on: () => fresh,
    given: join(() => ({ mirror: 'DE MO' })),
    reason: 'bad-name',
    number: 2110,
  },
  'join through an agent that is not there': {
    on: () => fresh,
    given: join(() => ({ otherAgentPort: nowhere })),
    reason: 'agent-not-reached',
    number: 2086,
  },
  'join through an instance that is not there': {
    on: () => fresh,
    given: join(() => ({ otherInstance: 'NOBODY' })),
    reason: 'agent-refused',
  },
  'join under a name that is taken': {
    on: () => fresh,
    given: join(() => ({ member: 'C' })),
    reason: 'name-taken',
    number: 2033,
  },
  'join as a third failover member': {
    on: () => fresh,
    given: join(() => ({ type: 'Failover' })),
    reason: 'failover-members-full',
  },
  'join with an agent that nobody is': {
    on: () => fresh,
    given: join(() => ({ agentPort: nowhere })),
    reason: 'agent-not-reached',
    number: 2086,
  },
  'remove nobody': {
    on: () => a,
    given: () => ({ 'remove-member': { member: 'NOBODY' } }),
    reason: 'no-member',
  },
  'remove the primary itself': {
    on: () => a,
    given: () => ({ 'remove-member': { member: 'A' } }),
    reason: 'is-primary',
    number: 2116,
  },
  'remove the primary from the backup': {
    on: () => b,
    given: () => ({ 'remove-member': { member: 'A' } }),
    reason: 'not-here',
  },
  'remove another member from an async': {
    on: () => c,
    given: () => ({ 'remove-member': { member: 'B' } }),
    reason: 'not-a-failover-member',
    number: 2081,
  },
  'remove the configuration of the primary': {
    on: () => a,
    given: () => ({ 'remove-mirror': {} }),
    reason: 'not-last',
  },
  'remove a mirror that is none': {
    on: () => fresh,
    given: () => ({ 'remove-mirror': {} }),
    reason: 'not-a-member',
    number: 2074,
  },
  'add a database that is not there': {
    on: () => a,
    given: add({ databases: ['PLAIN', 'NOBODY'] }),
    reason: 'no-database',
    number: 2073,
  },
  'add a database twice': {
    on: () => a,
    given: add({ databases: ['PLAIN', 'PLAIN'] }),
    reason: 'name-taken',
    number: 2061,
  },
  'add under a name that is taken': {
    on: () => a,
    given: add({ databases: ['PLAIN'], mirrorDatabases: ['DATA'] }),
    reason: 'name-taken',
    number: 2061,
  },
  'add under a bad name': {
    on: () => a,
    given: add({ databases: ['PLAIN'], mirrorDatabases: ['PL:AIN'] }),
    reason: 'bad-name',
  },
  'add a mirrored one under another name': {
    on: () => a,
    given: add({ databases: ['DATA'], mirrorDatabases: ['OTHER'] }),
    reason: 'already-mirrored',
    number: 2063,
  },
  'add with fewer names than databases': {
    on: () => a,
    given: add({ databases: ['PLAIN', 'DATA'], mirrorDatabases: ['PLAIN'] }),
    reason: 'bad-names',
  },
  'add on the backup': { on: () => b, given: add({ databases: ['PLAIN'] }), reason: 'not-primary', number: 2113 },
  'rebuild the primary': { on: () => a, given: () => ({ 'rebuild-member': {} }), reason: 'is-primary', number: 2116 },
  'rebuild from nobody': {
    on: () => b,
    given: () => ({ 'rebuild-member': { from: 'NOBODY' } }),
    reason: 'no-member',
  },
  'rebuild what is in no mirror': {
    on: () => fresh,
    given: () => ({ 'rebuild-member': {} }),
    reason: 'not-a-member',
    number: 2074,
  },
  'promote a failover member': {
    on: () => b,
    given: () => ({ promote: {} }),
    reason: 'not-an-async',
    number: 2117,
  },
  'promote with a position that is none': {
    on: () => c,
    given: () => ({ promote: { acceptLossUpTo: '3' } }),
    reason: 'bad-value',
  },
};

describe('what is refused', () => {
  test.each(Object.keys(rows))(
    'CFG-012, CFG-073: %s: the preflight says so, the command too, and nothing is changed',
    async (what) => {
      const { on, given, reason, number } = rows[what] as Row;
      const host = on();
      const [[command, args]] = Object.entries(given()) as [[CommandName, CommandArguments[CommandName]]];
      const before = everything();
      const assessed = await host.control.assess(command, args);
      expect(assessed).toMatchObject({ refusal: { reason }, findings: [] });
      const outcome = await host.control.perform(command, args);
      expect(outcome).toMatchObject({ ok: false, outcome: 'refused', refusal: { reason } });
      if (!outcome.ok) expect(assessed.refusal).toEqual(outcome.refusal);
      expect(errorNumberOf(assessed.refusal as NonNullable<Assessment['refusal']>, command)).toBe(number ?? null);
      expect(everything()).toEqual(before);
    },
  );

  test('SYN-001: journal files of an earlier mirror of that name stand against it', async () => {
    const { directory } = fresh.instance.configuration.get();
    const left = path(directory, 'journal', 'MIRROR-NEW-20260101.001');
    writeFileSync(left, 'of before');
    const { refusal } = await fresh.control.assess('create-mirror', create({})()['create-mirror']);
    rmSync(left);
    expect(refusal).toMatchObject({ reason: 'journal-left-over', text: expect.stringContaining(left.slice(-23)) });
    expect(errorNumberOf(refusal as NonNullable<typeof refusal>)).toBe(2174);
  });

  test('CFG-012: a question with arguments that do not fit is refused as such', async () => {
    const bad = fresh.control.assess('create-mirror', { mirror: 'NEW', qosTimeoutMs: 'soon' } as never);
    await expect(bad).rejects.toMatchObject({
      message: expect.stringMatching(/qosTimeoutMs .* must be a whole number/),
    });
  });
});

describe('what will be done', () => {
  const look = async <N extends CommandName>(host: WholeHost, command: N, given: CommandArguments[N]) => {
    const before = everything();
    const assessment = await host.control.assess(command, given);
    expect(everything()).toEqual(before);
    expect(assessment.refusal).toBeNull();
    return assessment.findings ?? [];
  };
  const names = (findings: readonly Finding[]) => findings.map(({ says }) => says);
  const factsOf = (findings: readonly Finding[], says: Finding['says']) =>
    findings.find((finding) => finding.says === says)?.facts;

  test('CFG-001, CFG-012: before a mirror is created: the service, its own addresses, the arbiter, the databases', async () => {
    await done(fresh.control.perform('create-database', { database: 'OWN' }));
    const given = { mirror: 'NEW', member: 'N', enableService: true };
    const silent = { ...given, arbiter: { host: '127.0.0.1', port: nowhere } };
    const findings = await look(fresh, 'create-mirror', silent);
    expect(names(findings)).toEqual([
      ...(['service', 'agent', 'superserver', 'no-leftover', 'arbiter-silent', 'begins-journal', 'ordinary'] as const),
    ]);
    expect(factsOf(findings, 'agent')?.at).toBe(`127.0.0.1|${fresh.agentPort}`);
    expect(factsOf(findings, 'ordinary')).toEqual({ databases: 'OWN', mirror: 'NEW' });
    const met = await look(fresh, 'create-mirror', { ...given, arbiter: { host: '127.0.0.1', port: a.agentPort } });
    expect(names(met)).toContain('arbiter');
    expect(names(await look(fresh, 'create-mirror', given))).toContain('no-arbiter');
    expect(fresh.instance.configuration.get().serviceEnabled).toBe(false);
  });

  test('CFG-012, DB-014: before a join: what the primary reaches and says, its journal, the copies that are missing', async () => {
    const given = { ...joining('Read-Only Reporting', 'N'), enableService: true };
    const findings = await look(fresh, 'join-mirror', given);
    expect(names(findings)).toEqual([
      ...([
        'service',
        'agent',
        'superserver',
        'no-leftover',
        'taken-in',
        'journal-kept',
        'copies',
        'ordinary',
      ] as const),
    ]);
    expect(factsOf(findings, 'taken-in')).toEqual({ primary: 'A', member: 'N', type: 'Read-Only Reporting' });
    const end = a.instance.member?.journal.end;
    expect(factsOf(findings, 'journal-kept')).toMatchObject({ from: '1/0', upTo: `${end?.epoch}/${end?.sequence}` });
    expect(factsOf(findings, 'copies')).toEqual({ databases: 'DATA' });
    expect(a.instance.configuration.get().mirrorSet?.members).toHaveLength(3);
  });

  test('CFG-066, CFG-069: before a member goes: how far it is, and what the primary says', async () => {
    const end = a.instance.member?.journal.end;
    const at = `${end?.epoch}/${end?.sequence}`;
    expect(await look(a, 'remove-member', { member: 'c' })).toEqual([
      { says: 'removed-connected', facts: { member: 'C', end: at } },
    ]);
    const asked = { says: 'asks-primary', facts: { primary: 'A', member: 'C', end: at } };
    expect(await look(b, 'remove-member', { member: 'C' })).toEqual([asked]);
    expect(await look(c, 'remove-mirror', {})).toEqual([asked]);
  });

  test('DB-019: before databases are added: their names, from where on, and who needs copies', async () => {
    const end = a.instance.member?.journal.end;
    expect(
      await look(a, 'add-databases', { databases: ['plain'], mirrorDatabases: ['Other'], background: true }),
    ).toEqual([
      { says: 'adds', facts: { name: 'PLAIN', mirrorDatabase: 'OTHER' } },
      { says: 'added-from', facts: { from: `${end?.epoch}/${end?.sequence}`, members: 'B, C' } },
      { says: 'background', facts: {} },
    ]);
  });

  test('FO-089: before a rebuild: what is copied from whom, and what becomes of the data that are here', async () => {
    const findings = await look(b, 'rebuild-member', {});
    expect(names(findings)).toEqual(['copied', 'put-aside']);
    expect(factsOf(findings, 'copied')).toEqual({ databases: 'DATA', source: 'A' });
    expect(factsOf(await look(b, 'rebuild-member', { from: 'c' }), 'copied')).toEqual({
      databases: 'DATA',
      source: 'C',
    });
  });

  test('CFG-001, CFG-012: what was looked at is done then, and the service is enabled with it', async () => {
    await done(fresh.control.perform('join-mirror', { ...joining('Read-Only Reporting', 'N'), enableService: true }));
    expect(fresh.instance.configuration.get()).toMatchObject({ serviceEnabled: true, member: 'N' });
  });
});

describe('without a primary', () => {
  test('FO-075, FO-082: a promotion whose situation changed while agents were asked is not done', async () => {
    const { situation } = await c.control.assess('promote');
    expect(situation).toBeGreaterThan(0);
    for (const host of [a, b]) {
      host.instance.endProcess('the test wants no primary');
      await host.instance.ended;
    }
    await c.reach(({ primary }) => primary === null);
    await b.stopAgent();
    const silent = await silentServer(b.agentPort);
    try {
      const seen = await c.control.assess('promote');
      const asked = silent.nextCaller();
      const promotion = c.control.perform('promote', { partner: 'none' }, seen.situation);
      await asked;
      await done(c.control.perform('stop-mirror', {}));
      await done(c.control.perform('start-mirror', {}));
      expect(await promotion).toMatchObject({ ok: false, refusal: { reason: 'situation-changed', spec: 'FO-075' } });
      expect(c.instance.member?.state.failoverMember).toBe(false);
    } finally {
      silent.close();
    }
  }, 60_000);

  test('CFG-066: who would leave is refused before it is confirmed, unless it is meant to go without a primary', async () => {
    expect((await c.control.assess('remove-mirror', {})).refusal).toMatchObject({
      reason: 'no-primary',
      text: expect.stringContaining('--without-primary'),
    });
    const meant = await c.control.assess('remove-mirror', { withoutPrimary: true });
    expect(meant).toMatchObject({ refusal: null, findings: [{ says: 'without-primary', facts: { member: 'C' } }] });
  }, 30_000);
});

/** Takes connections and says nothing. */
async function silentServer(port: number) {
  const sockets: Socket[] = [];
  let onCaller = (): void => undefined;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onCaller();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    nextCaller: () =>
      new Promise<void>((resolve) => {
        onCaller = resolve;
      }),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
