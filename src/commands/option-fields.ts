/**
 * Arguments of commands as options of the command line, each defined once: read from what was typed, and written back as somebody would
 * type it, so that a menu can name the command line that does the same.
 */
import { type Command, Option } from 'commander';
import { parseAddress, printAddress } from '../client/member-search.ts';
import { agentPortDefault } from '../mirror/limits.ts';
import type { Address } from '../mirror/mirror-set.ts';
import { usage } from './failures.ts';
import { parseWhole } from './target.ts';

/** `true` stands for an option without a value. */
type Typed = string | true;

export interface Field<V> {
  /** As commander has it: `--qos <ms>`. */
  readonly flags: string;
  readonly description: string;
  /** @throws CommandFailure (usage) */
  read(typed: Typed, option: string): V;
  /** Null = it is not given. */
  write(value: V): Typed | null;
}

/** The options of a command by the arguments that they give. */
export type Fields<A> = { readonly [K in keyof A]-?: Field<Exclude<A[K], undefined>> };

/** What commander read; more may stand in it. */
export type Options = Readonly<Record<string, unknown>>;

export function defineFields<A>(command: Command, fields: Fields<A>, required: readonly (keyof A)[] = []): Command {
  for (const name of Object.keys(fields) as (keyof A)[]) {
    const { flags, description } = fields[name];
    command.addOption(new Option(flags, description).makeOptionMandatory(required.includes(name)));
  }
  return command;
}

/** The arguments that were given; a field that was left out takes the default of the instance. */
export function readFields<A>(fields: Fields<A>, options: Options): Partial<A> {
  const read: Partial<A> = {};
  for (const name of Object.keys(fields) as (keyof A)[]) {
    const field = fields[name];
    const typed = options[new Option(field.flags).attributeName()];
    if (typed !== undefined && typed !== false)
      read[name] = field.read(typed as Typed, longOf(field.flags)) as A[keyof A];
  }
  return read;
}

/** The words that give these arguments. */
export function writeFields<A>(fields: Fields<A>, given: Partial<A>): readonly string[] {
  return (Object.keys(fields) as (keyof A)[]).flatMap((name) => {
    const value = given[name];
    const text = value === undefined ? null : fields[name].write(value as Exclude<A[keyof A], undefined>);
    if (text === null) return [];
    return text === true ? [longOf(fields[name].flags)] : [longOf(fields[name].flags), text];
  });
}

/** "--qos, --arbiter or --member": what can be given. */
export function fieldNames<A>(fields: Fields<A>): readonly string[] {
  return (Object.keys(fields) as (keyof A)[]).map((name) => longOf(fields[name].flags));
}

function longOf(flags: string): string {
  return flags.split(' ')[0] ?? flags;
}

export function textField<V extends string = string>(flags: string, description: string): Field<V> {
  return { flags, description, read: (typed) => String(typed) as V, write: (value) => value };
}

export function wholeField(flags: string, description: string, min = 0, max = Number.MAX_SAFE_INTEGER): Field<number> {
  return { flags, description, read: (typed, option) => parseWhole(String(typed), option, min, max), write: String };
}

export function portField(flags: string, description: string): Field<number> {
  return wholeField(flags, description, 1, 65_535);
}

/** An option that is there or not. */
export function flagField(flags: string, description: string): Field<boolean> {
  return { flags, description, read: () => true, write: (value) => (value ? true : null) };
}

export function yesNoField(flags: string, description: string): Field<boolean> {
  return choiceField(flags, description, { yes: true, no: false });
}

/** One of some words, each for a value; the first word of a value is the one that is written. */
export function choiceField<V>(flags: string, description: string, values: Readonly<Record<string, V>>): Field<V> {
  const words = Object.keys(values);
  return {
    flags,
    description,
    read: (typed, option) => {
      const word = words.find((each) => each.toLowerCase() === String(typed).toLowerCase());
      if (word === undefined) throw usage(`${option} ${typed}: it is one of ${words.join(', ')}`);
      return values[word] as V;
    },
    write: (value) => words.find((word) => values[word] === value) ?? null,
  };
}

/** The same field, where "none" stands for null. */
export function orNone<V>(field: Field<V>): Field<V | null> {
  return {
    ...field,
    read: (typed, option) => (typed === 'none' ? null : field.read(typed, option)),
    write: (value) => (value === null ? 'none' : field.write(value)),
  };
}

export function agentField(flags: string, description: string): Field<Address> {
  return {
    flags,
    description,
    read: (typed) => parseAgent(String(typed)),
    write: printAddress,
  };
}

function parseAgent(typed: string): Address {
  const address = parseAddress(typed) ?? (/^[^:\s]+$/.test(typed) ? { host: typed, port: agentPortDefault } : null);
  if (address === null) throw usage(`"${typed}" is no address of an ISCAgent: HOST or HOST:PORT`);
  return address;
}
