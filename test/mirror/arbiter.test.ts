import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type ArbiterEffect,
  type ArbiterEvent,
  type ArbiterState,
  initialArbiter,
  nextArbiterWakeMs,
  stepArbiter,
} from '../../src/mirror/arbiter.ts';
import { silenceShareOfQos } from '../../src/mirror/limits.ts';
import type { FromArbiter, ToArbiter } from '../../src/mirror/messages.ts';

const qosTimeoutMs = 8000;
const silenceMs = qosTimeoutMs * silenceShareOfQos;
const epoch = { number: 4, owner: 'ALPHA', lineage: 'x' };
const about = { epoch, term: 2 };
/** Connections: ALPHA is primary on 1, BETA backup on 2. */
const A = 1;
const B = 2;

type Undated<E> = E extends unknown ? Omit<E, 'nowMs'> : never;

class Witness {
  state: ArbiterState;
  nowMs = 0;
  constructor(firstSession = 100) {
    this.state = initialArbiter(firstSession);
  }
  step(event: Undated<ArbiterEvent>): readonly ArbiterEffect[] {
    const { state, effects } = stepArbiter(this.state, { ...event, nowMs: this.nowMs } as ArbiterEvent);
    this.state = state;
    return effects;
  }
  open(connection: number, member: string, mirror = 'DEMO'): readonly ArbiterEffect[] {
    return this.step({ type: 'opened', connection, mirror, member, qosTimeoutMs });
  }
  say(connection: number, message: ToArbiter): readonly ArbiterEffect[] {
    return this.step({ type: 'message', connection, message });
  }
  lose(connection: number): readonly ArbiterEffect[] {
    return this.step({ type: 'closed', connection });
  }
}

/** What a connection was told, but for keep-alives. */
function told(effects: readonly ArbiterEffect[], connection: number): readonly FromArbiter[] {
  return effects.flatMap((effect) =>
    effect.type === 'tell' && effect.connection === connection && effect.message.type !== 'keep-alive'
      ? [effect.message]
      : [],
  );
}

function noted(what: string, rules: string, facts: object): object {
  return { type: 'note', what, rules: rules.split(' '), facts: { mirror: 'DEMO', ...facts } };
}

/** Both here, sessions 100 and 101, and in arbiter controlled mode. */
function inArbiterMode(): Witness {
  const witness = new Witness();
  witness.open(A, 'ALPHA');
  witness.open(B, 'BETA');
  const effects = witness.say(A, { type: 'enter', ...about, session: 100, otherSession: 101 });
  for (const connection of [A, B]) expect(told(effects, connection)).toEqual([{ type: 'entered', ...about }]);
  return witness;
}

const lost: ToArbiter = { type: 'peer-lost', ...about };

