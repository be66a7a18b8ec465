/**
 * Connections between processes on hosts, over links that can be cut in one direction or both. What is sent on one
 * connection arrives in order or not at all; while a link is cut everything is held in silence, and at the healing it is
 * delivered or the connection breaks. Connections have latencies of their own, so what travels on two of them overtakes.
 */
import type { Chance } from './random.ts';
import type { Appointment, VirtualClock } from './virtual-clock.ts';

export interface EndPoint {
  readonly host: string;
  /** Called only while this end is open. */
  received(connection: number, message: unknown): void;
  closed(connection: number, reason: string): void;
}

interface Item {
  readonly message: unknown;
  readyAtMs: number;
  readonly close: string | null;
}

interface Side {
  readonly point: EndPoint;
  open: boolean;
  /** What this side has sent and the other has not received. */
  outgoing: Item[];
  timer: Appointment | null;
}

interface Connection {
  readonly id: number;
  readonly sides: readonly [Side, Side];
  /** Made by `carry`: it is not silent when a link accepts connections and then says nothing. */
  readonly carried: boolean;
  /** So many messages still arrive; then it is half-open: both ends believe in it, and nothing arrives any more. */
  left: number;
}

interface Slowness {
  readonly latencyMs: number;
  /** What one journal element takes: a link of little bandwidth. */
  readonly elementMs: number;
}

/** What a message takes at least between two hosts. */
const shortestMs = 0.2;

export class VirtualNetwork {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #connections = new Map<number, Connection>();
  readonly #cut = new Set<string>();
  readonly #silent = new Set<string>();
  readonly #private = new Set<string>();
  readonly #slow = new Map<string, Slowness>();
  #number = 0;
  /** How many messages have arrived. */
  delivered = 0;

