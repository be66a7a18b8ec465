/** Two members' ends of a data channel over real sockets: what is compressed, what is not, and what a damaged block does. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { nodeHost } from '../../src/host/node-host.ts';
import * as files from '../../src/host/socket-files.ts';
import { LinkClocks } from '../../src/instance/link-clocks.ts';
import { dataAddresses, MemberLinks } from '../../src/instance/member-links.ts';
import { OutgoingBlocks } from '../../src/instance/outgoing-blocks.ts';
import type { JournalChunk } from '../../src/journal/journal.ts';
import type { CompressionType } from '../../src/mirror/compression.ts';
import { compressedAtOnceBytes, compressedBytesMin, unpackedBytesMax } from '../../src/mirror/limits.ts';
import type { DataMessage, Envelope } from '../../src/mirror/messages.ts';
import type { CompressionMode, MirrorSet } from '../../src/mirror/mirror-set.ts';
import { type Connection, type Listener, UnreachableError } from '../../src/network/network.ts';
import { createBlockCodec } from '../../src/network/node-block-codec.ts';
import { acceptChannel } from '../../src/network/opening-exchange.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import { crc32c } from '../../src/protocol/crc32c.ts';
import { encodeData, MEMBER } from '../../src/protocol/member-channel.ts';
import { agree, makeOpen } from '../../src/protocol/opening.ts';
import { mirrorSet } from '../fixtures/scripted-instance.ts';

const network = createTcpNetwork({ files });
const codec = createBlockCodec();
const junk = Buffer.from('junk');
const junkSum = crc32c(junk);
const envelope: Envelope = {
  from: 'ALPHA/IRIS',
  incarnation: 1,
  epoch: { number: 3, owner: 'ALPHA/IRIS', lineage: 'l' },
};
const ours = {
  channels: ['data'] as const,
  mirror: 'DEMO',
  member: 'ALPHA/IRIS',
  instance: 'IRIS',
  epoch: envelope.epoch,
};

const open: { readonly links: MemberLinks[]; readonly listeners: Listener[] } = { links: [], listeners: [] };

afterEach(async () => {
  for (const links of open.links.splice(0)) links.closeAll();
  for (const listener of open.listeners.splice(0)) await listener.close();
});

interface Happened {
  readonly type: string;
  readonly message?: DataMessage;
  readonly connection?: number;
  readonly reason?: string;
}

/** The primary's end, with settings that can be changed, and the events of a member whose type decides its class. */
async function connected(member: 'BETA/IRIS' | 'GAMMA_IRIS', unpacks: readonly CompressionType[] = codec.types) {
  let set: MirrorSet = mirrorSet;
  const arrived: Happened[] = [];
  let wake = (): void => {};
  const linksOf = (self: string, post: (event: Happened) => void, port: number, can = codec): MemberLinks => {
    const clocks = new LinkClocks({ clock: nodeHost.clock, events: { append: () => ({}) as never }, member: self });
    const links = new MemberLinks({
      network,
      codec: can,
      timers: nodeHost.clock,
      envelope: () => ({ ...envelope, from: self }),
      open: () => makeOpen({ channel: 'data', mirror: 'DEMO', member, unpacks }),
      addressesOf: () => ({ addresses: [{ host: '127.0.0.1', port }], remark: '' }),
      mirrorSet: () => set,
      timeoutMs: () => 5000,
      post: post as never,
      onNotice: () => {},
      clocks,
    });
    open.links.push(links);
    return links;
  };
  const primary = linksOf('ALPHA/IRIS', () => {}, 0);
  let taken = (_connection: Connection): void => {};
  const atPrimary = new Promise<Connection>((resolve) => {
    taken = resolve;
  });
  const listener = await network.listen('127.0.0.1', 0, async (connection) => {
    const accepted = await acceptChannel(connection, (said) => agree(said, { ...ours, requireTls: false }), 5000);
    if (accepted.state !== 'opened') return;
    primary.accept(connection, member, accepted.open.unpacks ?? []);
    taken(connection);
  });
  open.listeners.push(listener);
  const without = codec.types.filter((type) => !unpacks.includes(type));
  const receiver = linksOf(
    member,
    (event) => {
      arrived.push(event);
      wake();
    },
    listener.port,
    createBlockCodec({ without }),
  );
  await receiver.dial('ALPHA/IRIS');
  const connection = await atPrimary;
  return {
    primary,
    connection,
    id: connection.id,
    receiver,
    arrived,
    /** Resolves with the first event for which it is so. */
    until: (isIt: (event: Happened) => boolean): Promise<Happened> =>
      new Promise((resolve) => {
        wake = () => {
          const found = arrived.find(isIt);
          if (found !== undefined) resolve(found);
        };
        wake();
      }),
    setMode: (compressionFailover: CompressionMode, compressionAsync = compressionFailover) => {
      set = { ...set, settings: { ...set.settings, compressionFailover, compressionAsync } };
    },
  };
}