describe('a session', () => {
  test('MON-019: each member hears whether the other is here, when it comes and when it goes', () => {
    const witness = new Witness();
    const here = (connected: boolean, connection: number) => ({
      type: 'tell',
      connection,
      message: { type: 'keep-alive', otherConnected: connected },
    });
    expect(witness.open(A, 'ALPHA')).toEqual([
      { type: 'welcome', connection: A, session: 100 },
      noted('ALPHA has a session', 'FO-033', { session: 100 }),
      here(false, A),
    ]);
    expect(witness.open(B, 'BETA')).toEqual([
      { type: 'welcome', connection: B, session: 101 },
      noted('BETA has a session', 'FO-033', { session: 101 }),
      here(true, A),
      here(true, B),
    ]);
    expect(witness.say(A, { type: 'keep-alive' })).toEqual([here(true, A)]);
    const lost = noted('lost BETA', 'FO-013', { reason: 'its connection is closed', session: 101 });
    expect(witness.lose(B)).toEqual([lost, here(false, A)]);
  });

  test('FO-013: one that is silent beyond its share of the QoS timeout is closed and lost', () => {
    const witness = inArbiterMode();
    witness.nowMs = silenceMs - 1;
    expect(nextArbiterWakeMs(witness.state)).toBe(silenceMs);
    expect(witness.step({ type: 'woke' })).toEqual([]);
    witness.say(A, lost);
    witness.nowMs = silenceMs;
    const effects = witness.step({ type: 'woke' });
    expect(effects).toContainEqual(expect.objectContaining({ type: 'close', connection: B }));
    expect(told(effects, A)).toEqual([{ type: 'gone', ...about }]);
    expect(nextArbiterWakeMs(witness.state)).toBe(silenceMs - 1 + silenceMs);
    expect(nextArbiterWakeMs(new Witness().state)).toBeNull();
  });

  test('AGT-016: mirrors are apart', () => {
    const witness = inArbiterMode();
    witness.open(3, 'ALPHA', 'OTHER');
    expect(told(witness.say(3, lost), 3)).toEqual([{ type: 'never', ...about }]);
    expect(witness.lose(3).filter(({ type }) => type !== 'note')).toEqual([]);
    witness.lose(B);
    expect(told(witness.say(A, lost), A)).toEqual([{ type: 'gone', ...about }]);
  });

  test('a newer session of a member ends the older one, which counts as lost', () => {
    const witness = inArbiterMode();
    witness.say(A, lost);
    const effects = witness.open(3, 'BETA');
    expect(effects).toContainEqual(expect.objectContaining({ type: 'close', connection: B }));
    expect(told(effects, A)).toEqual([{ type: 'gone', ...about }]);
    expect(told(witness.say(3, lost), 3)).toEqual([{ type: 'never', ...about }]);
    expect(witness.say(B, lost)).toEqual([]);
  });
});

