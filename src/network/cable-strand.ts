/**
 * One connection through the cable: the socket of the host that dialled, and the one with which the cable dials the other.
 * Bytes, closes and resets go from one end to the other unless their direction is cut; then they wait in the end they came
 * in, which is not read any more, so that what is held is bounded and the sender feels it.
 */
import { createConnection, type Socket } from 'node:net';
import type { Wire } from './cable.ts';

interface End {
  readonly host: string;
  readonly socket: Socket;
  /** It has sent all it will send. */
  ended: boolean;
  /** The other end has been told so. */
  endPassed: boolean;
  /** It was reset, or could not be reached. */
  broken: boolean;
}

interface StrandRules {
  isCut(from: string, to: string): boolean;
  onCarried(from: string, to: string, bytes: number): void;
  /** Both ends are closed. */
  onGone(): void;
}

export class CableStrand {
  readonly #wire: Wire;
  readonly #rules: StrandRules;
  readonly #dialler: End;
  /** Null until the cable dials, which a cut of either direction prevents: an opening needs both. */
  #target: End | null = null;
  #gone = false;

  constructor(wire: Wire, socket: Socket, rules: StrandRules) {
    this.#wire = wire;
    this.#rules = rules;
    socket.pause();
    this.#dialler = this.#watch(wire.from, socket);
  }

  /** Do what may be done now; called again after each cut and heal. */
  carryOn(): void {
    if (this.#target === null) this.#dial();
    if (this.#target === null) return;
    this.#pass(this.#dialler, this.#target);
    this.#pass(this.#target, this.#dialler);
    this.#forget();
  }

  reset(): void {
    this.#dialler.socket.resetAndDestroy();
    this.#target?.socket.resetAndDestroy();
    this.#forget();
  }

  #dial(): void {
    const { from, to, target, fromAddress } = this.#wire;
    if (this.#dialler.broken) return this.#forget();
    if (this.#rules.isCut(from, to) || this.#rules.isCut(to, from)) return;
    const socket = createConnection({
      ...target,
      allowHalfOpen: true,
      noDelay: true,
      ...(fromAddress === undefined ? {} : { localAddress: fromAddress }),
    });
    this.#target = this.#watch(to, socket);
  }

  #watch(host: string, socket: Socket): End {
    const end: End = { host, socket, ended: false, endPassed: false, broken: false };
    socket.on('data', (chunk: Buffer) => this.#bytes(end, chunk));
    socket.on('end', () => {
      end.ended = true;
      this.carryOn();
    });
    socket.on('error', () => {
      end.broken = true;
    });
    socket.on('drain', () => this.carryOn());
    socket.on('close', () => this.carryOn());
    return end;
  }

  #bytes(from: End, chunk: Buffer): void {
    const to = from === this.#dialler ? this.#target : this.#dialler;
    if (to === null || this.#rules.isCut(from.host, to.host)) {
      from.socket.pause();
      from.socket.unshift(chunk);
    } else if (to.socket.writable) {
      this.#rules.onCarried(from.host, to.host, chunk.length);
      if (!to.socket.write(chunk)) from.socket.pause();
    }
  }

  /** From one end to the other: its bytes, its close, its reset. */
  #pass(from: End, to: End): void {
    if (this.#rules.isCut(from.host, to.host)) {
      if (!from.ended) from.socket.pause();
      return;
    }
    if (from.broken) {
      if (!to.socket.destroyed) to.socket.resetAndDestroy();
      return;
    }
    if (from.ended && !from.endPassed) {
      from.endPassed = true;
      to.socket.end();
    }
    if (to.socket.writableNeedDrain) from.socket.pause();
    else from.socket.resume();
  }

  #forget(): void {
    const targetOver = this.#target?.socket.destroyed ?? this.#dialler.broken;
    if (this.#gone || !this.#dialler.socket.destroyed || !targetOver) return;
    this.#gone = true;
    this.#rules.onGone();
  }
}
