/** A mirror that is made, looked at, changed and taken apart by nothing but the library's methods; members are processes. */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { FreshPrograms } from '../fixtures/fresh-programs.ts';
import type { Ran } from '../fixtures/program.ts';

// Each step is a program of its own, on machines that have other work.
jest.setTimeout(120_000);

type Label = 'A' | 'B' | 'C' | 'D';

const programs = new FreshPrograms();
/** Hosts of their own that no lab takes, since those begin with block 1. */
const block = 200 + (process.pid % 50);
const address = (label: Label) => `127.${block}.${(process.pid >> 6) % 250}.${1 + 'ABCD'.indexOf(label)}`;
const home = (label: Label) => join(programs.directory, 'homes', label);
const run = (label: Label, ...args: string[]) => programs.run([...args, '--home', home(label)]);
const well = (label: Label, ...args: string[]) => programs.runWell(...args, '--home', home(label));
const sys = (label: Label, method: string, ...args: string[]): Promise<Ran> => run(label, 'sys', method, ...args);
const mirror = async (label: Label, method: string, ...args: string[]): Promise<string> =>
  (await well(label, 'sys', `SYS.Mirror.${method}`, ...args)).trim();
const system = async (label: Label, method: string): Promise<string> =>
  (await well(label, 'sys', `$SYSTEM.Mirror.${method}`)).trim();
/** The value of --json. */
async function value(label: Label, method: string, ...args: string[]): Promise<unknown> {
  return JSON.parse(await well(label, 'sys', `SYS.Mirror.${method}`, ...args, '--json')).value;
}
const reached = (label: Label, goal: string) => well(label, 'wait', label, '--for', goal);

/** Lines of a program that imports the library as an application does. */
async function program(label: Label, ...lines: string[]): Promise<unknown> {
  const library = JSON.stringify(join(programs.directory, 'dist', 'sys.js'));
  const text = [`import { SYS, $SYSTEM } from ${library};`, ...lines].join('\n');
  const args = ['--input-type=module', '--eval', text];
  const env = { ...process.env, NODE_OPTIONS: '', CARETMIRROR_HOME: home(label) };
  return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout);
}

beforeAll(async () => {
  await programs.build();
  for (const label of ['A', 'B', 'C', 'D'] as const) {
    mkdirSync(home(label), { recursive: true });
    if (label !== 'D') await well(label, 'agent', 'start', '--address', address(label));
    await well(label, 'instance', 'create', label, '--address', address(label));
    await well(label, 'instance', 'start', label);
  }
}, 120_000);

afterAll(async () => {
  for (const label of ['C', 'B', 'A', 'D'] as const) {
    await run(label, 'instance', 'force', label);
    if (label !== 'D') await run(label, 'agent', 'stop');
  }
  programs.remove();
}, 60_000);

test('API-001: a mirror is created, once the service is enabled', async () => {
  expect(await sys('A', 'SYS.Mirror.CreateNewMirrorSet', 'TOUR', 'A')).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/^caretmirror: ERROR #2066: the mirror service is off/),
  });
  for (const label of ['A', 'B', 'C'] as const) {
    await well(label, 'sys', 'Security.Services.Modify', '%Service_Mirror', 'Enabled=1');
  }
  const info = ['QOSTimeout=4000', 'CompressionForAsyncMembers=1', 'AllowParallelDejournaling=2'];
  expect(await mirror('A', 'CreateNewMirrorSet', 'TOUR', 'A', ...info)).toMatch(/TOUR/);
  await reached('A', 'primary');
  const { settings } = JSON.parse(await well('A', 'mirror', 'show', 'A', '--json'));
  expect(settings).toMatchObject({
    qosTimeoutMs: 4000,
    compressionAsync: 'Uncompressed',
    parallelDejournaling: 'All Members',
    arbiter: null,
  });
});

