/**
 * Who does what when a contact is lost, a member restarts or a hello arrives. Each table is total over its columns and
 * has exactly one row for each combination; `impossible` rows name combinations that no run may reach, and reaching one
 * stops the member. Guards that are not facts of the situation (term, session, epoch) are checked before a table is asked.
 */
// biome-ignore-all format: a table is read row by row

/** Found where the rules and the tables disagree about what can happen: the member must not go on. */
export class ImpossibleSituation extends Error {}

type Columns = Readonly<Record<string, string | boolean>>;
export interface Verdict<O extends string> {
  readonly outcome: O;
  /** Rule that decides; several where two rules meet. */
  readonly spec: string;
  readonly because: string;
}

/**
 * The one row whose columns equal the facts. `able`: what can be carried out where it is asked; a row that says anything else
 * stops the member, which would otherwise do what no row says.
 */
export function decide<F extends Columns, O extends string, A extends O = O>(
  table: readonly (F & Verdict<O>)[],
  facts: F,
  able?: readonly A[],
): F & Verdict<A> {
  const names = Object.keys(facts);
  const row = table.find((candidate) => names.every((name) => candidate[name] === facts[name]));
  if (row === undefined || row.outcome === 'impossible') {
    throw new ImpossibleSituation(
      `no rule for ${JSON.stringify(facts)}${row === undefined ? '' : ` (${row.because})`}`,
    );
  }
  if (able !== undefined && !able.includes(row.outcome as A)) {
    throw new ImpossibleSituation(`${row.outcome} cannot be carried out at ${JSON.stringify(facts)}`);
  }
  return row as F & Verdict<A>;
}

/** Arbiter controlled mode (and, for `never`, on the way into it): section 4 of the failover rules. */
export type ArbiterFacts = {
  readonly role: 'primary' | 'backup';
  readonly other: 'connected' | 'lost';
  /** Own session with the arbiter, unbroken since the mode was proposed. */
  readonly session: 'up' | 'lost';
  /** The arbiter's answer to "I lost the other": for this very term and session. */
  readonly says: 'silent' | 'gone' | 'present' | 'taken' | 'never';
};
export type ArbiterOutcome =
  | 'stay'
  | 'leave-together'
  | 'ask-arbiter'
  | 'continue-in-agent-mode'
  | 'trouble-until-agreed'
  | 'trouble-indefinitely'
  | 'timed-trouble'
  | 'take-over'
  | 'give-up-active'
  | 'ask-agent'
  | 'impossible';

const unasked = 'the arbiter answers only a member that lost the other';
const noSession = 'an answer belongs to a session that lives';

