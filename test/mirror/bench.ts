/** One member on a bench: events in, effects out, and the usual ways into its roles. For tests of single rules. */
import type { MemberEffect } from '../../src/mirror/effects.ts';
import type { MemberEvent, MemberSettings } from '../../src/mirror/events.ts';
import { settingsOf } from '../../src/mirror/failover-members.ts';
import { type EpochBeginning, JOURNAL_START, type JournalPosition } from '../../src/mirror/journal-position.ts';
import { step } from '../../src/mirror/member.ts';
import { firstRecord, type MemberRecord } from '../../src/mirror/member-record.ts';
import { initialState, type MemberState } from '../../src/mirror/member-state.ts';
import type { DataMessage, Envelope } from '../../src/mirror/messages.ts';
import type { MirrorSet } from '../../src/mirror/mirror-set.ts';
import type { Epoch } from '../../src/mirror/terms.ts';

export const qosTimeoutMs = 1000;

export type Untimed = MemberEvent extends infer E ? (E extends MemberEvent ? Omit<E, 'nowMs'> : never) : never;

export function at(epoch: number, sequence: number): JournalPosition {
  return { epoch, file: epoch, offset: 256 + sequence * 100, sequence };
}

export function epochOf(number: number, owner: string, lineage = 'first'): Epoch {
  return { number, owner, lineage };
}

export function beginning(epoch: Epoch, sequence: number): EpochBeginning {
  return { epoch: epoch.number, owner: epoch.owner, lineage: epoch.lineage, begin: at(epoch.number, sequence) };
}

export class Bench {
  state: MemberState;
  nowMs = 10_000;
  /** Effects of the last event. */
  effects: readonly MemberEffect[] = [];
  rules: readonly string[] = [];

  constructor(name = 'B', failoverMember = true) {
    this.state = initialState(name, 'MIRROR', failoverMember);
  }

  /** The site allows everything at once; null = a test answers for it. */
  site: 'allows' | null = 'allows';

  post(event: Untimed, afterMs = 0): this {
    this.nowMs += afterMs;
    this.effects = [];
    this.rules = [];
    this.#step(event);
    return this;
  }

