import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as files from '../../src/host/socket-files.ts';
import { Cable } from '../../src/network/cable.ts';
import { askCable, type CableAnswer, runCable } from '../../src/network/cable-control.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';

/** One end of a connection, with what it has heard. */
class Peer {
  readonly socket: Socket;
  heard = '';
  heardBytes = 0;
  /** '' while open, else how it ended. */
  over: '' | 'closed' | 'reset' = '';
  #wake = (): void => {};
  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.heardBytes += chunk.length;
      if (this.heard.length < 10_000) this.heard += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => {
      if (this.over === '') this.over = 'closed';
      this.#wake();
    });
    socket.on('error', () => {
      this.over = 'reset';
    });
    socket.on('close', () => {
      if (this.over === '') this.over = 'closed';
      this.#wake();
    });
  }
  until(is: (peer: Peer) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`waited in vain; heard "${this.heard}" ${this.over}`)), 5000);
      this.#wake = () => {
        if (!is(this)) return;
        clearTimeout(deadline);
        resolve();
      };
      this.#wake();
    });
  }
  hears(text: string): Promise<void> {
    return this.until((peer) => peer.heard === text);
  }
}

/** A host of the lab: takes connections. */
class HostServer {
  readonly server: Server;
  readonly taken: Peer[] = [];
  port = 0;
  #wake = (): void => {};
  constructor() {
    this.server = createServer((socket) => {
      this.taken.push(new Peer(socket));
      this.#wake();
    });
  }
  listen(): Promise<this> {
    return new Promise((resolve) => {
      this.server.listen(0, '127.0.0.1', () => {
        this.port = (this.server.address() as { port: number }).port;
        resolve(this);
      });
    });
  }
  next(): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error('nobody called')), 5000);
      this.#wake = () => {
        const peer = this.taken.shift();
        if (peer === undefined) return;
        clearTimeout(deadline);
        resolve(peer);
      };
      this.#wake();
    });
  }
}

let cable: Cable;
let a: HostServer;
let b: HostServer;
let ports: { ab: number; ba: number; marker: number };
const opened: Socket[] = [];

beforeEach(async () => {
  cable = new Cable();
  [a, b] = await Promise.all([new HostServer().listen(), new HostServer().listen()]);
  const [ab, ba, marker] = await cable.lay([
    { from: 'A', to: 'B', target: { host: '127.0.0.1', port: b.port }, fromAddress: '127.7.7.11' },
    { from: 'B', to: 'A', target: { host: '127.0.0.1', port: a.port } },
    { from: 'C', to: 'A', target: { host: '127.0.0.1', port: a.port } },
  ]);
  ports = { ab: ab!.port, ba: ba!.port, marker: marker!.port };
});

afterEach(() => {
  cable.close();
  for (const socket of opened.splice(0)) socket.destroy();
  for (const host of [a, b]) {
    host.server.close();
    for (const peer of host.taken) peer.socket.destroy();
  }
});

function call(port: number): Promise<Peer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(new Peer(socket)));
    socket.once('error', reject);
    opened.push(socket);
  });
}

async function pair(port: number, host: HostServer): Promise<{ caller: Peer; taker: Peer }> {
  const caller = await call(port);
  const taker = await host.next();
  opened.push(taker.socket);
  return { caller, taker };
}

/** Time enough for bytes to pass if they did: several new connections and round trips over a wire that is not cut. */
async function meanwhile(): Promise<void> {
  for (let i = 0; i < 5; i += 1) {
    const { caller, taker } = await pair(ports.marker, a);
    caller.socket.write('ping');
    await taker.hears('ping');
    taker.socket.end('pong');
    await caller.hears('pong');
  }
}

