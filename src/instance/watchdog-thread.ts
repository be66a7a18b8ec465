/** The thread that watches the event loop of a primary (watchdog.ts), and ends the process when it stands still. */
import { workerData } from 'node:worker_threads';
import { writeLastWords } from '../host/last-words.ts';
import { logLine } from '../mirror/log-messages.ts';
import { beatMs, Standstill, type Watch, word } from './watchdog.ts';

/** The disk may be what the loop stands on: the end does not wait longer for the words, ms. */
const lastWordsWithinMs = 250;

const { words, member, places } = workerData as Watch;
const standstill = new Standstill(performance.now());

function look(): void {
  const looked = {
    turns: Atomics.load(words, word.turns),
    isArmed: Atomics.load(words, word.isArmed) === 1,
    qosTimeoutMs: Atomics.load(words, word.qosTimeoutMs),
  };
  if (standstill.look(performance.now(), looked)) endProcess();
  else setTimeout(look, beatMs(looked.qosTimeoutMs));
}

function endProcess(): void {
  const stoodMs = Math.round(standstill.stoodMs);
  const kill = (): void => void process.kill(process.pid, 'SIGKILL');
  setTimeout(kill, lastWordsWithinMs);
  void writeLastWords(places, {
    line: logLine('event-loop-stands', { forMs: stoodMs }),
    event: {
      member,
      what: 'is ended: its event loop stands still',
      rules: ['FO-008', 'FO-050'],
      facts: { forMs: stoodMs },
    },
  }).finally(kill);
}

look();