export const arbiterTable: readonly (ArbiterFacts & Verdict<ArbiterOutcome>)[] = [
  { role: 'primary', other: 'connected', session: 'up', says: 'silent', outcome: 'stay', spec: 'FO-028', because: 'all three are connected' },
  { role: 'primary', other: 'connected', session: 'up', says: 'gone', outcome: 'impossible', spec: 'FO-034', because: unasked },
  { role: 'primary', other: 'connected', session: 'up', says: 'present', outcome: 'impossible', spec: 'FO-035', because: unasked },
  { role: 'primary', other: 'connected', session: 'up', says: 'taken', outcome: 'impossible', spec: 'FO-036', because: unasked },
  { role: 'primary', other: 'connected', session: 'up', says: 'never', outcome: 'impossible', spec: 'FO-031', because: unasked },
  { role: 'primary', other: 'connected', session: 'lost', says: 'silent', outcome: 'leave-together', spec: 'FO-029 FO-043', because: 'only the contact with the arbiter is lost' },
  { role: 'primary', other: 'connected', session: 'lost', says: 'gone', outcome: 'impossible', spec: 'FO-034', because: noSession },
  { role: 'primary', other: 'connected', session: 'lost', says: 'present', outcome: 'impossible', spec: 'FO-035', because: noSession },
  { role: 'primary', other: 'connected', session: 'lost', says: 'taken', outcome: 'impossible', spec: 'FO-036', because: noSession },
  { role: 'primary', other: 'connected', session: 'lost', says: 'never', outcome: 'impossible', spec: 'FO-031', because: noSession },
  { role: 'primary', other: 'lost', session: 'up', says: 'silent', outcome: 'ask-arbiter', spec: 'FO-030', because: 'the backup is lost; the arbiter is tested at once' },
  { role: 'primary', other: 'lost', session: 'up', says: 'gone', outcome: 'continue-in-agent-mode', spec: 'FO-034 FO-046', because: 'the arbiter lost the backup too, so it cannot have taken over' },
  { role: 'primary', other: 'lost', session: 'up', says: 'present', outcome: 'trouble-until-agreed', spec: 'FO-035 FO-044', because: 'the backup lives and must agree first that it is not active' },
  { role: 'primary', other: 'lost', session: 'up', says: 'taken', outcome: 'trouble-indefinitely', spec: 'FO-036 FO-047', because: 'the backup was licensed to take over' },
  { role: 'primary', other: 'lost', session: 'up', says: 'never', outcome: 'timed-trouble', spec: 'FO-017', because: 'arbiter controlled mode was never entered' },
  { role: 'primary', other: 'lost', session: 'lost', says: 'silent', outcome: 'trouble-indefinitely', spec: 'FO-036 FO-048', because: 'alone: the backup may have taken over' },
  { role: 'primary', other: 'lost', session: 'lost', says: 'gone', outcome: 'impossible', spec: 'FO-034', because: noSession },
  { role: 'primary', other: 'lost', session: 'lost', says: 'present', outcome: 'impossible', spec: 'FO-035', because: noSession },
  { role: 'primary', other: 'lost', session: 'lost', says: 'taken', outcome: 'impossible', spec: 'FO-036', because: noSession },
  { role: 'primary', other: 'lost', session: 'lost', says: 'never', outcome: 'impossible', spec: 'FO-031', because: noSession },
  { role: 'backup', other: 'connected', session: 'up', says: 'silent', outcome: 'stay', spec: 'FO-028', because: 'all three are connected' },
  { role: 'backup', other: 'connected', session: 'up', says: 'gone', outcome: 'impossible', spec: 'FO-039', because: unasked },
  { role: 'backup', other: 'connected', session: 'up', says: 'present', outcome: 'impossible', spec: 'FO-040', because: unasked },
  { role: 'backup', other: 'connected', session: 'up', says: 'taken', outcome: 'impossible', spec: 'FO-040', because: unasked },
  { role: 'backup', other: 'connected', session: 'up', says: 'never', outcome: 'impossible', spec: 'FO-041', because: unasked },
  { role: 'backup', other: 'connected', session: 'lost', says: 'silent', outcome: 'leave-together', spec: 'FO-029 FO-042', because: 'only the contact with the arbiter is lost' },
  { role: 'backup', other: 'connected', session: 'lost', says: 'gone', outcome: 'impossible', spec: 'FO-039', because: noSession },
  { role: 'backup', other: 'connected', session: 'lost', says: 'present', outcome: 'impossible', spec: 'FO-040', because: noSession },
  { role: 'backup', other: 'connected', session: 'lost', says: 'taken', outcome: 'impossible', spec: 'FO-040', because: noSession },
  { role: 'backup', other: 'connected', session: 'lost', says: 'never', outcome: 'impossible', spec: 'FO-041', because: noSession },
  { role: 'backup', other: 'lost', session: 'up', says: 'silent', outcome: 'ask-arbiter', spec: 'FO-030', because: 'the primary is lost; the arbiter is tested at once' },
  { role: 'backup', other: 'lost', session: 'up', says: 'gone', outcome: 'take-over', spec: 'FO-039', because: 'the arbiter lost the primary too: it is down, or isolated and commits nothing' },
  { role: 'backup', other: 'lost', session: 'up', says: 'present', outcome: 'give-up-active', spec: 'FO-040', because: 'the arbiter still has the primary' },
  { role: 'backup', other: 'lost', session: 'up', says: 'taken', outcome: 'give-up-active', spec: 'FO-040', because: 'the primary was told to go on alone' },
  { role: 'backup', other: 'lost', session: 'up', says: 'never', outcome: 'ask-agent', spec: 'FO-041', because: 'arbiter controlled mode was never entered' },
  { role: 'backup', other: 'lost', session: 'lost', says: 'silent', outcome: 'ask-agent', spec: 'FO-041', because: 'both contacts are lost; only the agent can tell' },
  { role: 'backup', other: 'lost', session: 'lost', says: 'gone', outcome: 'impossible', spec: 'FO-039', because: noSession },
  { role: 'backup', other: 'lost', session: 'lost', says: 'present', outcome: 'impossible', spec: 'FO-040', because: noSession },
  { role: 'backup', other: 'lost', session: 'lost', says: 'taken', outcome: 'impossible', spec: 'FO-040', because: noSession },
  { role: 'backup', other: 'lost', session: 'lost', says: 'never', outcome: 'impossible', spec: 'FO-041', because: noSession },
];

