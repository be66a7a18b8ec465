/**
 * What a daemon tells the process that started it, once: that it is ready, or in one line why not. After that it stands on
 * its own; started by hand or by systemd it has nobody to tell, and says nothing.
 */
import type { DaemonFailed, DaemonReady } from './host.ts';

export function sayReady(facts: Readonly<Record<string, string | number | boolean | null>> = {}): Promise<void> {
  return say({ ...facts, ready: true });
}

export function sayFailed(line: string): Promise<void> {
  return say({ ready: false, failed: line });
}

/** Resolves when it is sent, so that a daemon that fails can end right after. */
function say(word: DaemonReady | DaemonFailed): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(word, undefined, undefined, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}
