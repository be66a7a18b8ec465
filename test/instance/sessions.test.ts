/** Transactions, locks and write levels, through the client library and the real channel. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Client, connect, type Session } from '../../src/client/client.ts';
import type { Database } from '../../src/database/databases.ts';
import { Transaction } from '../../src/instance/transaction.ts';
import { readRecords } from '../../src/journal/read-records.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import { globalValueBytesMax, openTransactionsBytesMax, transactionBytesMax } from '../../src/mirror/limits.ts';
import { decodeKey, encodeKey } from '../../src/protocol/global-key.ts';
import { network } from '../client/small-superserver.ts';
import { SmallPrimary } from './small-primary.ts';

let primary: SmallPrimary;
let client: Client;
const open: { close(): unknown }[] = [];
beforeEach(async () => {
  primary = await new SmallPrimary().open();
  client = await connectTo('M');
});
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await primary.close();
});

async function connectTo(mirror: string, timeoutMs = 5000): Promise<Client> {
  const made = await connect({ network, targets: [primary.address], mirror, database: 'D1', timeoutMs });
  open.push(made);
  return made;
}
async function session(from = client): Promise<Session> {
  const made = await from.session();
  open.push(made);
  return made;
}

const key = (...subscripts: (string | number)[]) => encodeKey('X', subscripts.map(String));
const value = (text: string | number) => Buffer.from(String(text));
const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());
const refusedWith = (code: string) => expect.objectContaining({ refusal: expect.objectContaining({ code }) });

/** Records in the journal, as database, subscripts and whether the group goes on. */
function journaled(): string[] {
  const chunk = primary.journal.read(JOURNAL_START, primary.journal.end, 1 << 26);
  return [...readRecords(chunk as NonNullable<typeof chunk>)].map(
    ({ kind, database, key: each, continues }) =>
      `${kind} ${database} ${decodeKey(each).subscripts.join(',')}${continues ? ' +' : ''}`,
  );
}

async function all(from: Client | Session, prefix = encodeKey('X', [])): Promise<string[]> {
  const found: string[] = [];
  for await (const node of from.scan(prefix)) found.push(`${decodeKey(node.key).subscripts}=${text(node.value)}`);
  return found;
}

