import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as files from '../../src/host/socket-files.ts';
import { localSocketPlace } from '../../src/network/local-socket.ts';
import type { Connection } from '../../src/network/network.ts';
import { acceptChannel, openChannel } from '../../src/network/opening-exchange.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import { encodeFrame, FrameError } from '../../src/protocol/frame.ts';
import { makeOpen, type Opened, refuse } from '../../src/protocol/opening.ts';
import { closing, collect, promisesOfNetwork } from './network-promises.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-network-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const network = createTcpNetwork({ files });

async function freePort(): Promise<number> {
  const { port, server } = await listenRaw(() => {});
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listenRaw(onSocket: Parameters<typeof createServer>[1] & {}): Promise<{ port: number; server: Server }> {
  return new Promise((resolve) => {
    const server = createServer(onSocket).listen(0, '127.0.0.1', () => {
      resolve({ server, port: (server.address() as { port: number }).port });
    });
  });
}

promisesOfNetwork('the real network', async () => ({
  network,
  address: '127.0.0.1',
  freePort,
  dispose: async () => {},
}));

/** A connection taken, from a raw socket that sends `bytes` and then does as told. */
async function fromRaw(bytes: Uint8Array | null, then: 'end' | 'reset' | 'stay'): Promise<Connection> {
  return await new Promise((resolve) => {
    void network
      .listen('127.0.0.1', 0, (connection) => {
        void listening.then((listener) => listener.close());
        resolve(connection);
      })
      .then((listener) => {
        settle(listener);
        const socket = connect(listener.port, '127.0.0.1', () => {
          if (bytes !== null) socket.write(bytes);
          if (then === 'end') socket.end();
          if (then === 'reset') setImmediate(() => socket.resetAndDestroy());
        });
        socket.on('error', () => {});
      });
    let settle = (_: { close(): Promise<void> }): void => {};
    const listening = new Promise<{ close(): Promise<void> }>((done) => {
      settle = done;
    });
  });
}

describe('a connection over TCP', () => {
  test('a stray connection is closed with a sentence', async () => {
    const connection = await fromRaw(Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'stay');
    connection.onFrames(() => {});
    expect(await closing(connection)).toMatch(/^bad frame: .*not a frame/);
  });

  test('frames before a bad one are delivered first', async () => {
    const connection = await fromRaw(Buffer.concat([encodeFrame(16, Buffer.from('a')), Buffer.alloc(12)]), 'stay');
    const got = collect(connection);
    expect(await closing(connection)).toMatch(/^bad frame/);
    expect(got.frames).toHaveLength(1);
  });

  test('a close in the middle of a frame, a reset and a close are told apart', async () => {
    const frame = encodeFrame(16, Buffer.alloc(100));
    const expected = [
      [fromRaw(frame.subarray(0, 50), 'end'), 'closed by the other side in the middle of a frame'],
      [fromRaw(null, 'reset'), 'reset by the other side'],
      [fromRaw(frame, 'end'), 'closed by the other side'],
    ] as const;
    for (const [made, reason] of expected) {
      const connection = await made;
      connection.onFrames(() => {});
      expect(await closing(connection)).toBe(reason);
    }
  });

  test('a handler that throws FrameError ends the connection, not the process', async () => {
    const connection = await fromRaw(encodeFrame(16, Buffer.from('{')), 'stay');
    connection.onFrames(() => {
      throw new FrameError('message', 'that makes no sense');
    });
    expect(await closing(connection)).toBe('bad frame: that makes no sense');
  });

  test('links say where to dial instead, and are read anew at each dial', async () => {
    const { port, server } = await listenRaw((socket) => socket.resume());
    const links = new Map([['10.9.9.9:1972', { host: '127.0.0.1', port }]]);
    const linked = createTcpNetwork({ files, links: () => links });
    const through = await linked.dial('10.9.9.9', 1972, 1000);
    expect(through.remote).toBe('10.9.9.9:1972');
    links.set('10.9.9.9:1972', { host: '127.0.0.1', port: await freePort() });
    await expect(linked.dial('10.9.9.9', 1972, 1000)).rejects.toMatchObject({
      message: 'cannot reach 10.9.9.9:1972: nothing listens there',
    });
    through.destroy();
    server.close();
  });

  test('AGT-001: a listener on all interfaces is reached on each, and knows the caller by its address', async () => {
    const seen: string[] = [];
    const listener = await network.listen('*', 0, (connection) => {
      seen.push(connection.remote);
      connection.end();
    });
    const connection = await network.dial('127.5.5.5', listener.port, 1000);
    connection.onFrames(() => {});
    await closing(connection);
    expect(seen).toEqual([expect.stringMatching(/^127\.\d+\.\d+\.\d+:\d+$/)]);
    await listener.close();
  });

  test('a host that does not answer is unreachable after the time given', async () => {
    // Its queue of one is soon full, and it takes nobody from it.
    const script =
      "const s=require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},()=>{require('fs').writeSync(1,String(s.address().port));for(;;);})";
    const child = spawn(process.execPath, ['-e', script]);
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    const results = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map(() => network.dial('127.0.0.1', Number(port), 200)),
    );
    const reasons = results.flatMap((result) => {
      if (result.status === 'fulfilled') result.value.destroy();
      return result.status === 'rejected' ? [result.reason.message] : [];
    });
    child.kill('SIGKILL');
    expect(reasons).toContain(`cannot reach 127.0.0.1:${port}: no answer in 200 ms`);
  });

  test('dials from the address given', async () => {
    const seen = new Promise<string | undefined>((resolve) => {
      void listenRaw((socket) => {
        resolve(socket.remoteAddress);
        socket.destroy();
      }).then(async ({ port, server }) => {
        const member = createTcpNetwork({ files, localAddress: '127.7.0.11' });
        const connection = await member.dial('127.0.0.1', port, 1000);
        connection.destroy();
        server.close();
      });
    });
    expect(await seen).toBe('127.7.0.11');
  });
});

