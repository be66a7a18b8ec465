/**
 * A member that is kept out because it is not reached at its own addresses, mostly a copy of another member, joins its mirror as a new
 * one in one step (CFG-064). Everything that can be refused is refused before anything is changed here; the member whose copy it is stays
 * as it is. Cut off behind the word of the primary it is a member of nothing, or kept out as before, and the same command goes on.
 */
import type { CommandArguments, Outcome } from '../protocol/control-channel.ts';
import { done, type Progress, refused, refusedWith } from './command-outcome.ts';
import { leaveMirror } from './former-mirror.ts';
import { requestJoin } from './join-request.ts';
import { becomeMember, ownDefinition } from './mirror-commands.ts';
import { mirrorNameOf } from './mirrored-databases.ts';
import { refusalOf } from './offered-commands.ts';
import { ownType } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';

/** CFG-064, CFG-063. */
export async function joinAsNewMember(
  daemon: InstanceDaemon,
  given: CommandArguments['join-as-new-member'],
  progress: Progress,
): Promise<Outcome> {
  const why = refusalOf(daemon, 'join-as-new-member', await daemon.isAgentRunning());
  if (why !== null) return refusedWith(why);
  const { mirrorSet, member: former } = daemon.configuration.get();
  if (mirrorSet === null || former === null) return refused('not-a-member', 'this instance is in no mirror');
  const was = ownType(daemon.configuration.get());
  // It takes the place of no failover member unless that is said.
  const type = given.type ?? (was === null || was === 'Failover' ? 'Disaster Recovery' : was);
  const self = ownDefinition(daemon, type, given);
  if (!self.ok) return refusedWith(self.refusal);
  const { name } = self.value;
  if (name === former) {
    const text = `${former} is the name of the member that this instance is taken for; give the new member a name of its own`;
    return refused('name-taken', text, 'CFG-064');
  }
  const notReached = await daemon.reachedAt(mirrorSet.name, self.value);
  if (notReached !== null) return refused('not-reached', `at its new addresses, too: ${notReached.text}`, 'CFG-063');
  progress(`the primary of mirror ${mirrorSet.name} is asked to take in ${name}`);
  const joined = await requestJoin(daemon, { mirrorSet, primary: null }, self.value);
  if (!joined.ok) return refusedWith(joined.refusal);
  if (daemon.notReached === null) {
    const text = `this member is reached now as ${former} and takes part as that; remove ${name} on the primary`;
    return refused('not-kept-out', text, 'CFG-064');
  }
  leaveMirror(daemon.configuration, false);
  await daemon.clearFormerMirror();
  const outcome = await becomeMember(daemon, joined.value, self.value, progress);
  return outcome.ok ? done(`${outcome.text}${copiesToActivate(daemon)}`) : outcome;
}

/** DB-051: what it had of the mirror's databases is a beginning, which only an operator may call good. */
function copiesToActivate({ catalog }: InstanceDaemon): string {
  const names = catalog
    .entries()
    .filter((entry) => mirrorNameOf(entry) !== null && entry.database !== null)
    .map(({ configuration }) => configuration.name);
  return names.length === 0 ? '' : `; activate and catch up its databases ${names.join(', ')}`;
}
