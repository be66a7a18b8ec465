/** Activate and catch up, one database or many in one operation, and pause dejournaling (DB-031..034, SYN-017, SYN-020). */
import { isAtOrAfter } from '../mirror/journal-position.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { done, failed, type Progress, refusal, refused, refusedWith } from './command-outcome.ts';
import { databaseStatus } from './instance-status.ts';
import { catchUp, mirrorNameOf } from './mirrored-databases.ts';
import { noDatabase } from './missing-database.ts';
import { refusalOf } from './offered-commands.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

/** DB-023: how long journal data that a copy needs may take to come. */
const receiveWaitMs = 60_000;
const receivePollMs = 100;

/** DB-032: several run in the background, and their end is in the messages log. */
export async function catchUpDatabases(
  daemon: InstanceDaemon,
  { databases, wait }: CommandArguments['catch-up-databases'],
  progress: Progress,
): Promise<Outcome> {
  const why = refusalOf(daemon, 'catch-up-databases', true);
  if (why !== null) return refusedWith(why);
  const names = [...new Set(databases.map((name) => name.toUpperCase()))];
  const toDo: string[] = [];
  for (const name of names) {
    const entry = daemon.catalog.find(name);
    if (entry === undefined) return noDatabase(daemon, name);
    const no = refusalToCatchUp(entry);
    if (no !== null) return refusedWith(no);
    // The mirror set may tell of a later life of the database before the journal does.
    const status = databaseStatus(daemon, entry);
    if (status !== 'Catchup Running' && status !== 'Dejournaling') toDo.push(name);
  }
  const allStand = refusalWhileAllStand(daemon);
  if (allStand !== null && toDo.length > 0) return refusedWith(allStand);
  for (const name of toDo) {
    if (daemon.catalog.find(name)?.configuration.dejournalingPaused) daemon.catalog.unpause(name);
  }
  if (toDo.length === 0) {
    const isRunning = names.some((name) => daemon.catalog.find(name)?.status === 'Catchup Running');
    const what = names.length === 1 ? `database ${names[0]}` : 'these databases';
    return done(
      isRunning
        ? `catchup of ${what} is running already`
        : `${what} caught up already`.replace(/^(database \S+)/, '$1 is'),
    );
  }
  if (toDo.length > 1 && wait !== true) {
    void catchUpAll(daemon, toDo, () => undefined);
    return done(
      `activation and catchup of ${toDo.join(', ')} run in the background; "database list" shows how far they are`,
    );
  }
  const failures = await catchUpAll(daemon, toDo, progress);
  const first = failures[0];
  if (first === undefined) {
    return done(
      toDo.length === 1
        ? `database ${toDo[0]} is activated and caught up`
        : `${toDo.join(', ')} activated and caught up`,
    );
  }
  if (toDo.length === 1) throw first;
  return failed('not-caught-up', failures.map(({ message }) => message).join('; '));
}

function refusalWhileAllStand({ configuration, catalog }: InstanceDaemon): Refusal | null {
  if (configuration.get().dejournalingPaused) {
    const text = 'dejournaling of all databases is paused on this member; restart it for all';
    return refusal('all-paused', text, 'SYN-020');
  }
  if (catalog.dejournaling.stopped === '') return null;
  const text = `dejournaling of all databases is stopped on this member (${catalog.dejournaling.stopped}); mend or dismount what is at fault, then restart it for all`;
  return refusal('all-stopped', text, 'SYN-018');
}

function refusalToCatchUp(entry: CatalogEntry): Refusal | null {
  const { name } = entry.configuration;
  if (mirrorNameOf(entry) === null) return refusal('not-mirrored', `database ${name} is not in the mirror`, 'DB-031');
  if (entry.database === null) return refusal('dismounted', `database ${name} is dismounted; mount it first`, 'DB-036');
  return null;
}

/**
 * All of them in one operation; each that fails is named in the messages log, and returned. Journal data that has not come
 * yet is waited for (DB-023): after 60 s it is tried all the same.
 */
export async function catchUpAll(
  daemon: InstanceDaemon,
  names: readonly string[],
  progress: Progress,
): Promise<readonly Error[]> {
  // Operators look for a "completed" to each "started".
  for (const database of names) daemon.log('catchup-started', { database });
  await waitUntilReceived(daemon, names, progress);
  const ends = await Promise.allSettled(names.map((name) => catchUp(daemon, name, progress)));
  return ends.flatMap((end, index) => {
    if (end.status === 'fulfilled') {
      daemon.log('catchup-completed', { database: names[index] ?? '' });
      return [];
    }
    const error = end.reason as Error;
    daemon.log('not-caught-up', { reason: error.message });
    return [error];
  });
}

async function waitUntilReceived(daemon: InstanceDaemon, names: readonly string[], progress: Progress): Promise<void> {
  const { clock } = daemon.host;
  const untilMs = clock.nowMs() + receiveWaitMs;
  const lacking = (): readonly string[] => names.filter((name) => !hasReceived(daemon, name));
  for (let told = false; lacking().length > 0 && clock.nowMs() < untilMs; told = true) {
    if (!told) progress(`waiting for journal data up to where ${lacking().join(', ')} stands`);
    await clock.wait(receivePollMs);
  }
}

