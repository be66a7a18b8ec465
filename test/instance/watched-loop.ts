/**
 * A process whose event loop is watched as that of a primary: `node watched-loop.js DIRECTORY ROLE QOS`. Over its channel
 * it is told to stand still for so many milliseconds, and says when its loop turns again.
 */
import { join } from 'node:path';
import { startWatchdog } from '../../src/instance/watchdog.ts';
import type { MemberState } from '../../src/mirror/member-state.ts';

const [directory = '', role = '', qos = ''] = process.argv.slice(2);

const state = {
  self: 'A',
  role,
  serving: { counted: { member: 'B', term: 1, confirmed: true } },
  record: { noFailover: false },
  settings: { qosTimeoutMs: Number(qos) },
} as MemberState;

startWatchdog({
  program: new URL('./caretmirror-watchdog.js', import.meta.url),
  places: { messages: join(directory, 'messages.log'), events: join(directory, 'events.jsonl') },
  state: () => state,
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  onUnwatched: (error) => {
    process.send?.(`unwatched: ${error.message}`);
  },
});

process.on('message', (ms: number) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  process.send?.('turns again');
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
