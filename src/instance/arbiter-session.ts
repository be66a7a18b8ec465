/** One session after another with the arbiter (FO-033), as events; when to open and when to give up is the rules' business. */
import type { ToArbiter } from '../mirror/messages.ts';
import type { Address } from '../mirror/mirror-set.ts';
import type { Connection, Network, Timers } from '../network/network.ts';
import { openChannel } from '../network/opening-exchange.ts';
import {
  ARBITER,
  decodeArbiterSession,
  decodeFromArbiter,
  encodeClockWord,
  encodeToArbiter,
} from '../protocol/agent-channel.ts';
import { readClockWord } from '../protocol/clock-offset.ts';
import { type Frame, parseJsonBody } from '../protocol/frame.ts';
import type { Open } from '../protocol/opening.ts';
import type { Untimed } from './driver.ts';
import type { LinkClock, LinkClocks } from './link-clocks.ts';

export interface ArbiterSessionParts {
  readonly network: Network;
  readonly timers: Timers;
  readonly open: () => Open;
  readonly address: () => Address | null;
  readonly timeoutMs: () => number;
  readonly post: (event: Untimed) => void;
  readonly clocks: LinkClocks;
}

export class ArbiterSession {
  readonly #parts: ArbiterSessionParts;
  /** Rises with each open and close: what an older attempt brings is let go. */
  #attempt = 0;
  #connection: Connection | null = null;
  #hasSession = false;
  #clock: LinkClock | null = null;

  constructor(parts: ArbiterSessionParts) {
    this.#parts = parts;
  }

  async open(): Promise<void> {
    this.close();
    const attempt = this.#attempt;
    const { network, timers, timeoutMs } = this.#parts;
    const address = this.#parts.address();
    try {
      if (address === null) throw new Error('no arbiter is configured');
      const connection = await network.dial(address.host, address.port, timeoutMs());
      if (attempt !== this.#attempt) return connection.destroy();
      this.#connection = connection;
      await openChannel(connection, this.#parts.open(), timeoutMs(), timers);
      if (attempt !== this.#attempt) return connection.destroy();
      connection.onClosed((reason) => this.#lost(attempt, reason));
      timers.after(timeoutMs(), () => {
        if (attempt === this.#attempt && !this.#hasSession) connection.destroy();
      });
      connection.onFrames((frames) => {
        for (const frame of frames) if (attempt === this.#attempt) this.#onFrame(frame);
      });
    } catch (error) {
      this.#lost(attempt, (error as Error).message);
    }
  }

  #onFrame(frame: Frame): void {
    if (frame.kind === ARBITER.session) {
      this.#hasSession = true;
      this.#clock?.end();
      this.#clock = this.#parts.clocks.follow('arbiter', (word) => {
        const { kind, body } = encodeClockWord(word);
        this.#connection?.send(kind, body);
      });
      this.#parts.post({ type: 'arbiter-opened', session: decodeArbiterSession(frame) });
      return;
    }
    if (frame.kind === ARBITER.clock) {
      const word = readClockWord(parseJsonBody(frame));
      if (word !== null) this.#clock?.hear(word);
      return;
    }
    this.#parts.post({ type: 'arbiter-message', message: decodeFromArbiter(frame) });
  }

  #lost(attempt: number, reason: string): void {
    if (attempt !== this.#attempt) return;
    this.#attempt += 1;
    this.#endClock();
    this.#connection = null;
    this.#parts.post({ type: 'arbiter-closed', reason });
  }

  tell(message: ToArbiter): void {
    const { kind, body } = encodeToArbiter(message);
    this.#connection?.send(kind, body);
  }

  close(): void {
    this.#attempt += 1;
    this.#endClock();
    this.#connection?.destroy();
    this.#connection = null;
    this.#hasSession = false;
  }

  #endClock(): void {
    this.#clock?.end();
    this.#clock = null;
  }
}
