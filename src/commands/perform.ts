/** An operator's command sent to its instance, and its outcome as this program's: text, refusal, or "not known". */
import type { Command } from 'commander';
import type { Assessment } from '../protocol/assessment.ts';
import type { CommandArguments, CommandName, Outcome, Refusal } from '../protocol/control-commands.ts';
import type { ControlClient } from '../terminal/control-client.ts';
import { findingSentences } from '../terminal/finding-lines.ts';
import { failed, unknown } from './failures.ts';
import { askInstance, type Instance } from './instances.ts';
import { json } from './output.ts';
import type { Surroundings } from './surroundings.ts';
import { parseWhole } from './target.ts';

/** The sentence that says what was done. @throws CommandFailure */
export async function perform<N extends CommandName>(
  surroundings: Surroundings,
  instance: Instance,
  command: N,
  given: CommandArguments[N],
  situation?: number,
): Promise<string> {
  return await askInstance(surroundings, instance, (control) =>
    performOn(surroundings, control, command, given, situation),
  );
}

export async function performOn<N extends CommandName>(
  surroundings: Surroundings,
  control: ControlClient,
  command: N,
  given: CommandArguments[N],
  situation?: number,
): Promise<string> {
  return textOf(command, await control.perform(command, given, situation, surroundings.tell));
}

/** Refusals that say that all is as the command would have made it: whoever gives it a second time has what he wanted. */
const alreadySo: Readonly<Partial<Record<CommandName, string>>> = {
  'start-mirror': 'already-started',
  'stop-mirror': 'already-stopped',
  'become-primary': 'is-primary',
  'force-primary': 'is-primary',
  promote: 'not-an-async',
  demote: 'not-a-failover-member',
  'remove-mirror': 'not-a-member',
  'delete-database': 'deleted-already',
};

/** The sentence that says so; null = the refusal stands. */
export function saysAlready(command: CommandName, { reason, text }: Refusal): string | null {
  if (alreadySo[command] !== reason) return null;
  return text.includes('already') ? text : `${text}: it is so already`;
}

function textOf(command: CommandName, outcome: Outcome): string {
  if (outcome.ok) return outcome.text;
  const { reason, text } = outcome.refusal;
  const already = saysAlready(command, outcome.refusal);
  if (already !== null) return already;
  if (outcome.outcome === 'not-known') throw unknown(`${text}; see the messages log`);
  throw failed(reason === 'situation-changed' ? `${text}; see --dry-run, then confirm it anew` : text);
}

export interface LookOptions {
  readonly dryRun: boolean;
  readonly situation?: string;
  readonly json: boolean;
}

/** For commands that are looked ahead of: what they would meet and do, or do it. */
export function defineLook(command: Command): Command {
  return command
    .option('--dry-run', 'check everything, print what it would do, do nothing', false)
    .option('--situation <number>', 'refuse if the situation is no longer that of this --dry-run')
    .option('--json', 'one JSON document', false);
}

/** The sentence that says what was done; null after a dry run, of which everything was printed. @throws CommandFailure */
export async function performOrLook<N extends CommandName>(
  here: Surroundings,
  control: ControlClient,
  command: N,
  given: CommandArguments[N],
  options: LookOptions,
): Promise<string | null> {
  if (!options.dryRun) return await performOn(here, control, command, given, situationOf(options));
  const assessment = await control.assess(command, given);
  if (assessment.refusal !== null) throw failed(`it would be refused: ${assessment.refusal.text}`);
  const lines = findingSentences(assessment.findings);
  here.print(options.json ? json(assessment) : dryRun(lines, assessment.situation));
  return null;
}

/** The same, and what was done is printed. */
export async function performAndTell<N extends CommandName>(
  here: Surroundings,
  instance: Instance,
  command: N,
  given: CommandArguments[N],
  options: LookOptions,
): Promise<void> {
  const text = await askInstance(here, instance, (control) => performOrLook(here, control, command, given, options));
  if (text !== null) here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
}

/** In which situation it is to be done: that of the `--dry-run` whose number is given back, or else the one that was just assessed. */
export function situationOf(
  { situation }: { readonly situation?: string },
  assessment?: Pick<Assessment, 'situation'>,
): number | undefined {
  return situation === undefined
    ? assessment?.situation
    : parseWhole(situation, '--situation', 0, Number.MAX_SAFE_INTEGER);
}

/** What a risky command would meet, and the number to give back. */
export function dryRun(lines: readonly string[], situation: number): string {
  return `${lines.map((line) => `${line}\n`).join('')}Situation: ${situation}\n`;
}
