/** `caretmirror events --all` from a home with member BETA; ALPHA's host has a real agent and an instance that is down. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createConfiguration, newConfiguration } from '../../src/host/configuration-file.ts';
import { openEventsLog } from '../../src/host/events-log.ts';
import { instancePaths } from '../../src/host/home.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import type { MemberDefinition, MirrorSet } from '../../src/mirror/mirror-set.ts';
import { freePort, mirrorSet, TestHost } from '../agent/host.ts';
import { CommandLine } from './command-line.ts';

let line: CommandLine;
let alpha: TestHost;
beforeEach(async () => {
  line = new CommandLine();
  alpha = await new TestHost('').open();
});
afterEach(async () => {
  await alpha.close();
  line.remove();
});

function member(name: string, instance: string, port: number): MemberDefinition {
  const host = '127.0.0.1';
  const superserver = { host, port: 1972 };
  return {
    name,
    type: 'Failover',
    instance,
    instanceDirectory: '',
    superserver,
    privateAddress: null,
    agent: { host, port },
  };
}

function append(path: string, ...noted: readonly (readonly [string, string, string])[]): void {
  const events = openEventsLog(path);
  for (const [at, what, rule] of noted) events.append({ at, member: 'M', what, rules: [rule], facts: {} });
  events.close();
}

test('FO-021, FO-027: the other host answers though its instance is down, the arbiter is named as missing, times join', async () => {
  const paths = instancePaths(line.home, 'LOCAL');
  nodeHost.files.makeDirectory(paths.directory);
  const silentPort = await freePort();
  const set: MirrorSet = {
    ...mirrorSet,
    settings: { ...mirrorSet.settings, arbiter: { host: '127.0.0.1', port: silentPort } },
    members: [member('ALPHA', 'IRIS', alpha.port), member('BETA', 'LOCAL', silentPort)],
  };
  await createConfiguration(paths.configuration, {
    ...newConfiguration('LOCAL', paths.directory, { host: '127.0.0.1', port: 1972 }),
    member: 'BETA',
    memberType: 'Failover',
    mirrorSet: set,
  });
  append(
    alpha.paths.events,
    ['2026-01-31T12:00:00.000Z', 'enters trouble state', 'FO-017'],
    ['2026-01-31T12:00:08.000Z', 'stops', 'FO-008'],
  );
  append(
    paths.events,
    ['2026-01-31T12:00:04.000Z', 'lost the primary', 'FO-021'],
    ['2026-01-31T12:00:09.000Z', 'waits', 'FO-027'],
  );
  await alpha.askDown('confirm-down', 3);
  const ran = await line.run(['events', '--all', '--json']);
  const { events, notReached } = JSON.parse(ran.out);
  expect(events.map(({ source, what }: { source: string; what: string }) => `${source}: ${what}`)).toEqual([
    'ALPHA: enters trouble state',
    'BETA: lost the primary',
    'ALPHA: stops',
    'BETA: waits',
    'agent of ALPHA: called IRIS down',
  ]);
  expect(events[1]).toMatchObject({ uncertaintyMs: 0, correctedAt: '2026-01-31T12:00:04.000Z' });
  expect(notReached).toEqual([expect.stringMatching(/^arbiter is missing: .*nothing listens there/)]);
  expect(ran.err).toContain('arbiter is missing');
  const text = await line.run(['events', '--all', '--rule', 'fo-027']);
  expect(text.out).toMatch(/^2026-01-31T12:00:09.000Z +BETA +waits {2}\(FO-027\)\n$/);
  expect((await line.run(['events', 'LOCAL', '--since', '2026-01-31T12:00:05Z'])).out).toMatch(/^[^\n]*waits[^\n]*\n$/);
  expect(await line.run(['events', '--since', 'yesterday'])).toMatchObject({ code: 2 });
});
