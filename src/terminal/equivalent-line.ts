/** What the commands know and the terminal prints: the command line that does the same as what a menu has done. */
import type { Description } from '../protocol/control-channel.ts';
import type { CommandArguments, CommandName } from '../protocol/control-commands.ts';

/** In one line, exact and runnable; `now` is the description that the action began with. */
export type EquivalentLine = <N extends CommandName>(
  command: N,
  given: CommandArguments[N],
  now: Description,
) => string;
