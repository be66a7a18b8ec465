/** The daemon of one instance: `caretmirror-instance --directory DIR`. Chooses the real adapters and puts the parts together. */
import { dirname, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { LmdbDatabaseStore } from '../database/lmdb-databases.ts';
import { openConfiguration } from '../host/configuration-file.ts';
import { sayFailed, sayReady } from '../host/daemon-word.ts';
import { openEventsLog } from '../host/events-log.ts';
import { homePaths, instancePaths } from '../host/home.ts';
import { type HeldLock, LockHeldError } from '../host/host.ts';
import { readLinks } from '../host/host-files.ts';
import { openMessagesLog } from '../host/messages-log.ts';
import { NodeFilterCode } from '../host/node-dejournal-filter.ts';
import { nodeHost } from '../host/node-host.ts';
import { NodeSiteCode } from '../host/node-site-code.ts';
import * as socketFiles from '../host/socket-files.ts';
import { openDiskJournal } from '../journal/disk-journal.ts';
import { readParts } from '../journal/read-records.ts';
import { createBlockCodec } from '../network/node-block-codec.ts';
import { createTcpNetwork } from '../network/tcp-network.ts';
import { openInstance } from './instance.ts';
import { ownJobs } from './own-type.ts';
import { startWatchdog } from './watchdog.ts';

/** Resolves with the exit code when the daemon has ended, or could not begin. */
export async function main(args: readonly string[]): Promise<number> {
  const at = args.indexOf('--directory');
  const given = at < 0 ? undefined : args[at + 1];
  if (given === undefined) {
    process.stderr.write('usage: caretmirror-instance --directory DIR (started by "caretmirror instance start")\n');
    return 2;
  }
  const directory = resolve(given);
  const home = dirname(dirname(directory));
  const paths = instancePaths(home, directory.slice(dirname(directory).length + 1));
  try {
    return await run(home, paths);
  } catch (error) {
    const line = (error as Error).message.replace(/\s+/g, ' ');
    process.stderr.write(`${line}\n`);
    await sayFailed(line);
    // What was opened before it failed (a listener, a database) would keep the process, and with it the instance's lock.
    setImmediate(() => process.exit(1));
    return 1;
  }
}

/**
 * How far the heap may grow from one collection to the next, percent. Journal blocks on their way are counted with it, and the heap itself
 * is small: by itself V8 goes through all of it for every 9 MB of them, an eighth of a primary's processor time (docs/decisions/0060).
 */
const heapGrowingPercent = 300;

async function run(home: string, paths: ReturnType<typeof instancePaths>): Promise<number> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  const host = nodeHost;
  const lock = await acquireLock(paths.lock);
  const configuration = await openConfiguration(paths.configuration, lock);
  const site = new NodeSiteCode({ program: new URL('./caretmirror-site.js', import.meta.url) });
  const instance = await openInstance({
    home: homePaths(home),
    paths,
    host,
    configuration,
    network: createTcpNetwork({
      files: socketFiles,
      links: () => readLinks(homePaths(home).links),
      localAddress: configuration.get().superserver.host,
    }),
    codec: createBlockCodec(),
    store: new LmdbDatabaseStore(host.files, new URL('./caretmirror-database.js', import.meta.url), () =>
      ownJobs(configuration.get()),
    ),
    openJournal: openDiskJournal,
    readParts,
    messages: openMessagesLog({ path: paths.messages, clock: host.clock }),
    openEvents: openEventsLog,
    site,
    filters: new NodeFilterCode({ program: new URL('./caretmirror-filter.js', import.meta.url) }),
  });
  process.on('uncaughtException', (error) => instance.fail(error));
  const watchdog = startWatchdog({
    program: new URL('./caretmirror-watchdog.js', import.meta.url),
    places: paths,
    state: () => instance.member?.state ?? null,
    after: (ms, run) => host.clock.after(ms, run),
    onUnwatched: (error) => instance.log('event-loop-unwatched', { reason: error.message }),
  });
  process.on('SIGTERM', () => instance.stopByOperator());
  process.on('SIGINT', () => instance.stopByOperator());
  await sayReady({ pid: process.pid, port: configuration.get().superserver.port });
  const exitCode = await instance.ended;
  watchdog.stop();
  lock.release();
  // Nothing waits for this process any more; neither sockets that linger nor a thread of the site may keep it.
  if (!(await site.close())) process.kill(process.pid, 'SIGKILL');
  setTimeout(() => process.exit(exitCode), 200).unref();
  return exitCode;
}

/** How long the host's ISCAgent may hold the lock while it writes the record of an instance that is down, ms. */
const agentHoldsMs = 5000;

async function acquireLock(path: string): Promise<HeldLock> {
  const { processes, clock } = nodeHost;
  const endMs = clock.nowMs() + agentHoldsMs;
  for (;;) {
    try {
      return processes.acquireLock(path, 'instance');
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      const { kind, pid } = error.holder;
      if (kind !== 'agent' || clock.nowMs() > endMs) {
        throw new Error(`instance in ${dirname(path)} is already running (pid ${pid}); stop that one first`);
      }
    }
    await clock.wait(10);
  }
}