/** Agent controlled mode: the primary loses its backup. */
export type LostBackupFacts = {
  /** Does the primary wait for this backup's acknowledgements? */
  readonly counted: boolean;
  readonly how: 'closed' | 'overdue' | 'said-goodbye';
};
export const lostBackupTable: readonly (LostBackupFacts & Verdict<'timed-trouble' | 'continue'>)[] = [
  { counted: true, how: 'closed', outcome: 'timed-trouble', spec: 'FO-017', because: 'the active backup is lost and may act on being active' },
  { counted: true, how: 'overdue', outcome: 'timed-trouble', spec: 'FO-011 FO-017', because: 'the active backup does not acknowledge in time' },
  { counted: true, how: 'said-goodbye', outcome: 'continue', spec: 'FO-018', because: 'the backup said that it is not active any more' },
  { counted: false, how: 'closed', outcome: 'continue', spec: 'FO-020', because: 'the backup was not active' },
  { counted: false, how: 'overdue', outcome: 'continue', spec: 'FO-020', because: 'the backup was not active' },
  { counted: false, how: 'said-goodbye', outcome: 'continue', spec: 'FO-020', because: 'the backup was not active' },
];

/** What ends a trouble state, and the rule that says so. */
export type TroubleEnd = {
  readonly kind: 'timed' | 'arbiter';
  readonly end: 'hello' | 'left-notice' | 'goodbye' | 'timeout' | 'gone';
};
export const troubleEndTable: readonly (TroubleEnd & Verdict<'leave' | 'impossible'>)[] = [
  { kind: 'timed', end: 'hello', outcome: 'leave', spec: 'FO-018', because: 'the backup came back and is not active' },
  { kind: 'timed', end: 'left-notice', outcome: 'leave', spec: 'FO-018', because: 'the backup sent word that it is not active' },
  { kind: 'timed', end: 'goodbye', outcome: 'leave', spec: 'FO-018', because: 'the backup said that it is not active any more' },
  { kind: 'timed', end: 'timeout', outcome: 'leave', spec: 'FO-019', because: 'the trouble timeout is over, and with it every right of the backup' },
  { kind: 'timed', end: 'gone', outcome: 'impossible', spec: 'FO-034', because: 'the arbiter is not asked in agent controlled mode' },
  { kind: 'arbiter', end: 'hello', outcome: 'leave', spec: 'FO-037', because: 'a backup that did not take over came back' },
  { kind: 'arbiter', end: 'left-notice', outcome: 'leave', spec: 'FO-035', because: 'the backup sent word through the arbiter that it is not active' },
  { kind: 'arbiter', end: 'goodbye', outcome: 'leave', spec: 'FO-018', because: 'the backup said that it is not active any more' },
  { kind: 'arbiter', end: 'timeout', outcome: 'impossible', spec: 'FO-031', because: 'trouble never times out in arbiter controlled mode' },
  { kind: 'arbiter', end: 'gone', outcome: 'leave', spec: 'FO-034', because: 'the arbiter lost the backup too, so it cannot have taken over' },
];

