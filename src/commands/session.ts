/** `caretmirror` and `caretmirror session`: ^MIRROR and the prompt of an instance, with answers from wherever they come. */
import type { Command } from 'commander';
import { resolveHome } from '../host/home.ts';
import { type DialogueOptions, runInstancePrompt, runRoutine, type TextSink } from '../terminal/routine.ts';
import { isRoutine } from '../terminal/session.ts';
import { equivalentLine } from './equivalent-line.ts';
import { failed, usage } from './failures.ts';
import { connectInstance, findInstance, type Instance, listInstances, onlyInstance } from './instances.ts';
import { journalReader } from './journal-pages.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

export interface SessionOptions {
  readonly answers?: string;
  readonly record?: string;
}

const routines = ['MIRROR', 'DATABASE', 'BACKUP', 'DBREST', 'JOURNAL', 'SECURITY'];

export const define: DefineGroup = (group, surroundings) => {
  group
    .argument('<name>', 'the instance')
    .argument('[routine]', `${routines.map((name) => `^${name}`).join(' ')}; the prompt when left out`)
    .option('--answers <file>', 'take the answers from this file')
    .option('--record <file>', 'write the answers there, to be replayed with --answers')
    .action(async (name: string, routine: string | undefined, _: SessionOptions, command: Command) => {
      const here = await surroundings();
      const instance = findInstance(here, name);
      here.endWith(await openSession(here, instance, routine, sessionOptions(command)));
    });
};

/** The program itself has options of these names too, and takes them wherever they stand. */
export function sessionOptions(command: Command): SessionOptions {
  return command.optsWithGlobals<SessionOptions>();
}

type OpenLab = (here: Surroundings, options: SessionOptions) => Promise<void>;

/** ^MIRROR on the host's instance; asks which one if there are several, and at a terminal offers to make one, or a lab, if there is none. */
export async function openHostsInstance(here: Surroundings, options: SessionOptions, openLab: OpenLab): Promise<void> {
  const all = listInstances(here);
  if (all.length === 0 && here.isTerminal && options.answers === undefined)
    return await openFirst(here, options, openLab);
  if (all.length === 0) {
    throw failed(
      `no instance in ${here.home}; make one with "caretmirror instance create NAME", or a whole mirror with "caretmirror lab up"`,
    );
  }
  const instance = all.length === 1 || !here.isTerminal ? onlyInstance(here, undefined) : await askWhich(here, all);
  if (instance !== null) here.endWith(await openSession(here, instance, '^MIRROR', options));
}

async function openFirst(here: Surroundings, options: SessionOptions, openLab: OpenLab): Promise<void> {
  const { askForFirst, makeFirstInstance } = await import('./first-instance.ts');
  const wish = await askForFirst(here);
  if (wish?.kind === 'lab') return await openLab(here, options);
  if (wish !== null) here.endWith(await openSession(here, await makeFirstInstance(here, wish), '^MIRROR', options));
}

/** Null when the question was left. */
async function askWhich(here: Surroundings, all: readonly Instance[]): Promise<Instance | null> {
  const { converse } = await import('../terminal/routine.ts');
  let picked: Instance | null = null;
  await converse(here, async (dialogue) => {
    all.forEach(({ name }, index) => {
      dialogue.print(`${String(index + 1).padStart(2)}) ${name}`);
    });
    const answer = await dialogue.ask({
      prompt: 'Instance? ',
      help: ['The instance whose mirror is to be managed; RETURN leaves.'],
      expected: `a number from 1 to ${all.length}, or a name`,
      where: 'menu',
      parse: (text) => {
        if (text === '') return { ok: true, value: null };
        const found = all.find(({ name }, index) => name === text.toUpperCase() || String(index + 1) === text);
        return found ? { ok: true, value: found } : { ok: false, expected: 'one of the instances above' };
      },
    });
    if (answer !== 'late') picked = answer;
  });
  return picked;
}

/** The exit code of the conversation. */
export async function openSession(
  here: Surroundings,
  instance: Instance,
  routine: string | undefined,
  options: SessionOptions,
): Promise<number> {
  const word = routine?.replace(/^\^/, '').toUpperCase();
  if (word !== undefined && !routines.includes(word)) throw usage(`no routine ${routine}: ^${routines.join(' ^')}`);
  if (word !== undefined && !isRoutine(word)) throw failed(`^${word} is not built in this version`);
  const control = await connectInstance(here, instance);
  // What is typed in the shell that this session was begun from means that shell's home.
  const usual = await resolveHome(undefined, here.env);
  const desk = {
    control,
    journal: journalReader(here, instance, control),
    equivalentLine: equivalentLine(here.home === usual ? null : here.home),
  };
  const record = options.record === undefined ? null : openRecord(here, options.record);
  const dialogue: DialogueOptions = {
    input: here.input,
    output: here.output,
    errors: here.errors,
    isTerminal: here.isTerminal,
    columns: here.columns,
    noColor: (here.env.NO_COLOR ?? '') !== '',
    ...(options.answers === undefined ? {} : { answersFile: await answersOf(here, options.answers) }),
    ...(record === null ? {} : { recordFile: record }),
  };
  try {
    return word === undefined
      ? await runInstancePrompt({ ...dialogue, ...desk, instance: instance.name })
      : await runRoutine({ ...dialogue, ...desk, routine: word });
  } finally {
    control.close();
  }
}

async function answersOf(here: Surroundings, path: string): Promise<DialogueOptions['input']> {
  const bytes = here.host.files.readWhole(path);
  if (bytes === null) throw failed(`${path} does not exist`);
  const { Readable } = await import('node:stream');
  return Readable.from([Buffer.from(bytes)]);
}

/** Appends; an answer stands in the file as soon as it was given. */
function openRecord({ host: { files } }: Surroundings, path: string): TextSink {
  files.remove(path);
  const handle = files.open(path, 'create');
  let position = 0;
  return {
    write(text) {
      const bytes = Buffer.from(text);
      files.write(handle, bytes, position);
      position += bytes.length;
    },
  };
}