describe('arbiter controlled mode', () => {
  test('FO-028: entered only with the two present sessions', () => {
    const witness = new Witness();
    witness.open(A, 'ALPHA');
    const enter: ToArbiter = { type: 'enter', ...about, session: 100, otherSession: 101 };
    expect(told(witness.say(A, enter), A)).toEqual([{ type: 'refused', ...about }]);
    witness.open(B, 'BETA');
    for (const wrong of [
      { ...enter, session: 99 },
      { ...enter, otherSession: 99 },
      { ...enter, session: 101, otherSession: 100 },
    ]) {
      expect(told(witness.say(A, wrong), A)).toEqual([{ type: 'refused', ...about }]);
    }
    expect(witness.state.periods.size).toBe(0);
    expect(told(witness.say(A, enter), B)).toEqual([{ type: 'entered', ...about }]);
  });

  test('FO-039: one whose partner is gone is told so, and again when it asks again; a new session of the other is no part of it', () => {
    const witness = inArbiterMode();
    witness.lose(A);
    for (let time = 0; time < 2; time += 1) {
      expect(told(witness.say(B, lost), B)).toEqual([{ type: 'gone', ...about }]);
    }
    expect(witness.state.periods.get('DEMO')?.licensed).toBe(101);
    witness.open(3, 'ALPHA');
    expect(told(witness.say(3, lost), 3)).toEqual([{ type: 'never', ...about }]);
  });

  test('I5: of two that ask in turn only one is licensed', () => {
    const witness = inArbiterMode();
    expect(told(witness.say(A, lost), A)).toEqual([]);
    const second = witness.say(B, lost);
    expect(told(second, A)).toEqual([{ type: 'call', ...about }]);
    expect(told(second, B)).toEqual([]);
    const answered = witness.say(B, { type: 'here', ...about });
    expect(told(answered, A)).toEqual([{ type: 'present', ...about }]);
    expect(told(answered, B)).toEqual([]);
    const end = witness.lose(A);
    expect(told(end, B)).toEqual([{ type: 'gone', ...about }]);
  });

  test('FO-034, FO-035, FO-036, FO-039, FO-040: each answer about the other member is noted with what it rests on', () => {
    const lost = { type: 'peer-lost', ...about } as const;
    const period = { epoch: 4, term: 2 };
    const asked = inArbiterMode();
    asked.say(B, lost);
    expect(asked.say(A, { type: 'here', ...about })).toContainEqual(
      noted('told BETA that ALPHA is connected', 'FO-035 FO-040', { session: 100, ...period }),
    );
    const passedOn = asked.say(B, { type: 'left-notice', ...about });
    expect(passedOn).toContainEqual(
      noted('BETA sends word that it is not active', 'FO-035 FO-040', { passedOnTo: 'ALPHA', ...period }),
    );
    const gone = inArbiterMode();
    gone.lose(A);
    expect(gone.say(B, lost)).toContainEqual(
      noted('told BETA that the other member is gone', 'FO-034 FO-039', { session: 101, ...period }),
    );
    const because = 'it was told so before';
    expect(gone.say(B, lost)).toContainEqual(
      noted('told BETA again that the other member is gone', 'FO-034 FO-039', { because, ...period }),
    );
    const restarted = new Witness(900);
    restarted.open(A, 'ALPHA');
    expect(restarted.say(A, lost)).toContainEqual(
      expect.objectContaining({ what: 'told ALPHA nothing about the other member', rules: ['FO-036', 'FO-041'] }),
    );
    expect(restarted.say(A, { type: 'enter', ...about, session: 100, otherSession: 101 })).toContainEqual(
      expect.objectContaining({ what: 'refused ALPHA arbiter controlled mode', rules: ['FO-028'] }),
    );
  });

  test('FO-040: "present" rests on the answer to a call that is newer than the question', () => {
    const witness = inArbiterMode();
    const here: ToArbiter = { type: 'here', ...about };
    expect(told(witness.say(A, here), B)).toEqual([]);
    const question = witness.say(B, lost);
    expect(told(question, A)).toEqual([{ type: 'call', ...about }]);
    expect(told(question, B)).toEqual([]);
    expect(told(witness.say(A, { ...here, term: 1 }), B)).toEqual([]);
    expect(told(witness.say(A, here), B)).toEqual([{ type: 'present', ...about }]);
    expect(told(witness.say(A, here), B)).toEqual([]);
  });

  test('FO-040, FO-039: a primary that is heard and hears nothing is not "present"; when it gives its session up, the other is licensed', () => {
    const witness = inArbiterMode();
    witness.say(B, lost);
    witness.nowMs = 100;
    expect(told(witness.say(A, { type: 'keep-alive' }), B)).toEqual([]);
    expect(told(witness.say(A, lost), B)).toEqual([{ type: 'call', ...about }]);
    expect(told(witness.lose(A), B)).toContainEqual({ type: 'gone', ...about });
  });

  test('FO-036: an arbiter that was started anew, or never heard of the period, says "never"', () => {
    const witness = new Witness(500);
    witness.open(A, 'ALPHA');
    witness.open(B, 'BETA');
    witness.lose(B);
    expect(told(witness.say(A, lost), A)).toEqual([{ type: 'never', ...about }]);
    const known = inArbiterMode();
    known.lose(B);
    for (const other of [{ term: 3 }, { epoch: { ...epoch, number: 5 } }, { epoch: { ...epoch, lineage: 'y' } }]) {
      const question = { ...about, ...other };
      expect(told(known.say(A, { type: 'peer-lost', ...question }), A)).toEqual([{ type: 'never', ...question }]);
    }
  });

  test('FO-035: a left-notice goes to the other member, and nowhere when it is not here', () => {
    const witness = inArbiterMode();
    const notice: ToArbiter = { type: 'left-notice', ...about };
    expect(told(witness.say(B, notice), A)).toEqual([notice]);
    witness.lose(A);
    expect(told(witness.say(B, notice), B)).toEqual([]);
  });
});

