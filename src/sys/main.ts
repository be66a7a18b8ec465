/**
 * Door of the library: `import {SYS, $SYSTEM} from 'caretmirror'`.
 *
 *   await SYS.Mirror.AddDatabase('/data/cities');          // on the host's only instance
 *   await SYS.at('IRIS2').Mirror.StopMirror();             // on another one
 *   if (await $SYSTEM.Mirror.IsPrimary()) ...
 *
 * Each call opens the control socket of the instance, asks, and closes it. What the instance refuses comes back as a status
 * ({ok: false, code, reason, text, spec}); an instance that is down or does not answer is an error with code `not-reachable`, one that
 * went away while it worked `outcome-unknown`, arguments that do not fit `bad-argument`. Texts in this directory's table say what each
 * method does and returns; `caretmirror sys` prints it.
 */

import { askInstance, onlyInstance } from '../commands/instances.ts';
import { listedJournalFiles } from '../commands/journal-listing.ts';
import { realSurroundings } from '../commands/real-surroundings.ts';
import { nodeHost } from '../host/node-host.ts';
import * as socketFiles from '../host/socket-files.ts';
import { createTcpNetwork } from '../network/tcp-network.ts';
import { type Bound, bind, sysMirror } from './classes.ts';
import { mapMirrorsMethods, serviceMethods } from './membership-methods.ts';
import type { Context } from './method.ts';
import { systemMethods } from './system-methods.ts';

export interface Where {
  /** Name of the instance; not needed where the home has one. */
  readonly instance?: string;
  /** The directory that stands for the host; else CARETMIRROR_HOME, else the user's. */
  readonly home?: string;
  /** Takes lines that say how far a command is. */
  readonly onProgress?: (text: string) => void;
}

type At<T> = T & { readonly at: (instance: string, where?: Omit<Where, 'instance'>) => T };

/** SYS.Mirror. */
export const SYS: At<{ readonly Mirror: Bound<typeof sysMirror> }> = located((where) => ({
  Mirror: bind(sysMirror, runner(where)),
}));

/** $SYSTEM.Mirror. */
export const $SYSTEM: At<{ readonly Mirror: Bound<typeof systemMethods> }> = located((where) => ({
  Mirror: bind(systemMethods, runner(where)),
}));

/** Security.Services, for the mirror service. */
export const Security: At<{ readonly Services: Bound<typeof serviceMethods> }> = located((where) => ({
  Services: bind(serviceMethods, runner(where)),
}));

/** Config.MapMirrors, which is not built. */
export const Config: At<{ readonly MapMirrors: Bound<typeof mapMirrorsMethods> }> = located((where) => ({
  MapMirrors: bind(mapMirrorsMethods, runner(where)),
}));

function located<T extends object>(make: (where: Where) => T): At<T> {
  return { ...make({}), at: (instance, where = {}) => make({ ...where, instance }) };
}

function runner({ home, instance, onProgress }: Where) {
  return async (act: (context: Context) => Promise<unknown>): Promise<unknown> => {
    const { stdin: input, stdout: output, stderr: errors, env } = process;
    const adapters = async () => ({ host: nodeHost, network: createTcpNetwork({ files: socketFiles }) });
    const here = await realSurroundings(home, { input, output, errors, env }, adapters, () => {});
    const found = onlyInstance(here, instance);
    return await askInstance(here, found, (control) =>
      act({
        control,
        journalFiles: () => listedJournalFiles({ ...here, mirror: control.mirror }, found),
        ...(onProgress === undefined ? {} : { onProgress }),
      }),
    );
  };
}

export type { DejournalStatus } from './database-methods.ts';
export type { LocalInfo, MirrorInfo } from './membership-methods.ts';
export type { Done, Failed, JournalFile, Status } from './method.ts';
export { SysArgumentError } from './method.ts';
export type {
  FailoverMemberStatus,
  Latency,
  MemberStatusRow,
  MirroredDatabaseRow,
  PrimaryPosition,
} from './report-methods.ts';
export type { Promotion } from './role-methods.ts';
