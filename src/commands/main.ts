/**
 * The command line: which group of commands is meant, and how it ends. Groups, adapters and everything they need are
 * loaded only when they are used, so that `caretmirror --version` and a mistyped word cost nothing.
 */
import { Command, CommanderError, Option } from 'commander';
import { ownVersion } from '../host/own-version.ts';
import type { DefineGroup, Streams, Surroundings } from './surroundings.ts';

interface Group {
  readonly description: string;
  readonly isHidden?: boolean;
  readonly load: () => Promise<DefineGroup>;
}

const groups: Readonly<Record<string, Group>> = {
  session: {
    description: 'the prompt of an instance, or one of its routines',
    load: async () => (await import('./session.ts')).define,
  },
  instance: { description: 'instances of this home', load: async () => (await import('./instance.ts')).define },
  agent: { description: "the host's ISCAgent", load: async () => (await import('./agent.ts')).define },
  mirror: { description: 'every action of the menus', load: async () => (await import('./mirror.ts')).define },
  status: {
    description: 'the status monitor without the menu',
    load: async () => (await import('./status.ts')).defineStatus,
  },
  wait: { description: 'until a member is as wished', load: async () => (await import('./status.ts')).defineWait },
  events: {
    description: 'role changes and failover decisions, with their rules',
    load: async () => (await import('./events.ts')).defineEvents,
  },
  log: { description: 'messages.log', load: async () => (await import('./status.ts')).defineLog },
  verify: {
    description: 'compare what the databases of all members hold',
    load: async () => (await import('./verify.ts')).define,
  },
  lost: {
    description: 'journal data that was cut because the mirror does not have it',
    load: async () => (await import('./lost.ts')).define,
  },
  journal: {
    description: 'mirror journal files of an instance: list, view, search, check, switch, purge',
    load: async () => (await import('./journal.ts')).define,
  },
  database: { description: 'databases of an instance', load: async () => (await import('./database.ts')).define },
  global: { description: 'data, through the superserver', load: async () => (await import('./global.ts')).define },
  sys: {
    description: 'methods of SYS.Mirror and $SYSTEM.Mirror',
    load: async () => (await import('./sys.ts')).define,
  },
  lab: { description: 'a whole mirror on this machine', load: async () => (await import('./lab.ts')).define },
  completion: {
    description: 'completion of commands and names for a shell',
    load: async () => (await import('./completion.ts')).defineCompletion(wholeProgram),
  },
  'man-page': {
    description: 'the manual page, in roff',
    isHidden: true,
    load: async () => (await import('./man-page.ts')).defineManPage(wholeProgram),
  },
  'lab-cable': {
    description: 'the cable process of a lab',
    isHidden: true,
    load: async () => (await import('./lab.ts')).defineCable,
  },
};

/** The exit code. Everything a person should know has been printed. */
export async function main(args: readonly string[], streams: Streams = process_()): Promise<number> {
  let exitCode = 0;
  const complaints: string[] = [];
  const program = new Command('caretmirror');
  let mirror: string | undefined;
  const surroundings = () =>
    import('./real-surroundings.ts').then(({ realSurroundings }) =>
      realSurroundings(
        program.opts<{ home?: string }>().home,
        streams,
        realAdapters,
        (code) => {
          exitCode = code;
        },
        mirror,
      ),
    );
  // A reader that has gone away (`| head`) wants no more.
  streams.output.on('error', () => {});
  try {
    describe(program)
      .helpCommand(true)
      .allowExcessArguments()
      .exitOverride()
      .configureOutput({
        writeOut: (text) => void streams.output.write(text),
        writeErr: (text) => void complaints.push(text),
      })
      .action(async (options: { answers?: string; record?: string }, command: Command) => {
        const [word] = command.args;
        if (word !== undefined) program.error(`no command "${word}"; see caretmirror --help`);
        const { openHostsInstance } = await import('./session.ts');
        await openHostsInstance(await surroundings(), options, async (...given) => {
          await (await import('./lab.ts')).openLab(...given);
        });
      });
    await defineVersion(program, args);
    await defineGroups(program, args, surroundings);
    if (args.some((word) => helpWords.includes(word))) (await import('./examples.ts')).showExamples(program);
    program.hook('preAction', (_, command) => {
      mirror = meantMirror(command);
    });
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return await endOf(error, complaints, streams, args);
  }
}