const at = (sequence: number) => ({ epoch: 3, file: 1, offset: sequence * 100, sequence });

function chunkOf(bytes: Buffer, sequence: number): JournalChunk {
  return { from: at(sequence - 1), to: at(sequence), file: 1, fileName: 'f', offset: 0, timeMs: 1, bytes };
}

function text(length: number): Buffer {
  return Buffer.alloc(length, '^CITY("FR",75,"Paris")=2138551;');
}

async function ship({ primary, id }: { primary: MemberLinks; id: number }, chunk: JournalChunk): Promise<void> {
  await primary.sendData(id, { type: 'data', from: chunk.from, to: chunk.to, durableTo: chunk.from }, chunk);
}

/** Jest compares long buffers byte by byte. */
function isSame(a: Uint8Array | undefined, b: Buffer): boolean {
  return a !== undefined && b.equals(a);
}

const isData = (sequence: number) => (event: Happened) =>
  event.message?.type === 'data' && event.message.to.sequence === sequence;

async function sendAndTake(link: Awaited<ReturnType<typeof connected>>, chunk: JournalChunk): Promise<Buffer> {
  await ship(link, chunk);
  const { connection } = await link.until(isData(chunk.to.sequence));
  return Buffer.from(link.receiver.take(connection as number, chunk.to)?.bytes ?? []);
}

