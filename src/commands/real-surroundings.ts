/** Surroundings of a command that runs for real: this process's streams, the home that is meant, and main.ts's adapters. */
import { fileURLToPath } from 'node:url';
import { resolveHome } from '../host/home.ts';
import type { Host } from '../host/host.ts';
import type { Network } from '../network/network.ts';
import type { Streams, Surroundings } from './surroundings.ts';

export async function realSurroundings(
  homeOption: string | undefined,
  streams: Streams,
  adapters: () => Promise<{ readonly host: Host; readonly network: Network }>,
  endWith: (exitCode: number) => void,
  mirror?: string,
): Promise<Surroundings> {
  const { input, output, errors, env } = streams;
  const { host, network } = await adapters();
  const make = (home: string): Surroundings => ({
    home,
    host,
    network,
    programs: {
      instance: program('caretmirror-instance'),
      agent: program('caretmirror-iscagent'),
      caretmirror: program('caretmirror'),
    },
    env,
    input,
    output,
    errors,
    isTerminal: input.isTTY === true && output.isTTY === true && env.TERM !== 'dumb',
    mirror,
    columns: () => output.columns ?? 80,
    at: make,
    print: (text) => void output.write(text),
    tell: (text) => void errors.write(`${text}\n`),
    endWith,
  });
  return make(await resolveHome(homeOption, env));
}

/** In bin/ beside dist/, where this file is bundled. */
function program(name: string): string {
  return fileURLToPath(new URL(`../bin/${name}.js`, import.meta.url));
}
