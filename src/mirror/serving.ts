/** The slice of a primary: its members and the backup among them. What is done with them stands in primary.ts and beside it. */
import { hasSession } from './arbiter-link.ts';
import type { Served, Serving, Step } from './member-state.ts';

export function setServing(step: Step, changes: Partial<Serving>): void {
  step.state.serving = { ...step.state.serving, ...changes };
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
