/** The end of a simulated member in its sessions with the arbiter; the other end is in arbiter-host.ts. */
import type { MemberEffect } from '../mirror/effects.ts';
import type { FromArbiter } from '../mirror/messages.ts';
import type { MemberProcess } from './member-process.ts';

/** How the arbiter's end and ours meet. */
export type FromArbiterFrame = { readonly session: number } | { readonly told: FromArbiter };

export class ArbiterEnd {
  readonly #process: MemberProcess;
  connection: number | null = null;
  #attempt = 0;
  #opened = false;

  constructor(process: MemberProcess) {
    this.#process = process;
  }

  open(): void {
    const { on, host, state } = this.#process;
    const { world } = on;
    this.#attempt += 1;
    this.#opened = false;
    const attempt = this.#attempt;
    const isPresent = () => this.#process.alive && this.#attempt === attempt && this.connection === null;
    world.clock.after(state.settings.qosTimeoutMs, () => {
      if (!this.#process.alive || this.#attempt !== attempt || this.#opened) return;
      this.close();
      this.#process.post({ type: 'arbiter-closed', reason: 'timeout' });
    });
    world.network.carry(host, 'X', () => {
      const target = world.arbiter.process;
      if (!world.arbiter.up) return;
      world.network.carry('X', host, () => {
        if (!isPresent()) return;
        if (target === null || target !== world.arbiter.process) {
          this.#attempt += 1;
          return this.#process.post({ type: 'arbiter-closed', reason: 'refused' });
        }
        this.connection = world.network.connect(this.#process, target);
        const hello = { member: host, open: this.#process.state.settings.qosTimeoutMs };
        world.network.send(this.connection, this.#process, hello);
      });
    });
  }

  received(frame: FromArbiterFrame): void {
    if ('session' in frame) {
      this.#opened = true;
      this.#process.post({ type: 'arbiter-opened', session: frame.session });
    } else this.#process.post({ type: 'arbiter-message', message: frame.told });
  }

  tell(message: Extract<MemberEffect, { type: 'tell-arbiter' }>['message']): void {
    const { on, host } = this.#process;
    if (this.connection !== null) on.world.network.send(this.connection, this.#process, { member: host, message });
  }

  close(): void {
    this.#attempt += 1;
    if (this.connection === null) return;
    this.#process.on.world.network.close(this.connection, this.#process, 'closed by the member');
    this.connection = null;
  }

  closed(reason: string): void {
    this.connection = null;
    this.#attempt += 1;
    this.#process.post({ type: 'arbiter-closed', reason });
  }
}
