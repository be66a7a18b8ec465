/** The real host: the process's clock and timers, the file system, and other processes of the machine. */
import type { Clock, Host } from './host.ts';
import { nodeFileOperations } from './node-files.ts';
import { nodeProcesses } from './processes.ts';
import { createRecordFiles } from './record-file.ts';

export const nodeClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, handler) {
    const dueMs = performance.now() + ms;
    // Node's timers count whole milliseconds and may be early by a fraction.
    const ring = (): void => {
      const restMs = dueMs - performance.now();
      if (restMs > 0) timer = setTimeout(ring, timerMs(restMs));
      else handler();
    };
    let timer = setTimeout(ring, timerMs(ms));
    return { cancel: () => clearTimeout(timer) };
  },
  wait(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve('aborted');
      const abort = (): void => {
        timer.cancel();
        resolve('aborted');
      };
      const timer = nodeClock.after(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve('elapsed');
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  },
};

/** A timer takes no more than 2^31-1 ms, and rings at once when given more. */
function timerMs(ms: number): number {
  return Math.min(Math.ceil(ms), 2 ** 31 - 1);
}

export const nodeHost: Host = {
  clock: nodeClock,
  files: nodeFileOperations,
  records: createRecordFiles(nodeFileOperations),
  processes: nodeProcesses,
};
