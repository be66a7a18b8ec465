import { afterEach, describe, expect, test } from '@jest/globals';
import { type Client, type ConnectOptions, connect } from '../../src/client/client.ts';
import type { ClientRefusal } from '../../src/protocol/client-channel.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network, SmallSuperserver } from './small-superserver.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function server(isPrimary: boolean, epoch = 1): Promise<SmallSuperserver> {
  const made = await new SmallSuperserver(isPrimary, epoch).open();
  open.push(made);
  return made;
}
async function client(servers: readonly SmallSuperserver[], options: Partial<ConnectOptions> = {}): Promise<Client> {
  const targets = servers.map(({ address }) => address);
  const made = await connect({ network, targets, mirror: 'M', timeoutMs: 5000, ...options });
  open.unshift(made);
  return made;
}

const key = (text: string | number) => Buffer.from(String(text).padStart(6, '0'));
const value = (text: string | number) => Buffer.from(String(text));
const becoming: ClientRefusal = { code: 'becoming-primary', text: 'not yet', retry: true, primary: null };

describe('requests', () => {
  test('set, get, increment, kill and count reach the primary and come back', async () => {
    const a = await server(true);
    const one = await client([a]);
    await one.set(key('x'), value('hello'));
    expect(Buffer.from((await one.get(key('x')))!).toString()).toBe('hello');
    expect(await one.increment(key('n'), '3')).toBe('3');
    expect(await one.count(new Uint8Array(0))).toBe(2);
    await one.kill(key('x'));
    expect(await one.get(key('x'))).toBeNull();
  });

  test('scan goes on over pages until the last one', async () => {
    const a = await server(true);
    const one = await client([a]);
    const stream = one.stream();
    for (let i = 0; i < 50; i += 1) await stream.write(key(i), value(i));
    await stream.end();
    const found: string[] = [];
    for await (const node of one.scan(new Uint8Array(0))) found.push(Buffer.from(node.value).toString());
    expect(found).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
  });

  test('many single requests are under way at once', async () => {
    const a = await server(true);
    const one = await client([a]);
    await Promise.all(Array.from({ length: 5000 }, (_, i) => one.set(key(i), value(i))));
    expect(a.done).toHaveLength(5000);
    expect(a.done).toEqual([...a.done].sort());
  });
});

describe('many requests in one message', () => {
  test('sets, and gets, that wait together share a message, in order and each with its answer', async () => {
    const a = await server(true);
    const one = await client([a], { window: 100 });
    const asked = Array.from({ length: 300 }, (_, i) => one.set(key(i), value(i)));
    asked.push(one.set(key('other'), value('x'), { database: 'OTHER' }), one.set(key('long'), Buffer.alloc(5000)));
    await Promise.all(asked);
    expect(a.messages).toBeLessThan(asked.length / 10);
    expect(a.done).toEqual(
      [...Array.from({ length: 300 }, (_, i) => i), 'other', 'long'].map((each) => String(key(each))),
    );
    expect(a.seen.at(-2)).toMatchObject({ type: 'set', database: 'OTHER' });
    const before = a.messages;
    const found = await Promise.all(
      [...Array.from({ length: 300 }, (_, i) => i), 'none'].map((each) => one.get(key(each))),
    );
    expect(found.map((each) => each && Buffer.from(each).toString())).toEqual([
      ...Array.from({ length: 300 }, (_, i) => String(i)),
      null,
    ]);
    expect(a.messages - before).toBeLessThan(30);
  });
});

describe('a stream', () => {
  test('packs what is short, and keeps the order over long values and other databases', async () => {
    const a = await server(true);
    const one = await client([a], { window: 40 });
    const stream = one.stream({ inFlight: 100 });
    const written = Array.from({ length: 300 }, (_, i) => String(key(i)));
    for (const [i, name] of written.entries()) {
      const bytes = i % 50 === 49 ? Buffer.alloc(5000, i) : value(i);
      await stream.write(Buffer.from(name), bytes, i % 90 < 80 ? '' : 'OTHER');
    }
    await stream.end();
    expect(a.done).toEqual(written);
    expect(a.nodes.get(written[99]!)).toEqual(Buffer.alloc(5000, 99));
    expect(a.nodes.get(written[298]!)).toEqual(value(298));
    expect(a.seen[85]).toMatchObject({ database: 'OTHER' });
    expect(a.messages).toBeLessThan(written.length / 4);
  });

  test('a record whose key or value the caller uses again once write has returned is as it was', async () => {
    const a = await server(true);
    const stream = (await client([a])).stream();
    const [name, bytes] = [Buffer.from('000000'), Buffer.from('0')];
    for (const digit of ['1', '2', '3']) {
      name.write(digit, 5);
      bytes.write(digit);
      stream.write(name, bytes);
    }
    await stream.end();
    expect([...a.nodes]).toEqual(['1', '2', '3'].map((digit) => [String(key(digit)), Buffer.from(digit)]));
  });
});

