/**
 * The data channels of one member: dialled and accepted connections as the numbers the rules know them by, messages as
 * bytes, and journal bytes that wait until the rules say what becomes of them.
 */
import type { JournalChunk } from '../journal/journal.ts';
import { type ChosenCompression, type CompressionType, chooseCompression } from '../mirror/compression.ts';
import { comparePositions, type JournalPosition } from '../mirror/journal-position.ts';
import type { DataMessage, Envelope } from '../mirror/messages.ts';
import { type Address, type MemberDefinition, type MirrorSet, memberNamed } from '../mirror/mirror-set.ts';
import type { CompressionReport } from '../mirror/status.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { BlockCodec } from '../network/block-codec.ts';
import type { Connection, Network, Timers } from '../network/network.ts';
import { openChannel, RefusedError } from '../network/opening-exchange.ts';
import { readClockWord } from '../protocol/clock-offset.ts';
import type { Frame } from '../protocol/frame.ts';
import { jsonBody, parseJsonBody } from '../protocol/frame.ts';
import {
  decodeData,
  decodeMessage,
  encodeData,
  encodeMessage,
  MEMBER,
  type Notice,
} from '../protocol/member-channel.ts';
import type { Open } from '../protocol/opening.ts';
import type { Untimed } from './driver.ts';
import type { LinkClock, LinkClocks } from './link-clocks.ts';
import { type OutgoingBlock, OutgoingBlocks } from './outgoing-blocks.ts';

interface DataAddresses {
  readonly addresses: readonly Address[];
  /** What there is to say where none of them answers. */
  readonly remark: string;
}

/** CFG-061: the private address; an async falls back to the superserver's, and does so no more when it is promoted (FO-086). */
export function dataAddresses(to: MemberDefinition | undefined, failoverMember: boolean): DataAddresses {
  if (to === undefined) return { addresses: [], remark: '' };
  const { superserver, privateAddress } = to;
  const first = { host: privateAddress ?? superserver.host, port: superserver.port };
  if (first.host === superserver.host) return { addresses: [first], remark: '' };
  if (!failoverMember) return { addresses: [first, superserver], remark: '' };
  const remark = ` (its private address ${first.host}, and a failover member uses no other: FO-086)`;
  return { addresses: [first], remark };
}

export interface MemberLinksParts {
  readonly network: Network;
  readonly codec: BlockCodec;
  readonly timers: Timers;
  /** Who speaks, as of now. */
  readonly envelope: () => Envelope;
  readonly open: () => Open;
  /** Where a member's data channel is, in the order to try (CFG-061). */
  readonly addressesOf: (member: MemberName) => DataAddresses;
  readonly mirrorSet: () => MirrorSet;
  readonly timeoutMs: () => number;
  readonly post: (event: Untimed) => void;
  readonly onNotice: (from: MemberName, notice: Notice) => void;
  readonly clocks: LinkClocks;
}

interface Link {
  readonly connection: Connection;
  readonly member: MemberName;
  /** Journal data that arrived and was not asked for yet, oldest first. */
  arrived: JournalChunk[];
  closed: boolean;
  /** What the other side said that it can unpack. */
  readonly unpacks: readonly CompressionType[];
  /** Journal bytes sent over this link in the present type, and as they went over the wire. */
  type: CompressionType | null;
  journalBytes: number;
  networkBytes: number;
  clock: LinkClock | null;
  /** What the databases may be given, not told yet. */
  durable: HeldDurable | null;
  /** Runs on when what it was set for has been told: it finds something else then, or nothing. */
  durableTimer: { cancel(): void } | null;
}

type DurableTo = DataMessage & { readonly type: 'durable-to' };

interface HeldDurable {
  readonly envelope: Envelope;
  readonly message: DurableTo;
}

type Data = DataMessage & { readonly type: 'data' };

/** How long a closed link may take to send what was given to it. */
const lingerMs = 1000;
/** How long the durable position waits, once or twice, for a data message that tells it as well: under load it then costs nothing. */
const durableWaitsMs = 5;

export class MemberLinks {
  readonly #parts: MemberLinksParts;
  readonly #links = new Map<number, Link>();
  readonly #blocks: OutgoingBlocks;
  /** Journal bytes received over all links, and as they came over the wire. */
  journalBytes = 0;
  networkBytes = 0;

