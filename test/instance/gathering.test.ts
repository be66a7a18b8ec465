import { describe, expect, test } from '@jest/globals';
import { Gathering } from '../../src/instance/gathering.ts';

const clients = Array.from({ length: 8 }, (_, index) => ({ index }));

/** Commits that take `commitMs`, on a clock moved by hand. */
function made(commitMs = 2) {
  const clock = { ms: 1000 };
  const gathering = new Gathering(() => clock.ms);
  let sequence = 0;
  const commit = () => {
    sequence += 1;
    gathering.appended(sequence);
    clock.ms += commitMs;
    gathering.durable(sequence);
    for (const client of clients) gathering.answered(client);
  };
  return { clock, gathering, commit };
}

describe('a batch waits for those who were just answered', () => {
  test('SYN-005: the first who comes back waits for the others, and not once they are all there', () => {
    const { gathering, commit } = made();
    commit();
    for (const client of clients) {
      expect(gathering.waits()).toBe(true);
      gathering.isBack(client);
    }
    expect(gathering.waits()).toBe(false);
  });

  test('SYN-005: one client alone never waits', () => {
    const { gathering, commit } = made();
    commit();
    for (const client of clients) gathering.isBack(client);
    expect(gathering.waits()).toBe(false);
  });

  test('SYN-005: nobody waits longer than a third of a commit, nor longer than a millisecond', () => {
    for (const [commitMs, limitMs] of [
      [2, 0.6],
      [50, 1],
    ] as const) {
      const { clock, gathering, commit } = made(commitMs);
      commit();
      gathering.isBack(clients[0]!);
      expect(gathering.waits()).toBe(true);
      clock.ms += limitMs - 0.01;
      expect(gathering.waits()).toBe(true);
      clock.ms += 0.02;
      expect(gathering.waits()).toBe(false);
    }
  });

  test('SYN-005: where nobody comes back it soon waits no more, and where they come again it does', () => {
    const { clock, gathering, commit } = made();
    const round = (come: boolean): number => {
      commit();
      const beganMs = clock.ms;
      gathering.isBack(clients[0]!);
      if (come) for (const client of clients) gathering.isBack(client);
      while (gathering.waits()) clock.ms += 0.01;
      return clock.ms - beganMs;
    };
    const waited = Array.from({ length: 12 }, () => round(false));
    expect(waited[0]).toBeGreaterThan(0.5);
    expect(waited.at(-1)).toBeLessThan(0.05);
    for (let i = 0; i < 200; i += 1) round(true);
    for (let i = 0; i < 200; i += 1) {
      commit();
      gathering.isBack(clients[0]!);
      gathering.waits();
      for (const client of clients) gathering.isBack(client);
      gathering.waits();
    }
    expect(round(false)).toBeGreaterThan(0.5);
  });

  test('SYN-005: without a commit that was measured nobody waits, nor after the member has ceased to be primary', () => {
    const { gathering, commit } = made();
    for (const client of clients) gathering.answered(client);
    expect(gathering.waits()).toBe(false);
    commit();
    gathering.forget();
    expect(gathering.waits()).toBe(false);
  });
});
