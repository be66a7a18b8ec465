import type { LookupOptions } from 'node:dns';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makePrivateDirectory, removeSocket } from '../../src/host/socket-files.ts';
import { HostNames } from '../../src/network/host-names.ts';
import type { Listener } from '../../src/network/network.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';

type Answered = (error: Error | null, address: string | { address: string; family: number }[], family?: number) => void;

/** A name server in this test: what was asked, and who waits for it. */
const asked: { readonly name: string; readonly options: LookupOptions; readonly answered: Answered }[] = [];
const askedFor = (name: string) => asked.filter((each) => each.name === name);
const names = new HostNames((name, options, answered) => {
  asked.push({ name, options, answered: answered as Answered });
  if (name === 'good.example') say(asked.length - 1, '127.0.0.1');
});
const network = createTcpNetwork({ files: { makePrivateDirectory, removeSocket }, names });

function say(index: number, address: string): void {
  const { options, answered } = asked[index] ?? {};
  setImmediate(() => {
    if (options?.all === true) answered?.(null, [{ address, family: 4 }]);
    else answered?.(null, address, 4);
  });
}

let listener: Listener;
beforeAll(async () => {
  listener = await network.listen('127.0.0.1', 0, (connection) => connection.destroy());
});
afterAll(async () => {
  await listener.close();
});

test('CFG-055: a name is resolved anew at each attempt, and a silent name server is asked once however often it is tried', async () => {
  const tries = Array.from({ length: 20 }, () => network.dial('silent.example', listener.port, 50));
  const ends = await Promise.allSettled(tries);
  expect(ends.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'rejected'));
  expect(askedFor('silent.example')).toHaveLength(1);

  for (const count of [1, 2]) {
    (await network.dial('good.example', listener.port, 5000)).destroy();
    expect(askedFor('good.example')).toHaveLength(count);
  }

  // Whoever tries while the answer is on its way is served by it.
  const last = network.dial('silent.example', listener.port, 5000);
  say(0, '127.0.0.1');
  (await last).destroy();
  const next = network.dial('silent.example', listener.port, 5000);
  expect(askedFor('silent.example')).toHaveLength(2);
  say(asked.length - 1, '127.0.0.1');
  (await next).destroy();
});
