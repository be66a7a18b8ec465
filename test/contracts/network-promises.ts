/** What every network keeps, the real one and the simulated one: each twin is put through this by its own test file. */
import { Buffer } from 'node:buffer';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Connection, Listener, Network } from '../../src/network/network.ts';
import type { Frame } from '../../src/protocol/frame.ts';

export interface NetworkTwin {
  readonly network: Network;
  readonly address: string;
  /** A port that is free and stays so while the test runs. */
  freePort(): Promise<number>;
  dispose(): Promise<void>;
}

interface Pair {
  readonly here: Connection;
  readonly there: Connection;
  readonly listener: Listener;
}

export function closing(connection: Connection): Promise<string> {
  return new Promise((resolve) => connection.onClosed(resolve));
}

/** Collects frames; `until(n)` resolves when n have come, in their order. */
export function collect(connection: Connection): { frames: Frame[]; until(count: number): Promise<readonly Frame[]> } {
  const frames: Frame[] = [];
  let wake = (): void => {};
  connection.onFrames((batch) => {
    frames.push(...batch);
    wake();
  });
  return {
    frames,
    until: (count) =>
      new Promise((resolve) => {
        wake = () => {
          if (frames.length >= count) resolve(frames);
        };
        wake();
      }),
  };
}

export function promisesOfNetwork(name: string, open: () => Promise<NetworkTwin>): void {
  describe(name, () => {
    let twin: NetworkTwin;
    const connections: Connection[] = [];
    const listeners: Listener[] = [];

    afterEach(async () => {
      for (const connection of connections.splice(0)) connection.destroy();
      for (const listener of listeners.splice(0)) await listener.close();
      await twin.dispose();
    });

    async function pair(): Promise<Pair> {
      twin = await open();
      let taken = (_: Connection): void => {};
      const arrives = new Promise<Connection>((resolve) => {
        taken = resolve;
      });
      const listener = await twin.network.listen(twin.address, 0, (connection) => taken(connection));
      const here = await twin.network.dial(twin.address, listener.port, 2000);
      const there = await arrives;
      connections.push(here, there);
      listeners.push(listener);
      return { here, there, listener };
    }

    test('frames arrive whole and in order, both ways', async () => {
      const { here, there } = await pair();
      const sizes = [0, 1, 100, 4096, 4097, 70_000, 3_000_000, 5];
      const [atThere, atHere] = [collect(there), collect(here)];
      for (const [index, size] of sizes.entries()) {
        here.send(16 + index, Buffer.alloc(size, index));
        there.send(32 + index, [Buffer.alloc(size >> 1, index), Buffer.alloc(size - (size >> 1), index)]);
      }
      for (const [first, got] of [
        [16, await atThere.until(sizes.length)],
        [32, await atHere.until(sizes.length)],
      ] as const) {
        expect(got.map((frame) => frame.kind)).toEqual(sizes.map((_, index) => first + index));
        for (const [index, frame] of got.entries()) {
          expect(frame.body.equals(Buffer.alloc(sizes[index]!, index))).toBe(true);
        }
      }
    });

    test('what is corked leaves at uncork, in one batch', async () => {
      const { here, there } = await pair();
      const batches: number[] = [];
      const done = new Promise<void>((resolve) => {
        there.onFrames((frames) => {
          batches.push(frames.length);
          if (frames.at(-1)?.kind === 17) resolve();
        });
      });
      here.cork();
      for (let i = 0; i < 500; i += 1) here.send(16, Buffer.from('small'));
      expect(here.unsentBytes).toBe(500 * 17);
      here.send(17, Buffer.alloc(0));
      here.uncork();
      await done;
      expect(batches.reduce((sum, count) => sum + count, 0)).toBe(501);
      expect(batches.length).toBeLessThan(10);
    });

    test('frames wait until somebody listens, and onNextFrame takes one only', async () => {
      const { here, there } = await pair();
      for (let kind = 16; kind < 20; kind += 1) here.send(kind, Buffer.from([kind]));
      here.end();
      const first = await new Promise<Frame>((resolve) => there.onNextFrame(resolve));
      expect(first.kind).toBe(16);
      const second = await new Promise<Frame>((resolve) => there.onNextFrame(resolve));
      expect(second.kind).toBe(17);
      const rest = await collect(there).until(2);
      expect(rest.map((frame) => frame.kind)).toEqual([18, 19]);
      expect(await closing(there)).toBe('closed by the other side');
    });

    test('what was sent before end arrives before closed', async () => {
      const { here, there } = await pair();
      const got = collect(there);
      const body = Buffer.alloc(2_000_000, 7);
      here.send(16, body);
      here.end();
      here.send(17, body);
      expect(await closing(there)).toBe('closed by the other side');
      expect(got.frames.map((frame) => frame.kind)).toEqual([16]);
      expect(await closing(here)).toBe('closed here');
    });

    test('nothing arrives after destroy, and closed is told once, to late handlers too', async () => {
      const { here, there } = await pair();
      const told: string[] = [];
      here.onClosed((reason) => told.push(reason));
      here.onFrames(() => {
        told.push('frames');
        here.destroy();
      });
      for (let i = 0; i < 50; i += 1) there.send(16, Buffer.alloc(100_000));
      await closing(here);
      expect(await closing(here)).toBe('closed here');
      expect(told).toEqual(['frames', 'closed here']);
      expect(here.isClosed).toBe(true);
      here.send(16, Buffer.from('nobody hears this'));
      await closing(there);
    });

    test('a receiver that pauses makes unsentBytes rise, and gets all when it resumes', async () => {
      const { here, there } = await pair();
      const got = collect(there);
      there.pause();
      const body = Buffer.alloc(1_000_000, 1);
      for (let i = 0; i < 40; i += 1) here.send(16, body);
      await new Promise((resolve) => setImmediate(resolve));
      expect(got.frames).toHaveLength(0);
      expect(here.unsentBytes).toBeGreaterThan(1_000_000);
      there.resume();
      await got.until(40);
      expect(here.unsentBytes).toBeLessThan(1_100_000);
    });

    test('a listener that is closed takes no more, and what it took stays', async () => {
      const { here, there, listener } = await pair();
      await listener.close();
      await expect(twin.network.dial(twin.address, listener.port, 500)).rejects.toMatchObject({ code: 'unreachable' });
      const got = collect(there);
      here.send(16, Buffer.from('still here'));
      await got.until(1);
    });

    test('faults are typed and name the place', async () => {
      const { listener } = await pair();
      const port = await twin.freePort();
      await expect(twin.network.listen(twin.address, listener.port, () => {})).rejects.toMatchObject({
        code: 'address-in-use',
        message: expect.stringContaining(`${twin.address}:${listener.port}`),
      });
      await expect(twin.network.dial(twin.address, port, 500)).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining(`${twin.address}:${port}`),
      });
    });
  });
}