/** The agent of the other failover member says that its instance is down. */
export type DownFacts = {
  /** May this member count itself as active since its last contact? Not one that was started since: its disk may be an older one (FO-061, FO-090). */
  readonly active: boolean;
  /** What the other's durable record says: names this member and activation; is older than this member's own; something else; cannot be read. */
  readonly record: 'names-me' | 'mine-is-newer' | 'other' | 'older' | 'unreadable';
  /** Is it still sure that the other's trouble timeout has not ended? */
  readonly window: 'open' | 'closed';
};
export const downTable: readonly (DownFacts & Verdict<'take-over' | 'fetch-first' | 'wait'>)[] = [
  { active: true, record: 'names-me', window: 'open', outcome: 'take-over', spec: 'FO-023', because: 'the primary is down and its record says it waited for this member' },
  { active: true, record: 'names-me', window: 'closed', outcome: 'take-over', spec: 'FO-023', because: 'the primary is down and its record says it waited for this member' },
  { active: true, record: 'mine-is-newer', window: 'open', outcome: 'fetch-first', spec: 'FO-061 FO-090', because: 'this member was the last primary; the journal of the other shows whether it lacks any of that reign' },
  { active: true, record: 'mine-is-newer', window: 'closed', outcome: 'fetch-first', spec: 'FO-061 FO-090', because: 'this member was the last primary; the journal of the other shows whether it lacks any of that reign' },
  { active: true, record: 'other', window: 'open', outcome: 'fetch-first', spec: 'FO-024', because: 'the primary went on without this member' },
  { active: true, record: 'other', window: 'closed', outcome: 'fetch-first', spec: 'FO-024', because: 'the primary went on without this member' },
  { active: true, record: 'unreadable', window: 'open', outcome: 'take-over', spec: 'FO-023', because: 'the primary went down within the trouble timeout' },
  { active: true, record: 'unreadable', window: 'closed', outcome: 'fetch-first', spec: 'FO-024', because: 'the primary may have gone on after the trouble timeout' },
  { active: false, record: 'names-me', window: 'open', outcome: 'fetch-first', spec: 'FO-025 FO-061', because: 'this member gave up being active, or was started since' },
  { active: false, record: 'names-me', window: 'closed', outcome: 'fetch-first', spec: 'FO-025 FO-061', because: 'this member gave up being active, or was started since' },
  { active: false, record: 'mine-is-newer', window: 'open', outcome: 'fetch-first', spec: 'FO-061 FO-090', because: 'this member was the last primary; the journal of the other shows whether it lacks any of that reign' },
  { active: false, record: 'mine-is-newer', window: 'closed', outcome: 'fetch-first', spec: 'FO-061 FO-090', because: 'this member was the last primary; the journal of the other shows whether it lacks any of that reign' },
  { active: false, record: 'other', window: 'open', outcome: 'fetch-first', spec: 'FO-025', because: 'this member was not active' },
  { active: false, record: 'other', window: 'closed', outcome: 'fetch-first', spec: 'FO-025', because: 'this member was not active' },
  { active: false, record: 'unreadable', window: 'open', outcome: 'fetch-first', spec: 'FO-025', because: 'this member was not active' },
  { active: false, record: 'unreadable', window: 'closed', outcome: 'fetch-first', spec: 'FO-025', because: 'this member was not active' },
  { active: true, record: 'older', window: 'open', outcome: 'take-over', spec: 'FO-023', because: 'the primary went down within the trouble timeout; its record was set back to an older one' },
  { active: true, record: 'older', window: 'closed', outcome: 'wait', spec: 'FO-062', because: "the record of the other is older than this member's: its disk was set back, and its journal may lack what the mirror has" },
  { active: false, record: 'older', window: 'open', outcome: 'wait', spec: 'FO-062', because: "the record of the other is older than this member's: its disk was set back, and its journal may lack what the mirror has" },
  { active: false, record: 'older', window: 'closed', outcome: 'wait', spec: 'FO-062', because: "the record of the other is older than this member's: its disk was set back, and its journal may lack what the mirror has" },
];

/**
 * A hello of the other failover member arrives. `kept`: this member has a right, which its site or a database does not let it use, and
 * a person forces the other. `idle`: mirroring is stopped here, or this member has halted.
 */
