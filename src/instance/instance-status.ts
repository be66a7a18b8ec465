/** The report on this instance (mirror/status-report.ts) from its parts. It waits for nothing: the host's ISCAgent takes silence for a hung process. */
import { isFlagCleared } from '../database/databases.ts';
import { JournalDamagedError, JournalGoneError, JournalMismatchError } from '../journal/journal.ts';
import { comparePositions, type JournalPosition, later } from '../mirror/journal-position.ts';
import type { CompressionReport, MemberReport, StatusReport } from '../mirror/status.ts';
import { type DatabaseFacts, type ReportClock, reportStatus } from '../mirror/status-report.ts';
import type { CatalogEntry, InstanceDaemon, MirrorMember } from './parts.ts';

export function statusOf(daemon: InstanceDaemon): StatusReport {
  const { member, configuration } = daemon;
  const { instance, mirrorSet, member: name, joinMirror } = configuration.get();
  const files = member?.journal.files ?? [];
  const report = reportStatus({
    ...reportClock(daemon, member),
    instance,
    pid: daemon.host.processes.self.pid,
    state: member?.state ?? null,
    mirrorSet,
    member: name,
    joinMirror,
    notReached: daemon.notReached?.text ?? null,
    databases: databaseFacts(daemon),
    rowsTold: member === null || member.state.role === 'primary' ? null : member.memberRows(),
    rowsHeard: member?.lastRows() ?? null,
    journalEnd: member?.journal.flushed ?? null,
    fileNameOf: (number) => files.find((file) => file.file === number)?.name ?? '',
    received: member?.received() ?? null,
    dejournalStopped: daemon.catalog.dejournaling.stopped === '' ? null : daemon.catalog.dejournaling.stopped,
    dejournalFilter: filterReport(daemon),
  });
  const several = daemon.mirrors.length > 1 ? { mirrors: daemon.mirrors } : {};
  if (member === null) return { ...report, ...several };
  const members = report.members.map((row) => withCompression(row, member.compressionOf(row.name)));
  const isPaused = configuration.get().dejournalingPaused || daemon.catalog.dejournaling.stopped !== '';
  const { dejournalProcess: process } = report;
  const dejournalProcess = process && { ...process, running: process.running && !isPaused };
  const more = {
    clockOffsets: member.clockOffsets(),
    journal: member.keeper.report(),
    // What is changed here alone is compared with nothing any more.
    verified: member.comparison.verified.filter(({ database }) =>
      report.databases.some(({ name, failoverDb }) => name === database && failoverDb !== false),
    ),
  };
  return { ...report, ...several, members, dejournalProcess, ...more };
}

function filterReport({ configuration, catalog }: InstanceDaemon): StatusReport['dejournalFilter'] {
  const { dejournalFilter: module } = configuration.get();
  return module === null ? null : { module, skippedRecords: catalog.dejournaling.filtering.skippedRecords };
}

/** DB-061; it is in the copy, so that of a dismounted one it is not known. */
export function flagOf({ database, attribute }: CatalogEntry): boolean | null {
  return database === null || attribute === undefined ? null : !isFlagCleared(attribute);
}

function withCompression(row: MemberReport, compression: CompressionReport | null): MemberReport {
  return compression === null || row.status === 'Primary' ? row : { ...row, compression };
}

function reportClock(
  { host }: Pick<InstanceDaemon, 'host'>,
  member: Pick<MirrorMember, 'journal' | 'lostMsOf'> | null,
): ReportClock {
  return {
    nowMs: host.clock.nowMs(),
    wallMs: host.clock.wallMs(),
    isoOf: (ms) => new Date(ms).toISOString(),
    printedOf,
    recordMsAfter: (position) => (member === null ? null : recordMsAfter(member, position)),
    lostMsOf: (name) => member?.lostMsOf(name) ?? null,
  };
}

/** The mirrored ones. */
function databaseFacts(daemon: InstanceDaemon): readonly DatabaseFacts[] {
  return daemon.catalog.entries().flatMap((entry): readonly DatabaseFacts[] => {
    const { name: localName, directory, mirrorDatabase } = entry.configuration;
    const status = databaseStatus(daemon, entry);
    if (mirrorDatabase === null || status === 'Local') return [];
    return [
      {
        name: mirrorDatabase,
        localName,
        directory,
        status,
        applied: appliedOf(daemon, entry),
        failoverDb: flagOf(entry),
      },
    ];
  });
}

/** A database in step has everything up to where all stand, also where the last records were none of its own. */
function appliedOf({ catalog }: InstanceDaemon, { database, status }: CatalogEntry): JournalPosition | null {
  const own = database?.applied ?? null;
  const isInStep = status === 'Dejournaling' || status === 'Normal';
  return own === null || !isInStep || catalog.dejournaling.applied === null
    ? own
    : later(own, catalog.dejournaling.applied);
}

/** MON-010: beside what the catalog knows of a copy, whether the mirror still has the database (DB-049). */
export function databaseStatus({ configuration, member }: InstanceDaemon, entry: CatalogEntry): CatalogEntry['status'] {
  const { mirrorSet } = configuration.get();
  const { mirrorDatabase } = entry.configuration;
  if (mirrorDatabase === null || mirrorSet === null || member?.state.role === 'primary') return entry.status;
  const definition = mirrorSet.databases.find(({ name }) => name === mirrorDatabase);
  if (definition === undefined) return 'Orphaned';
  const { epoch, sequence } = entry.attribute?.addedAt ?? definition.addedAt;
  const isThatLife = definition.addedAt.epoch === epoch && definition.addedAt.sequence === sequence;
  return isThatLife ? entry.status : 'Obsolete';
}

/** A journal that cannot be read there has other ways to say so; the report only leaves the time out. */
function recordMsAfter({ journal }: Pick<MirrorMember, 'journal'>, position: JournalPosition): number | null {
  if (comparePositions(position, journal.end) >= 0) return null;
  try {
    const timeMs = journal.read(position, journal.end, 1)?.timeMs ?? 0;
    return timeMs === 0 ? null : timeMs;
  } catch (error) {
    const isUnreadable =
      error instanceof JournalGoneError ||
      error instanceof JournalMismatchError ||
      error instanceof JournalDamagedError;
    if (!isUnreadable) throw error;
    return null;
  }
}

/** As the screens of the original: local time, MM/DD/YYYY HH:MM:SS.hh. */
function printedOf(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(at.getMonth() + 1)}/${two(at.getDate())}/${at.getFullYear()}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
  return `${day} ${time}.${two(Math.floor(at.getMilliseconds() / 10))}`;
}