test('API-002 API-003: a second failover member and an async join', async () => {
  await mirror('B', 'JoinMirrorAsFailoverMember', 'TOUR', 'B', 'A', address('A'));
  await reached('B', 'active');
  expect(await sys('C', 'SYS.Mirror.JoinMirrorAsAsyncMember', 'TOUR', 'C', 'A', address('A'), '', '7')).toMatchObject({
    code: 1,
    err: expect.stringContaining('ERROR #2140'),
  });
  await mirror('C', 'JoinMirrorAsAsyncMember', 'TOUR', 'C', 'A', address('A'), '2188', '0');
  await reached('C', 'connected');
  expect(await value('A', 'GetFailoverMemberStatus')).toEqual({
    ThisMember: { Name: 'A', Role: 'Primary', Status: 'Active' },
    OtherMember: { Name: 'B', Role: 'Backup', Status: 'Active' },
  });
});

test('API-019: the members with their latency', async () => {
  await reached('C', 'caught-up');
  expect(await value('A', 'MemberStatusList', 'TOUR')).toMatchObject([
    {
      MemberName: 'A',
      MemberType: 'Failover',
      Status: 'Primary',
      JournalTransferLatency: 'N/A',
      JournalTimeLatency: null,
    },
    { MemberName: 'B', MemberType: 'Failover', Status: 'Backup', JournalTransferLatency: 'Active' },
    { MemberName: 'C', MemberType: 'Disaster Recovery', Status: 'Connected' },
  ]);
  expect(await sys('A', 'SYS.Mirror.MemberStatusList', 'OTHER')).toMatchObject({
    code: 1,
    err: expect.stringContaining('ERROR #2051'),
  });
});

test('API-021 API-023 API-024 API-025: what an application asks about its member', async () => {
  const asked = [
    'IsMember',
    'IsPrimary',
    'IsBackup',
    'IsAsyncMember',
    'MirrorName',
    'GetMemberType',
    'GetMemberStatus',
  ];
  const answers = async (label: Label) => await Promise.all(asked.map((method) => system(label, method)));
  expect(await answers('A')).toEqual(['1', '1', '0', '0', 'TOUR', 'Failover', 'Primary']);
  expect(await answers('B')).toEqual(['1', '0', '1', '0', 'TOUR', 'Failover', 'Backup']);
  expect(await answers('C')).toEqual(['2', '0', '0', '1', '', 'Disaster Recovery', 'Connected']);
  expect(await answers('D')).toEqual(['0', '0', '0', '0', '', 'Not Member', 'Not initialized']);
  expect(await system('C', 'GetStatus')).toBe('CONNECTED');
});

test('the same from a program: values, statuses, and errors with codes', async () => {
  const told = await program(
    'B',
    'const told = [await $SYSTEM.Mirror.IsBackup(), await SYS.at("B").Mirror.GetPrimaryJournalPosition()];',
    'told.push(await SYS.Mirror.CreateNewMirrorSet("M2", "", { ArbiterNode: "h|x" }).catch(({ code }) => code));',
    'told.push(await SYS.at("NONE").Mirror.StopMirror().catch(({ code, exitCode }) => [code, exitCode]));',
    'console.log(JSON.stringify(told));',
  );
  expect(told).toEqual([
    true,
    expect.objectContaining({ ok: false, outcome: 'refused', code: 2113, reason: 'not-primary' }),
    'bad-argument',
    ['command-failure', 1],
  ]);
});

