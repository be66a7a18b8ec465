/** An operator's command sent to its instance, and its outcome as this program's: text, refusal, or "not known". */
import type { CommandArguments, CommandName, Outcome } from '../protocol/control-channel.ts';
import type { ControlClient } from '../terminal/control-client.ts';
import { failed, unknown } from './failures.ts';
import { askInstance, type Instance } from './instances.ts';
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
  return textOf(await control.perform(command, given, situation, surroundings.tell));
}

function textOf(outcome: Outcome): string {
  if (outcome.ok) return outcome.text;
  const { text } = outcome.refusal;
  throw outcome.outcome === 'not-known' ? unknown(`${text}; see the messages log`) : failed(text);
}

/** The number that `--situation` gives back from a `--dry-run`. */
export function situationOf(typed: string | undefined): number | undefined {
  return typed === undefined ? undefined : parseWhole(typed, '--situation', 0, Number.MAX_SAFE_INTEGER);
}

/** What a risky command would meet, and the number to give back. */
export function dryRun(lines: readonly string[], situation: number): string {
  return `${lines.map((line) => `${line}\n`).join('')}Situation: ${situation}\n`;
}
