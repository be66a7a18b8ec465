/**
 * What main.ts hands to every command group: the home, the machine and where to print. A group makes nothing of this by
 * itself, so that tests can run it in a directory of their own and read what it printed.
 */
import type { Host } from '../host/host.ts';
import type { Network } from '../network/network.ts';
import type { ByteSource } from '../terminal/line-reader.ts';
import type { TextSink } from '../terminal/routine.ts';

export interface Programs {
  /** JavaScript files in bin/, run with this process's Node. */
  readonly instance: string;
  readonly agent: string;
  readonly caretmirror: string;
}

/** Of a process that a person or a script started. */
export interface Streams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

export interface Surroundings {
  /** The directory that stands for this host. */
  readonly home: string;
  readonly host: Host;
  /** Without links: an operator's program is no host of a lab. */
  readonly network: Network;
  readonly programs: Programs;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: ByteSource;
  readonly output: TextSink;
  readonly errors: TextSink;
  /** Are input and output a terminal? */
  readonly isTerminal: boolean;
  readonly columns: () => number;
  /** `--mirror`: which one is meant of a reporting async in several (CFG-008). */
  readonly mirror: string | undefined;
  /** Another home, for commands that build several hosts. */
  at(home: string): Surroundings;
  /** On standard output. */
  print(text: string): void;
  /** A line for people, on standard error. */
  tell(text: string): void;
  /** The command has ended as it should, and its exit code is not 0 (a conversation that was cut off). */
  endWith(exitCode: number): void;
}

/** What a group file exports: its subcommands, defined on the command of its name. */
export type DefineGroup = (group: import('commander').Command, surroundings: () => Promise<Surroundings>) => void;
