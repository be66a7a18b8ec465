/** When a batch of updates goes into the journal: through the client library and the real channel, with turns ended by hand. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, connect } from '../../src/client/client.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network } from '../client/small-superserver.ts';
import { SmallPrimary } from './small-primary.ts';

let primary: SmallPrimary;
const clients: Client[] = [];
/** What waits for the end of the turn. */
let turnEnds: (() => void)[] = [];
let onTurnWanted: () => void = () => undefined;

beforeEach(async () => {
  primary = await new SmallPrimary().open();
  turnEnds = [];
  primary.endOfTurn = (run) => {
    turnEnds.push(run);
    onTurnWanted();
  };
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await primary.close();
});

async function connected(): Promise<Client> {
  const client = await connect({ network, targets: [primary.address], mirror: 'M', database: 'D1', timeoutMs: 5000 });
  clients.push(client);
  return client;
}
const key = (subscript: number) => encodeKey('X', [String(subscript)]);
const value = Buffer.from('v');
const turnWanted = () =>
  new Promise<void>((resolve) => {
    onTurnWanted = resolve;
    if (turnEnds.length > 0) resolve();
  });

describe('a batch of updates', () => {
  test('SYN-005: of an only connection does not wait for the end of the turn', async () => {
    const client = await connected();
    await client.set(key(1), value);
    await client.set(key(2), value);
    expect(primary.journal.end.sequence).toBe(2);
    expect(turnEnds).toEqual([]);
  });

  test('SYN-005: of one of two connections waits for the end of the turn: the other may have sent something, too', async () => {
    const [client] = [await connected(), await connected()];
    const set = client.set(key(1), value);
    await turnWanted();
    expect(primary.journal.end.sequence).toBe(0);
    turnEnds.shift()?.();
    await set;
    expect(primary.journal.end.sequence).toBe(1);
  });

  test('SYN-005: of an only connection waits where it is large: more of it may have arrived', async () => {
    const client = await connected();
    const sets = Array.from({ length: 100 }, (_, index) => client.set(key(index), value));
    await turnWanted();
    expect(primary.journal.end.sequence).toBe(0);
    turnEnds.shift()?.();
    await Promise.all(sets);
    expect(primary.journal.end.sequence).toBe(100);
  });
});
