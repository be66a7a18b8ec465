/**
 * What an async is, edited on the async itself: its type (which the primary writes into the mirror set), the FailoverDB flags of its
 * copies, its dejournal filter (CFG-050..054, DB-038..041, SYN-023..026). Everything is checked before anything is changed, and what
 * was cut off is completed by the same command again.
 */
import { isFlagCleared } from '../database/databases.ts';
import { faultOfFilterName } from '../host/dejournal-filter.ts';
import { refusalToChangeKind } from '../mirror/members-change.ts';
import { isReporting, type MemberType } from '../mirror/terms.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { retryDejournaling } from './catch-up-commands.ts';
import { done, failed, type Progress, refusal, refused, refusedWith } from './command-outcome.ts';
import { changeType } from './join-request.ts';
import { mirrorNameOf } from './mirrored-databases.ts';
import { noDatabase } from './missing-database.ts';
import { refusalOf } from './offered-commands.ts';
import { ownType } from './own-type.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

/** CFG-050, CFG-051. */
export async function editAsync(
  daemon: InstanceDaemon,
  given: CommandArguments['edit-async'],
  progress: Progress,
): Promise<Outcome> {
  const agentRunning = await daemon.isAgentRunning();
  const why = refusalOf(daemon, 'edit-async', agentRunning) ?? refusalToEdit(daemon, given, agentRunning);
  if (why !== null) return refusedWith(why);
  const before = ownType(daemon.configuration.get());
  const type = given.type ?? before;
  const says: string[] = [];
  if (type !== null && type !== before) {
    const notChanged = await becomeType(daemon, type);
    if (notChanged !== null) return notChanged;
    progress(`this member is ${type} now`);
    says.push(`the type of this member is ${type}`, ...remindersFor(daemon, type));
  }
  if (given.purgeAtOnce !== undefined) {
    daemon.configuration.set({ ...daemon.configuration.get(), purgeAtOnce: given.purgeAtOnce });
    says.push(`journal files are purged ${given.purgeAtOnce ? 'right after dejournaling' : 'by the local policy'}`);
  }
  if (given.clearFailoverDb === true) {
    const cleared = await clearFlags(daemon, copiesOf(daemon));
    if ('reason' in cleared) return refusedWith(cleared);
    says.push(cleared.length === 0 ? 'no FailoverDB flag was set' : `FailoverDB is cleared on ${cleared.join(', ')}`);
  }
  return done(says.length === 0 ? 'everything is so already; nothing was changed' : says.join('; '));
}

function refusalToEdit(
  daemon: InstanceDaemon,
  { type, clearFailoverDb, purgeAtOnce }: CommandArguments['edit-async'],
  agentRunning: boolean,
): Refusal | null {
  const before = ownType(daemon.configuration.get());
  const after = type ?? before;
  if (after === null || after === 'Failover') {
    const text = 'an async is made a failover member by promoting it; its types are the three of asyncs';
    return refusal('not-an-async-type', text, 'CFG-050');
  }
  if (after !== before && daemon.mirrors.length > 1) return refusalOfSeveral(daemon, after);
  if (after !== before) {
    const why = refusalOfPromoted(daemon);
    if (why !== null) return why;
  }
  if (!isReporting(after)) {
    if (clearFailoverDb === true) return flagOfDr;
    if (purgeAtOnce === true) {
      const text = 'a DR async keeps journal files for others; only a reporting async purges at once';
      return refusal('not-reporting', text, 'SYN-026');
    }
    if (after !== before) return refusalOfDr(daemon, agentRunning);
  }
  if (clearFailoverDb === true) return refusalOfDismounted(copiesOf(daemon));
  return null;
}

const flagOfDr = refusal(
  'dr',
  'the FailoverDB flag of a copy on a DR async can never be cleared, since it may have to become the primary copy',
  'DB-040',
);

/** A promotion may be under way. */
function refusalOfPromoted({ member }: InstanceDaemon): Refusal | null {
  return member === null ? null : refusalToChangeKind(member.state, member.state.self);
}

/** CFG-009, CFG-052. */
function refusalOfSeveral({ mirrors }: InstanceDaemon, after: MemberType): Refusal {
  const is = `this instance is in mirrors ${mirrors.join(', ')}`;
  return isReporting(after)
    ? refusal('several-mirrors', `${is} and has one type in all of them; leave all but one to change it`, 'CFG-009')
    : refusal('several-mirrors', `${is}, and a DR async is in one mirror; leave the others first`, 'CFG-052');
}

/** CFG-052. A further mirror has no updates of applications, which a failover member would need. */
function refusalOfDr(daemon: InstanceDaemon, agentRunning: boolean): Refusal | null {
  if (daemon.isFurther) {
    const text = `this instance joined mirror ${daemon.mirrors.join()} beside another, where it can be a reporting async only; leave it and join it again as DR async`;
    return refusal('further-mirror', text, 'CFG-052');
  }
  if (!agentRunning) {
    const text = 'no ISCAgent runs on this host, and a DR async needs one; start it first: caretmirror agent start';
    return refusal('no-agent', text, 'CFG-052');
  }
  const copies = copiesOf(daemon);
  const unknown = refusalOfDismounted(copies);
  if (unknown !== null) return unknown;
  const cleared = copies.filter(({ attribute }) => isFlagCleared(attribute)).map(nameOf);
  if (cleared.length === 0) return null;
  const text = `the FailoverDB flag of ${cleared.join(', ')} is cleared, and on a DR async all must be set; replace or remove these copies first`;
  return refusal('flag-cleared', text, 'CFG-052');
}