  constructor(parts: MemberLinksParts) {
    this.#parts = parts;
    this.#blocks = new OutgoingBlocks(parts.codec);
  }

  /** Open a data channel (events `dialled`, `dial-failed`). */
  async dial(member: MemberName): Promise<void> {
    const { network, timers, timeoutMs } = this.#parts;
    let reason = `no address of ${member} is known`;
    let noMember = false;
    const { addresses, remark } = this.#parts.addressesOf(member);
    // One that swallows what is sent to it leaves time for the next: the rules give up the attempt after this time.
    const withinMs = timeoutMs() / addresses.length;
    for (const { host, port } of addresses) {
      try {
        const connection = await network.dial(host, port, withinMs);
        await openChannel(connection, this.#parts.open(), withinMs, timers);
        this.#keep(connection, member, []);
        this.#parts.post({ type: 'dialled', to: member, connection: connection.id });
        return;
      } catch (error) {
        reason = (error as Error).message;
        const refused = error instanceof RefusedError ? error.refused : null;
        noMember = refused?.reason === 'mirror';
        if (refused?.reason !== 'removed') continue;
        this.#parts.post({ type: 'removed', by: member, removeAttribute: refused.removeAttribute === true });
        break;
      }
    }
    reason += remark;
    this.#parts.post({ type: 'dial-failed', to: member, reason, ...(noMember ? { noMember } : {}) });
  }

  /** A data channel that another member opened; the rules learn of it by its first message. */
  accept(connection: Connection, member: MemberName, unpacks: readonly CompressionType[]): void {
    this.#keep(connection, member, unpacks);
  }

  #keep(connection: Connection, member: MemberName, unpacks: readonly CompressionType[]): void {
    const sent = { unpacks, type: null, journalBytes: 0, networkBytes: 0 };
    const link: Link = {
      connection,
      member,
      arrived: [],
      closed: false,
      clock: null,
      durable: null,
      durableTimer: null,
      ...sent,
    };
    this.#links.set(connection.id, link);
    connection.onClosed((reason) => {
      this.#links.delete(connection.id);
      link.clock?.end();
      link.durable = null;
      link.durableTimer?.cancel();
      if (!link.closed) this.#parts.post({ type: 'closed', connection: connection.id, reason });
    });
    connection.onFrames((frames) => {
      for (const frame of frames) if (!link.closed) this.#onFrame(link, frame);
    });
    link.clock = this.#parts.clocks.follow(member, (clock) => this.notify(connection.id, { clock }));
  }

