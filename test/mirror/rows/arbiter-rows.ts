/** Arbiter controlled mode: a member on the bench, its arbiter the real one, and each way of losing a contact. */
import { expect } from '@jest/globals';
import { type ArbiterEvent, type ArbiterState, initialArbiter, stepArbiter } from '../../../src/mirror/arbiter.ts';
import type { MemberEffect } from '../../../src/mirror/effects.ts';
import { type ArbiterFacts, arbiterTable } from '../../../src/mirror/failover-table.ts';
import type { FromArbiter, ToArbiter } from '../../../src/mirror/messages.ts';
import { Bench, epochOf, qosTimeoutMs } from '../bench.ts';
import { neverAsked, played, tableTest } from './row-play.ts';

type Undated<E> = E extends unknown ? Omit<E, 'nowMs'> : never;

const epoch = epochOf(1, 'A');
const connections = { A: 1, B: 2 } as const;
/** Longer than any timeout that could end a trouble state. */
const longMs = 60 * qosTimeoutMs;

/** A member in (or on the way into) arbiter controlled mode of term 2, and the arbiter: sessions 1000 of A, 1001 of B. */
class Arbitrated {
  readonly bench: Bench;
  /** What the member did since the last event from outside. */
  did: MemberEffect[] = [];
  #arbiter: ArbiterState = initialArbiter(1000);
  readonly #self: 'A' | 'B';

  constructor(bench: Bench, entered: boolean) {
    this.bench = bench;
    this.#self = bench.state.self as 'A' | 'B';
    for (const member of ['A', 'B'] as const) {
      this.#step({ type: 'opened', connection: connections[member], mirror: 'MIRROR', member, qosTimeoutMs });
    }
    if (entered) this.#say('A', { type: 'enter', epoch, term: 2, session: 1000, otherSession: 1001 });
  }

  /** Both members connected, the backup active, all three agreed on the mode. */
  static primary(): Arbitrated {
    return new Arbitrated(new Bench('A').primaryWithArbiter(), true);
  }

  static backup(): Arbitrated {
    return new Arbitrated(new Bench('B').activeWithArbiter(), true);
  }

  losesOther(): this {
    return this.#happens(() =>
      this.bench.post({ type: 'closed', connection: this.#self === 'A' ? 7 : 3, reason: 'test' }),
    );
  }

  losesArbiter(): this {
    return this.#happens(() => this.bench.post({ type: 'arbiter-closed', reason: 'test' }));
  }

  time(ms: number): this {
    return this.#happens(() => this.bench.woke(ms));
  }

  otherLosesArbiter(): this {
    this.did = [];
    return this.#step({ type: 'closed', connection: connections[this.#other] });
  }

  otherSays(message: ToArbiter): this {
    this.did = [];
    return this.#say(this.#other, message);
  }

  /** Straight from the arbiter. */
  hears(type: 'taken'): this {
    return this.#happens(() => this.bench.post({ type: 'arbiter-message', message: { type, epoch, term: 2 } }));
  }

  told(type: ToArbiter['type']): ToArbiter | undefined {
    return this.did
      .flatMap((effect) => (effect.type === 'tell-arbiter' ? [effect.message] : []))
      .find((message) => message.type === type);
  }

  types(): readonly MemberEffect['type'][] {
    return this.did.map((effect) => effect.type);
  }

  get #other(): 'A' | 'B' {
    return this.#self === 'A' ? 'B' : 'A';
  }

  #happens(event: () => void): this {
    this.did = [];
    event();
    return this.#carryOut();
  }

  /** What the member tells the arbiter arrives there, and what that answers arrives here. */
  #carryOut(): this {
    const { effects } = this.bench;
    this.did.push(...effects);
    for (const effect of effects) {
      if (effect.type === 'tell-arbiter' && this.bench.state.arbiter.state === 'open')
        this.#say(this.#self, effect.message);
    }
    return this;
  }

  #say(who: 'A' | 'B', message: ToArbiter): this {
    return this.#step({ type: 'message', connection: connections[who], message });
  }

  #step(event: Undated<ArbiterEvent>): this {
    const { state, effects } = stepArbiter(this.#arbiter, { ...event, nowMs: this.bench.nowMs } as ArbiterEvent);
    this.#arbiter = state;
    const heard: FromArbiter[] = effects.flatMap((effect) =>
      effect.type === 'tell' && effect.connection === connections[this.#self] ? [effect.message] : [],
    );
    for (const message of heard) {
      this.bench.post({ type: 'arbiter-message', message });
      this.#carryOut();
    }
    return this;
  }
}