describe('local sockets', () => {
  test('only the owner can open one', async () => {
    const path = join(directory, 'private', 'control.sock');
    const listener = await network.listenLocal(path, (connection) => connection.end());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'private')).mode & 0o777).toBe(0o700);
    const connection = await network.dialLocal(path, 1000);
    connection.onFrames(() => {});
    expect(await closing(connection)).toBe('closed by the other side');
    await listener.close();
  });

  test('a directory open to others is refused', async () => {
    const open = join(directory, 'open');
    mkdirSync(open, { mode: 0o755 });
    await expect(network.listenLocal(join(open, 'x.sock'), () => {})).rejects.toThrow(/chmod 700/);
  });

  test('a live one is not taken away, a stale one is, and a file is left alone', async () => {
    const path = join(directory, 'control.sock');
    const first = await network.listenLocal(path, () => {});
    await expect(network.listenLocal(path, () => {})).rejects.toMatchObject({ code: 'address-in-use' });
    await network.dialLocal(path, 1000).then((connection) => connection.destroy());
    await first.close();
    await expect(network.dialLocal(path, 500)).rejects.toMatchObject({ code: 'unreachable' });
    leaveStale(path);
    const second = await network.listenLocal(path, () => {});
    await second.close();
    const file = join(directory, 'file.sock');
    writeFileSync(file, 'precious');
    await expect(network.listenLocal(file, () => {})).rejects.toThrow(/no socket/);
  });

  test('a path that is too long is replaced by a short one, the same for both ends', async () => {
    const path = join(directory, 'a'.repeat(60), 'b'.repeat(60), 'control.sock');
    const place = localSocketPlace(path);
    expect(place.replaced).toBe(true);
    expect(place.path.length).toBeLessThan(100);
    const listener = await network.listenLocal(path, (connection) => connection.end());
    const connection = await network.dialLocal(path, 1000);
    connection.destroy();
    await listener.close();
    expect(localSocketPlace(join(directory, 'short.sock')).replaced).toBe(false);
  });
});

/** A socket file without a listener, as a killed process leaves it. */
function leaveStale(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  expect(statSync(path).isSocket()).toBe(true);
}

describe('the opening of a channel', () => {
  const open = makeOpen({ channel: 'member', mirror: 'DEMO', member: 'B' });
  const opened: Opened = { version: 1, mirror: 'DEMO', member: 'A', instance: 'ONE', epoch: open.epoch };

  async function call(onConnection: (connection: Connection) => void): Promise<Connection> {
    const listener = await network.listen('127.0.0.1', 0, (connection) => {
      void listener.close();
      onConnection(connection);
    });
    return await network.dial('127.0.0.1', listener.port, 1000);
  }

  test('both sides know each other, and frames sent at once behind it wait', async () => {
    const connection = await call(async (taken) => {
      const acceptance = await acceptChannel(taken, () => opened, 1000);
      expect(acceptance).toEqual({ state: 'opened', open, opened });
      taken.send(16, Buffer.from('welcome'));
      taken.end();
    });
    expect(await openChannel(connection, open, 1000)).toEqual(opened);
    const got = await collect(connection).until(1);
    expect(got[0]!.body.toString()).toBe('welcome');
  });

  test('a refusal comes with its sentence', async () => {
    const refused = refuse('not-primary', 'B is primary', '127.0.0.12:1972');
    const connection = await call((taken) => void acceptChannel(taken, () => refused, 1000));
    await expect(openChannel(connection, open, 1000)).rejects.toMatchObject({ code: 'refused', refused });
    await closing(connection);
  });

  test('a first frame that is no opening is answered so', async () => {
    const accepted = new Promise((resolve) => {
      void call(async (taken) => resolve(await acceptChannel(taken, () => opened, 1000))).then((connection) => {
        connection.send(99, Buffer.from('?'));
        connection.onFrames((frames) => {
          expect(frames[0]!.kind).toBe(3);
          connection.destroy();
        });
      });
    });
    expect(await accepted).toMatchObject({ state: 'refused', refused: { reason: 'not-understood' } });
  });

  test('silence ends by the deadline on both sides', async () => {
    const silent = new Promise((resolve) => {
      void call(async (taken) => resolve(await acceptChannel(taken, () => opened, 50))).then(async (connection) => {
        connection.onFrames(() => {});
        await closing(connection);
      });
    });
    expect(await silent).toMatchObject({ state: 'failed', reason: expect.stringContaining('50 ms') });
    let other: Connection | null = null;
    const connection = await call((taken) => {
      other = taken;
    });
    await expect(openChannel(connection, open, 50)).rejects.toMatchObject({ code: 'unreachable' });
    expect(connection.isClosed).toBe(true);
    (other as Connection | null)?.destroy();
  });
});