test('API-011 API-013: a database is added, downloaded elsewhere, activated and caught up', async () => {
  await well('A', 'database', 'create', 'A', 'CITIES');
  await well('A', 'database', 'edit', 'A', 'CITIES', '--journaled', 'no');
  const [{ directory }] = JSON.parse(await well('A', 'database', 'list', 'A', '--json'));
  expect(await sys('A', 'SYS.Mirror.AddDatabase', directory, '', '0')).toMatchObject({
    code: 1,
    err: expect.stringContaining('ERROR #2129'),
  });
  await mirror('A', 'AddDatabase', `${directory}/`, 'TOWNS');
  expect(await sys('A', 'SYS.Mirror.AddDatabase', directory)).toMatchObject({
    err: expect.stringContaining('ERROR #2063'),
  });
  await well('A', 'global', 'A', 'set', '^CITY(75)', 'Paris');
  expect(await value('B', 'MissingMirroredDatabases')).toEqual([':mirror:TOUR:TOWNS']);
  await mirror('B', 'DownloadMirrorDatabase', 'TOUR', 'TOWNS');
  await mirror('C', 'DownloadMirrorDatabase', 'TOUR', 'TOWNS');
  expect(await value('B', 'MissingMirroredDatabases')).toEqual([]);
  const [copy] = (await value('B', 'MirroredDatabaseList')) as { Name: string; Directory: string }[];
  expect(copy).toMatchObject({ Mirror: 'TOUR', MirrorDBName: 'TOWNS' });
  await mirror('B', 'ActivateMirroredDatabase', copy?.Directory ?? '');
  await mirror('B', 'CatchupDB', copy?.Name ?? '');
  expect((await well('B', 'global', 'B', 'get', '^CITY(75)')).trim()).toBe('Paris');
});

test('API-017 API-018: dejournaling is stopped, looked at and started again, of all and of one', async () => {
  await mirror('C', 'AsyncDejournalStop', 'TOUR');
  expect(await value('C', 'AsyncDejournalStatus')).toMatchObject({ Running: false, Stopped: '' });
  await well('A', 'global', 'A', 'set', '^CITY(69)', 'Lyon');
  await mirror('C', 'AsyncDejournalStart');
  expect(await value('C', 'AsyncDejournalStatus')).toMatchObject({ Running: true });
  await reached('C', 'caught-up');
  expect((await well('C', 'global', 'C', 'get', '^CITY(69)')).trim()).toBe('Lyon');
  const [{ Name }] = (await value('C', 'MirroredDatabaseList')) as [{ Name: string }];
  await mirror('C', 'DejournalPauseDatabase', Name);
  expect(await value('C', 'MirroredDatabaseList')).toMatchObject([{ Status: 'Dejournaling Stopped' }]);
  await mirror('C', 'CatchupDB', Name);
  expect(await value('C', 'MirroredDatabaseList')).toMatchObject([{ Status: 'Dejournaling' }]);
  expect(await sys('B', 'SYS.Mirror.AsyncDejournalStop')).toMatchObject({
    code: 1,
    err: expect.stringContaining('ERROR #2161'),
  });
});

test('API-014: mirroring is stopped on a member and started again', async () => {
  await mirror('C', 'StopMirror', 'TOUR');
  expect([await mirror('C', 'IsMirrorStarted', 'TOUR'), await system('C', 'GetStatus')]).toEqual(['0', 'STOPPED']);
  expect(await sys('C', 'SYS.Mirror.StopMirror')).toMatchObject({ err: expect.stringContaining('ERROR #2107') });
  await mirror('C', 'StartMirror', 'TOUR');
  await reached('C', 'connected');
  expect(await mirror('C', 'IsMirrorStarted')).toBe('1');
  expect(await sys('A', 'SYS.Mirror.StopMirror')).toMatchObject({ err: expect.stringContaining('ERROR #2022') });
});

test('API-015 API-016: a failover member is demoted, an async promoted in its place, and demoted again', async () => {
  await mirror('A', 'DemotePartner');
  await reached('B', 'connected');
  expect(await system('B', 'GetMemberType')).toBe('Disaster Recovery');
  expect(await value('C', 'Promote')).toMatchObject({ ok: true, UnavailableMembers: [] });
  await reached('C', 'active');
  expect(await system('C', 'GetMemberType')).toBe('Failover');
  await mirror('C', 'Demote');
  await reached('C', 'connected');
  expect(await value('B', 'PromoteWithPartner')).toMatchObject({ ok: true });
  await reached('B', 'active');
});

test('the backup becomes the primary, and says so again when it is', async () => {
  await mirror('B', 'BecomePrimary');
  expect([await system('B', 'IsPrimary'), await mirror('B', 'BecomePrimary')]).toEqual(['1', expect.any(String)]);
  await well('A', 'instance', 'start', 'A');
  await reached('A', 'active');
});

