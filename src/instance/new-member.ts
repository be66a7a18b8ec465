/**
 * A member that is kept out because it is not reached at its own addresses, mostly a copy of another member, joins its mirror as a new
 * one in one step (CFG-064). Everything that can be refused is refused before anything is changed here; the member whose copy it is stays
 * as it is. Cut off behind the word of the primary it is a member of nothing, or kept out as before, and the same command goes on.
 */
import type { MemberDefinition, MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { Finding } from '../protocol/assessment.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { done, type Progress, refusal, refused, refusedWith } from './command-outcome.ts';
import { leaveMirror } from './former-mirror.ts';
import { requestJoin } from './join-request.ts';
import { becomeMember, findingsOfJoin, ownDefinition } from './mirror-commands.ts';
import { mirrorNameOf } from './mirrored-databases.ts';
import { refusalOf } from './offered-commands.ts';
import { ownType } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';

interface Entry {
  readonly mirrorSet: MirrorSet;
  readonly former: MemberName;
  readonly self: MemberDefinition;
}

/** CFG-064, CFG-063: everything that this side checks before it asks the primary. */
async function prepare(
  daemon: InstanceDaemon,
  given: CommandArguments['join-as-new-member'],
): Promise<Entry | Refusal> {
  const why = refusalOf(daemon, 'join-as-new-member', await daemon.isAgentRunning());
  if (why !== null) return why;
  const { mirrorSet, member: former } = daemon.configuration.get();
  if (mirrorSet === null || former === null) return refusal('not-a-member', 'this instance is in no mirror');
  const was = ownType(daemon.configuration.get());
  // It takes the place of no failover member unless that is said.
  const type = given.type ?? (was === null || was === 'Failover' ? 'Disaster Recovery' : was);
  const self = ownDefinition(daemon, type, given);
  if (!self.ok) return self.refusal;
  if (self.value.name === former) {
    const text = `${former} is the name of the member that this instance is taken for; give the new member a name of its own`;
    return refusal('name-taken', text, 'CFG-064');
  }
  const notReached = await daemon.reachedAt(mirrorSet.name, self.value);
  if (notReached !== null) return refusal('not-reached', `at its new addresses, too: ${notReached.text}`, 'CFG-063');
  return { mirrorSet, former, self: self.value };
}

export async function lookBeforeJoiningAgain(
  daemon: InstanceDaemon,
  given: CommandArguments['join-as-new-member'],
): Promise<Refusal | readonly Finding[]> {
  const entry = await prepare(daemon, given);
  if ('reason' in entry) return entry;
  const { mirrorSet, self } = entry;
  const asked = await requestJoin(daemon, { mirrorSet, primary: null }, self, 'would');
  return asked.ok ? findingsOfJoin(daemon, self, asked) : asked.refusal;
}

export async function joinAsNewMember(
  daemon: InstanceDaemon,
  given: CommandArguments['join-as-new-member'],
  progress: Progress,
): Promise<Outcome> {
  const entry = await prepare(daemon, given);
  if ('reason' in entry) return refusedWith(entry);
  const { mirrorSet, former, self } = entry;
  const { name } = self;
  progress(`the primary of mirror ${mirrorSet.name} is asked to take in ${name}`);
  const joined = await requestJoin(daemon, { mirrorSet, primary: null }, self);
  if (!joined.ok) return refusedWith(joined.refusal);
  if (daemon.notReached === null) {
    const text = `this member is reached now as ${former} and takes part as that; remove ${name} on the primary`;
    return refused('not-kept-out', text, 'CFG-064');
  }
  leaveMirror(daemon.configuration, false);
  await daemon.clearFormerMirror();
  const outcome = await becomeMember(daemon, joined.value, self, progress);
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
