/** SYS.Mirror: mirrored databases and dejournaling (API-011..013, API-017, API-018). A database is named by its directory, or by its local name. */
import type { DatabaseDescription } from '../protocol/control-channel.ts';
import {
  type Context,
  type Failed,
  type Method,
  notBuilt,
  type Parameter,
  perform,
  refusalOfMirror,
  refuse,
  type Status,
} from './method.ts';

const directory: Parameter = { name: 'Directory', kind: 'text' };
const optionalMirror: Parameter = { name: 'MirrorName', kind: 'text', default: 'the only mirror of this instance' };
const aStatus = 'a status';

/** Dejournaling of an async as it is now. */
export interface DejournalStatus {
  readonly Running: boolean;
  /** Process that dejournals. */
  readonly ProcessId: number;
  /** Why an error has stopped it; '' = none has. */
  readonly Stopped: string;
}

export const databaseMethods = {
  /** On the primary: an existing database joins the mirror, as MirrorDBName or under its own name. */
  AddDatabase: {
    does: 'on the primary, an existing database joins the mirror; enableJournalOK also has it journaled, which it must be',
    returns: aStatus,
    spec: 'API-011',
    parameters: [
      directory,
      { name: 'MirrorDBName', kind: 'text', default: 'the local name' },
      { name: 'enableJournalOK', kind: 'flag', default: '1' },
    ],
    commands: ['add-databases', 'edit-database'],
    call: async (
      context: Context,
      Directory: string,
      MirrorDBName?: string,
      enableJournalOK?: boolean,
    ): Promise<Status> => {
      const found = await find(context, Directory);
      if (!found.ok) return found.failed;
      const { name: database, journaled } = found.database;
      const mirrored = MirrorDBName || database;
      if (!journaled && (enableJournalOK ?? true)) {
        return await perform(context, 'edit-database', { database, journaled: true, mirrored });
      }
      return await perform(context, 'add-databases', { databases: [database], mirrorDatabases: [mirrored] });
    },
  },
  /** Not built: copies are made by DownloadMirrorDatabase, or restored from a backup. */
  AddDatabaseNonPrimary: notBuilt(
    'adds a copy by hand, with a place in the journal',
    'API-011',
    'a copy is made with DownloadMirrorDatabase, or restored from a backup of the primary and activated (caretmirror database restore)',
    [directory],
  ),
  /** Fetches a copy of a mirrored database from the primary, and returns when it follows the journal. */
  DownloadMirrorDatabase: {
    does: 'fetches a copy of a mirrored database from the primary; it returns when the copy is in its place',
    returns: aStatus,
    spec: null,
    parameters: [
      { name: 'MirrorSetName', kind: 'text' },
      { name: 'MirrorDBName', kind: 'text' },
    ],
    commands: ['download-databases'],
    call: async (context: Context, MirrorSetName: string, MirrorDBName: string): Promise<Status> => {
      const wrong = await refusalOfMirror(context, MirrorSetName);
      return wrong ?? (await perform(context, 'download-databases', { databases: [MirrorDBName] }));
    },
  },
  /** Takes a database out of the mirror; its data stay. */
  RemoveMirroredDatabase: {
    does: 'takes a database out of the mirror; its data stay',
    returns: aStatus,
    spec: 'API-012',
    parameters: [directory],
    commands: ['remove-database'],
    call: async (context: Context, Directory: string) =>
      await withDatabase(context, Directory, (database) => perform(context, 'remove-database', { database })),
  },
  /** Activates a copy that was restored or copied, and begins to catch it up. */
  ActivateMirroredDatabase: {
    does: 'activates a copy that was restored or copied, and catches it up, since one without the other is never wanted',
    returns: aStatus,
    spec: 'API-013',
    parameters: [directory],
    commands: ['catch-up-databases'],
    call: async (context: Context, Directory: string) =>
      await withDatabase(context, Directory, (database) =>
        perform(context, 'catch-up-databases', { databases: [database], wait: true }),
      ),
  },
  /** Catches copies up with the journal; returns when they are. */
  CatchupDB: {
    does: 'catches copies up with the journal, and ends a pause of them; it returns when that is done',
    returns: aStatus,
    spec: 'API-013',
    parameters: [{ name: 'DBList', kind: 'names' }],
    commands: ['catch-up-databases', 'resume-databases'],
    call: async (context: Context, DBList: readonly string[]): Promise<Status> => {
      const found: DatabaseDescription[] = [];
      for (const typed of DBList) {
        const one = await find(context, typed);
        if (!one.ok) return one.failed;
        found.push(one.database);
      }
      const paused = found.filter((database) => database.paused).map(({ name }) => name);
      const others = found.filter((database) => !database.paused).map(({ name }) => name);
      const resumed = paused.length === 0 ? null : await perform(context, 'resume-databases', { databases: paused });
      if (resumed !== null && (!resumed.ok || others.length === 0)) return resumed;
      const caughtUp = await perform(context, 'catch-up-databases', { databases: others, wait: true });
      return resumed === null || !caughtUp.ok ? caughtUp : { ok: true, text: `${resumed.text}; ${caughtUp.text}` };
    },
  },
  /** Pauses dejournaling into one database of a backup or async; CatchupDB ends the pause. */
  DejournalPauseDatabase: {
    does: 'pauses dejournaling into one database of a backup or async; CatchupDB ends the pause',
    returns: aStatus,
    spec: 'API-018',
    parameters: [directory],
    commands: ['pause-databases'],
    call: async (context: Context, Directory: string) =>
      await withDatabase(context, Directory, (database) =>
        perform(context, 'pause-databases', { databases: [database] }),
      ),
  },
  /** Starts dejournaling on an async again. */
  AsyncDejournalStart: {
    does: 'starts dejournaling of all databases of an async again',
    returns: aStatus,
    spec: 'API-017',
    parameters: [optionalMirror],
    commands: ['manage-dejournaling'],
    call: async (context: Context, MirrorName?: string) => await manage(context, MirrorName, false),
  },
  /** Stops dejournaling on an async; journal data still arrive. */
  AsyncDejournalStop: {
    does: 'stops dejournaling of all databases of an async; journal data still arrive',
    returns: aStatus,
    spec: 'API-017',
    parameters: [optionalMirror],
    commands: ['manage-dejournaling'],
    call: async (context: Context, MirrorName?: string) => await manage(context, MirrorName, true),
  },
  /** Does this async dejournal, in which process, and why not? */
  AsyncDejournalStatus: {
    does: 'says whether an async dejournals, in which process, and which error has stopped it',
    returns: 'Running (true or false), ProcessId, Stopped (why an error has stopped it); or a status',
    spec: 'API-017',
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string): Promise<DejournalStatus | Failed> => {
      const wrong = await refusalOfMirror(context, MirrorName);
      if (wrong !== null) return wrong;
      const { dejournalProcess, dejournalStopped } = await context.control.status();
      if (dejournalProcess === null) return refuse(2161, 'not-an-async', 'this member is no async', 'API-017');
      return {
        Running: dejournalProcess.running,
        ProcessId: dejournalProcess.pid,
        Stopped: dejournalStopped ?? '',
      };
    },
  },
} as const satisfies Record<string, Method>;

async function manage(context: Context, MirrorName: string | undefined, paused: boolean): Promise<Status> {
  const wrong = await refusalOfMirror(context, MirrorName);
  return wrong ?? (await perform(context, 'manage-dejournaling', { paused }));
}

type Found = { readonly ok: true; readonly database: DatabaseDescription } | { readonly ok: false; failed: Failed };

async function find({ control }: Context, typed: string): Promise<Found> {
  const plain = (path: string) => path.replace(/\/+$/, '');
  const { databases } = await control.describe();
  const database =
    databases.find((each) => plain(each.directory) === plain(typed)) ??
    databases.find((each) => each.name === typed.toUpperCase());
  if (database !== undefined) return { ok: true, database };
  const text = `there is no database in ${typed} on this instance; see caretmirror database list`;
  return { ok: false, failed: refuse(2073, 'no-database', text) };
}

async function withDatabase(
  context: Context,
  typed: string,
  act: (database: string) => Promise<Status>,
): Promise<Status> {
  const found = await find(context, typed);
  return found.ok ? await act(found.database.name) : found.failed;
}
