/** Before a member joins, its addresses are tried from both sides: real instances and agents, with links that lead nowhere in one direction. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { refusalOfVersion } from '../../src/instance/reached-addresses.ts';
import { FreshPrograms } from '../fixtures/fresh-programs.ts';
import type { Ran } from '../fixtures/program.ts';
import { freePort } from '../fixtures/whole-host.ts';

const programs = new FreshPrograms();
const homeOf = (name: string) => join(programs.directory, 'homes', name);
const on = (name: string, ...args: string[]) => programs.runWell(...args, '--home', homeOf(name));
const ports = { P: { agent: 0, superserver: 0 }, Q: { agent: 0, superserver: 0 } };
let nowhere = 0;

beforeAll(async () => {
  await programs.build();
  nowhere = await freePort();
  for (const name of ['P', 'Q'] as const) {
    const [agent, superserver] = [await freePort(), await freePort()];
    ports[name] = { agent, superserver };
    await on(name, 'instance', 'create', name, '--address', '127.0.0.1', '--port', String(superserver));
    await on(name, 'agent', 'start', '--port', String(agent));
    await on(name, 'instance', 'start', name);
  }
}, 180_000);

afterAll(async () => {
  for (const name of ['P', 'Q']) {
    await programs.run(['instance', 'force', name, '--home', homeOf(name)]);
    await programs.run(['agent', 'stop', '--home', homeOf(name)]);
  }
  programs.remove();
}, 60_000);

/** As seen from that host, nothing is at this port of the other one. */
function lead(name: 'P' | 'Q', port: number): void {
  writeFileSync(
    join(homeOf(name), 'links.json'),
    JSON.stringify({ [`127.0.0.1:${port}`]: { host: '127.0.0.1', port: nowhere } }),
  );
}

const tryCreate = (agent: number): Promise<Ran> => {
  const args = ['mirror', 'create', 'P', '--mirror', 'M', '--member', 'P', '--agent-port', String(agent)];
  return programs.run([...args, '--home', homeOf('P')]);
};
const tryJoin = (agent: number): Promise<Ran> => {
  const args = ['mirror', 'join', 'Q', '--mirror', 'M', '--type', 'failover', '--member', 'Q', '--instance', 'P'];
  const agents = ['--agent', `127.0.0.1:${ports.P.agent}`, '--agent-port', String(agent)];
  return programs.run([...args, ...agents, '--home', homeOf('Q')]);
};
const membersOf = async (name: 'P' | 'Q') => {
  const set = JSON.parse(await on(name, 'mirror', 'show', name, '--json'));
  return set?.members.map((member: { name: string }) => member.name) ?? null;
};

test.each([
  ['1.2.0', '1.1.9', true],
  ['1.10.0', '1.9.0', true],
  ['1.2.0', '1.2.0', false],
  ['1.1.9', '1.2.0', false],
  ['0.1.0', 'unknown', false],
])('CFG-004: an instance of version %s beside an agent of %s: refused %s', (instance, agent, isRefused) => {
  expect(refusalOfVersion(instance, agent)?.reason === 'agent-older').toBe(isRefused);
});

test('CFG-012: a mirror is not created with an agent that does not answer, or is that of another host', async () => {
  expect(await tryCreate(nowhere)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/this instance does not reach the ISCAgent of P: /),
  });
  expect(await tryCreate(ports.Q.agent)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/it knows no instance P \(Q\)/),
  });
  expect(await membersOf('P')).toBeNull();
  expect(await tryCreate(ports.P.agent)).toMatchObject({ code: 0 });
}, 60_000);

test('CFG-012: a member joins only when the primary reaches its superserver and its agent, and it the primary', async () => {
  lead('P', ports.Q.agent);
  expect(await tryJoin(ports.Q.agent)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/primary P does not reach the ISCAgent of Q: .*; check the agent's address and port/),
  });
  lead('P', ports.Q.superserver);
  expect(await tryJoin(ports.Q.agent)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/primary P does not reach the superserver of Q: /),
  });
  rmSync(join(homeOf('P'), 'links.json'));
  lead('Q', ports.P.superserver);
  expect(await tryJoin(ports.Q.agent)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/does not reach primary P at the address of its data channel/),
  });
  expect(await tryJoin(ports.P.agent)).toMatchObject({ code: 1, err: expect.stringMatching(/it knows no instance Q/) });
  expect([await membersOf('P'), await membersOf('Q')]).toEqual([['P'], null]);
  rmSync(join(homeOf('Q'), 'links.json'));
  expect(await tryJoin(ports.Q.agent)).toMatchObject({ code: 0 });
  expect(await membersOf('P')).toEqual(['P', 'Q']);
}, 120_000);