describe('journal data between two members', () => {
  test.each(codec.types.map((type) => [type] as const))('SYN-011: %s arrives as it was, in order', async (type) => {
    const link = await connected('GAMMA_IRIS', ['zlib', type]);
    link.setMode(({ zlib: 'Compressed', zstd: 'Compressed with Zstd', lz4: 'Compressed with LZ4' } as const)[type]);
    const blocks = [text(compressedBytesMin), text(300_000), randomBytes(40_000), text(20), text(1_000_000)];
    for (const [index, bytes] of blocks.entries()) await ship(link, chunkOf(bytes, index + 1));
    await link.until(isData(blocks.length));
    const order = link.arrived.flatMap(({ message }) => (message?.type === 'data' ? [message.to.sequence] : []));
    expect(order).toEqual([1, 2, 3, 4, 5]);
    const { connection } = await link.until(isData(1));
    for (const [index, bytes] of blocks.entries()) {
      expect(isSame(link.receiver.take(connection as number, at(index + 1))?.bytes, bytes)).toBe(true);
    }
    const sent = link.primary.compressionOf(link.id);
    expect(sent).toMatchObject({ type, because: 'by setting', journalBytes: link.receiver.journalBytes });
    expect(sent?.networkBytes).toBe(link.receiver.networkBytes);
    expect(link.receiver.networkBytes).toBeLessThan(link.receiver.journalBytes / 5);
  });

  test('SYN-011: short blocks, and blocks that do not shrink, go as they are', async () => {
    const link = await connected('GAMMA_IRIS');
    link.setMode('Compressed');
    for (const [index, bytes] of [text(compressedBytesMin - 1), randomBytes(5000)].entries()) {
      const before = link.receiver.networkBytes;
      expect(isSame(await sendAndTake(link, chunkOf(bytes, index + 1)), bytes)).toBe(true);
      expect(link.receiver.networkBytes - before).toBeGreaterThan(bytes.length);
    }
  });

  test('SYN-012: by default the backup gets the data as they are, and an async gets them compressed', async () => {
    const backup = await connected('BETA/IRIS');
    await sendAndTake(backup, chunkOf(text(100_000), 1));
    expect(backup.primary.compressionOf(backup.id)).toMatchObject({ mode: 'System Selected', type: null });
    expect(backup.receiver.networkBytes).toBeGreaterThan(100_000);
    const async = await connected('GAMMA_IRIS');
    await sendAndTake(async, chunkOf(text(100_000), 1));
    expect(async.primary.compressionOf(async.id)?.type).toBe(codec.types.includes('zstd') ? 'zstd' : 'zlib');
    expect(async.receiver.networkBytes).toBeLessThan(20_000);
  });

  test('SYN-013: a receiver without Zstd gets zlib, one that says nothing gets the data as they are', async () => {
    const poor = await connected('GAMMA_IRIS', ['zlib']);
    poor.setMode('Compressed with LZ4');
    expect(isSame(await sendAndTake(poor, chunkOf(text(50_000), 1)), text(50_000))).toBe(true);
    expect(poor.primary.compressionOf(poor.id)).toMatchObject({ type: 'zlib', because: 'the receiver has no LZ4' });
    const old = await connected('GAMMA_IRIS', []);
    old.setMode('Compressed with LZ4');
    expect(isSame(await sendAndTake(old, chunkOf(text(50_000), 1)), text(50_000))).toBe(true);
    expect(old.primary.compressionOf(old.id)?.type).toBeNull();
  });

  test('CFG-046: a changed mode counts from the next block on, over the same connection', async () => {
    const link = await connected('BETA/IRIS');
    const sizes: number[] = [];
    for (const [index, mode] of (
      ['Uncompressed', 'Compressed with LZ4', 'Compressed', 'Uncompressed'] as const
    ).entries()) {
      link.setMode(mode);
      const before = link.receiver.networkBytes;
      expect(isSame(await sendAndTake(link, chunkOf(text(60_000), index + 1)), text(60_000))).toBe(true);
      sizes.push(link.receiver.networkBytes - before);
    }
    expect(sizes.map((size) => size > 60_000)).toEqual([true, false, false, true]);
    expect(link.primary.compressionOf(link.id)).toMatchObject({ type: null, journalBytes: 60_000 });
    expect(link.arrived.some(({ type }) => type === 'closed')).toBe(false);
  });

  test.each([
    [
      'bytes that are no zlib',
      { type: 'zlib', bytes: 4, checksum: junkSum },
      'a zlib block of journal data is damaged',
    ],
    [
      'a flipped bit',
      { type: 'zlib', bytes: 4, checksum: junkSum ^ 1 },
      'compressed journal data have a wrong checksum',
    ],
    ['a type nobody knows', { type: 'rar', bytes: 4 }, 'compressed with "rar", which is not known here'],
    ['more than any chunk holds', { type: 'zlib', bytes: unpackedBytesMax + 1 }, 'are announced'],
    ['a length that is none', { type: 'zlib', bytes: -1 }, 'are announced'],
  ] as const)(
    'SYN-011: %s close the connection with the reason, and nothing of it is taken',
    async (_what, packing, why) => {
      const link = await connected('GAMMA_IRIS');
      const message = { type: 'data', from: at(0), to: at(1), durableTo: at(0) } as const;
      const place = { file: 1, fileName: 'f', offset: 0, timeMs: 1 };
      link.connection.send(MEMBER.data, encodeData(envelope, message, place, junk, packing as never));
      const { reason } = await link.until(({ type }) => type === 'closed');
      expect(reason).toMatch(why);
      expect(link.arrived.some(isData(1))).toBe(false);
    },
  );
});

