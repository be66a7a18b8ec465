/**
 * What a command would meet with its arguments, looked at before a person confirms it: each asks what the command itself asks, in the same
 * functions, and stops before anything is changed (docs/decisions/0054). The command checks all of it once more.
 */
import type { Finding } from '../protocol/assessment.ts';
import type { ControlRequest } from '../protocol/control-channel.ts';
import type { CommandArguments, CommandName, Refusal } from '../protocol/control-commands.ts';
import { lookBeforeAdding } from './adding-databases.ts';
import { lookBeforeCreating, lookBeforeJoining } from './mirror-commands.ts';
import { lookBeforeJoiningAgain } from './new-member.ts';
import type { InstanceDaemon } from './parts.ts';
import { lookBeforePromoting } from './promotion-commands.ts';
import { lookBeforeRebuilding } from './rebuild.ts';
import { lookBeforeLeaving, lookBeforeRemovingOther } from './removal-commands.ts';

type Ahead = Refusal | readonly Finding[];
type Look<N extends CommandName> = (daemon: InstanceDaemon, given: CommandArguments[N]) => Ahead | Promise<Ahead>;

const looks: { readonly [N in CommandName]?: Look<N> } = {
  'create-mirror': lookBeforeCreating,
  'join-mirror': lookBeforeJoining,
  'join-as-new-member': lookBeforeJoiningAgain,
  'remove-member': lookBeforeRemovingOther,
  'remove-mirror': lookBeforeLeaving,
  'add-databases': lookBeforeAdding,
  'rebuild-member': lookBeforeRebuilding,
  promote: lookBeforePromoting,
};

/** Null = nothing is looked at ahead of this command. */
export async function lookAhead(
  daemon: InstanceDaemon,
  request: Extract<ControlRequest, { type: 'assess' }>,
): Promise<Ahead | null> {
  // Command and arguments were checked together; the table keeps them together by name.
  const look = looks[request.command] as Look<CommandName> | undefined;
  return (await look?.(daemon, (request.arguments ?? {}) as CommandArguments[CommandName])) ?? null;
}
