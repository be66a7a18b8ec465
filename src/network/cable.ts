/**
 * A lab's cable: one process between hosts that all live on one machine. For each directed pair of hosts and each address
 * dialled there is a wire: a port of 127.0.0.1 at which one host dials and behind which the cable dials the other. A cut stops
 * the bytes of one direction, or of both, in connections dialled by either host; nothing is closed and nothing is lost, as
 * in a real cut that is healed before anybody gives up.
 *
 * Not here: one connection (cable-strand.ts), and how an operator's program reaches the cable (cable-control.ts).
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../mirror/mirror-set.ts';
import { CableStrand } from './cable-strand.ts';
import { AddressInUseError } from './network.ts';

export interface WirePlan {
  /** Label of the host that dials, and of the host dialled. */
  readonly from: string;
  readonly to: string;
  readonly target: Address;
  /** Port on 127.0.0.1 at which `from` dials; 0 or left out = any free one. */
  readonly port?: number;
  /** Address of `from`: the target sees the connection come from it. */
  readonly fromAddress?: string;
}

export interface Wire extends WirePlan {
  readonly port: number;
}

export interface Direction {
  readonly from: string;
  readonly to: string;
}

/** Bytes that came out at the other end since the cable was started. */
export interface Carried extends Direction {
  readonly bytes: number;
}

export interface CableStatus {
  readonly wires: readonly Wire[];
  readonly carried: readonly Carried[];
  /** Directions in which nothing passes. */
  readonly cuts: readonly Direction[];
  readonly connections: number;
}

interface LaidWire {
  readonly wire: Wire;
  readonly server: Server;
}

export class Cable {
  readonly #laid: LaidWire[] = [];
  readonly #strands = new Set<CableStrand>();
  readonly #cuts = new Map<string, Direction>();
  readonly #carried = new Map<string, Carried>();

  /** Lay wires; one that is laid already is not laid again. @throws AddressInUseError when a port asked for is taken. */
  async lay(plans: readonly WirePlan[]): Promise<readonly Wire[]> {
    const wires: Wire[] = [];
    for (const plan of plans) {
      const laid = this.#laid.find(({ wire }) => sameWire(wire, plan)) ?? (await this.#layOne(plan));
      wires.push(laid.wire);
    }
    return wires;
  }

  /** Stop the bytes from `a` to `b`, and unless `oneWay` from `b` to `a` too. */
  cut(a: string, b: string, { oneWay = false }: { readonly oneWay?: boolean } = {}): void {
    this.#cuts.set(key(a, b), { from: a, to: b });
    if (!oneWay) this.#cuts.set(key(b, a), { from: b, to: a });
    this.#changed();
  }

  /** Let the bytes between two hosts through again, those that were held first; without hosts, between all. */
  heal(a?: string, b?: string): void {
    if (a === undefined || b === undefined) this.#cuts.clear();
    else for (const direction of [key(a, b), key(b, a)]) this.#cuts.delete(direction);
    this.#changed();
  }

  status(): CableStatus {
    return {
      wires: this.#laid.map(({ wire }) => wire),
      carried: [...this.#carried.values()],
      cuts: [...this.#cuts.values()],
      connections: this.#strands.size,
    };
  }

  knows(host: string): boolean {
    return this.#laid.some(({ wire }) => wire.from === host || wire.to === host);
  }

  /** Take the cable away: all connections are reset. */
  close(): void {
    for (const { server } of this.#laid.splice(0)) server.close();
    for (const strand of this.#strands) strand.reset();
  }

  async #layOne(plan: WirePlan): Promise<LaidWire> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#take(laid.wire, socket));
    const port = await listen(server, plan.port ?? 0);
    const laid: LaidWire = { wire: { ...plan, port }, server };
    this.#laid.push(laid);
    return laid;
  }

  #take(wire: Wire, socket: Socket): void {
    const strand = new CableStrand(wire, socket, {
      isCut: (from, to) => this.#cuts.has(key(from, to)),
      onCarried: (from, to, bytes) => this.#count(from, to, bytes),
      onGone: () => this.#strands.delete(strand),
    });
    this.#strands.add(strand);
    strand.carryOn();
  }

  #count(from: string, to: string, more: number): void {
    const before = this.#carried.get(key(from, to))?.bytes ?? 0;
    this.#carried.set(key(from, to), { from, to, bytes: before + more });
  }

  #changed(): void {
    for (const strand of this.#strands) strand.carryOn();
  }
}

async function listen(server: Server, port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new AddressInUseError(`the cable cannot listen on 127.0.0.1:${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, '127.0.0.1', () => {
      const bound = server.address();
      // A later fault (too many open files) concerns one connection.
      server.on('error', () => {});
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

function sameWire(wire: Wire, plan: WirePlan): boolean {
  return (
    wire.from === plan.from &&
    wire.to === plan.to &&
    wire.target.host === plan.target.host &&
    wire.target.port === plan.target.port
  );
}

function key(from: string, to: string): string {
  return JSON.stringify([from, to]);
}