function hasReceived({ catalog, member }: InstanceDaemon, name: string): boolean {
  const at = catalog.find(name)?.database?.applied;
  return at === undefined || member === null || isAtOrAfter(member.state.journal.applied, at);
}

/** SYN-020: dejournaling into single databases. */
export function pauseDatabases(daemon: InstanceDaemon, { databases }: CommandArguments['pause-databases']): Outcome {
  const why = refusalOf(daemon, 'pause-databases', true);
  if (why !== null) return refusedWith(why);
  const entries: CatalogEntry[] = [];
  for (const name of databases) {
    const entry = daemon.catalog.find(name);
    if (entry === undefined) return noDatabase(daemon, name);
    const no = refusalToCatchUp(entry);
    if (no !== null) return refusedWith(no);
    if (entry.status === 'Catchup Running') {
      const text = `catchup of database ${entry.configuration.name} is running; pause it when that has ended`;
      return refused('catching-up', text, 'SYN-020');
    }
    entries.push(entry);
  }
  const isSo = entries.every(({ configuration }) => configuration.dejournalingPaused);
  for (const { configuration } of entries) daemon.catalog.pause(configuration.name);
  const names = entries.map(({ configuration }) => configuration.name).join(', ');
  return done(`dejournaling into ${names} is paused ${isSo ? 'already, ' : ''}until it is resumed, also over restarts`);
}

export async function resumeDatabases(
  daemon: InstanceDaemon,
  { databases }: CommandArguments['resume-databases'],
  progress: Progress,
): Promise<Outcome> {
  const names: string[] = [];
  let isSo = true;
  for (const typed of databases) {
    const entry = daemon.catalog.find(typed);
    if (entry === undefined) return noDatabase(daemon, typed);
    const no = refusalToCatchUp(entry);
    if (no !== null) return refusedWith(no);
    if (entry.configuration.dejournalingPaused) isSo = false;
    names.push(entry.configuration.name);
  }
  const allStand = refusalWhileAllStand(daemon);
  if (allStand !== null) return refusedWith(allStand);
  for (const name of names) daemon.catalog.unpause(name);
  const text = `dejournaling into ${names.join(', ')} is ${isSo ? 'not paused: it goes on already' : 'resumed'}`;
  return afterwards(await catchUpAll(daemon, names, progress), text);
}

/** SYN-020, SYN-021: of all databases of an async. */
export async function manageDejournaling(
  daemon: InstanceDaemon,
  { paused }: CommandArguments['manage-dejournaling'],
  progress: Progress,
): Promise<Outcome> {
  const why = refusalOf(daemon, 'manage-dejournaling', true);
  if (why !== null) return refusedWith(why);
  const { catalog, configuration } = daemon;
  if (paused) {
    const running = catalog.entries().find(({ status }) => status === 'Catchup Running');
    if (running !== undefined) {
      const text = `catchup of database ${running.configuration.name} is running; pause dejournaling when that has ended`;
      return refused('catching-up', text, 'SYN-020');
    }
    const already = configuration.get().dejournalingPaused ? 'already, ' : '';
    catalog.pauseAll(true);
    return done(`dejournaling is paused on this member ${already}until it is restarted by hand, also over restarts`);
  }
  const isPaused = configuration.get().dejournalingPaused;
  if (!isPaused && catalog.dejournaling.stopped === '')
    return done('dejournaling is not paused on this member: it goes on already');
  if (isPaused) catalog.pauseAll(false);
  return afterwards(await goOnDejournaling(daemon, progress), 'dejournaling is restarted on this member');
}

/** SYN-021: what an error stopped on a reporting async is tried again with each new connection with the primary. */
export async function retryDejournaling(daemon: InstanceDaemon): Promise<void> {
  const { catalog, configuration } = daemon;
  if (catalog.dejournaling.stopped === '' || configuration.get().dejournalingPaused) return;
  await goOnDejournaling(daemon, () => undefined);
}

/** SYN-019: every database that can follow is activated, and brought level with the others. */
async function goOnDejournaling(daemon: InstanceDaemon, progress: Progress): Promise<readonly Error[]> {
  const { catalog } = daemon;
  catalog.dejournaling.goOn();
  const names = catalog
    .entries()
    .filter(({ configuration: { dejournalingPaused } }) => !dejournalingPaused)
    .filter(({ status }) => ['Needs Catchup', 'Needs Activation', 'Dejournaling Stopped'].includes(status))
    .map((entry) => entry.configuration.name);
  return await catchUpAll(daemon, names, progress);
}

function afterwards(failures: readonly Error[], text: string): Outcome {
  if (failures.length === 0) return done(text);
  return failed('not-caught-up', `${text}, but ${failures.map((each) => each.message).join('; ')}`);
}