describe('OutgoingBlocks', () => {
  test('SYN-011: a block for many members is compressed once for each type', async () => {
    const blocks = new OutgoingBlocks(codec);
    const chunk = chunkOf(text(200_000), 1);
    const taken = await Promise.all(Array.from({ length: 15 }, () => blocks.take({ ...chunk }, 'zlib')));
    expect(new Set(taken).size).toBe(1);
    expect(blocks.packed).toBe(1);
    blocks.take({ ...chunk }, 'lz4');
    blocks.take({ ...chunk }, 'lz4');
    expect(blocks.packed).toBe(2);
  });

  test('SYN-011: another block at the same place, after a cut, is not taken for it', async () => {
    const blocks = new OutgoingBlocks(codec);
    const other = { ...chunkOf(text(2000), 1), to: { ...at(1), epoch: 4 } };
    expect(blocks.take(chunkOf(text(2000), 1), 'lz4')).not.toBe(blocks.take(other, 'lz4'));
  });

  test('SYN-011: short ones are compressed at once, long ones on another thread', () => {
    const blocks = new OutgoingBlocks(codec);
    expect(blocks.take(chunkOf(text(compressedAtOnceBytes), 1), 'zlib')).toHaveProperty('bytes');
    expect(blocks.take(chunkOf(text(compressedAtOnceBytes + 1), 2), 'zlib')).toHaveProperty('then');
  });
});

test('FO-086, CFG-061: an async falls back to the address of the superserver, a failover member says that it does not', () => {
  const [agent, superserver] = [
    { host: 'a.example', port: 2188 },
    { host: 'a.example', port: 1972 },
  ];
  const place = { instance: 'A', instanceDirectory: '', superserver, agent };
  const member = { name: 'A', type: 'Failover', ...place, privateAddress: '10.0.0.1' } as const;
  const first = { host: '10.0.0.1', port: 1972 };
  expect(dataAddresses(member, false)).toEqual({ addresses: [first, superserver], remark: '' });
  expect(dataAddresses(member, true)).toMatchObject({
    addresses: [first],
    remark: expect.stringContaining('private address 10.0.0.1'),
  });
  expect(dataAddresses({ ...member, privateAddress: null }, true)).toEqual({ addresses: [superserver], remark: '' });
});

test('FO-086, CFG-061: an address that swallows everything leaves time for the next one within the same attempt', async () => {
  const events: Happened[] = [];
  const waitedMs: number[] = [];
  const dial = (host: string, _port: number, timeoutMs: number): Promise<Connection> => {
    waitedMs.push(timeoutMs);
    return Promise.reject(new UnreachableError(`no answer from ${host}`));
  };
  const hosts = ['10.0.0.1', 'a.example'];
  const links = new MemberLinks({
    network: { ...network, dial },
    codec,
    timers: nodeHost.clock,
    envelope: () => envelope,
    open: () => makeOpen({ channel: 'data', mirror: 'DEMO', member: 'GAMMA_IRIS', unpacks: [] }),
    addressesOf: () => ({ addresses: hosts.map((host) => ({ host, port: 1972 })), remark: '' }),
    mirrorSet: () => mirrorSet,
    timeoutMs: () => 800,
    post: (event) => events.push(event as Happened),
    onNotice: () => {},
    clocks: new LinkClocks({ clock: nodeHost.clock, events: { append: () => ({}) as never }, member: 'GAMMA_IRIS' }),
  });
  await links.dial('ALPHA/IRIS');
  expect(waitedMs).toEqual([400, 400]);
  expect(events).toMatchObject([{ type: 'dial-failed', reason: 'no answer from a.example' }]);
});