  #step(event: Untimed): void {
    const result = step(this.state, { ...event, nowMs: this.nowMs } as MemberEvent);
    this.state = result.state;
    this.effects = [...this.effects, ...result.effects];
    this.rules = [...this.rules, ...result.rules];
    const asked = result.effects.find((effect) => effect.type === 'ask-site');
    if (asked?.type !== 'ask-site' || this.site === null) return;
    this.#step({ type: 'site-answered', request: asked.request, allowed: true, spec: 'FO-067', because: '' });
  }

  woke(afterMs = 0): this {
    return this.post({ type: 'woke' }, afterMs);
  }

  effect<T extends MemberEffect['type']>(type: T): Extract<MemberEffect, { type: T }> | undefined {
    return this.effects.find((effect) => effect.type === type) as Extract<MemberEffect, { type: T }> | undefined;
  }

  sent<T extends DataMessage['type']>(type: T): Extract<DataMessage, { type: T }> | undefined {
    for (const effect of this.effects)
      if (effect.type === 'send' && effect.message.type === type)
        return effect.message as Extract<DataMessage, { type: T }>;
    return undefined;
  }

  started(
    changes: {
      record?: Partial<MemberRecord>;
      settings?: Partial<MemberSettings>;
      end?: JournalPosition;
      history?: readonly EpochBeginning[];
    } = {},
  ): this {
    const settings = {
      qosTimeoutMs,
      arbiter: false,
      partner: this.state.self === 'A' ? 'B' : 'A',
      failoverMembers: ['A', 'B'],
    };
    const end = changes.end ?? JOURNAL_START;
    return this.post({
      type: 'started',
      record: { ...firstRecord, ...changes.record },
      settings: { ...settings, ...changes.settings },
      journalEnd: end,
      history: changes.history ?? [],
      applied: end,
      appliedFurthest: end,
      lineage: 'first',
    });
  }

  from(name: string, connection: number, epoch: Epoch, message: DataMessage, incarnation = 1): this {
    const envelope: Envelope = { from: name, incarnation, epoch };
    return this.post({ type: 'message', connection, envelope, message });
  }

  /** Started without a partner, primary of epoch 1, then given one. */
  primary(changes: Partial<MemberSettings> = {}): this {
    this.started({ settings: { ...changes, partner: null } }).woke();
    const end = at(this.state.record.epoch.number, 0);
    this.post({ type: 'file-started', end, history: [beginning(this.state.record.epoch, 0)] });
    this.post({ type: 'databases-applied', to: end });
    const { settings } = this.state;
    return this.post({
      type: 'settings-changed',
      settings: { ...settings, ...changes, partner: this.state.self === 'A' ? 'B' : 'A' },
    });
  }

  /** It comes to know this mirror set. */
  knows(set: MirrorSet): this {
    return this.post({ type: 'settings-changed', settings: settingsOf(set, this.state.self) });
  }

  /** A primary whose backup is connected over connection 7 and active. */
  primaryWithActiveBackup(changes: Partial<MemberSettings> = {}): this {
    this.primary(changes).backupSaysHello(7, 1);
    const other = this.other;
    const end = this.state.journal.appended;
    this.from(other, 7, this.state.record.epoch, { type: 'ack', to: end, applied: end, term: 0 });
    const { term } = this.state.serving.counted as { term: number };
    return this.from(other, 7, this.state.record.epoch, { type: 'ack', to: end, applied: end, term });
  }

  get other(): string {
    return this.state.self === 'A' ? 'B' : 'A';
  }

  backupSaysHello(connection: number, hello: number, epoch: Epoch = epochOf(0, '')): this {
    const journalEnd = JOURNAL_START;
    const message = { type: 'hello', failoverMember: true, primaryOfEpoch: false, hello, journalEnd } as const;
    return this.from(this.other, connection, epoch, message);
  }

  /** A backup attached over connection 3 to the primary of epoch 1. */
  attached(changes: Partial<MemberSettings> = {}): this {
    this.started({ settings: changes }).woke();
    const request = this.effect('ask-agent')?.request as number;
    const primary = epochOf(1, this.other);
    this.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: primary } });
    this.woke().post({ type: 'dialled', to: this.other, connection: 3 });
    const welcome = { type: 'welcome', history: [beginning(primary, 0)], end: at(1, 0), noFailover: false } as const;
    return this.from(this.other, 3, primary, welcome);
  }

  /** An active backup in agent controlled mode that holds everything up to 1/5. */
  active(changes: Partial<MemberSettings> = {}): this {
    const primary = epochOf(1, this.other);
    this.attached(changes).from(this.other, 3, primary, {
      type: 'data',
      from: JOURNAL_START,
      to: at(1, 5),
      durableTo: at(1, 0),
    });
    this.post({ type: 'journal-flushed', to: at(1, 5) });
    return this.from(this.other, 3, primary, { type: 'set-active', term: 1, upTo: at(1, 5) });
  }

  /** An active backup in arbiter controlled mode, term 2, session 1001. */
  activeWithArbiter(): this {
    this.active({ arbiter: true }).woke().post({ type: 'arbiter-opened', session: 1001 });
    this.from(this.other, 3, epochOf(1, this.other), { type: 'enter-propose', term: 2, session: 1000 });
    return this.post({ type: 'arbiter-message', message: { type: 'entered', epoch: epochOf(1, this.other), term: 2 } });
  }

  /** A primary in arbiter controlled mode, session 1000, backup on connection 7 with session 1001. */
  primaryWithArbiter(): this {
    this.primaryWithActiveBackup({ arbiter: true }).woke().post({ type: 'arbiter-opened', session: 1000 });
    return this.proposed().post({
      type: 'arbiter-message',
      message: { type: 'entered', epoch: this.state.record.epoch, term: this.state.serving.modeTerm },
    });
  }

  /** A keep-alive of the counted backup on connection 7. */
  backupHeard(number = 2): this {
    const { term } = this.state.serving.counted as { term: number };
    const keepAlive = { type: 'keep-alive', number, echo: 0, mode: 'Agent Controlled', term, session: 1001 } as const;
    return this.from(this.other, 7, this.state.record.epoch, keepAlive);
  }

  /** Entering: the backup is ready and the arbiter was told. */
  proposed(): this {
    const { epoch } = this.state.record;
    this.backupHeard(1).woke();
    return this.from(this.other, 7, epoch, { type: 'enter-ready', term: this.state.serving.modeTerm, session: 1001 });
  }
}