describe('whatever happens', () => {
  type Move =
    | {
        readonly move: 'open' | 'lose' | 'ask' | 'ask-older' | 'enter' | 'keep-alive' | 'here' | 'notice';
        readonly who: 0 | 1;
      }
    | { readonly move: 'wait'; readonly ms: number };
  const who = fc.constantFrom(0 as const, 1 as const);
  const moves: fc.Arbitrary<Move> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ move: fc.constantFrom('open', 'lose', 'ask', 'enter', 'keep-alive', 'here'), who }),
    },
    { weight: 1, arbitrary: fc.record({ move: fc.constantFrom('ask-older', 'notice'), who }) },
    { weight: 2, arbitrary: fc.record({ move: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4000 }) }) },
  ) as fc.Arbitrary<Move>;

  /** Members as they are: they name their present sessions, and a term is proposed once (FO-028). */
  class Walk {
    readonly witness = new Witness();
    readonly sessions: [number, number] = [0, 0];
    readonly connections: [number, number] = [0, 0];
    /** Session that was licensed, by term. */
    readonly licences = new Map<number, number>();
    /** When each session last answered a call, and since when each of its questions, `session/term`, waits. */
    readonly answeredMs = new Map<number, number>();
    readonly askedMs = new Map<string, number>();
    term = 0;
    #opened = 10;
    #order = 0;

    make(move: Move): void {
      this.#order += 1;
      if (move.move === 'wait') {
        this.witness.nowMs += move.ms;
        return this.look(this.witness.step({ type: 'woke' }));
      }
      const connection = this.connections[move.who];
      if (move.move === 'open') {
        this.#opened += 1;
        this.connections[move.who] = this.#opened;
        return this.look(this.witness.open(this.#opened, move.who === 0 ? 'ALPHA' : 'BETA'));
      }
      if (connection === 0) return;
      if (move.move === 'lose') return this.look(this.witness.lose(connection));
      const session = this.sessions[move.who];
      if (move.move === 'here') this.answeredMs.set(session, this.#order);
      this.look(this.witness.say(connection, this.message(move.move, move.who, session)));
    }

    message(move: Exclude<Move['move'], 'wait' | 'open' | 'lose'>, who: 0 | 1, session: number): ToArbiter {
      const { term } = this;
      switch (move) {
        case 'keep-alive':
          return { type: 'keep-alive' };
        case 'here':
          return { type: 'here', epoch, term };
        case 'notice':
          return { type: 'left-notice', epoch, term };
        case 'ask-older':
          return { type: 'peer-lost', epoch, term: Math.max(0, term - 1) };
        case 'ask':
          if (!this.askedMs.has(`${session}/${term}`)) this.askedMs.set(`${session}/${term}`, this.#order);
          return { type: 'peer-lost', epoch, term };
        case 'enter':
          this.term += 1;
          return { type: 'enter', epoch, term: this.term, session, otherSession: this.sessions[who === 0 ? 1 : 0] };
      }
    }

    look(effects: readonly ArbiterEffect[]): void {
      for (const effect of effects) {
        const index = 'connection' in effect ? this.connections.indexOf(effect.connection) : -1;
        if (effect.type === 'welcome') this.sessions[index as 0 | 1] = effect.session;
        if (effect.type !== 'tell' || effect.message.type === 'keep-alive') continue;
        const session = this.sessions[index as 0 | 1];
        const { type, term } = effect.message;
        if (type === 'gone') this.licensed(term, session);
        if (type === 'present') {
          const other = this.sessions[index === 0 ? 1 : 0];
          expect(this.answeredMs.get(other)).toBeGreaterThan(this.askedMs.get(`${session}/${term}`)!);
        }
        if (type === 'present' || type === 'gone') this.askedMs.delete(`${session}/${term}`);
      }
    }

    /** Told once, a session may hear it again; nobody else may. The other one's session of that time has ended. */
    licensed(term: number, session: number): void {
      expect(this.licences.get(term) ?? session).toBe(session);
      if (!this.licences.has(term)) {
        const period = this.witness.state.periods.get('DEMO');
        const other = period?.sessions.find((candidate) => candidate !== session);
        expect(this.witness.state.sessions.map((entry) => entry.session)).not.toContain(other);
      }
      this.licences.set(term, session);
    }
  }

  test('I5: never two licences for one period, never one while the other session lives, "present" only on newer evidence', () => {
    let licences = 0;
    fc.assert(
      fc.property(fc.array(moves, { minLength: 20, maxLength: 120 }), (made) => {
        const walk = new Walk();
        for (const first of [0, 1] as const) walk.make({ move: 'open', who: first });
        for (const move of made) walk.make(move);
        licences += walk.licences.size;
      }),
      { numRuns: 500 },
    );
    // A walk that never gets there proves nothing.
    expect(licences).toBeGreaterThan(100);
  });
});
