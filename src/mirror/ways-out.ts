/**
 * The other failover member runs and does not let this one lead: what a person can do. The status (waiting-for.ts) and a force that is
 * refused (FO-074) say the same.
 */
import type { MemberState } from './member-state.ts';
import type { Refusal } from './messages.ts';

const stop = 'stop it first';
/** With its instance down its ISCAgent vouches for it, and hands out its journal. */
const thenForce =
  'then this member asks its ISCAgent and settles its role, or use Force this node to become the primary';

const ways: { readonly [R in Refusal]?: string } = {
  'becoming-primary': `is running and becoming primary; look at its status, which says what it waits for. To make this member primary all the same, ${stop}: ${thenForce}`,
  'kept-by-site':
    'is kept from becoming primary by its site or by a database; mend that there, or use Force this node to become the primary here, to which it gives way',
  stopped: `is running with mirroring stopped, and may have data that this member lacks; start mirroring there, or ${stop}: ${thenForce}`,
  halted: `has halted (Crashed), and may have data that this member lacks; ${stop}: ${thenForce}`,
  'not-a-member': `is running and says that it was removed from the mirror; ${stop}: ${thenForce}`,
  diverged: `has data of another history; look at what each has alone, and ${stop}: ${thenForce}`,
};

/** Null = the other member is not known to run. */
export function wayAround({ settings, seeking }: MemberState): string | null {
  const { partner } = settings;
  if (seeking.refusal === null || partner === null) return null;
  const otherwise = `is running and settles the roles with this member. If both only wait, ${stop}: ${thenForce}`;
  return `${partner} ${ways[seeking.refusal] ?? otherwise}`;
}

/** Why a force does nothing: the agent says that the other runs, and the other has not given way. */
export function stopItFirst(state: MemberState): string {
  return (
    wayAround(state) ?? `${state.settings.partner} is running and does not answer this member; ${stop}: ${thenForce}`
  );
}
