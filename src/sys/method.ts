/**
 * What a method of the library is: a row with everything a person or a program may want to know of it, and the call. No row
 * decides anything: it asks the instance, and hands back what the instance says.
 */
import type { CommandArguments, CommandName, Refusal } from '../protocol/control-commands.ts';
import { errorNumberOf } from '../protocol/error-numbers.ts';
import type { Control } from '../terminal/control-client.ts';

/** A %Status: what was done, or why it was not. */
export type Status = Done | Failed;

export interface Done {
  readonly ok: true;
  /** What was done, in words. */
  readonly text: string;
}

export interface Failed {
  readonly ok: false;
  /** `not-known` = it goes on; the text says how to find out. */
  readonly outcome: 'refused' | 'failed' | 'not-known';
  /** Number of the original's error; null where it has none that is known. */
  readonly code: number | null;
  /** Stable word for programs. */
  readonly reason: string;
  readonly text: string;
  /** Statement in docs/spec; null where there is none. */
  readonly spec: string | null;
}

/** One mirror journal file of the instance. */
export interface JournalFile {
  readonly Name: string;
  readonly Directory: string;
  /** ISO 8601. */
  readonly Begun: string;
  readonly Epoch: number;
  readonly SizeBytes: number;
}

export interface Context {
  readonly control: Control;
  /** Of the mirror that `control` is about; oldest first. */
  readonly journalFiles: () => Promise<readonly JournalFile[]>;
  /** Takes lines that say how far a command is. */
  readonly onProgress?: (text: string) => void;
}

/** How a word of the command line becomes a value. */
export type Kind = 'text' | 'whole' | 'flag' | 'names';

export interface Parameter {
  readonly name: string;
  /** A record is given as KEY=VALUE words on the command line, and as an object in a program. */
  readonly kind: Kind | Readonly<Record<string, Kind>>;
  /** What is taken where it is left out, in words; absent = it must be given. */
  readonly default?: string;
}

export interface MethodFacts {
  /** One sentence. */
  readonly does: string;
  /** Shape and unit of the value. */
  readonly returns: string;
  /** Statement it serves; null = only the list of the original's methods has it. */
  readonly spec: string | null;
  readonly parameters: readonly Parameter[];
  /** Commands of the instance that it may give; none = it only looks, or is not built. */
  readonly commands: readonly CommandName[];
}

// biome-ignore lint/suspicious/noExplicitAny: the arguments of a row are its own; whoever calls it by a name checks them first.
export type Call = (context: Context, ...given: any[]) => Promise<unknown>;

export type Method<C extends Call = Call> = MethodFacts & { readonly call: C };
export type Methods = Readonly<Record<string, Method>>;

/** What was given to a method does not fit it. Nothing was done. */
export class SysArgumentError extends Error {
  readonly code = 'bad-argument';
}

/** @throws OutcomeUnknownError when the instance goes away before it has answered. */
export async function perform<N extends CommandName>(
  { control, onProgress }: Context,
  command: N,
  given: CommandArguments[N],
): Promise<Status> {
  try {
    const outcome = await control.perform(command, given, undefined, onProgress);
    if (outcome.ok) return outcome;
    return failure(outcome.refusal, command, outcome.outcome);
  } catch (error) {
    const { code, refusal } = error as { code?: string; refusal?: Refusal };
    if (code !== 'request-refused' || refusal === undefined) throw error;
    return failure(refusal, command);
  }
}

export function failure(refusal: Refusal, command?: CommandName, outcome: Failed['outcome'] = 'refused'): Failed {
  return { ok: false, outcome, code: errorNumberOf(refusal, command), ...refusal };
}

/** Something this library finds before the instance is asked to do anything. */
export function refuse(code: number | null, reason: string, text: string, spec: string | null = null): Failed {
  return { ok: false, outcome: 'refused', code, reason, text, spec };
}

/** A method that the original has and this version has not. */
export function notBuilt(does: string, spec: string | null, because: string, parameters: readonly Parameter[] = []) {
  const row: Method<(context: Context, ...given: unknown[]) => Promise<Failed>> = {
    does,
    returns: 'a status that says that it is not built',
    spec,
    parameters,
    commands: [],
    call: async () => refuse(null, 'not-built', because, spec),
  };
  return row;
}

/**
 * Null = what is asked of `control` from now on is about the mirror named, or about the only one. An instance in several needs the name
 * (DB-013).
 */
export async function refusalOfMirror({ control }: Context, typed: string | undefined): Promise<Failed | null> {
  const { mirrors } = await control.describe();
  if (mirrors.length === 0) {
    return refuse(2074, 'not-a-member', 'this instance is in no mirror; create or join one first');
  }
  const is = `this instance is in ${mirrors.join(', ')}`;
  if (typed === undefined || typed === '') {
    if (mirrors.length === 1 || control.mirror !== undefined) return null;
    return refuse(2156, 'which-mirror', `${is}; say which mirror is meant`, 'DB-013');
  }
  const name = typed.toUpperCase();
  if (!mirrors.includes(name)) return refuse(2051, 'no-mirror', `mirror ${name} is not configured here; ${is}`);
  control.mirror = name;
  return null;
}

/** What is asked for each mirror meant: the one named, or all that this instance is in. */
export async function ofMirrors<T>(
  context: Context,
  typed: string | undefined,
  ask: () => Promise<readonly T[]>,
): Promise<readonly T[] | Failed> {
  const { control } = context;
  const { mirrors } = await control.describe();
  const isOne = mirrors.length < 2 || control.mirror !== undefined || (typed ?? '') !== '';
  if (isOne) return (await refusalOfMirror(context, typed)) ?? (await ask());
  const found: T[] = [];
  for (const mirror of mirrors) {
    control.mirror = mirror;
    found.push(...(await ask()));
  }
  return found;
}

/** A record without what was left out. */
export function present<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> };
}
