/** How long a catchup waits for journal data that has not come, on a clock of its own. */
import { expect, test } from '@jest/globals';
import { catchUpAll } from '../../src/instance/catch-up-commands.ts';
import { CatalogRefusal, type InstanceDaemon } from '../../src/instance/parts.ts';
import { logLine, type WriteLog } from '../../src/mirror/log-messages.ts';

const at = (sequence: number) => ({ epoch: 1, file: 1, offset: 256 + sequence, sequence });

/** Databases OLD and NEW stand at 500; the journal here reaches 500 at `receivedMs`. */
function daemonWith(receivedMs: number) {
  let nowMs = 0;
  const logged: string[] = [];
  const caughtUp: [string, number][] = [];
  const wait = async (ms: number): Promise<void> => {
    nowMs += ms;
  };
  const daemon = {
    host: { clock: { nowMs: () => nowMs, wait } },
    catalog: {
      find: () => ({ database: { applied: at(500) } }),
      dejournaling: {
        catchUp: async (name: string) => {
          caughtUp.push([name, nowMs]);
          if (name === 'OLD' && nowMs < receivedMs) {
            throw new CatalogRefusal('not-received', 'database OLD stands at 1/500', 'DB-023');
          }
        },
      },
    },
    member: {
      state: {
        journal: {
          get applied() {
            return at(nowMs < receivedMs ? 499 : 500);
          },
        },
      },
    },
    log: ((message, ...facts) => void logged.push(logLine(message, ...facts).text)) as WriteLog,
  } as unknown as InstanceDaemon;
  return { daemon, logged, caughtUp };
}

test('DB-023: journal data that a copy needs is waited for, and no longer than until it comes', async () => {
  const { daemon, logged, caughtUp } = daemonWith(5000);
  const lines: string[] = [];
  expect(await catchUpAll(daemon, ['OLD', 'NEW'], (line) => lines.push(line))).toEqual([]);
  expect(lines).toEqual(['waiting for journal data up to where OLD, NEW stands']);
  expect(caughtUp).toEqual([
    ['OLD', 5000],
    ['NEW', 5000],
  ]);
  expect(logged).toEqual([
    'Mirror Catchup started for OLD',
    'Mirror Catchup started for NEW',
    'Mirror Catchup completed for OLD',
    'Mirror Catchup completed for NEW',
  ]);
});

test('DB-023: after 60 seconds it begins all the same, and what then fails is named in the messages log', async () => {
  const { daemon, logged, caughtUp } = daemonWith(Number.POSITIVE_INFINITY);
  const failures = await catchUpAll(daemon, ['OLD', 'NEW'], () => {});
  expect(failures.map(({ message }) => message)).toEqual(['database OLD stands at 1/500']);
  expect(caughtUp).toEqual([
    ['OLD', 60_000],
    ['NEW', 60_000],
  ]);
  expect(logged.slice(2)).toEqual(['Not caught up: database OLD stands at 1/500', 'Mirror Catchup completed for NEW']);
});
