/** The simulated arbiter: src/mirror/arbiter.ts on a host of its own. It keeps nothing on disk. */
import {
  type ArbiterEffect,
  type ArbiterEvent,
  type ArbiterState,
  initialArbiter,
  nextArbiterWakeMs,
  stepArbiter,
} from '../mirror/arbiter.ts';
import type { ToArbiter } from '../mirror/messages.ts';
import type { FromArbiterFrame } from './arbiter-end.ts';
import type { Appointment } from './virtual-clock.ts';
import type { EndPoint } from './virtual-network.ts';
import type { World } from './world.ts';

type ToArbiterFrame = { readonly member: string } & ({ readonly open: number } | { readonly message: ToArbiter });

type UntimedArbiterEvent = ArbiterEvent extends infer E ? (E extends ArbiterEvent ? Omit<E, 'nowMs'> : never) : never;

export class ArbiterHost {
  readonly world: World;
  process: ArbiterProcess | null = null;
  up = true;
  #starts = 0;
  #clockOffsetMs: number;

  constructor(world: World) {
    this.world = world;
    this.#clockOffsetMs = world.options.upForMs ?? 0;
  }

  /** Monotonic time of this machine. */
  localMs(): number {
    return this.#clockOffsetMs + this.world.clock.nowMs;
  }

  whenLocalIs(localMs: number): number {
    return localMs - this.#clockOffsetMs;
  }

  skip(durationMs: number): void {
    this.#clockOffsetMs -= durationMs;
  }

  start(): void {
    if (this.process !== null) return;
    this.up = true;
    this.world.network.hostBack('X');
    this.#starts += 1;
    this.process = new ArbiterProcess(this.world, this.#starts * 1000);
    this.world.tell('X', 'arbiter starts');
  }

  kill(hostLost: boolean): void {
    const { process } = this;
    if (process === null) return;
    this.process = null;
    this.up = !hostLost;
    process.alive = false;
    this.world.network.ended(process, hostLost);
  }
}

export class ArbiterProcess implements EndPoint {
  readonly host = 'X';
  alive = true;
  readonly #world: World;
  #state: ArbiterState;
  #frozen = false;
  #inbox: UntimedArbiterEvent[] = [];
  #timer: Appointment | null = null;
  readonly #run: number;
  /** Who speaks over which connection, for the checkers. */
  readonly #members = new Map<number, string>();

  constructor(world: World, firstSession: number) {
    this.#world = world;
    this.#run = firstSession;
    this.#state = initialArbiter(firstSession);
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const event of this.#inbox.splice(0)) this.#step(event);
    this.#take({ type: 'woke' });
  }

  received(connection: number, frame: unknown): void {
    const said = frame as ToArbiterFrame;
    if ('open' in said) {
      const { member, open: qosTimeoutMs } = said;
      this.#members.set(connection, member);
      this.#take({ type: 'opened', connection, mirror: 'MIRROR', member, qosTimeoutMs });
    } else this.#take({ type: 'message', connection, message: said.message });
  }

  closed(connection: number): void {
    this.#take({ type: 'closed', connection });
  }

  #take(event: UntimedArbiterEvent): void {
    if (!this.alive) return;
    if (this.#frozen) this.#inbox.push(event);
    else this.#step(event);
  }

  #step(event: UntimedArbiterEvent): void {
    const { state, effects } = stepArbiter(this.#state, {
      ...event,
      nowMs: this.#world.arbiter.localMs(),
    } as ArbiterEvent);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    this.#setTimer();
  }

  #setTimer(): void {
    if (this.#timer !== null) this.#timer.cancelled = true;
    const dueMs = nextArbiterWakeMs(this.#state);
    if (dueMs === null) return;
    this.#timer = this.#world.clock.at(this.#world.arbiter.whenLocalIs(dueMs) + 0.01, () => {
      this.#timer = null;
      if (this.#frozen) return;
      this.#take({ type: 'woke' });
    });
  }

  #carryOut(effect: ArbiterEffect): void {
    const { network, clock } = this.#world;
    if (effect.type !== 'tell' || effect.message.type !== 'keep-alive') this.#world.lastDeedMs = clock.nowMs;
    const send = (connection: number, frame: FromArbiterFrame): void => network.send(connection, this, frame);
    switch (effect.type) {
      case 'welcome':
        return send(effect.connection, { session: effect.session });
      case 'tell':
        this.#world.checkers.licences.told(
          this.#run,
          effect.connection,
          this.#members.get(effect.connection) ?? '',
          effect.message,
        );
        if (this.#world.verbose || effect.message.type !== 'keep-alive')
          this.#world.tell('X', `#${effect.connection} ${JSON.stringify(effect.message)}`);
        return send(effect.connection, { told: effect.message });
      case 'close':
        return network.close(effect.connection, this, effect.reason);
      default:
        return this.#world.tell('X', `${effect.what} ${JSON.stringify(effect.facts)}`);
    }
  }
}