describe('the cable', () => {
  test('passes bytes both ways, with the address of the host that dials', async () => {
    const { caller, taker } = await pair(ports.ab, b);
    expect(taker.socket.remoteAddress).toBe('127.7.7.11');
    caller.socket.write('hello');
    await taker.hears('hello');
    taker.socket.write('and back');
    await caller.hears('and back');
  });

  test('counts what has come out at the other end, for each direction', async () => {
    const { caller, taker } = await pair(ports.ab, b);
    caller.socket.write('hello');
    await taker.hears('hello');
    taker.socket.write('and back');
    await caller.hears('and back');
    const other = await pair(ports.ab, b);
    other.caller.socket.write('once more');
    await other.taker.hears('once more');
    expect(cable.status().carried).toEqual([
      { from: 'A', to: 'B', bytes: 14 },
      { from: 'B', to: 'A', bytes: 8 },
    ]);
    cable.cut('A', 'B');
    caller.socket.write('held');
    await meanwhile();
    expect(cable.status().carried).toContainEqual({ from: 'A', to: 'B', bytes: 14 });
    cable.heal();
    await taker.hears('helloheld');
    expect(cable.status().carried).toContainEqual({ from: 'A', to: 'B', bytes: 18 });
  });

  test('without a cut a close is passed on as a close, and a reset as a reset, from both ends', async () => {
    for (const how of ['close', 'reset'] as const) {
      for (const who of ['caller', 'taker'] as const) {
        const ends = await pair(ports.ab, b);
        const other = who === 'caller' ? ends.taker : ends.caller;
        if (how === 'close') ends[who].socket.end('last words');
        else ends[who].socket.resetAndDestroy();
        await other.until((peer) => peer.over !== '');
        expect([how, who, other.over]).toEqual([how, who, how === 'close' ? 'closed' : 'reset']);
        if (how === 'close') expect(other.heard).toBe('last words');
      }
    }
  });

  test('a close after much data comes behind all of it', async () => {
    const { caller, taker } = await pair(ports.ab, b);
    caller.socket.end(Buffer.alloc(5_000_000));
    await taker.until((peer) => peer.over === 'closed');
    expect(taker.heardBytes).toBe(5_000_000);
  });

  test('a target that does not listen is seen as a reset', async () => {
    const [wire] = await cable.lay([{ from: 'A', to: 'D', target: { host: '127.0.0.1', port: 1 } }]);
    const caller = await call(wire!.port);
    await caller.until((peer) => peer.over === 'reset');
  });

  test('a cut holds the bytes of both directions, in connections dialled by either host, and heal lets them through', async () => {
    const [byA, byB] = [await pair(ports.ab, b), await pair(ports.ba, a)];
    cable.cut('A', 'B');
    for (const { caller, taker } of [byA, byB]) {
      caller.socket.write('from the caller');
      taker.socket.write('from the taker');
    }
    await meanwhile();
    for (const { caller, taker } of [byA, byB]) {
      expect([caller.heard, taker.heard, caller.over, taker.over]).toEqual(['', '', '', '']);
    }
    expect(cable.status().cuts).toHaveLength(2);
    cable.heal('B', 'A');
    for (const { caller, taker } of [byA, byB]) {
      await taker.hears('from the caller');
      await caller.hears('from the taker');
    }
  });

  test('a one-way cut stops A to B only, whoever dialled', async () => {
    const [byA, byB] = [await pair(ports.ab, b), await pair(ports.ba, a)];
    cable.cut('A', 'B', { oneWay: true });
    byA.caller.socket.write('a to b');
    byB.taker.socket.write('a to b');
    byA.taker.socket.write('b to a');
    byB.caller.socket.write('b to a');
    await byA.caller.hears('b to a');
    await byB.taker.hears('b to a');
    await meanwhile();
    expect([byA.taker.heard, byB.caller.heard]).toEqual(['', '']);
    cable.heal();
    await byA.taker.hears('a to b');
    await byB.caller.hears('a to b');
  });

  test('a new connection over a cut is silent, and comes through when healed', async () => {
    for (const oneWay of [false, true]) {
      cable.cut('B', 'A', { oneWay });
      const caller = await call(ports.ab);
      caller.socket.write('anybody there?');
      await meanwhile();
      expect(b.taken).toHaveLength(0);
      expect(caller.over).toBe('');
      cable.heal();
      const taker = await b.next();
      await taker.hears('anybody there?');
      taker.socket.end();
      await caller.until((peer) => peer.over === 'closed');
    }
  });

  test('a close, and a reset, over a cut are held and passed on when healed', async () => {
    const [closing, resetting] = [await pair(ports.ab, b), await pair(ports.ab, b)];
    cable.cut('A', 'B');
    closing.caller.socket.end('goodbye');
    resetting.caller.socket.resetAndDestroy();
    await meanwhile();
    expect([closing.taker.heard, closing.taker.over, resetting.taker.over]).toEqual(['', '', '']);
    cable.heal();
    await closing.taker.until((peer) => peer.over === 'closed');
    expect(closing.taker.heard).toBe('goodbye');
    await resetting.taker.until((peer) => peer.over === 'reset');
  });

  test('what is held is bounded: the sender feels the cut', async () => {
    const { caller, taker } = await pair(ports.ab, b);
    cable.cut('A', 'B');
    caller.socket.write(Buffer.alloc(30_000_000));
    await meanwhile();
    expect(caller.socket.writableLength).toBeGreaterThan(0);
    expect(taker.heardBytes).toBe(0);
    cable.heal();
    await taker.until((peer) => peer.heardBytes === 30_000_000);
  });

  test('connections that are over are forgotten', async () => {
    const { caller, taker } = await pair(ports.ab, b);
    expect(cable.status().connections).toBe(1);
    caller.socket.end();
    await taker.until((peer) => peer.over === 'closed');
    await caller.until((peer) => peer.socket.destroyed);
    const deadline = Date.now() + 5000;
    while (cable.status().connections > 0) {
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});

describe('the control of a cable', () => {
  const directory = mkdtempSync(join(tmpdir(), 'cm-cable-'));
  const controlPath = join(directory, 'cable.sock');
  const network = createTcpNetwork({ files });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('cuts, heals, lays wires, tells and stops', async () => {
    const wires = [{ from: 'A', to: 'B', target: { host: '127.0.0.1', port: b.port } }];
    const running = await runCable({ wires, controlPath, network });
    const ask = (request: Parameters<typeof askCable>[2]): Promise<CableAnswer> =>
      askCable(network, controlPath, request, 2000);
    await expect(runCable({ wires, controlPath, network })).rejects.toMatchObject({ code: 'address-in-use' });
    const before = await ask({ type: 'status' });
    expect(before).toMatchObject({ ok: true, status: { cuts: [], wires: [{ from: 'A', to: 'B' }] } });
    expect(await ask({ type: 'cut', a: 'A', b: 'B', oneWay: true })).toMatchObject({
      status: { cuts: [{ from: 'A', to: 'B' }] },
    });
    expect(await ask({ type: 'heal', a: 'A', b: 'B' })).toMatchObject({ status: { cuts: [] } });
    expect(await ask({ type: 'cut', a: 'A', b: 'Z', oneWay: false })).toMatchObject({
      ok: false,
      text: expect.stringContaining('Z'),
    });
    const more = await ask({
      type: 'lay',
      wires: [...wires, { from: 'B', to: 'A', target: { host: '127.0.0.1', port: a.port } }],
    });
    expect(more.ok && more.status.wires).toHaveLength(2);
    const stray = await network.dialLocal(controlPath, 1000);
    stray.send(16, Buffer.from('{"type":"explode"}'));
    stray.onFrames(() => {});
    await new Promise<string>((resolve) => stray.onClosed(resolve));
    expect(await ask({ type: 'stop' })).toMatchObject({ ok: true });
    await running.stopped;
    await expect(ask({ type: 'status' })).rejects.toMatchObject({ code: 'unreachable' });
  });
});