describe('one answer for many', () => {
  test('SYN-005: a done answers every update before it that is not answered, once', async () => {
    const a = await server(true);
    a.fate = (_request, count) => (count % 40 === 0 ? 'do' : 'do-with-next');
    const one = await client([a]);
    const acknowledged: number[] = [];
    const stream = one.stream({ inFlight: 100, onAcknowledged: (record) => acknowledged.push(record) });
    for (let i = 0; i < 400; i += 1) await stream.write(key(i), value(i));
    await stream.end();
    expect(acknowledged).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
  });

  test('a done beyond what is under way ends the link: nobody knows what it means', async () => {
    const a = await server(true);
    a.fate = () => 'done-too-far';
    const one = await client([a], { mirror: '' });
    await expect(one.set(key(1), value(1))).rejects.toMatchObject({ message: expect.stringContaining('out of order') });
  });
});

describe('finding the primary', () => {
  test('a backup names the primary, whose address was not among the targets', async () => {
    const [primary, backup] = [await server(true), await server(false)];
    backup.primary = `127.0.0.1:${primary.address.port}`;
    const one = await client([backup]);
    await one.set(key(1), value(1));
    expect(primary.done).toHaveLength(1);
  });

  test('a target that becomes primary later is waited for', async () => {
    const a = await server(false);
    const connecting = client([a]);
    setTimeout(() => {
      a.isPrimary = true;
    }, 120);
    await (await connecting).set(key(1), value(1));
    expect(a.done).toHaveLength(1);
  });

  test('no primary until the timeout: unreachable, with what each target said', async () => {
    const a = await server(false);
    await expect(client([a], { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'mirror-unreachable',
      message: expect.stringContaining('this is a backup'),
    });
  });

  test('a single instance is asked once, whatever its role, and its refusal stands', async () => {
    const backup = await server(false);
    const one = await client([backup], { mirror: '' });
    expect(await one.get(key(1))).toBeNull();
    backup.fate = () => ({ code: 'not-primary', text: 'writes go to B', retry: true, primary: 'b:1' });
    await expect(one.set(key(1), value(1))).rejects.toMatchObject({
      code: 'request-refused',
      message: 'writes go to B',
    });
  });
});

describe('a primary that goes away', () => {
  test('a single set that was sent and not answered is not sent again', async () => {
    const [a, b] = [await server(true, 1), await server(true, 2)];
    a.fate = () => 'do-and-drop';
    const one = await client([a]);
    const setting = one.set(key(1), value(1));
    await expect(setting).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(b.done).toEqual([]);
    expect(a.done).toHaveLength(1);
  });

  test('a read is simply asked again on the next primary', async () => {
    const [a, b] = [await server(true, 1), await server(false, 2)];
    b.nodes.set(key(1).toString('latin1'), value('from b'));
    const one = await client([a, b]);
    a.fate = () => {
      a.isPrimary = false;
      b.isPrimary = true;
      return 'drop';
    };
    expect(Buffer.from((await one.get(key(1)))!).toString()).toBe('from b');
    expect(one.reconnects).toBe(1);
  });

  test('a stream goes on with the next primary: nothing acknowledged twice, nothing missing, in order', async () => {
    const [a, b] = [await server(true, 1), await server(false, 2)];
    const one = await client([a, b]);
    a.fate = (_request, count) => {
      if (count < 700) return 'do';
      a.isPrimary = false;
      b.isPrimary = true;
      return 'do-and-drop';
    };
    const acknowledged: number[] = [];
    const stream = one.stream({ inFlight: 64, onAcknowledged: (record) => acknowledged.push(record) });
    for (let i = 1; i <= 2000; i += 1) await stream.write(key(i), value(i));
    await stream.end();
    expect(acknowledged).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
    expect(new Set([...a.nodes.keys(), ...b.nodes.keys()]).size).toBe(2000);
    expect(b.done).toEqual([...b.done].sort());
    // What was under way at the cut went to both.
    expect(a.done.length + b.done.length).toBeLessThanOrEqual(2000 + 64);
    expect(one.reconnects).toBe(1);
  });

  test('of a message of a stream only what was not acknowledged goes to the next primary', async () => {
    const [a, b] = [await server(true, 1), await server(false, 2)];
    const one = await client([a, b]);
    a.fate = (_request, count) => (count <= 5 ? 'do' : 'swallow');
    let isFifth = () => {};
    const fifth = new Promise<void>((resolve) => {
      isFifth = resolve;
    });
    const stream = one.stream({ onAcknowledged: (record) => (record === 5 ? isFifth() : undefined) });
    for (let i = 1; i <= 10; i += 1) stream.write(key(i), value(i));
    await fifth;
    b.isPrimary = true;
    await a.close();
    await stream.end();
    expect(a.messages).toBe(1);
    expect(b.done).toEqual([6, 7, 8, 9, 10].map((i) => key(i).toString()));
  });

  test('a primary that is silent is left as soon as another one says that it is primary in a later epoch', async () => {
    const [a, b] = [await server(true, 1), await server(false, 2)];
    const one = await client([a, b], { silenceMs: 100 });
    a.fate = (_request, count) => {
      if (count < 10) return 'do';
      b.isPrimary = true;
      return 'swallow';
    };
    const stream = one.stream();
    const single = one.set(key(0), value(0));
    for (let i = 1; i <= 100; i += 1) await stream.write(key(i), value(i));
    await stream.end();
    await single;
    expect(stream.acknowledged).toBe(100);
    expect(b.done.length).toBeGreaterThan(80);
  });

  test('a silent primary of the same epoch is not left; after the timeout the outcome is unknown', async () => {
    const a = await server(true, 1);
    const b = await server(true, 1);
    const one = await client([a], { timeoutMs: 700, silenceMs: 100 });
    a.fate = () => 'swallow';
    await expect(one.set(key(1), value(1))).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(b.seen).toEqual([]);
  });
});

describe('refusals', () => {
  test('one that may be repeated is repeated, and what follows it in the stream too, in order', async () => {
    const a = await server(true);
    const one = await client([a]);
    a.fate = (_request, count) => (count === 5 ? becoming : 'do');
    const stream = one.stream();
    for (let i = 1; i <= 20; i += 1) await stream.write(key(i), value(i));
    await stream.end();
    expect(stream.acknowledged).toBe(20);
    expect(a.nodes.size).toBe(20);
    const second = a.done.slice(19);
    expect(a.done.slice(0, 4)).toEqual([1, 2, 3, 4].map((i) => key(i).toString()));
    expect(second).toEqual(Array.from({ length: 16 }, (_, i) => key(i + 5).toString()));
  });

  test('a single set that was refused for now is sent again, and done once', async () => {
    const a = await server(true);
    const one = await client([a]);
    a.fate = (_request, count) => (count <= 2 ? becoming : 'do');
    await one.increment(key(1));
    expect(Buffer.from((await one.get(key(1)))!).toString()).toBe('1');
  });

  test('one that stands ends the stream at its record; what was acknowledged before is told', async () => {
    const a = await server(true);
    const one = await client([a]);
    a.fate = (_request, count) =>
      count === 7 ? { code: 'bad-value', text: 'too long', retry: false, primary: null } : 'do';
    const stream = one.stream({ inFlight: 3 });
    const writing = (async () => {
      for (let i = 1; i <= 20; i += 1) await stream.write(key(i), value(i));
      await stream.end();
    })();
    await expect(writing).rejects.toMatchObject({ code: 'request-refused', message: 'too long' });
    expect(stream.acknowledged).toBe(6);
  });
});

describe('each request has a time limit of its own', () => {
  const node = encodeKey('CITY', ['FR']);

  test.each([
    ['an instance', ''],
    ['a primary of a mirror', 'M'],
  ])(
    '%s that refuses for now again and again is asked no longer than that, and the error says which request',
    async (_, mirror) => {
      const a = await server(true);
      a.fate = () => becoming;
      const one = await client([a], { mirror, timeoutMs: 600 });
      const [set, get] = await Promise.allSettled([one.set(node, value(1)), one.get(node)]);
      const where = `127.0.0.1:${a.address.port}`;
      expect(set).toMatchObject({
        reason: {
          code: 'mirror-unreachable',
          message: `set ^CITY("FR"): ${where}: not yet; given up after 0.6 s; nothing of it was done: ask again`,
        },
      });
      expect(get).toMatchObject({
        reason: { message: `get ^CITY("FR"): ${where}: not yet; given up after 0.6 s; ask again` },
      });
      expect(a.seen.length).toBeGreaterThan(6);
      a.fate = () => 'do';
      await one.set(node, value(2));
      expect(a.done).toHaveLength(1);
    },
  );

  test('a primary that takes the link and drops each request is asked no longer than that', async () => {
    const a = await server(true);
    a.fate = () => 'drop';
    const one = await client([a], { timeoutMs: 600 });
    const message = one.get(node).catch((error: Error) => error.message);
    expect(await message).toMatch(/^get \^CITY\("FR"\): 127\.0\.0\.1:\d+: .*; given up after 0\.6 s; ask again$/);
    const stream = one.stream();
    stream.write(node, value(1));
    stream.write(node, value(2));
    await expect(stream.end()).rejects.toMatchObject({
      code: 'outcome-unknown',
      message: expect.stringMatching(/^2 sets from \^CITY\("FR"\) on: .*may have been done or not/),
    });
  });

  test('one that was asked later waits on when the first has failed, with a primary and without one', async () => {
    for (const isThere of [true, false]) {
      const a = await server(true);
      const one = await client([a], { timeoutMs: 900 });
      a.fate = () => becoming;
      const { port } = a.address;
      if (!isThere) await a.close();
      const first = one.get(node).catch((error: Error) => error.message);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const second = one.get(node);
      expect(await first).toContain('given up after 0.9 s');
      a.fate = () => 'do';
      if (!isThere) await a.open(port);
      expect(await second).toBeNull();
    }
  });

  test('what waits behind others is not failed while these get their answers', async () => {
    const a = await server(true);
    a.msForEach = 90;
    const one = await client([a], { timeoutMs: 700, window: 1 });
    const begunMs = performance.now();
    const values = await Promise.all(Array.from({ length: 15 }, () => one.get(node)));
    expect(values).toHaveLength(15);
    expect(performance.now() - begunMs).toBeGreaterThan(1100);
  });
});