const helpWords = ['--help', '-h', 'help'];

function describe(program: Command): Command {
  return program
    .description('A database mirror behind the ^MIRROR menus.')
    .option('--home <directory>', 'the directory that stands for this host (CARETMIRROR_HOME)')
    .option('--answers <file>', 'take the answers of the menus from this file')
    .option('--record <file>', 'write the answers there, to be replayed with --answers');
}

/** Every group with all that is in it, to be read by what tells of the commands; none of them is carried out. */
export async function wholeProgram(): Promise<Command> {
  const program = describe(new Command('caretmirror'));
  program.version('', '-V, --version', 'the version of this program');
  await defineGroups(program, Object.keys(groups), async () => {
    throw new Error('this program is only read');
  });
  return program;
}

/** Everything that is asked of an instance can say which of its mirrors is meant; where --mirror is a word of the command itself it stays. */
function defineMirror(command: Command): void {
  for (const each of command.commands) defineMirror(each);
  const asksInstance = command.registeredArguments.some((argument) => ['instance', 'name'].includes(argument.name()));
  if (!asksInstance || command.options.some(({ long }) => long === '--mirror')) return;
  command.addOption(new Option(chosenMirror, 'of an instance in several mirrors: which one is meant'));
}

const chosenMirror = '--mirror <mirror>';

function meantMirror(command: Command): string | undefined {
  const isChoice = command.options.some(({ flags }) => flags === chosenMirror);
  const mirror = command.opts<{ mirror?: string }>().mirror;
  return isChoice ? mirror : undefined;
}

async function defineVersion(program: Command, args: readonly string[]): Promise<void> {
  const asked = args.includes('--version') || args.includes('-V');
  program.version(asked ? ownVersion() : '', '-V, --version', 'the version of this program');
}

/** Only the group that is meant is loaded; of the others the help needs name and description. */
async function defineGroups(
  program: Command,
  args: readonly string[],
  surroundings: () => Promise<Surroundings>,
): Promise<void> {
  for (const [name, group] of Object.entries(groups)) {
    const command = program.command(name, { hidden: group.isHidden === true }).description(group.description);
    command.exitOverride().copyInheritedSettings(program);
    if (args.includes(name)) (await group.load())(command, surroundings);
    defineMirror(command);
  }
}

/** One line on standard error, and the code that says the same. */
async function endOf(
  error: unknown,
  complaints: readonly string[],
  streams: Streams,
  args: readonly string[],
): Promise<number> {
  const { failureOf, oneLine, usage } = await import('./failures.ts');
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const said = complaints.join('').replace(/^error: /, '');
  const isHelp = error instanceof CommanderError && error.code === 'commander.help';
  const words = args.filter((word) => !word.startsWith('-')).join(' ');
  const failure = isHelp
    ? usage(`${words}: which command? See caretmirror ${words} --help`)
    : error instanceof CommanderError
      ? usage(oneLine(said))
      : failureOf(error);
  streams.errors.write(`caretmirror: ${failure.message}\n`);
  if (streams.env.CARETMIRROR_DEBUG === '1') streams.errors.write(`${(error as Error).stack}\n`);
  return failure.exitCode;
}

/** The real machine and network; this file alone may name them. */
async function realAdapters(): Promise<Pick<Surroundings, 'host' | 'network'>> {
  const [{ nodeHost }, { createTcpNetwork }, files] = await Promise.all([
    import('../host/node-host.ts'),
    import('../network/tcp-network.ts'),
    import('../host/socket-files.ts'),
  ]);
  return { host: nodeHost, network: createTcpNetwork({ files }) };
}

function process_(): Streams {
  return { input: process.stdin, output: process.stdout, errors: process.stderr, env: process.env };
}