/** Primary and backup agreed to enter, and the arbiter has not heard of it. */
function entering(): Arbitrated {
  const bench = new Bench('A').primaryWithActiveBackup({ arbiter: true }).woke();
  return new Arbitrated(bench.post({ type: 'arbiter-opened', session: 1000 }).proposed(), false);
}

function ready(): Arbitrated {
  const bench = new Bench('B').active({ arbiter: true }).woke().post({ type: 'arbiter-opened', session: 1001 });
  return new Arbitrated(bench.from('A', 3, epoch, { type: 'enter-propose', term: 2, session: 1000 }), false);
}

/** In trouble without a time limit: nothing is admitted, and no time ends it. */
function inTroubleForEver(member: Arbitrated, says: 'silent' | 'present' | 'taken'): void {
  expect(member.bench.state.serving.trouble).toMatchObject({ kind: 'arbiter', untilMs: null, says });
  expect(member.types()).not.toContain('admit-updates');
  member.time(longMs);
  expect(member.types()).not.toContain('admit-updates');
  expect(member.bench.state).toMatchObject({
    role: 'primary',
    serving: { trouble: { kind: 'arbiter', says }, mode: 'arbiter' },
  });
  expect(member.bench.state.record.activeBackup).toEqual({ member: 'B', term: 1 });
}

/** Goes on as primary without the backup, which is on disk before anything is admitted. */
function goesOnAlone(member: Arbitrated): void {
  expect(member.bench.state).toMatchObject({
    role: 'primary',
    serving: { trouble: null, counted: null, mode: 'agent' },
  });
  expect(member.bench.state.record.activeBackup).toBeNull();
  const types = member.types();
  expect(types).toContain('admit-updates');
  expect(types.indexOf('save-record')).toBeLessThan(types.indexOf('admit-updates'));
}

/** Asks the agent next, as the active backup that it still is; without a readable record it may not count on time. */
function asksAgent(member: Arbitrated): void {
  expect(member.bench.state).toMatchObject({ role: 'seeking', windowUntilMs: 0 });
  expect(member.bench.state.record.wasActive).toEqual({ epoch, term: 1 });
  expect(member.told('left-notice')).toBeUndefined();
  member.time(1);
  expect(member.bench.effect('ask-agent')).toMatchObject({ question: 'confirm-down', of: 'A' });
}

/** No backup any more, on disk before it says so through the arbiter. */
function givesUp(member: Arbitrated): void {
  expect(member.bench.state.role).toBe('seeking');
  expect(member.bench.state.record.wasActive).toBeNull();
  expect(member.told('left-notice')).toMatchObject({ term: 2 });
  const types = member.types();
  expect(types.indexOf('save-record')).toBeLessThan(types.indexOf('tell-arbiter'));
}