export type HelloFacts = {
  readonly role: 'primary' | 'becoming' | 'kept' | 'seeking' | 'attached' | 'idle' | 'closed';
  /** Whose record is the newer: ours, theirs, neither was primary of the epoch both name, or two histories of one epoch. */
  readonly newer: 'ours' | 'theirs' | 'neither' | 'split';
};
export type HelloOutcome = 'welcome' | 'stop' | 'halt' | 'consent' | 'give-way' | 'refuse' | 'impossible';
export const helloTable: readonly (HelloFacts & Verdict<HelloOutcome>)[] = [
  { role: 'primary', newer: 'ours', outcome: 'welcome', spec: 'FO-018', because: 'a member that is not active comes to its primary' },
  { role: 'primary', newer: 'theirs', outcome: 'stop', spec: 'FO-038', because: 'another member has become primary since' },
  { role: 'primary', newer: 'neither', outcome: 'impossible', spec: 'FO-002', because: 'a primary owns its epoch' },
  { role: 'primary', newer: 'split', outcome: 'halt', spec: 'FO-088', because: 'a forced takeover made two histories' },
  { role: 'becoming', newer: 'ours', outcome: 'refuse', spec: 'FO-066', because: 'this member is becoming primary' },
  { role: 'becoming', newer: 'theirs', outcome: 'refuse', spec: 'FO-066', because: 'this member is becoming primary' },
  { role: 'becoming', newer: 'neither', outcome: 'refuse', spec: 'FO-066', because: 'this member is becoming primary' },
  { role: 'becoming', newer: 'split', outcome: 'refuse', spec: 'FO-066', because: 'this member is becoming primary' },
  { role: 'kept', newer: 'ours', outcome: 'refuse', spec: 'FO-066', because: 'this member was the last primary, and becomes primary' },
  { role: 'kept', newer: 'theirs', outcome: 'give-way', spec: 'FO-067 FO-074', because: 'this member may not lead yet, and a person wants the last primary to go on' },
  { role: 'kept', newer: 'neither', outcome: 'refuse', spec: 'FO-066', because: 'this member is becoming primary, and the other may lack what it has' },
  { role: 'kept', newer: 'split', outcome: 'refuse', spec: 'FO-066', because: 'this member is becoming primary in another history' },
  { role: 'seeking', newer: 'ours', outcome: 'consent', spec: 'FO-061 FO-064', because: 'this member was the last primary or has more of that reign, and the other promised that it is not active' },
  { role: 'seeking', newer: 'theirs', outcome: 'refuse', spec: 'FO-061', because: 'the other was the last primary or has more of that reign, and must decide' },
  { role: 'seeking', newer: 'neither', outcome: 'refuse', spec: 'FO-062', because: 'neither was the last primary' },
  { role: 'seeking', newer: 'split', outcome: 'refuse', spec: 'FO-088', because: 'a forced takeover made two histories' },
  { role: 'attached', newer: 'ours', outcome: 'refuse', spec: 'FO-061', because: 'this member has a primary' },
  { role: 'attached', newer: 'theirs', outcome: 'refuse', spec: 'FO-061', because: 'this member has a primary' },
  { role: 'attached', newer: 'neither', outcome: 'refuse', spec: 'FO-061', because: 'this member has a primary' },
  { role: 'attached', newer: 'split', outcome: 'refuse', spec: 'FO-061', because: 'this member has a primary' },
  { role: 'idle', newer: 'ours', outcome: 'refuse', spec: 'SYN-022', because: 'this member takes no part' },
  { role: 'idle', newer: 'theirs', outcome: 'give-way', spec: 'FO-061 FO-064', because: 'the other was the last primary, and this member takes no part' },
  { role: 'idle', newer: 'neither', outcome: 'refuse', spec: 'SYN-022', because: 'this member takes no part' },
  { role: 'idle', newer: 'split', outcome: 'refuse', spec: 'SYN-022', because: 'this member takes no part' },
  { role: 'closed', newer: 'ours', outcome: 'refuse', spec: 'FO-061', because: 'this member starts, ends, or was removed from the mirror' },
  { role: 'closed', newer: 'theirs', outcome: 'refuse', spec: 'FO-061', because: 'this member starts, ends, or was removed from the mirror' },
  { role: 'closed', newer: 'neither', outcome: 'refuse', spec: 'FO-061', because: 'this member starts, ends, or was removed from the mirror' },
  { role: 'closed', newer: 'split', outcome: 'refuse', spec: 'FO-061', because: 'this member starts, ends, or was removed from the mirror' },
];

/** The primary is stopped by its operator. */
export type StopFacts = {
  readonly backup: 'active' | 'not-active' | 'none';
  /** Either the option of this stop, or the no failover state. */
  readonly failoverWanted: boolean;
};
export const stopTable: readonly (StopFacts & Verdict<'hand-over' | 'go-down'>)[] = [
  { backup: 'active', failoverWanted: true, outcome: 'hand-over', spec: 'FO-007 FO-008 FO-049', because: 'the active backup has everything' },
  { backup: 'active', failoverWanted: false, outcome: 'go-down', spec: 'FO-072 FO-073', because: 'no failover was asked for' },
  { backup: 'not-active', failoverWanted: true, outcome: 'go-down', spec: 'FO-049', because: 'the backup is not active; it may fetch the rest from the agent' },
  { backup: 'not-active', failoverWanted: false, outcome: 'go-down', spec: 'FO-072 FO-073', because: 'no failover was asked for' },
  { backup: 'none', failoverWanted: true, outcome: 'go-down', spec: 'FO-049', because: 'no backup is connected' },
  { backup: 'none', failoverWanted: false, outcome: 'go-down', spec: 'FO-072 FO-073', because: 'no failover was asked for' },
];

