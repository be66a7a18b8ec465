/** What this instance is and offers (control-channel.ts, Description): from it the menus know their options and defaults. */
import type { DatabaseDescription, Description } from '../protocol/control-channel.ts';
import type { CommandName, Refusal } from '../protocol/control-commands.ts';
import { commandNames } from './command-arguments.ts';
import { databaseStatus, flagOf } from './instance-status.ts';
import { ownDefaults } from './mirror-commands.ts';
import { isNeverMirrored, mirrorNameOf, mustBeJournaled } from './mirrored-databases.ts';
import { refusalOf } from './offered-commands.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

/** Of one mirror, with the databases of all that are meant. */
export async function describe(daemon: InstanceDaemon, meant: readonly InstanceDaemon[]): Promise<Description> {
  const agentRunning = await daemon.isAgentRunning();
  const { instance, serviceEnabled, mirrorSet, member: name } = daemon.configuration.get();
  const state = daemon.member?.state ?? null;
  const isPrimary = state?.role === 'primary';
  const refusals = commandNames.map((command) => [command, refusalOf(daemon, command, agentRunning)] as const);
  return {
    instance,
    home: daemon.home.home,
    serviceEnabled,
    mirrorSet,
    member: name,
    isPrimary,
    indefiniteTrouble: isPrimary && state.serving.trouble !== null && state.serving.trouble.untilMs === null,
    keptOut: daemon.notReached?.text ?? null,
    noFailover: state?.record.noFailover ?? false,
    dejournalingPaused: daemon.configuration.get().dejournalingPaused || daemon.catalog.dejournaling.stopped !== '',
    dejournalFilter: daemon.configuration.get().dejournalFilter,
    purgeAtOnce: daemon.configuration.get().purgeAtOnce,
    alternateJournal: daemon.configuration.get().alternateJournal,
    agentRunning,
    mirrors: daemon.mirrors,
    databases: meant.flatMap(databasesOf),
    commands: Object.fromEntries(refusals) as Record<CommandName, Refusal | null>,
    defaults: ownDefaults(daemon),
  };
}

function databasesOf(daemon: InstanceDaemon): readonly DatabaseDescription[] {
  const isPrimary = daemon.member?.state.role === 'primary';
  const mirror = daemon.configuration.get().mirrorSet?.name ?? null;
  return daemon.catalog
    .entries()
    .map((entry) => describeDatabase(entry, databaseStatus(daemon, entry), isPrimary, mirror));
}

function describeDatabase(
  entry: CatalogEntry,
  status: string,
  isPrimary: boolean,
  mirror: string | null,
): DatabaseDescription {
  const { configuration, database } = entry;
  const mirrored = mirrorNameOf(entry);
  const isCandidate = isPrimary && mirrored === null && database !== null && !isNeverMirrored(configuration.name);
  return {
    name: configuration.name,
    directory: configuration.directory,
    mirrored,
    mirror: mirrored === null ? null : (entry.attribute?.mirror ?? mirror),
    mounted: database !== null,
    mountRequired: configuration.mountRequiredAtStartup,
    journaled: configuration.journaled,
    sizeBytes: database?.sizeBytes ?? null,
    maximumBytes: database?.maximumBytes ?? null,
    expansionMegabytes: configuration.expansionMegabytes,
    resource: configuration.resource,
    paused: configuration.dejournalingPaused,
    failoverDb: flagOf(entry),
    catchUp: entry.catchUp,
    addable: isCandidate && configuration.journaled,
    notAddable: isCandidate && !configuration.journaled ? mustBeJournaled : null,
    needsCatchUp: !isPrimary && ['Needs Catchup', 'Needs Activation', 'Dejournaling Stopped'].includes(status),
    status,
  };
}
