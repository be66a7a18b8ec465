/** Where the agent of another member is asked, in which order, and for how long. */
import { expect, test } from '@jest/globals';
import { nodeHost } from '../../src/host/node-host.ts';
import type { Untimed } from '../../src/instance/driver.ts';
import { PartnerAgent } from '../../src/instance/partner-agent.ts';
import { type Connection, UnreachableError } from '../../src/network/network.ts';
import { makeOpen } from '../../src/protocol/opening.ts';

test('FO-086, CFG-062: an agent address that swallows everything leaves time for the others, before the rules give the question up', async () => {
  const events: Untimed[] = [];
  const asked: (readonly [host: string, waitsMs: number])[] = [];
  const dial = (host: string, _port: number, timeoutMs: number): Promise<Connection> => {
    asked.push([host, timeoutMs]);
    return Promise.reject(new UnreachableError(`no answer from ${host}`));
  };
  const agent = new PartnerAgent({
    network: { dial } as never,
    timers: nodeHost.clock,
    mirror: 'DEMO',
    open: () => makeOpen({ channel: 'agent', mirror: 'DEMO', member: 'B', instance: 'B' }),
    definition: () => ({
      name: 'A',
      type: 'Failover',
      instance: 'A',
      instanceDirectory: '',
      superserver: { host: '10.0.0.1', port: 1972 },
      privateAddress: '10.2.0.1',
      agent: { host: '10.3.0.1', port: 2188 },
    }),
    timeoutMs: () => 900,
    self: 'B',
    journal: undefined as never,
    post: (event) => events.push(event),
    onMirrorSet: () => undefined,
    isWanted: () => true,
  });
  const epoch = { number: 1, owner: 'A', lineage: 'first' };
  await agent.ask({ type: 'ask-agent', request: 1, question: 'confirm-down', of: 'A', epoch });
  const hosts = ['10.3.0.1', '10.2.0.1', '10.0.0.1'];
  expect(asked).toEqual(hosts.map((host) => [host, 300]));
  expect(events).toEqual([
    { type: 'agent-answered', request: 1, answer: { says: 'nothing', reason: 'no answer from 10.0.0.1' } },
  ]);
});
