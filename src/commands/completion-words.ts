/**
 * What may stand where the cursor is. The commands themselves say which words, options and arguments there are; the names
 * of instances, members and databases are asked from `names`, by what an argument or an option is called.
 */
import type { Argument, Command, Option } from 'commander';

export interface Names {
  /** Instances of the home. */
  instances(): Promise<readonly string[]>;
  /** Members of the mirror of that instance, or of all instances of the home. */
  members(instance: string | undefined): Promise<readonly string[]>;
  /** Local names of databases. */
  databases(instance: string | undefined): Promise<readonly string[]>;
  /** Methods of the library. */
  methods(): Promise<readonly string[]>;
}

/** The words before the cursor, understood; options are looked for at the command and above it. */
interface Place {
  readonly command: Command;
  /** What was given to the arguments of the command so far. */
  readonly given: readonly string[];
  /** An option whose value comes next. */
  readonly awaiting: Option | null;
}

/** `words` are what was typed after the program's name; the last one is being typed and may be empty. */
export async function candidates(program: Command, words: readonly string[], names: Names): Promise<readonly string[]> {
  const typed = words.at(-1) ?? '';
  const { command, given, awaiting } = placeOf(program, words.slice(0, -1));
  const found = await (async () => {
    if (awaiting !== null) return await valuesOf(awaiting.attributeName(), awaiting.description, given, names);
    if (typed.startsWith('-')) return optionsOf(command).flatMap(({ long, short }) => long ?? short ?? []);
    const visible = subcommandsOf(command);
    if (visible.length > 0 && given.length === 0) return visible.map((each) => each.name());
    const argument = argumentAt(command, given.length);
    return argument === undefined ? [] : await valuesOf(argument.name(), argument.description, given, names);
  })();
  const folded = typed.toLowerCase();
  return [...new Set(found)].filter((each) => each.toLowerCase().startsWith(folded));
}

/** What the words before the cursor give to an option, e.g. --home. */
export function valueGiven(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  const joined = words.find((word) => word.startsWith(`${option}=`));
  return joined?.slice(option.length + 1) ?? (at < 0 || at >= words.length - 1 ? undefined : words[at + 1]);
}

function placeOf(program: Command, before: readonly string[]): Place {
  let command = program;
  let given: string[] = [];
  let awaiting: Option | null = null;
  for (const word of before) {
    if (awaiting !== null) {
      awaiting = null;
    } else if (word.startsWith('-')) {
      const option = optionsOf(command).find(({ long, short }) => long === word || short === word);
      awaiting = option?.required === true ? option : null;
    } else {
      const next = given.length === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (next === undefined) given = [...given, word];
      else command = next;
    }
  }
  return { command, given, awaiting };
}

export function subcommandsOf(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

function optionsOf(command: Command): readonly Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command.parent === null ? own : [...own, ...optionsOf(command.parent)];
}

/** The last argument of a command may be given again and again. */
function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic === true ? last : undefined);
}

const labels = ['A', 'B', 'C', 'R', 'X'];

/** By the name of an argument, or of an option as a word: sources of names, and fixed words. */
const sources: Readonly<Record<string, (names: Names, given: readonly string[]) => Promise<readonly string[]>>> = {
  instance: (names) => names.instances(),
  name: (names) => names.instances(),
  target: (names) => names.instances(),
  database: (names, [instance]) => names.databases(instance),
  member: (names, [instance]) => names.members(instance),
  confirm: (names, [instance]) => names.members(instance),
  partner: (names, [instance]) => names.members(instance),
  method: (names) => names.methods(),
  label: async () => labels,
  other: async () => labels,
  for: async () => ['primary', 'backup', 'connected', 'active', 'caught-up'],
  severity: async () => ['0', '1', '2', '3'],
  state: async () => ['on', 'off'],
  routine: async () => ['^MIRROR', '^DATABASE', '^BACKUP', '^DBREST', '^JOURNAL'],
  type: async () => ['failover', 'dr', 'read-only', 'read-write'],
  level: async () => ['durable', 'journaled', 'buffered'],
  format: async () => ['json', 'binary'],
};

/** Nothing = the shell completes a path. A description that is a list of words is one. */
async function valuesOf(
  name: string,
  description: string,
  given: readonly string[],
  names: Names,
): Promise<readonly string[]> {
  const source = sources[name];
  if (source !== undefined) return await source(names, given);
  return /^[a-z-]+(, [a-z-]+)+$/.test(description) ? description.split(', ') : [];
}