  constructor(clock: VirtualClock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  isUp(from: string, to: string): boolean {
    return from === to || !this.#cut.has(`${from}>${to}`);
  }

  /** Silence from `from` to `to`. */
  cutOneWay(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  slowDown(a: string, b: string, latencyMs: number, elementMs = 0): void {
    this.#slow.set(`${a}>${b}`, { latencyMs, elementMs });
    this.#slow.set(`${b}>${a}`, { latencyMs, elementMs });
    if (elementMs > 0) return;
    for (const connection of this.#between(a, b))
      for (const index of [0, 1] as const) this.#hurry(connection, index, latencyMs);
  }

  /** What was on its way over a slower link does not go on waiting for a bandwidth that there is again. */
  #hurry(connection: Connection, index: 0 | 1, latencyMs: number): void {
    const side = connection.sides[index];
    const latestMs = this.#clock.nowMs + latencyMs + shortestMs;
    if ((side.outgoing.at(-1)?.readyAtMs ?? 0) <= latestMs) return;
    for (const item of side.outgoing) item.readyAtMs = Math.min(item.readyAtMs, latestMs);
    if (side.timer !== null) side.timer.cancelled = true;
    side.timer = null;
    this.#pump(connection, index);
  }

  /** The private addresses of the two are not reached from each other, where failover members keep their data channels (CFG-061). */
  closePrivate(a: string, b: string): void {
    this.#private.add(`${a}>${b}`).add(`${b}>${a}`);
  }

  openPrivate(a: string, b: string): void {
    this.#private.delete(`${a}>${b}`);
    this.#private.delete(`${b}>${a}`);
  }

  isPrivateOpen(from: string, to: string): boolean {
    return !this.#private.has(`${from}>${to}`);
  }

  /** Connections are accepted, and nothing is heard on any. */
  silence(a: string, b: string): void {
    this.#silent.add(`${a}>${b}`).add(`${b}>${a}`);
  }

  speakAgain(a: string, b: string): void {
    this.#silent.delete(`${a}>${b}`);
    this.#silent.delete(`${b}>${a}`);
    for (const connection of this.#between(a, b)) for (const index of [0, 1] as const) this.#pump(connection, index);
  }

  /** Every connection between the two breaks at once; both ends hear of it. How many did. */
  reset(a: string, b: string): number {
    const broken = this.#between(a, b).filter((connection) => !connection.carried);
    for (const connection of broken) this.#break(connection);
    return broken.length;
  }

  /** After so many more messages nothing arrives on the present connections, and nobody hears of it. How many they are. */
  blackHole(a: string, b: string, after: number): number {
    const lost = this.#between(a, b).filter((connection) => !connection.carried);
    for (const connection of lost) connection.left = Math.min(connection.left, after);
    return lost.length;
  }

  #between(a: string, b: string): Connection[] {
    return [...this.#connections.values()].filter(({ sides }) => {
      const [first, second] = [sides[0].point.host, sides[1].point.host];
      return (first === a && second === b) || (first === b && second === a);
    });
  }

  /** Time passes in which nothing happens: what is under way arrives so much later. */
  skip(durationMs: number): void {
    for (const { sides } of this.#connections.values())
      for (const side of sides) for (const item of side.outgoing) item.readyAtMs += durationMs;
  }

  /** Both directions work again; `breakShare` of the connections across it break instead of going on. */
  heal(a: string, b: string, breakShare: number): void {
    const wasCut = this.#cut.delete(`${a}>${b}`);
    if (!this.#cut.delete(`${b}>${a}`) && !wasCut) return;
    for (const connection of this.#between(a, b)) {
      if (this.#chance.happens(breakShare)) this.#break(connection);
      for (const index of [0, 1] as const) this.#pump(connection, index);
    }
  }

  connect(first: EndPoint, second: EndPoint, carried = false): number {
    this.#number += 1;
    const side = (point: EndPoint): Side => ({ point, open: true, outgoing: [], timer: null });
    const sides = [side(first), side(second)] as const;
    this.#connections.set(this.#number, { id: this.#number, sides, carried, left: Number.POSITIVE_INFINITY });
    return this.#number;
  }

  /** `elements` = how many journal elements the message carries. */
  send(id: number, from: EndPoint, message: unknown, elements = 0): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    const index = connection.sides[0].point === from ? 0 : 1;
    if (!connection.sides[index].open) return;
    this.#put(connection, index, message, null, elements);
  }

  close(id: number, from: EndPoint, reason: string): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    const index = connection.sides[0].point === from ? 0 : 1;
    if (!connection.sides[index].open) return;
    connection.sides[index].open = false;
    this.#put(connection, index, null, reason);
  }

  /** The power of a host is gone, and what its processes had sent and the network had not taken yet. */
  hostLost(host: string): void {
    for (const { sides, carried } of this.#connections.values())
      for (const side of sides) if (side.point.host === host && !carried) side.outgoing = [];
  }

  /** A process is gone: its peers hear so unless the whole host is gone; then they hear nothing until it is back. */
  ended(point: EndPoint, hostLost: boolean, orderly = false): void {
    if (hostLost) this.hostLost(point.host);
    for (const connection of this.#connections.values()) {
      const index = connection.sides.findIndex((side) => side.point === point) as 0 | 1 | -1;
      if (index < 0 || !connection.sides[index as 0 | 1].open) continue;
      const side = connection.sides[index as 0 | 1];
      side.open = false;
      if (!hostLost && !orderly && this.#chance.happens(0.3))
        side.outgoing = side.outgoing.slice(0, this.#chance.below(4));
      if (!hostLost) this.#put(connection, index as 0 | 1, null, 'the process at the other end is gone');
    }
  }

  /** A host is back: whatever was still connected to its former processes is told so. */
  hostBack(host: string): void {
    for (const connection of this.#connections.values()) {
      for (const index of [0, 1] as const) {
        const side = connection.sides[index];
        if (side.point.host === host && !side.open && connection.sides[1 - index]?.open && side.outgoing.length === 0) {
          this.#put(connection, index, null, 'reset by the host at the other end');
        }
      }
    }
  }

  /** One thing carried from host to host, as over a connection of its own; lost rather than late in some cases. */
  carry(from: string, to: string, arrive: () => void): void {
    const sender: EndPoint = { host: from, received: () => {}, closed: () => {} };
    const receiver: EndPoint = { host: to, received: () => arrive(), closed: () => {} };
    const id = this.connect(sender, receiver, true);
    this.send(id, sender, 'carried');
    this.close(id, sender, 'carried');
  }

  #put(connection: Connection, index: 0 | 1, message: unknown, close: string | null, elements = 0): void {
    const side = connection.sides[index];
    const from = side.point.host;
    const to = connection.sides[1 - index]?.point.host as string;
    const slow = this.#slow.get(`${from}>${to}`);
    const latencyMs =
      from === to ? 0.05 : this.#chance.between(shortestMs, 1.5) + this.#chance.next() * (slow?.latencyMs ?? 0);
    const last = side.outgoing.at(-1)?.readyAtMs ?? 0;
    const readyAtMs = Math.max(last, this.#clock.nowMs + latencyMs) + elements * (slow?.elementMs ?? 0);
    side.outgoing.push({ message, readyAtMs, close });
    this.#pump(connection, index);
  }

  #pump(connection: Connection, index: 0 | 1): void {
    const side = connection.sides[index];
    const first = side.outgoing[0];
    if (first === undefined || side.timer !== null) return;
    if (!this.#passes(connection, side.point.host, connection.sides[1 - index]?.point.host as string)) return;
    side.timer = this.#clock.at(first.readyAtMs, () => {
      side.timer = null;
      this.#deliver(connection, index);
    });
  }

  #passes(connection: Connection, from: string, to: string): boolean {
    return this.isUp(from, to) && (connection.carried || !this.#silent.has(`${from}>${to}`));
  }

  #deliver(connection: Connection, index: 0 | 1): void {
    const side = connection.sides[index];
    const target = connection.sides[1 - index] as Side;
    if (!this.#passes(connection, side.point.host, target.point.host)) return;
    const item = side.outgoing.shift();
    if (item !== undefined && target.open && connection.left > 0) {
      connection.left -= 1;
      this.delivered += 1;
      if (item.close === null) target.point.received(connection.id, item.message);
      else {
        target.open = false;
        target.point.closed(connection.id, item.close);
      }
    }
    if (!side.open && !target.open && side.outgoing.length === 0) this.#connections.delete(connection.id);
    this.#pump(connection, index);
  }

  #break(connection: Connection): void {
    for (const index of [0, 1] as const) connection.sides[index].outgoing = [];
    for (const index of [0, 1] as const) {
      if (connection.sides[1 - index]?.open) this.#put(connection, index, null, 'connection reset');
      connection.sides[index].open ||= false;
    }
  }
}