/** The flag is in the copy. */
function refusalOfDismounted(copies: readonly CatalogEntry[]): Refusal | null {
  const dismounted = copies.find(({ database }) => database === null);
  if (dismounted === undefined) return null;
  return refusal(
    'dismounted',
    `database ${nameOf(dismounted)} is dismounted, and its flag is not known; mount it first`,
  );
}

/** CFG-053: what a person has to see to; the sources announce a list and leave out its items. */
function remindersFor(daemon: InstanceDaemon, type: MemberType): readonly string[] {
  if (type !== 'Disaster Recovery') return [];
  const held = copiesOf(daemon).map(mirrorNameOf);
  const missing = (daemon.configuration.get().mirrorSet?.databases ?? []).filter(({ name }) => !held.includes(name));
  const lacks = missing.map(({ name }) => name).join(', ');
  const databases = missing.length === 0 ? [] : [`it lacks ${lacks}: create or restore what is missing`];
  return [...databases, 'see to it that all members can reach it and that it could do the work of the primary'];
}

async function becomeType(daemon: InstanceDaemon, type: MemberType): Promise<Outcome | null> {
  const changed = await changeType(daemon, type);
  if (!changed.ok) return refusedWith(changed.refusal);
  daemon.mirrorSetTold(changed.value);
  daemon.log('own-type', { type });
  return ownType(daemon.configuration.get()) === type
    ? null
    : failed('not-changed', `the primary did not make this member ${type}; look at its configuration`);
}

/** DB-040, DB-059. `databases` absent = all. */
export async function clearFailoverDb(
  daemon: InstanceDaemon,
  { databases }: CommandArguments['clear-failoverdb'],
): Promise<Outcome> {
  const why = refusalOf(daemon, 'clear-failoverdb', true);
  if (why !== null) return refusedWith(why);
  const chosen: CatalogEntry[] = [];
  for (const typed of databases ?? []) {
    const entry = daemon.catalog.find(typed);
    if (entry === undefined) return noDatabase(daemon, typed);
    if (mirrorNameOf(entry) === null) {
      return refused('not-mirrored', `database ${nameOf(entry)} is not in the mirror and has no flag`, 'DB-040');
    }
    chosen.push(entry);
  }
  const entries = databases === undefined ? copiesOf(daemon) : chosen;
  const dismounted = refusalOfDismounted(entries);
  if (dismounted !== null) return refusedWith(dismounted);
  const cleared = await clearFlags(daemon, entries);
  if ('reason' in cleared) return refusedWith(cleared);
  if (cleared.length === 0) return done('no FailoverDB flag is set: they are cleared already, and nothing was changed');
  return done(
    `FailoverDB is cleared on ${cleared.join(', ')}: writable here from now on, and never again a primary copy`,
  );
}

/** Before each: the member may have become of another kind while the command waited. */
async function clearFlags(
  daemon: InstanceDaemon,
  entries: readonly CatalogEntry[],
): Promise<readonly string[] | Refusal> {
  const cleared: string[] = [];
  for (const name of entries.filter(({ attribute }) => !isFlagCleared(attribute)).map(nameOf)) {
    const why = refusalOf(daemon, 'clear-failoverdb', true) ?? refusalOfPromoted(daemon);
    if (why !== null) return why;
    await daemon.catalog.clearFailoverDb(name);
    cleared.push(name);
  }
  return cleared;
}

/** SYN-023, SYN-025. */
export async function setDejournalFilter(
  daemon: InstanceDaemon,
  { module }: CommandArguments['set-dejournal-filter'],
): Promise<Outcome> {
  const why = refusalOf(daemon, 'set-dejournal-filter', true);
  if (why !== null) return refusedWith(why);
  if (module === null && daemon.configuration.get().dejournalFilter === null)
    return done('there is no dejournal filter already; nothing was changed');
  const filter = module === null ? null : daemon.openFilter(module);
  if (module !== null) {
    const bad = faultOfFilterName(module);
    if (bad !== null) return refused('bad-name', `"${module}" is no name of a dejournal filter: ${bad}`, 'SYN-023');
    // One that does not load would stop dejournaling: known now, and nothing is changed.
    try {
      await filter?.load();
    } catch (error) {
      const text = `the dejournal filter was not set: ${(error as Error).message} (${daemon.paths.directory})`;
      return refused('bad-filter', text, 'SYN-023');
    }
  }
  // The member may have become another one while it was loaded.
  const late = refusalOf(daemon, 'set-dejournal-filter', true);
  if (late !== null) {
    filter?.reset();
    return refusedWith(late);
  }
  daemon.configuration.set({ ...daemon.configuration.get(), dejournalFilter: module });
  daemon.catalog.dejournaling.filtering.use(filter);
  const what = module === null ? 'the dejournal filter is removed' : `the dejournal filter is ${module}`;
  daemon.log('dejournaling-with', { what });
  void retryDejournaling(daemon);
  return done(`${what}; dejournaling goes on with it from the next block of the journal`);
}

/** The mirrored ones of this member. */
function copiesOf({ catalog }: InstanceDaemon): readonly CatalogEntry[] {
  return catalog.entries().filter((entry) => mirrorNameOf(entry) !== null);
}

function nameOf({ configuration }: CatalogEntry): string {
  return configuration.name;
}