/** The primary cannot write its journal for the QoS timeout: it is hung and knows it. */
export type HungFacts = {
  readonly backup: 'active' | 'not-active' | 'none';
  readonly failoverWanted: boolean;
};
export const hungTable: readonly (HungFacts & Verdict<'hand-over' | 'wait'>)[] = [
  { backup: 'active', failoverWanted: true, outcome: 'hand-over', spec: 'FO-008 FO-050', because: 'the active backup has everything that was acknowledged' },
  { backup: 'active', failoverWanted: false, outcome: 'wait', spec: 'FO-072', because: 'no failover is set' },
  { backup: 'not-active', failoverWanted: true, outcome: 'wait', spec: 'FO-050', because: 'the backup is not active and may lack journal data' },
  { backup: 'not-active', failoverWanted: false, outcome: 'wait', spec: 'FO-072', because: 'no failover is set' },
  { backup: 'none', failoverWanted: true, outcome: 'wait', spec: 'FO-050', because: 'no backup is connected' },
  { backup: 'none', failoverWanted: false, outcome: 'wait', spec: 'FO-072', because: 'no failover is set' },
];

/** FO-079..082: an async is promoted while there is no primary; every failover member's agent was asked, and none says that its instance runs. */
export type PromotionFacts = {
  /** What the operator wants. */
  readonly wish: 'automatic' | 'chosen' | 'none';
  /** The partner that follows from it: its agent says down, does not answer, or there is none (no last primary is known). */
  readonly partner: 'down' | 'silent' | 'none';
  /** The other failover members. */
  readonly others: 'down' | 'silent';
};
export type PromotionOutcome = 'pair' | 'pair-by-force' | 'alone-by-force' | 'ask-for-partner' | 'impossible';

export const promotionTable: readonly (PromotionFacts & Verdict<PromotionOutcome>)[] = [
  { wish: 'automatic', partner: 'down', others: 'down', outcome: 'pair', spec: 'FO-079', because: 'the last primary is down and hands out what this member lacks' },
  { wish: 'automatic', partner: 'down', others: 'silent', outcome: 'ask-for-partner', spec: 'FO-080', because: 'a member that does not answer may be the primary or become it' },
  { wish: 'automatic', partner: 'silent', others: 'down', outcome: 'impossible', spec: 'FO-079', because: 'the last primary is chosen from those that answer' },
  { wish: 'automatic', partner: 'silent', others: 'silent', outcome: 'impossible', spec: 'FO-079', because: 'the last primary is chosen from those that answer' },
  { wish: 'automatic', partner: 'none', others: 'down', outcome: 'ask-for-partner', spec: 'FO-080', because: 'it is not known who was the last primary' },
  { wish: 'automatic', partner: 'none', others: 'silent', outcome: 'ask-for-partner', spec: 'FO-080', because: 'nobody answers' },
  { wish: 'chosen', partner: 'down', others: 'down', outcome: 'pair', spec: 'FO-081', because: 'the partner is down and hands out what this member lacks' },
  { wish: 'chosen', partner: 'down', others: 'silent', outcome: 'pair-by-force', spec: 'FO-081', because: 'the operator answers for the member that is not reached' },
  { wish: 'chosen', partner: 'silent', others: 'down', outcome: 'pair-by-force', spec: 'FO-081', because: 'whether the partner was the last primary is not known, and it has to answer first' },
  { wish: 'chosen', partner: 'silent', others: 'silent', outcome: 'pair-by-force', spec: 'FO-081', because: 'the operator answers for the members that are not reached; the partner has to answer first' },
  { wish: 'chosen', partner: 'none', others: 'down', outcome: 'impossible', spec: 'FO-081', because: 'a partner was chosen' },
  { wish: 'chosen', partner: 'none', others: 'silent', outcome: 'impossible', spec: 'FO-081', because: 'a partner was chosen' },
  { wish: 'none', partner: 'down', others: 'down', outcome: 'impossible', spec: 'FO-082', because: 'no partner is wanted' },
  { wish: 'none', partner: 'down', others: 'silent', outcome: 'impossible', spec: 'FO-082', because: 'no partner is wanted' },
  { wish: 'none', partner: 'silent', others: 'down', outcome: 'impossible', spec: 'FO-082', because: 'no partner is wanted' },
  { wish: 'none', partner: 'silent', others: 'silent', outcome: 'impossible', spec: 'FO-082', because: 'no partner is wanted' },
  { wish: 'none', partner: 'none', others: 'down', outcome: 'alone-by-force', spec: 'FO-082', because: 'the operator accepts that journal data of the failover members may be missing' },
  { wish: 'none', partner: 'none', others: 'silent', outcome: 'alone-by-force', spec: 'FO-082', because: 'the operator accepts that journal data of the failover members may be missing' },
];
