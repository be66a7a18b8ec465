/**
 * The arbiter's driver (AGT-014, AGT-016): feeds what arrives on arbiter connections to the pure arbiter and carries its
 * effects out in order. It keeps nothing.
 *
 * Its time stands still while this process does: what the members sent meanwhile waits in the sockets, and must be heard
 * before anybody is called silent.
 */
import {
  type ArbiterEffect,
  type ArbiterEvent,
  type ArbiterState,
  initialArbiter,
  nextArbiterWakeMs,
  stepArbiter,
} from '../mirror/arbiter.ts';
import { qosTimeoutMs as qosLimits } from '../mirror/limits.ts';
import type { Connection } from '../network/network.ts';
import {
  type AgentStatus,
  ARBITER,
  decodeToArbiter,
  encodeArbiterSession,
  encodeClockWord,
  encodeFromArbiter,
} from '../protocol/agent-channel.ts';
import { readClockWord } from '../protocol/clock-offset.ts';
import { type Frame, parseJsonBody } from '../protocol/frame.ts';
import type { Open } from '../protocol/opening.ts';
import type { AgentNotes } from './agent-notes.ts';
import type { AgentParts } from './parts.ts';

/** A wake-up later than this means that the process did not run. */
const stallMs = 200;
/** After a stall the next judgement of silence waits so long. */
const graceMs = 50;

type Undated<E> = E extends unknown ? Omit<E, 'nowMs'> : never;

export class ArbiterServer {
  readonly #parts: Pick<AgentParts, 'log'> & { readonly host: Pick<AgentParts['host'], 'clock'> };
  readonly #notes: AgentNotes;
  #state: ArbiterState;
  readonly #connections = new Map<number, Connection>();
  #timer: { readonly dueMs: number; readonly cancel: () => void } | null = null;
  /** All time that the process did not run. */
  #stalledMs = 0;
  #lastMs = 0;

  constructor(parts: Pick<AgentParts, 'log' | 'firstSession' | 'host'>, notes: AgentNotes) {
    this.#parts = parts;
    this.#notes = notes;
    this.#state = initialArbiter(parts.firstSession);
  }

  get mirrors(): AgentStatus['arbiterFor'] {
    const members = new Map<string, string[]>();
    for (const { mirror, member } of this.#state.sessions) {
      members.set(mirror, [...(members.get(mirror) ?? []), member]);
    }
    return [...members].map(([mirror, names]) => ({ mirror, members: names.sort() }));
  }

  /** `open` named a mirror and a member. */
  accept(connection: Connection, open: Open): void {
    const { id } = connection;
    const { mirror, member, qosTimeoutMs = qosLimits.default } = open;
    this.#connections.set(id, connection);
    this.#parts.log('arbiter-member', { member, mirror, remote: connection.remote });
    this.#step({ type: 'opened', connection: id, mirror, member, qosTimeoutMs });
    connection.onFrames((frames) => this.#hear(id, frames));
    connection.onClosed((reason) => {
      if (!this.#connections.delete(id)) return;
      this.#parts.log('arbiter-member-lost', { member, mirror, reason });
      this.#step({ type: 'closed', connection: id });
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    for (const connection of this.#connections.values()) connection.destroy();
    this.#connections.clear();
  }

  #hear(id: number, frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (!this.#connections.has(id)) return;
      if (frame.kind === ARBITER.clock) this.#tellTime(id, frame);
      else this.#step({ type: 'message', connection: id, message: decodeToArbiter(frame) });
    }
  }

  #step(event: Undated<ArbiterEvent>): void {
    const { state, effects } = stepArbiter(this.#state, { ...event, nowMs: this.#nowMs() } as ArbiterEvent);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    this.#arm();
  }

  #carryOut(effect: ArbiterEffect): void {
    switch (effect.type) {
      case 'welcome':
        return this.#send(effect.connection, encodeArbiterSession(effect.session));
      case 'tell':
        return this.#send(effect.connection, encodeFromArbiter(effect.message));
      case 'close': {
        const connection = this.#connections.get(effect.connection);
        this.#connections.delete(effect.connection);
        this.#parts.log('arbiter-closed', { remote: connection?.remote ?? 'a connection', because: effect.reason });
        return connection?.destroy();
      }
      case 'note':
        return this.#notes.put('arbiter', effect);
      default:
        effect satisfies never;
    }
  }

  #send(id: number, { kind, body }: Frame): void {
    this.#connections.get(id)?.send(kind, body);
  }

  /** No message of the rules: it proves nothing about who lives. */
  #tellTime(id: number, frame: Frame): void {
    const word = readClockWord(parseJsonBody(frame));
    if (word === null || !('ask' in word)) return;
    this.#send(id, encodeClockWord({ answers: word.ask, wallMs: this.#parts.host.clock.wallMs() }));
  }

  /** The arbiter's own time, without that in which this process did not run. Never goes back. */
  #nowMs(): number {
    const dueMs = nextArbiterWakeMs(this.#state);
    let nowMs = this.#parts.host.clock.nowMs() - this.#stalledMs;
    if (dueMs !== null && nowMs - dueMs > stallMs) {
      const heldMs = Math.max(this.#lastMs, dueMs - graceMs);
      this.#parts.log('arbiter-stood-still', { forMs: Math.round(nowMs - this.#lastMs) });
      this.#stalledMs += nowMs - heldMs;
      nowMs = heldMs;
    }
    this.#lastMs = nowMs;
    return nowMs;
  }

  #arm(): void {
    const dueMs = nextArbiterWakeMs(this.#state);
    if (this.#timer !== null && dueMs !== null && this.#timer.dueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (dueMs === null) return;
    const nowMs = this.#parts.host.clock.nowMs() - this.#stalledMs;
    // At least 1 ms: between two timers the sockets are read.
    const timer = this.#parts.host.clock.after(Math.max(1, dueMs - nowMs), () => this.#wake());
    this.#timer = { dueMs, cancel: () => timer.cancel() };
  }

  /** Every message pushes the wake-up on; the timer is not set anew each time, it looks again when it rings. */
  #wake(): void {
    this.#timer = null;
    const nowMs = this.#nowMs();
    const dueMs = nextArbiterWakeMs(this.#state);
    if (dueMs !== null && nowMs >= dueMs) this.#step({ type: 'woke' });
    else this.#arm();
  }
}