test('API-022: a primary is one for applications only when its site has agreed', async () => {
  const site = join(home('B'), 'instances', 'B', 'zmirror.mjs');
  await well('A', 'instance', 'stop', 'A');
  await well('B', 'instance', 'stop', 'B');
  writeFileSync(site, 'export const CheckBecomePrimaryOK = () => 0;\n');
  expect(await run('B', 'instance', 'start', 'B', '--timeout', '3s')).toMatchObject({ code: 5 });
  expect([await system('B', 'IsPrimary'), await system('B', 'GetStatus')]).toEqual([
    '0',
    expect.not.stringMatching('PRIMARY'),
  ]);
  await well('B', 'instance', 'force', 'B');
  rmSync(site);
  await well('B', 'instance', 'start', 'B');
  expect(await system('B', 'IsPrimary')).toBe('1');
  await well('A', 'instance', 'start', 'A');
  await reached('A', 'active');
});

test('API-015: none for a partner is refused while a primary runs; with the pair down one of them is named', async () => {
  expect(await sys('C', 'SYS.Mirror.PromoteWithNoPartner')).toMatchObject({
    code: 1,
    err: expect.stringContaining('B is the primary and becomes the partner'),
  });
  await well('A', 'instance', 'force', 'A');
  await well('B', 'instance', 'force', 'B');
  const promoted = await value('C', 'PromoteWithSelectedPartner', 'B');
  expect(promoted).toMatchObject({ ok: true, UnavailableMembers: [] });
  await well('B', 'instance', 'start', 'B');
  await well('A', 'instance', 'start', 'A');
  await reached('A', 'connected');
  expect(await Promise.all((['B', 'C', 'A'] as const).map((label) => system(label, 'GetMemberType')))).toEqual([
    'Failover',
    'Failover',
    'Disaster Recovery',
  ]);
  // As it was.
  if ((await system('B', 'IsPrimary')) === '0') await mirror('B', 'BecomePrimary');
  await run('C', 'instance', 'start', 'C');
  await reached('C', 'active');
  await mirror('C', 'Demote');
  await reached('C', 'connected');
  await value('A', 'Promote');
  await reached('A', 'active');
});

test('API-012: a database is taken out of the mirror, its data stay', async () => {
  const [{ Name, Directory }] = (await value('B', 'MirroredDatabaseList')) as [{ Name: string; Directory: string }];
  await mirror('B', 'RemoveMirroredDatabase', Directory);
  expect(await value('B', 'MirroredDatabaseList')).toEqual([]);
  await mirror('B', 'RemoveMirroredDatabase', Directory);
  expect((await well('B', 'global', 'B', 'get', '^CITY(75)', '--database', Name)).trim()).toBe('Paris');
});

test('API-009 API-010: an async leaves the mirror, the last member ends it', async () => {
  expect(await sys('B', 'SYS.Mirror.RemoveOneMirrorSet', 'TOUR')).toMatchObject({
    code: 1,
    err: expect.stringContaining('ERROR #2161'),
  });
  await mirror('C', 'RemoveOneMirrorSet', 'TOUR');
  await well('C', 'instance', 'restart', 'C');
  expect(await system('C', 'IsMember')).toBe('0');
  await mirror('A', 'RemoveMirrorConfiguration', '1');
  await well('A', 'instance', 'restart', 'A');
  expect(await system('A', 'IsMember')).toBe('0');
});

test.each([
  ['API-004', 'SYS.Mirror.AddFailoverMember'],
  ['API-005', 'Config.MapMirrors.Create'],
  ['API-006', 'SYS.Mirror.VerifyMirrorSSLCertificates'],
  ['API-007', 'SYS.Mirror.UpdateMirrorSSL'],
  ['API-008', 'SYS.Mirror.AuthorizePendingMembers'],
])('what needs TLS says that it is not built (%s)', async (_, method) => {
  const { code, out, err } = await sys('B', method, '--json');
  expect({ code, reason: JSON.parse(out).value.reason, err }).toEqual({
    code: 1,
    reason: 'not-built',
    err: expect.stringMatching(/^caretmirror: TLS is not built in this version/),
  });
});