export const arbiterRows = tableTest<ArbiterFacts>(
  arbiterTable,
  {
    role: ['primary', 'backup'],
    other: ['connected', 'lost'],
    session: ['up', 'lost'],
    says: ['silent', 'gone', 'present', 'taken', 'never'],
  },
  {
    'primary connected up silent': neverAsked('nothing has happened that would ask', () => {
      const member = Arbitrated.primary().time(1);
      expect(member.bench.state).toMatchObject({ role: 'primary', serving: { mode: 'arbiter', trouble: null } });
      expect(member.told('peer-lost')).toBeUndefined();
    }),
    'primary connected lost silent': played(() => {
      const member = Arbitrated.primary().losesArbiter();
      expect(member.bench.state.serving).toMatchObject({ mode: 'arbiter', leaving: false, trouble: null });
      member.bench.backupHeard();
      expect(member.bench.state.serving).toMatchObject({ mode: 'arbiter', leaving: true, trouble: null });
      expect(member.bench.sent('leave')).toEqual({ type: 'leave', term: 2 });
      member.bench.from('B', 7, epoch, { type: 'left', term: 2 });
      expect(member.bench.state.serving).toMatchObject({ mode: 'agent', trouble: null, counted: { member: 'B' } });
      expect(member.bench.sent('agent-mode-ok')).toEqual({ type: 'agent-mode-ok', term: 2 });
    }),
    'primary lost up silent': played(() => {
      const member = Arbitrated.primary().losesOther();
      expect(member.types()).toContain('hold-updates');
      expect(member.told('peer-lost')).toMatchObject({ epoch, term: 2 });
      inTroubleForEver(member, 'silent');
    }),
    'primary lost up gone': played(() => goesOnAlone(Arbitrated.primary().otherLosesArbiter().losesOther())),
    'primary lost up present': played(() => {
      const asked = () => Arbitrated.primary().losesOther().otherSays({ type: 'here', epoch, term: 2 });
      inTroubleForEver(asked(), 'present');
      goesOnAlone(asked().otherSays({ type: 'left-notice', epoch, term: 2 }));
    }),
    // The arbiter of today never says it: who is licensed is licensed because the other's session has ended, for ever.
    'primary lost up taken': played(() => inTroubleForEver(Arbitrated.primary().losesOther().hears('taken'), 'taken')),
    'primary lost up never': played(() => {
      const member = entering().losesOther();
      expect(member.bench.state.serving).toMatchObject({ mode: 'agent', trouble: { kind: 'timed' } });
      member.time(2 * qosTimeoutMs - 1);
      expect(member.bench.state.serving.trouble).not.toBeNull();
      goesOnAlone(member.time(2));
    }),
    'primary lost lost silent': played(() => {
      const first = Arbitrated.primary().losesArbiter().losesOther();
      expect(first.told('peer-lost')).toBeUndefined();
      inTroubleForEver(first, 'silent');
      const last = Arbitrated.primary().losesOther().losesArbiter();
      expect(last.bench.state.serving.trouble?.spec).toContain('FO-036');
      inTroubleForEver(last, 'silent');
    }),
    'backup connected up silent': neverAsked('nothing has happened that would ask', () => {
      const member = Arbitrated.backup().time(1);
      expect(member.bench.state).toMatchObject({ role: 'attached', attachment: { mode: 'arbiter', asking: false } });
      expect(member.told('peer-lost')).toBeUndefined();
    }),
    'backup connected lost silent': played(() => {
      const member = Arbitrated.backup().losesArbiter();
      expect(member.bench.state).toMatchObject({
        role: 'attached',
        attachment: { mode: 'agent', windowAllowed: false },
      });
      expect(member.bench.state.record.wasActive).toEqual({ epoch, term: 1 });
      expect(member.bench.sent('left')).toEqual({ type: 'left', term: 2 });
    }),
    'backup lost up silent': played(() => {
      const member = Arbitrated.backup().losesOther();
      expect(member.told('peer-lost')).toMatchObject({ epoch, term: 2 });
      expect(member.bench.state).toMatchObject({ role: 'attached', attachment: { asking: true } });
      member.time(1);
      expect(member.types()).not.toContain('ask-agent');
    }),
    'backup lost up gone': played(() => {
      const member = Arbitrated.backup().otherLosesArbiter().losesOther();
      expect(member.bench.state).toMatchObject({ role: 'becoming', right: 'licence' });
      expect(member.bench.state.record).toMatchObject({ epoch: { number: 2, owner: 'B' }, primaryOfEpoch: true });
    }),
    'backup lost up present': played(() =>
      givesUp(Arbitrated.backup().losesOther().otherSays({ type: 'here', epoch, term: 2 })),
    ),
    // As above: the arbiter of today never says it.
    'backup lost up taken': played(() => givesUp(Arbitrated.backup().losesOther().hears('taken'))),
    'backup lost up never': played(() => asksAgent(ready().losesOther())),
    'backup lost lost silent': played(() => {
      const member = Arbitrated.backup().losesOther().losesArbiter();
      expect(member.types()).not.toContain('send');
      asksAgent(member);
    }),
  },
);
