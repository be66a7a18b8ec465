/** What removing the mirror configuration of this instance would do now: menus and commands show it before anything is done. */
import { failoverMembers, type MemberDefinition, type MirrorSet } from '../mirror/mirror-set.ts';
import type { RemovalPlan } from '../protocol/assessment.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import { refusal } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';

/** The primary goes last, and in three steps (CFG-070, CFG-071). */
export function planRemoval(daemon: InstanceDaemon): RemovalPlan | Refusal {
  const { mirrorSet, member: self, joinMirror } = daemon.configuration.get();
  if (mirrorSet === null || self === null) return refusal('not-a-member', 'this instance is in no mirror');
  const { member } = daemon;
  const others = mirrorSet.members.filter((each) => each.name !== self);
  const plan = { mirror: mirrorSet.name, member: self, databases: mirroredHere(daemon), isLast: others.length === 0 };
  if (member === null) return { ...plan, step: 'erase' };
  if (member.state.record.removed !== null) return { ...plan, step: 'restart-only' };
  if (others.length === 0) return { ...plan, step: joinMirror ? 'clear-join-mirror' : 'restart-only' };
  const { role } = member.state;
  if (role === 'primary' || role === 'handing-over' || role === 'becoming') return primaryIsLast(mirrorSet, others);
  return { ...plan, step: 'leave' };
}

/** Local names. */
export function mirroredHere({ catalog }: InstanceDaemon): readonly string[] {
  return catalog
    .entries()
    .flatMap(({ configuration: { name, mirrorDatabase } }) => (mirrorDatabase === null ? [] : [name]));
}

function primaryIsLast(set: MirrorSet, others: readonly MemberDefinition[]): Refusal {
  const pair = failoverMembers(set);
  const inOrder = [...others.filter((each) => !pair.includes(each)), ...others.filter((each) => pair.includes(each))];
  const names = inOrder.map(({ name }) => name).join(', then ');
  return refusal(
    'not-last',
    `the primary is removed only as last member of its mirror; first remove ${names}`,
    'CFG-070',
  );
}
