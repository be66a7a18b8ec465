/** Every number of the mirror, with its unit, its range where it has one, and the rule it comes from. */

/** CFG-048. */
export const qosTimeoutMs = { default: 8000, min: 200, max: 3_600_000 } as const;

/** FO-010: silence is acted on at this share of the QoS timeout: not before QoS/2, always by QoS. */
export const silenceShareOfQos = 0.75;

/** A member speaks at least this often on a quiet link, as a share of the QoS timeout. */
export const keepAliveShareOfQos = 0.2;

/** FO-019: the trouble timeout, in QoS timeouts. */
export const troubleTimeoutInQos = 2;

/** Bound on relative drift of two monotonic clocks plus the timer quantum; shortens the backup's window (FO-023). */
export const clockDriftShare = 0.05;

/** FO-074: how long the routine waits for a forced takeover before it says that the outcome is unsure. */
export const forceWaitMs = 60_000;

/** FO-090: more reigns than the other can have had without a trace on this member's disk, also on one that was set back (derived). */
export const epochsLeftOutByForce = 1000;

/** FO-067, FO-068: how long after a "no" the site's ^ZMIRROR is asked again. */
export const siteRetryMs = 30_000;
/** How long an entry point of ^ZMIRROR may take; the sources give no limit (derived). */
export const siteTimeoutMs = 30_000;
/** How long a dejournal filter may take for one block of the journal; the sources give no limit (derived). */
export const filterTimeoutMs = 30_000;

/** CFG-007. */
export const membersMax = 16;
export const failoverMembersMax = 2;
export const asyncsMax = 14;
/** CFG-008: a reporting async may be in so many mirrors. */
export const reportingMirrorsMax = 10;
/** CFG-069: a mirror remembers so many of those it has removed, to tell them (derived). */
export const removedMembersRemembered = 64;

/** CFG-017. */
export const mirrorNameLengthMax = 15;
/** CFG-022. */
export const memberNameLengthMax = 32;
/** DB-009 gives no length; the database name is held in a journal record with one length byte (derived). */
export const mirrorDatabaseNameLengthMax = 64;

/** AGT-001. */
export const agentPortDefault = 2188;
export const superserverPortDefault = 1972;

/** How often members compare their running checksums (derived). */
export const verifyEveryMinutes = { default: 60, max: 40_320 } as const;

/** MON-016. */
export const monitorRefreshSeconds = { default: 60, min: 1, max: 86_400 } as const;

/** A key of a global, encoded, in bytes; as in the original. */
export const globalKeyBytesMax = 511;
/** A value, in bytes; as in the original (3,641,144 characters). */
export const globalValueBytesMax = 3_641_144;

/** Updates of one transaction, and their bytes: they are held in the primary's memory until TCOMMIT (derived). */
export const transactionUpdatesMax = 50_000;
export const transactionBytesMax = 32 * 1024 * 1024;
/** Nodes that one MERGE copies: it reads them in one turn, and a primary that stands still for the QoS timeout is replaced (derived). */
export const mergeNodesMax = 10_000;
/** Bytes of all open transactions of an instance together, so that its memory stays bounded (derived). */
export const openTransactionsBytesMax = 256 * 1024 * 1024;
/** $TLEVEL; as in the original. */
export const transactionLevelMax = 255;

/** SYN-001 names the files; the size at which a new one is begun is ours (derived). */
export const journalFileBytesMax = 1024 * 1024 * 1024;

/** Of a database, in MB: 16 TB, as LMDB can map. */
export const databaseMegabytesMax = 16_000_000;

/** How long and how much mirror journal is kept (SYN-026; the sources give the original's own default of 2 days). */
export const journalKeepDays = { default: 2, min: 0, max: 3650 } as const;
export const journalLimitDays = { min: 1, max: 3650 } as const;
export const journalLimitMegabytes = { default: 65_536, min: 1, max: 1_000_000_000 } as const;
/** A member that holds files back is told of when this share of a limit is reached. */
export const journalLimitWarnShare = 0.8;
/** The journal's disk is told of when it will be full sooner than this at the rate of the last minutes. */
export const journalFullWarnMs = 3 * 3_600_000;

/** Journal bytes that may be under way to one member before the sender waits for its acknowledgements. */
export const shipWindowBytes = 8 * 1024 * 1024;
/** Journal bytes in one message. */
export const shipChunkBytes = 1024 * 1024;
/** How long what becomes durable is gathered for asyncs while they are sent to anyway; the first after a pause goes at once (derived). */
export const asyncRoundMs = 20;
/** An async that receives without a pause flushes its journal so often, since nothing waits for it (derived). */
export const asyncFlushMs = 100;
/** Shorter journal blocks are sent as they are: the head beside them is longer than what could be saved (derived). */
export const compressedBytesMin = 1024;
/** Up to this size a block is compressed at once; a longer one on another thread, where there is one for its type. */
export const compressedAtOnceBytes = 16 * 1024;
/** A chunk holds at least one record: nothing longer than this is unpacked, whatever a block says of itself. */
export const unpackedBytesMax = shipChunkBytes + 4 * 1024 * 1024;

/** A backup may be made active when it lacks at most this much of the primary's journal. */
export const activationLagBytes = 256 * 1024;

/** Bytes of a copy's file in one message to a member that downloads it (DB-029). */
export const copyPieceBytesMax = 1024 * 1024;
/** A copy that was made for a download and is read by nobody for so long is removed (derived). */
export const copyKeptMs = 3_600_000;

/** DB-019: so many databases or more are always added to the mirror in the background. */
export const addInBackgroundFrom = 5;

/** SYN-014: jobs of one dejournaling operation that work at a time. */
export const dejournalJobsMax = 16;

/** A member that is to be demoted has so many QoS timeouts to agree (derived). */
export const membersChangeInQos = 3;

/** Free bytes below which nothing is written any more, so that the store never meets a full disk. */
export const diskReserveBytes = 16 * 1024 * 1024;

/** A primary takes no more sets when so much of a database's maximum size is used: what it has taken must still find room (derived). */
export const fullShareOfMaximum = 15 / 16;

/**
 * What waits to be written into databases lies in blocks of memory that are used again: the first one of a generation grows from
 * the least size to the most, which further ones have. One longer entry has a block for itself. Powers of two (derived).
 */
export const overlayBlockBytes = { least: 64 * 1024, most: 1024 * 1024 } as const;

/**
 * What waits in memory to be written into one database is written when it is so much, or so old (derived). One transaction after the
 * other is flushed to the disk: where there are many databases each waits longer, so that no more than some thirty come in a second.
 */
export const overlayEnough = {
  updates: 128 * 1024,
  bytes: 24 * 1024 * 1024,
  ageMs: { least: 500, forEach: 32, most: 10_000 },
} as const;
/**
 * While a batch of it is being written, so much more may gather before `apply` waits: of one database, and in all (derived). Each
 * page that a batch changes is in memory too until the next one, 4 KB for an update at worst and 512 MB for a database (LMDB's
 * own limit): so the databases of an instance share the number of updates, down to a least one.
 */
export const overlayMax = {
  updatesOfAll: 512 * 1024,
  updatesLeast: 4096,
  bytes: 64 * 1024 * 1024,
  bytesOfAll: 256 * 1024 * 1024,
} as const;