describe('transactions', () => {
  test('SYN-005 DB-001 DB-047: one over a database that left the mirror meanwhile, or came into it, is rolled back', async () => {
    const [one, two] = [await session(), await session(await connectTo(''))];
    for (const each of [one, two]) await each.begin();
    await one.set(key(1), value('a'));
    await two.set(key(1), value('a'), { database: 'LOCAL' });
    const { attribute } = primary.databases.get('D1') as Database;
    await primary.databases.get('D1')?.setAttribute(undefined, undefined);
    await primary.databases.get('LOCAL')?.setAttribute(attribute, primary.journal.end);
    // Of one database, and on both sides of the move.
    const three = await session();
    await three.begin();
    await three.set(key(2), value('a'), { database: 'D2' });
    await primary.databases.get('D2')?.setAttribute(undefined, undefined);
    await three.set(key(3), value('a'), { database: 'D2' });
    for (const each of [one, two, three]) await expect(each.commit()).rejects.toEqual(refusedWith('rolled-back'));
    expect(journaled()).toEqual([]);
    expect(primary.databases.get('D2')?.get(key(3))).toBeUndefined();
    for (const name of ['D1', 'LOCAL']) expect(primary.databases.get(name)?.get(key(1))).toBeUndefined();
  });

  test('SYN-005: nothing of a transaction is in the journal before TCOMMIT, and then it is one group', async () => {
    const one = await session();
    await one.begin();
    await one.set(key(1), value('a'));
    await one.kill(key(2));
    await one.set(key(3), value('c'), { database: 'D2' });
    expect(journaled()).toEqual([]);
    expect(await client.get(key(1))).toBeNull();
    await one.commit();
    expect(one.level).toBe(0);
    expect(journaled()).toEqual(['set D1 1 +', 'kill D1 2 +', 'set D2 3']);
    expect([text(await client.get(key(1))), text(await client.get(key(3), { database: 'D2' }))]).toEqual(['a', 'c']);
  });

  test('SYN-005: a session sees its own updates in every kind of read, others see none of them', async () => {
    for (const each of [1, 2, 3, 5]) await client.set(key(each), value(`old${each}`));
    await client.set(key(2, 'below'), value('gone'));
    const one = await session();
    await one.begin();
    await one.set(key(3), value('new3'));
    await one.kill(key(2));
    await one.set(key(4), value('new4'));
    expect(await all(one)).toEqual(['1=old1', '3=new3', '4=new4', '5=old5']);
    expect(await all(client)).toEqual(['1=old1', '2=old2', '2,below=gone', '3=old3', '5=old5']);
    expect(await one.order(key(1))).toEqual(key(3));
    expect(await one.order(key(3), 'backward')).toEqual(key(1));
    expect(await one.query(key(3))).toEqual(key(4));
    expect([await one.data(key(2)), await one.data(key(4)), await one.count(key())]).toEqual([0, 1, 4]);
    expect([text(await one.get(key(2))), text(await client.get(key(2)))]).toEqual([null, 'old2']);
    await one.rollback();
    expect(await all(one)).toEqual(await all(client));
    expect(journaled()).toHaveLength(5);
  });

  test('SYN-005: TROLLBACK 1 takes back the innermost level only, an inner TCOMMIT belongs to the outer one', async () => {
    const one = await session();
    await one.begin();
    await one.set(key(1), value(1));
    await one.begin();
    expect(one.level).toBe(2);
    await one.set(key(1), value('inner'));
    await one.set(key(2), value(2));
    await one.rollback(1);
    expect([one.level, text(await one.get(key(1))), await one.get(key(2))]).toEqual([1, '1', null]);
    await one.begin();
    await one.set(key(3), value(3));
    await one.commit();
    expect([one.level, journaled()]).toEqual([1, []]);
    await one.commit();
    expect(journaled()).toEqual(['set D1 1 +', 'set D1 3']);
  });

  test('SYN-005: a lost connection rolls back, and what reads see of pipelined updates is in order', async () => {
    const one = await session();
    await one.begin();
    const answers = await Promise.all([
      one.set(key(1), value('first')),
      one.get(key(1)),
      one.set(key(1), value('second')),
      one.get(key(1)),
    ]);
    expect([text(answers[1]), text(answers[3])]).toEqual(['first', 'second']);
    one.close();
    await client.set(key(9), value('later'));
    expect(journaled()).toEqual(['set D1 9']);
  });

  test('SYN-005: $INCREMENT is done at once and stays, but what the transaction itself set is counted on in it', async () => {
    const one = await session();
    await one.begin();
    await one.set(key('own'), value(10));
    expect([await one.increment(key('own'), '1'), await one.increment(key('free'), '5')]).toEqual(['11', '5']);
    await one.rollback();
    expect([await client.get(key('own')), text(await client.get(key('free')))]).toEqual([null, '5']);
  });

  test('SYN-005: a commit is answered when its last record is durable', async () => {
    primary.reaches = 'disk';
    const one = await session();
    await one.begin();
    await one.set(key(1), value(1));
    await one.set(key(2), value(2));
    let isDone = false;
    const commit = one.commit().then(() => {
      isDone = true;
    });
    await client.databases();
    expect([journaled().length, isDone]).toEqual([2, false]);
    primary.reaches = 'databases';
    primary.goOn();
    await commit;
  });

  test('SYN-005: a transaction that is too large is refused update by update, and can still be committed', async () => {
    const one = await session();
    await one.begin();
    const count = Math.floor(transactionBytesMax / globalValueBytesMax);
    for (let each = 0; each < count; each += 1) await one.set(key(each), Buffer.alloc(globalValueBytesMax, each));
    await expect(one.set(key('more'), Buffer.alloc(globalValueBytesMax))).rejects.toEqual(refusedWith('too-large'));
    await one.commit();
    expect(await client.count(key())).toBe(count);
    const longest = await client.get(key(count - 1));
    // Element by element is what toEqual would do, for minutes.
    expect(longest !== null && Buffer.alloc(globalValueBytesMax, count - 1).equals(longest)).toBe(true);
    await expect(client.set(key('x'), Buffer.alloc(globalValueBytesMax + 1))).rejects.toEqual(refusedWith('bad-value'));
  });

  test('SYN-005: all open transactions together hold a bounded number of bytes, free again when they end', () => {
    const memory = { bytes: 0 };
    const database = primary.databases.get('D1') as Database;
    const big = {
      kind: 'set',
      database,
      mirrored: 'D1',
      key: key(1),
      value: Buffer.alloc(globalValueBytesMax),
    } as const;
    const filled: Transaction[] = [];
    while (memory.bytes + transactionBytesMax <= openTransactionsBytesMax) {
      const one = new Transaction(memory);
      one.begin();
      while (one.add([big]) === null);
      filled.push(one);
    }
    const next = new Transaction(memory);
    next.begin();
    while (next.add([big]) === null);
    expect(memory.bytes + globalValueBytesMax).toBeGreaterThan(openTransactionsBytesMax);
    expect(next.add([big])).toContain('all open transactions together');
    filled[0]?.rollbackInner();
    expect(next.add([big])).toBeNull();
    for (const each of [...filled, next]) each.release();
    expect(memory.bytes).toBe(0);
  });

  test('SYN-005: an ordinary database has transactions of its own, and is not mixed with the mirror', async () => {
    const one = await session();
    await one.begin();
    await one.set(key(1), value(1), { database: 'LOCAL' });
    await expect(one.set(key(1), value(1))).rejects.toEqual(refusedWith('too-large'));
    await one.commit();
    expect([text(await client.get(key(1), { database: 'LOCAL' })), journaled()]).toEqual(['1', []]);
    await expect(one.commit()).rejects.toEqual(refusedWith('no-transaction'));
  });

  test('SYN-005: after a failover the session says that its transaction is rolled back', async () => {
    const one = await session();
    await one.begin();
    await one.set(key(1), value(1));
    primary.stepDown();
    await expect(one.set(key(2), value(2))).rejects.toMatchObject({ code: 'session-lost' });
    await expect(one.commit()).rejects.toMatchObject({ code: 'session-lost' });
    expect([one.isLost, journaled()]).toEqual([true, []]);
  });

  test('SYN-005: `transaction` commits what its work did, or rolls back what it threw from', async () => {
    expect(
      await client.transaction(async (tx) => {
        await tx.set(key(1), value(1));
        return 'result';
      }),
    ).toBe('result');
    await expect(
      client.transaction(async (tx) => {
        await tx.set(key(2), value(2));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await all(client)).toEqual(['1=1']);
  });
});

describe('MERGE', () => {
  test('SYN-005: a subtree is copied to another place, or database, as one group', async () => {
    await client.set(key('a'), value('top'));
    await client.set(key('a', 1), value('one'));
    await client.set(key('b', 2), value('kept'));
    expect(await client.merge(key('b'), key('a'))).toBe(2);
    expect(await client.merge(key(), key('b'), { database: 'D2', fromDatabase: 'D1' })).toBe(3);
    expect(await all(client)).toEqual(['a=top', 'a,1=one', 'b=top', 'b,1=one', 'b,2=kept']);
    expect(journaled().slice(3)).toEqual(['set D1 b +', 'set D1 b,1', 'set D2  +', 'set D2 1 +', 'set D2 2']);
    expect(await client.merge(key('c'), key('none'))).toBe(0);
    await expect(client.merge(key('a', 1), key('a'))).rejects.toEqual(refusedWith('bad-key'));
    await expect(client.merge(encodeKey('Y', ['y'.repeat(505)]), key('a'))).rejects.toEqual(refusedWith('bad-key'));
  });

  test('SYN-005: in a transaction it copies what the transaction sees, and belongs to it', async () => {
    const one = await session();
    await one.begin();
    await one.set(key('a', 1), value('new'));
    expect(await one.merge(key('b'), key('a'))).toBe(1);
    expect([text(await one.get(key('b', 1))), await client.get(key('b', 1))]).toEqual(['new', null]);
    await one.commit();
    expect(text(await client.get(key('b', 1)))).toBe('new');
  });
});

describe('locks', () => {
  test('DB-043: a lock holds its name, what is above and what is below, against others', async () => {
    const [one, two] = [await session(), await session()];
    const tried = async (...subscripts: (string | number)[]) => {
      const got = await two.lock(key(...subscripts), { timeoutMs: 0 });
      if (got) await two.unlock();
      return got;
    };
    expect(await one.lock(key('a', 1))).toBe(true);
    expect(await one.lock(key('a', 1))).toBe(true);
    expect([await tried('a'), await tried('a', 1), await tried('a', 1, 2), await tried('a', 2)]).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(await two.lock(key('a', 1), { timeoutMs: 0, database: 'D2' })).toBe(true);
    await one.unlock(key('a', 1));
    expect(await tried('a', 1)).toBe(false);
    await one.unlock(key('a', 1));
    expect(await tried('a', 1)).toBe(true);
  });

  test('DB-043: shared locks stand beside each other, and all names of one LOCK are taken or none', async () => {
    const [one, two] = [await session(), await session()];
    expect(await one.lock(key('s'), { shared: true })).toBe(true);
    expect(await two.lock(key('s'), { shared: true })).toBe(true);
    expect(await two.lock([key('t'), key('s')], { timeoutMs: 0 })).toBe(false);
    expect(await one.lock(key('t'), { timeoutMs: 0 })).toBe(true);
    expect(await one.lock(key('u'), { replace: true })).toBe(true);
    expect(await two.lock([key('t'), key('s')], { timeoutMs: 0 })).toBe(true);
  });

  test('DB-043: who waits gets the lock when it is free, or hears that the time is over', async () => {
    const [one, two, three] = [await session(), await session(), await session()];
    await one.lock(key('a'));
    expect(await three.lock(key('a'), { timeoutMs: 20 })).toBe(false);
    const waiting = two.lock(key('a', 'below'));
    const alsoWaiting = three.lock(key('a'), { timeoutMs: 4000 });
    await client.databases();
    one.close();
    expect(await waiting).toBe(true);
    await two.unlock();
    expect(await alsoWaiting).toBe(true);
  });

  test('DB-043: what is unlocked in a transaction is held to its end', async () => {
    const [one, two] = [await session(), await session()];
    await one.begin();
    await one.lock(key('a'));
    await one.unlock(key('a'));
    expect(await two.lock(key('a'), { timeoutMs: 0 })).toBe(false);
    await one.commit();
    expect(await two.lock(key('a'), { timeoutMs: 0 })).toBe(true);
  });

  test.each([
    ['by UNLOCK', (one: Session) => [one.set(key('n'), value(1)), one.unlock(key('n'))]],
    ['by another LOCK', (one: Session) => [one.set(key('n'), value(1)), one.lock(key('m'), { replace: true })]],
    ['by TCOMMIT', (one: Session) => [one.begin(), one.unlock(key('n')), one.set(key('n'), value(1)), one.commit()]],
    ['with the connection', (one: Session) => [one.set(key('n'), value(1)).catch(() => undefined)]],
  ])('DB-043: what is freed %s is free when others see what was changed under it', async (how, change) => {
    const [one, two] = [await session(), await session()];
    await one.lock(key('n'));
    primary.reaches = 'disk';
    const done = Promise.all(change(one));
    await client.databases();
    if (how === 'with the connection') one.close();
    expect(await two.lock(key('n'), { timeoutMs: 20 })).toBe(false);
    const seen = two.lock(key('n')).then(async () => text(await two.get(key('n'))));
    await client.databases();
    primary.reaches = 'databases';
    primary.goOn();
    expect(await seen).toBe('1');
    await done;
  });

  test('DB-043: requests that are sent without a wait are done one after the other', async () => {
    const [one, two] = [await session(), await session()];
    const all = [
      one.lock(key('a')),
      one.set(key(1), value(1), { level: 'buffered' }),
      one.unlock(),
      one.begin(),
      one.lock(key('b')),
      one.set(key(1), value(2)),
      one.unlock(key('b')),
      one.commit(),
      one.lock(key('c')),
      one.unlock(),
      one.lock(key('a')),
    ];
    await Promise.all(all);
    const tried = async (name: string) => await two.lock(key(name), { timeoutMs: 0 });
    expect([await tried('a'), await tried('b'), await tried('c')]).toEqual([false, true, true]);
  });

  test('DB-043: on a backup LOCK fails with <PROTECT>; locks end with the primary and their holders are told', async () => {
    const direct = await connectTo('');
    const holder = await session(direct);
    await holder.lock(key('a'));
    primary.stepDown();
    await expect(holder.unlock()).rejects.toMatchObject({ code: 'session-lost' });
    const two = await session(direct);
    await expect(two.lock(key('a'))).rejects.toMatchObject({
      message: expect.stringContaining('<PROTECT>'),
      refusal: { code: 'protect' },
    });
    expect(await two.lock(key('a'), { database: 'LOCAL' })).toBe(true);
  });

  test('DB-043: no lock is granted while the primary is in trouble', async () => {
    const one = await session();
    primary.superserver.hold();
    expect(await one.lock(key('a'), { timeoutMs: 20 })).toBe(false);
    const waiting = one.lock(key('a'));
    await client.databases();
    primary.superserver.admit();
    expect(await waiting).toBe(true);
  });
});

describe('sets that come in one message', () => {
  const sets = (count: number, database = 'D1') =>
    Array.from({ length: count }, (_, i) => client.set(key(i), value(i), { database }));

  test('SYN-005: all are in the journal, in order, and answered when they are durable', async () => {
    primary.reaches = 'memory';
    let answered = 0;
    const asked = sets(50).map((each) => each.then(() => (answered += 1)));
    const other = await connectTo('M');
    while (primary.journal.end.sequence < 50) await other.databases();
    expect(answered).toBe(0);
    primary.reaches = 'databases';
    primary.goOn();
    await Promise.all(asked);
    expect(journaled()).toEqual(Array.from({ length: 50 }, (_, i) => `set D1 ${i}`));
    expect(await client.count(encodeKey('X', []))).toBe(50);
  });

  test('SYN-005: one that is none is refused alone, and the others are done', async () => {
    const bad = client.set(Buffer.from('no key'), value(1));
    const results = await Promise.allSettled([...sets(3), bad, client.set(key(9), value(9))]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    await expect(bad).rejects.toEqual(refusedWith('bad-key'));
    expect(journaled()).toEqual(['set D1 0', 'set D1 1', 'set D1 2', 'set D1 9']);
  });

  test('DB-047: what is held back in a moment of trouble is journaled before a database leaves the mirror', async () => {
    primary.superserver.hold();
    const asked = client.set(key(1), value(1));
    await (await connectTo('')).databases();
    const before = primary.superserver.journaled().then(journaled);
    expect(journaled()).toEqual([]);
    primary.superserver.admit();
    expect(await before).toEqual(['set D1 1']);
    await asked;
  });

  test('SYN-005: what was taken and not journaled when the member ceased to be primary is refused one by one', async () => {
    const stays = await connectTo('');
    primary.superserver.hold();
    const asked = Array.from({ length: 20 }, (_, i) => stays.set(key(i), value(i)));
    const settled = Promise.allSettled(asked);
    await (await connectTo('')).databases();
    primary.superserver.refuse();
    for (const each of await settled) expect(each).toMatchObject({ reason: refusedWith('not-primary') });
    expect(primary.journal.end.sequence).toBe(0);
  });

  test('SYN-005: $INCREMENT counts on those that are on their way, a transaction keeps them to itself', async () => {
    const asked = [...sets(9), client.increment(key(8), '1')];
    expect(await Promise.all(asked).then((all) => all.at(-1))).toBe('9');
    const one = await session();
    await one.begin();
    await Promise.all([one.set(key(1), value('in')), one.set(key(2), value('in')), one.get(key(1)), one.get(key(2))]);
    expect(text(await client.get(key(1)))).toBe('1');
    await one.commit();
    expect((await Promise.all([client.get(key(1)), client.get(key(2))])).map(text)).toEqual(['in', 'in']);
    expect(journaled().slice(-2)).toEqual(['set D1 1 +', 'set D1 2']);
  });

  test('SYN-005: those of an ordinary database, and of one that is not there, are what they are alone', async () => {
    await Promise.all(sets(5, 'LOCAL'));
    expect(primary.journal.end.sequence).toBe(0);
    expect(text(await client.get(key(4), { database: 'LOCAL' }))).toBe('4');
    for (const each of await Promise.allSettled(sets(3, 'NONE')))
      expect(each).toMatchObject({ reason: refusedWith('no-database') });
  });
});

describe('write levels', () => {
  test('SYN-005: each update is answered as soon as it is as sure as was asked for', async () => {
    primary.reaches = 'memory';
    const done: string[] = [];
    const ask = async (level: 'durable' | 'journaled' | 'buffered') => {
      const one = await connectTo('M');
      return one.set(key(level), value(1), { level }).then(() => done.push(level));
    };
    const [durable, journaledOne, buffered] = [ask('durable'), ask('journaled'), ask('buffered')];
    await buffered;
    expect(done).toEqual(['buffered']);
    primary.reaches = 'disk';
    while (journaled().length < 3) await client.databases();
    primary.goOn();
    await journaledOne;
    expect(done).toEqual(['buffered', 'journaled']);
    primary.reaches = 'both-disks';
    primary.goOn();
    await durable;
  });

  test('SYN-005: a connection sees its own updates before they are durable, others do not', async () => {
    await client.set(key(1), value('old'));
    await client.set(key(2), value('old'));
    primary.reaches = 'memory';
    await client.set(key(1), value('new'), { level: 'buffered' });
    await client.kill(key(2), { level: 'buffered' });
    await client.set(key(3), value('new'), { level: 'buffered' });
    const other = await connectTo('M');
    expect(await all(client)).toEqual(['1=new', '3=new']);
    expect(await all(other)).toEqual(['1=old', '2=old']);
    expect(await client.increment(key(1), '1', { level: 'buffered' })).toBe('1');
    primary.reaches = 'databases';
    primary.goOn();
    await client.sync();
    expect(await all(other)).toEqual(['1=1', '3=new']);
  });

  test('SYN-005: `sync` is answered when everything before is durable', async () => {
    primary.reaches = 'disk';
    await client.set(key(1), value(1), { level: 'journaled' });
    let isDone = false;
    const sync = client.sync().then(() => {
      isDone = true;
    });
    const other = await connectTo('M');
    await other.sync();
    expect(isDone).toBe(false);
    primary.reaches = 'databases';
    primary.goOn();
    await sync;
  });

  test('SYN-005: in trouble nothing is answered early, and a lost primary is told by the next sync', async () => {
    primary.reaches = 'memory';
    await client.set(key(1), value(1), { level: 'buffered' });
    primary.superserver.hold();
    let isDone = false;
    const second = client.set(key(2), value(2), { level: 'buffered' }).then(
      () => {
        isDone = true;
      },
      () => undefined,
    );
    const other = await connectTo('M');
    await other.databases();
    expect(isDone).toBe(false);
    primary.superserver.refuse();
    primary.superserver.admit();
    primary.reaches = 'databases';
    await second;
    await expect(client.sync()).rejects.toMatchObject({ code: 'outcome-unknown' });
    await client.sync();
  });
});
