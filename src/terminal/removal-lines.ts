/** What removing a member will do, in sentences (CFG-066..CFG-071, CFG-074, CFG-077); for the routine and the command line. */
import { wording } from '../../menus/wording.ts';
import type { MemberDefinition } from '../mirror/mirror-set.ts';
import type { RemovalPlan } from '../protocol/assessment.ts';
import { fill } from './screen.ts';

const { removal } = wording;

/** This instance. */
export function removalSentences({ step, mirror, member, isLast, databases }: RemovalPlan): readonly string[] {
  const facts = { mirror, member, databases: databases.join(', ') };
  const lines: string[] = [removal[step]];
  if (step === 'leave') lines.push(removal.leaveInstead);
  if (isLast && step !== 'restart-only') lines.push(removal.deletes);
  if (step === 'leave' || step === 'erase') {
    lines.push(databases.length === 0 ? removal.noDatabases : removal.databases);
  }
  return lines.map((line) => fill(line, facts));
}

/** Another member. */
export function otherRemovalSentences(mirror: string, { name, type }: MemberDefinition): readonly string[] {
  const facts = { mirror, member: name, type };
  return [removal.other, removal.otherInstead, removal.otherRestart].map((line) => fill(line, facts));
}

export function attributeSentence(removeAttribute: boolean): string {
  return removeAttribute ? removal.attributeRemoved : removal.attributeKept;
}