  #onFrame(link: Link, frame: Frame): void {
    const connection = link.connection.id;
    if (frame.kind === MEMBER.notice) {
      const notice = parseJsonBody(frame) as Notice;
      const word = readClockWord(notice.clock);
      if (word === null) this.#parts.onNotice(link.member, notice);
      else link.clock?.hear(word);
      return;
    }
    if (frame.kind !== MEMBER.data) {
      const { envelope, message } = decodeMessage(frame);
      if (envelope.from === link.member) this.#parts.post({ type: 'message', connection, envelope, message });
      return;
    }
    const { head, bytes } = decodeData(frame);
    if (head.envelope.from !== link.member) return;
    const { from, to } = head.message;
    const { packing } = head;
    const journal = packing === undefined ? bytes : this.#parts.codec.unpack(packing.type, bytes, packing.bytes);
    const { file, fileName, offset, timeMs } = head.place;
    link.arrived.push({ file, fileName, offset, timeMs, from, to, bytes: journal });
    this.journalBytes += journal.length;
    this.networkBytes += frame.body.length;
    this.#parts.post({ type: 'message', connection, envelope: head.envelope, message: head.message });
  }

  send(connection: number, message: DataMessage): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    if (message.type === 'durable-to') return this.#holdDurable(link, message);
    this.#tellDurable(link);
    this.#sendMessage(link, this.#parts.envelope(), message);
  }

  #holdDurable(link: Link, message: DurableTo): void {
    link.durable = { envelope: this.#parts.envelope(), message };
    if (link.durableTimer === null) this.#tellDurableLater(link);
  }

  /** A timer for every message would cost more than to tell it: one that is newer than the timer waits for the next one. */
  #tellDurableLater(link: Link): void {
    const { durable } = link;
    link.durableTimer = this.#parts.timers.after(durableWaitsMs, () => {
      link.durableTimer = null;
      if (link.durable === durable) this.#tellDurable(link);
      else if (link.durable !== null) this.#tellDurableLater(link);
    });
  }

  /** Whatever is sent next comes behind it. */
  #tellDurable(link: Link): void {
    if (link.durable === null) return;
    const { envelope, message } = link.durable;
    link.durable = null;
    this.#sendMessage(link, envelope, message);
  }

  #sendMessage(link: Link, envelope: Envelope, message: DataMessage): void {
    const { kind, body } = encodeMessage(envelope, message);
    link.connection.send(kind, body);
  }

  /** Null = it was sent in this call. A promise where it is compressed first: what is sent meanwhile overtakes it. */
  sendData(connection: number, message: Data, chunk: JournalChunk): Promise<void> | null {
    const link = this.#links.get(connection);
    if (link === undefined) return null;
    const envelope = this.#parts.envelope();
    const type = this.#chosen(link)?.type ?? null;
    if (type !== link.type) Object.assign(link, { type, journalBytes: 0, networkBytes: 0 });
    const block = this.#blocks.take(chunk, type);
    if ('bytes' in block) {
      this.#sendBlock(link, envelope, message, chunk, block);
      return null;
    }
    return block.then((packed) => this.#sendBlock(link, envelope, message, chunk, packed));
  }

  #sendBlock(link: Link, envelope: Envelope, message: Data, chunk: JournalChunk, block: OutgoingBlock): void {
    if (link.closed) return;
    const waiting = link.durable?.message.to;
    const isTold = waiting !== undefined && comparePositions(message.durableTo, waiting) >= 0;
    if (isTold) link.durable = null;
    else this.#tellDurable(link);
    const { file, fileName, offset, timeMs } = chunk;
    const parts = encodeData(envelope, message, { file, fileName, offset, timeMs }, block.bytes, block.packing);
    link.journalBytes += chunk.bytes.length;
    link.networkBytes += parts.reduce((sum, part) => sum + part.length, 0);
    // Each record carries a checksum, which whoever stores it looks at; of a compressed block the head says it.
    link.connection.send(MEMBER.data, parts, parts[0].length);
  }

  #chosen({ member, unpacks }: Link): ChosenCompression | null {
    const set = this.#parts.mirrorSet();
    const found = memberNamed(set, member);
    if (found === undefined) return null;
    return chooseCompression(set.settings, found.type, this.#parts.codec.types, unpacks);
  }

  /** How journal data go over this link now, and what that has saved since it is so (MON-021). */
  compressionOf(connection: number): CompressionReport | null {
    const link = this.#links.get(connection);
    const chosen = link === undefined ? null : this.#chosen(link);
    if (link === undefined || chosen === null) return null;
    const { journalBytes, networkBytes } = link;
    return { ...chosen, journalBytes, networkBytes };
  }

  notify(connection: number, notice: Notice): void {
    this.#links.get(connection)?.connection.send(MEMBER.notice, jsonBody(notice));
  }

  /** The chunk that came beside the data message that ends at `to`; older ones are let go. */
  take(connection: number, to: JournalPosition): JournalChunk | undefined {
    const arrived = this.#links.get(connection)?.arrived;
    while (arrived !== undefined && arrived.length > 0) {
      const chunk = arrived.shift() as JournalChunk;
      if (comparePositions(chunk.to, to) === 0) return chunk;
    }
    return undefined;
  }

  /** Send what is under way, then close; the rules hear nothing of this link any more. */
  close(connection: number): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    link.closed = true;
    link.clock?.end();
    link.arrived = [];
    this.#tellDurable(link);
    link.durableTimer?.cancel();
    this.#links.delete(connection);
    link.connection.end();
    this.#parts.timers.after(lingerMs, () => link.connection.destroy());
  }

  closeAll(): void {
    for (const id of [...this.#links.keys()]) this.close(id);
  }
}
