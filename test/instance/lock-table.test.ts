/** Who gets a lock when several wait, against any order of locking, waiting, unlocking and going away. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LockTable, type LockWant } from '../../src/instance/lock-table.ts';

interface Session {
  readonly name: string;
}

const [one, two, three, four] = ['one', 'two', 'three', 'four'].map((name): Session => ({ name })) as [
  Session,
  Session,
  Session,
  Session,
];
const want = (path: string, shared = false): readonly LockWant[] => [{ path: path.split('/'), shared }];

function waitingIn(table: LockTable<Session>) {
  const granted: string[] = [];
  const wait = (session: Session, wants: readonly LockWant[]) =>
    table.wait(session, wants, () => granted.push(session.name));
  return { granted, wait };
}

describe('the queue', () => {
  test('DB-043: shared locks that come later do not overtake an exclusive one that waits', () => {
    const table = new LockTable<Session>();
    const { granted, wait } = waitingIn(table);
    expect(table.tryLock(one, want('a', true))).toBe(true);
    wait(two, want('a'));
    expect(table.tryLock(three, want('a', true))).toBe(false);
    wait(three, want('a/below', true));
    expect(table.tryLock(four, want('b', true))).toBe(true);
    table.unlock(one, want('a', true));
    expect(granted).toEqual(['two']);
    table.unlock(two, want('a'));
    expect(granted).toEqual(['two', 'three']);
  });

  test('DB-043: who is stood behind gives up or goes away, and the next is served', () => {
    for (const end of ['cancel', 'forget'] as const) {
      const table = new LockTable<Session>();
      const { granted, wait } = waitingIn(table);
      table.tryLock(one, want('a', true));
      const cancel = wait(two, want('a'));
      wait(three, want('a', true));
      expect(granted).toEqual([]);
      if (end === 'cancel') cancel();
      else table.forget(two);
      expect(granted).toEqual(['three']);
      expect(table.knows(two)).toBe(false);
    }
  });

  test('DB-043: who holds something does not stand behind those who wait for him', () => {
    const table = new LockTable<Session>();
    const { granted, wait } = waitingIn(table);
    table.tryLock(one, want('a'));
    wait(two, [...want('a'), ...want('b')]);
    expect(table.tryLock(one, want('a'))).toBe(true);
    expect(table.tryLock(one, want('b'))).toBe(true);
    table.unlock(one, [...want('a'), ...want('a'), ...want('b')]);
    expect(granted).toEqual(['two']);
  });

  test('DB-043: one that is told may unlock or leave at once; nobody who left is told', () => {
    const table = new LockTable<Session>();
    const granted: string[] = [];
    table.tryLock(one, want('a'));
    table.wait(two, want('a', true), () => {
      granted.push('two');
      table.forget(three);
      table.unlock(two, want('a', true));
    });
    table.wait(three, want('a', true), () => granted.push('three'));
    table.wait(four, want('a'), () => granted.push('four'));
    table.unlock(one, want('a'));
    expect(granted).toEqual(['two', 'four']);
  });
});

const sessions = [one, two, three, four];
const anyWant = fc.record({
  path: fc.array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 2 }),
  shared: fc.boolean(),
});
const anyStep = fc.record({
  who: fc.nat({ max: sessions.length - 1 }),
  does: fc.constantFrom('lock', 'lock', 'lock', 'unlock', 'give-up', 'leave', 'stop', 'go-on'),
  wants: fc.array(anyWant, { minLength: 1, maxLength: 2 }),
});

/** Overlapping names, not both shared. */
function isConflict(a: LockWant, b: LockWant): boolean {
  const length = Math.min(a.path.length, b.path.length);
  return !(a.shared && b.shared) && a.path.slice(0, length).join() === b.path.slice(0, length).join();
}

test('DB-043: nobody holds against another; whoever waits is stood in the way of; those who hold nothing are served in order', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      const table = new LockTable<Session>();
      const waiting: { session: Session; wants: readonly LockWant[]; cancel: () => void }[] = [];
      let isStopped = false;
      const isWaiting = (session: Session) => waiting.some((each) => each.session === session);
      const takeOut = (session: Session) => {
        const at = waiting.findIndex((each) => each.session === session);
        return at < 0 ? undefined : waiting.splice(at, 1)[0];
      };
      for (const { who, does, wants } of steps) {
        const session = sessions[who] as Session;
        if (does === 'lock' && !isWaiting(session) && !table.tryLock(session, wants)) {
          waiting.push({ session, wants, cancel: table.wait(session, wants, () => takeOut(session)) });
        } else if (does === 'unlock' && !isWaiting(session)) table.unlock(session, table.heldBy(session).slice(0, 1));
        else if (does === 'give-up') takeOut(session)?.cancel();
        else if (does === 'leave') {
          takeOut(session);
          table.forget(session);
        } else if (does === 'stop' || does === 'go-on') {
          isStopped = does === 'stop';
          table.grants = !isStopped;
        }
        const holds = (a: Session, b: Session) =>
          table.heldBy(a).some((x) => table.heldBy(b).some((y) => isConflict(x, y)));
        for (const a of sessions) for (const b of sessions) if (a !== b) expect(holds(a, b)).toBe(false);
        if (isStopped) continue;
        for (const [index, each] of waiting.entries()) {
          const inTheWay = (other: readonly LockWant[]) => each.wants.some((x) => other.some((y) => isConflict(x, y)));
          const isHeld = sessions.some((other) => other !== each.session && inTheWay(table.heldBy(other)));
          const standsBehind =
            table.heldBy(each.session).length === 0 &&
            waiting.slice(0, index).some(({ wants: first }) => inTheWay(first));
          expect(isHeld || standsBehind).toBe(true);
        }
      }
    }),
    { numRuns: 500 },
  );
});
