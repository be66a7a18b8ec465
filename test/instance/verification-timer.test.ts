/** When members compare their databases by themselves: on a clock of the test's own, with what is appended to the journal to see. */
import { beforeEach, expect, test } from '@jest/globals';
import { Verification, type VerificationParts } from '../../src/instance/verification.ts';
import type { JournalRecord } from '../../src/journal/journal.ts';
import { verifyEveryMinutes } from '../../src/mirror/limits.ts';
import { VirtualClock } from '../../src/simulation/virtual-clock.ts';

const minute = 60_000;
let clock: VirtualClock;
let appended: string[];
let minutes: number | undefined;
let isPrimary: boolean;
let connected: readonly string[];
let fails: boolean;

beforeEach(() => {
  clock = new VirtualClock();
  [appended, minutes, isPrimary, connected, fails] = [[], 3, true, ['B'], false];
});

function start(): Verification {
  const settings = () => (minutes === undefined ? {} : { verifyEveryMinutes: minutes });
  return new Verification({
    self: 'A',
    verifier: { sumsAt: async () => [], noteOwn: () => undefined } as never,
    mirrorSet: () => ({ settings: settings() }) as never,
    isPrimary: () => isPrimary,
    connected: () => connected,
    tell: () => undefined,
    append: async (records: readonly JournalRecord[]) => {
      if (fails) throw new Error('the journal is frozen');
      appended.push(...records.map(({ kind }) => `${kind} at ${clock.nowMs / minute} min`));
      return { epoch: 1, file: 1, offset: 1, sequence: appended.length };
    },
    copies: () => [],
    clock: {
      nowMs: () => clock.nowMs,
      wallMs: () => clock.nowMs,
      wait: async () => 'elapsed',
      after: (ms, act) => {
        const appointment = clock.after(ms, act);
        return {
          cancel: () => {
            appointment.cancelled = true;
          },
        };
      },
    },
    log: () => undefined,
  } satisfies VerificationParts);
}

/** What happens until then, with all that follows from each step. */
async function pass(untilMinutes: number): Promise<void> {
  while (clock.advance(untilMinutes * minute)) await new Promise((resolve) => setImmediate(resolve));
}

const barriers = () => appended.filter((each) => each.startsWith('barrier at'));

test('the primary compares every so many minutes, not before, and a changed setting counts at once', async () => {
  const verification = start();
  await pass(2.9);
  expect(barriers()).toEqual([]);
  await pass(6.5);
  expect(barriers()).toEqual(['barrier at 3 min', 'barrier at 6 min']);
  minutes = 1;
  await pass(8.1);
  expect(barriers().slice(2)).toEqual(['barrier at 7 min', 'barrier at 8 min']);
  verification.close();
  await pass(30);
  expect(barriers()).toHaveLength(4);
});

test('it takes the default where nothing was set, and 0 is never', async () => {
  minutes = undefined;
  start();
  await pass(verifyEveryMinutes.default + 0.5);
  expect(barriers()).toEqual([`barrier at ${verifyEveryMinutes.default} min`]);
  minutes = 0;
  await pass(100 * verifyEveryMinutes.default);
  expect(barriers()).toHaveLength(1);
});

test('not on another member, and not with nobody to compare with; as soon as that is otherwise', async () => {
  isPrimary = false;
  start();
  await pass(10);
  [isPrimary, connected] = [true, []];
  await pass(20);
  expect(appended).toEqual([]);
  connected = ['B'];
  await pass(20.5);
  expect(barriers()).toHaveLength(1);
});

test('one that fails comes again after the same time, and a comparison by hand counts too', async () => {
  const verification = start();
  fails = true;
  await pass(3.5);
  fails = false;
  await pass(6.5);
  expect(barriers()).toEqual(['barrier at 6 min']);
  await pass(7.5);
  await expect(verification.run({ quick: true, withinMs: -1 }, () => undefined)).rejects.toThrow();
  expect(barriers()).toEqual(['barrier at 6 min', 'barrier at 7.5 min']);
  await pass(10.2);
  expect(barriers()).toHaveLength(2);
  await pass(10.6);
  expect(barriers()).toHaveLength(3);
});
