/** The slice of a primary: its members and the backup among them. What is done with them stands in primary.ts and beside it. */
import { hasSession } from './arbiter-link.ts';
import type { Served, Serving, Step } from './member-state.ts';
import { copyOfServed, copyOfServing } from './state-copies.ts';

export function setServing(step: Step, changes: Partial<Serving>): void {
  Object.assign(freshServing(step), changes);
}

/** A copy in place of the slice, for the caller to change. */
export function freshServing(step: Step): Serving {
  const serving = copyOfServing(step.state.serving);
  step.state.serving = serving;
  return serving;
}

/** A copy in place of the member of the same name, for the caller to change. */
export function freshServed(step: Step, served: Served): Served {
  const fresh = copyOfServed(served);
  const members = new Map(step.state.serving.members);
  members.set(fresh.name, fresh);
  freshServing(step).members = members;
  return fresh;
}

export function setServed(step: Step, name: string, changes: Partial<Served>): void {
  const served = step.state.serving.members.get(name);
  if (served !== undefined) Object.assign(freshServed(step, served), changes);
}

export function servedBy(step: Step, connection: number): Served | undefined {
  for (const served of step.state.serving.members.values()) if (served.connection === connection) return served;
  return undefined;
}

/** The other failover member, while it is connected. */
export function connectedBackup(step: Step): Served | undefined {
  for (const served of step.state.serving.members.values()) if (served.failoverMember) return served;
  return undefined;
}

/** Has the backup everything, and does it count as active? For a stop, and for a primary that cannot write any more. */
export function backupNow(step: Step): 'active' | 'not-active' | 'none' {
  const { counted, trouble } = step.state.serving;
  if (connectedBackup(step) === undefined) return 'none';
  return counted?.confirmed === true && trouble === null ? 'active' : 'not-active';
}

/**
 * Is the session unbroken since the mode was proposed? In a later one the arbiter knows nothing of this mode, and "never"
 * would be no proof that the backup was not licensed.
 */
export function hasModeSession(step: Step): boolean {
  const { arbiter, serving } = step.state;
  return hasSession(step) && arbiter.session === serving.modeSession;
}
