/**
 * The texts of messages.log, by name: one place, fixed words, severities 0 information, 1 warning, 2 severe, 3 fatal.
 * `{fact}` is replaced by the fact of that name.
 */
export interface LogText {
  readonly severity: 0 | 1 | 2 | 3;
  readonly category: string;
  readonly text: string;
}

const utility = 'Utility.Event';
const generic = 'Generic.Event';

export const logMessages = {
  'manager-initialized': { severity: 0, category: utility, text: 'Manager initialized for {mirror}' },
  'alone-becoming-primary': {
    severity: 0,
    category: utility,
    text: 'No other mirror members configured, becoming primary mirror server',
  },
  'becoming-primary': { severity: 1, category: utility, text: 'Becoming primary mirror server ({rules}: {because})' },
  'became-primary': { severity: 0, category: utility, text: 'This member is now the primary of epoch {epoch}' },
  'found-primary': { severity: 0, category: utility, text: 'Found {primary} as primary, becoming {role}' },
  'connected-to-primary': {
    severity: 0,
    category: generic,
    text: 'MirrorClient: Connected to primary: {primary} (ver 1)',
  },
  'lost-primary': {
    severity: 1,
    category: generic,
    text: 'MirrorClient: Primary AckDaemon failed to answer status request ({reason})',
  },
  'did-not-take-over': { severity: 1, category: utility, text: 'Did not take over ({rules}): {because}' },
  'no-agent': {
    severity: 1,
    category: utility,
    text: "Failed to contact agent on former primary, can't take over ({reason})",
  },
  'not-active': { severity: 1, category: utility, text: 'nonactive Backup is down' },
  'waiting-for-other': {
    severity: 1,
    category: utility,
    text: 'Waiting: neither {other} nor its agent answers ({reason}); start its ISCAgent, or force this member if {other} is lost for good',
  },
  'member-connected': { severity: 0, category: utility, text: 'Member {member} connected as {role}' },
  'member-lost': { severity: 1, category: utility, text: 'Connection with {member} lost: {reason}' },
  'backup-active': { severity: 0, category: utility, text: 'Backup {member} is active (term {term})' },
  'now-active': { severity: 0, category: utility, text: 'This member is now the active backup (term {term})' },
  'active-revoked': {
    severity: 1,
    category: utility,
    text: 'Backup {member} is no longer active ({rules}): {because}',
  },
  'no-longer-active': { severity: 1, category: utility, text: 'This member is no longer active ({rules}): {because}' },
  'trouble-entered': {
    severity: 2,
    category: utility,
    text: 'Entering trouble state ({rules}): {because}; updates wait',
  },
  'trouble-left': { severity: 1, category: utility, text: 'Leaving trouble state ({rules}): {because}' },
  'arbiter-mode': { severity: 0, category: utility, text: 'Switched to arbiter controlled mode (term {term})' },
  'agent-mode': { severity: 0, category: utility, text: 'Switched to agent controlled mode ({rules}): {because}' },
  'arbiter-connected': { severity: 0, category: utility, text: 'Connected to the arbiter (session {session})' },
  'arbiter-lost': { severity: 2, category: utility, text: 'Arbiter connection lost: {reason}; it is tried again' },
  'arbiter-not-reached': {
    severity: 2,
    category: utility,
    text: 'Failed to rebuild the arbiter connection: {reason}; check that its ISCAgent runs at the address and port configured',
  },
  'forced-down': {
    severity: 2,
    category: utility,
    text: 'Former primary {member} is down for certain: its agent confirms it, or forced it down (FO-009, FO-039)',
  },
  'stale-primary': {
    severity: 2,
    category: utility,
    text: 'A higher epoch {epoch} was met: another member has become primary; shutting down (FO-038)',
  },
  'two-histories': {
    severity: 2,
    category: utility,
    text: '{member} has another history of epoch {epoch}: a takeover was forced. Updates stop until a person decides which member is right',
  },
  'handing-over': { severity: 1, category: utility, text: 'Asking {member} to take over ({rules})' },
  'handed-over': { severity: 0, category: utility, text: '{member} takes over' },
  'going-down': { severity: 1, category: utility, text: '{member} is going down' },
  'surplus-discarded': {
    severity: 1,
    category: utility,
    text: 'Journal data after {position} that the mirror does not have was discarded ({records} records, never applied; kept in {file}) (FO-088){said}',
  },
  'divergence-detail': {
    severity: 1,
    category: utility,
    text: 'Databases hold journal data up to {applied}, but the mirror shares only {common} with this member{said}',
  },
  divergence: {
    severity: 2,
    category: utility,
    text: 'This member has detected that its data is inconsistent with the mirror {mirror}. If the primary is running and has the correct mirrored data, this member, including its mirrored databases, must be rebuilt.',
  },
  'no-failover-set': { severity: 1, category: utility, text: 'No failover is set ({because})' },
  'no-failover-cleared': { severity: 1, category: utility, text: 'No failover is cleared ({because})' },
  'mirror-stopped': { severity: 1, category: utility, text: 'Mirroring stopped on this member by operator' },
  removed: {
    severity: 1,
    category: utility,
    text: '{by} has removed this member from the mirror: it takes no part any more. Restart the instance to end its mirror configuration (CFG-069)',
  },
  'mirror-started': { severity: 0, category: utility, text: 'Mirroring started on this member' },
  'takeover-forced': {
    severity: 2,
    category: utility,
    text: 'An operator forced this member to become the primary ({evidence})',
  },
  'resume-forced': {
    severity: 2,
    category: utility,
    text: 'An operator made this primary resume out of trouble state ({evidence})',
  },
  hung: {
    severity: 2,
    category: utility,
    text: 'The journal could not be written for {forMs} ms ({rules}): {because}',
  },
  'journal-frozen': {
    severity: 2,
    category: utility,
    text: 'Journaling is frozen: {reason}; updates wait until there is room',
  },
  'journal-freed': { severity: 1, category: utility, text: 'Journaling goes on{after}' },
  'journal-gone': {
    severity: 2,
    category: utility,
    text: 'The mirror journal files that follow the end of this journal ({end}) are no longer kept by the mirror, whose oldest begins at {oldest}: this member must be rebuilt. Delete the instance and let it join the mirror again (SYN-026)',
  },
  'journal-damaged': {
    severity: 2,
    category: utility,
    text: '{text} Until then no member gets what is behind that place: caretmirror journal repair takes a copy from another member, since all files are equal',
  },
  'journal-purged': {
    severity: 0,
    category: utility,
    text: 'Purged mirror journal files number {first} to {last} ({bytes} bytes): no member that has a claim to them, and no database here, needs them (SYN-026)',
  },
  'journal-held-back': {
    severity: 1,
    category: utility,
    text: '{who} holds back mirror journal files from number {file} on, {bytes} bytes by now: {what} (SYN-026)',
  },
  'journal-claim-lost': {
    severity: 2,
    category: utility,
    text: '{member} is away and has lost its claim to mirror journal files ({because}): if it does not come back before the files it needs are purged, it must be rebuilt (SYN-026)',
  },
  'journal-full-soon': {
    severity: 1,
    category: utility,
    text: 'The disk of the mirror journal in {directory} will be full in {in} at the rate of the last minutes ({free} bytes are free): make room, or let a member that holds files back catch up',
  },
  'restore-cleared': {
    severity: 1,
    category: utility,
    text: 'Removed {path}: a restore was cut off there, and what was there before is as it was; repeat the restore if it is still wanted',
  },
  'journal-reserve-freed': {
    severity: 2,
    category: utility,
    text: 'The disk of {path} is full: the reserve was given up, so that this instance can end cleanly',
  },
  'failover-members': { severity: 1, category: utility, text: 'The failover members are now {names} (told by {from})' },
  'no-member-any-more': {
    severity: 2,
    category: utility,
    text: 'This member is no failover member any more, {names} is: shutting down; started again it is a disaster recovery async (FO-083)',
  },
  'promotion-asked': { severity: 0, category: utility, text: 'Promotion: the agent of {member} says: {says}' },
  'promotion-journal': { severity: 0, category: utility, text: 'Promotion: the journal of {member}: {says}' },
  'journal-gathered': {
    severity: 0,
    category: utility,
    text: 'Journal data up to {position} fetched from {member} (FO-082)',
  },
  'gathering-failed': {
    severity: 2,
    category: utility,
    text: 'Journal data could not be fetched from {member}: {reason} (FO-082)',
  },
  'loss-reported': { severity: 2, category: utility, text: 'What this promotion loses: {text}' },
  'promotion-refused': { severity: 1, category: utility, text: 'This member was not promoted ({rules}): {because}' },
  'promoted-by-force': {
    severity: 2,
    category: utility,
    text: 'An operator promoted this member though journal data may be missing ({evidence})',
  },
  'journal-fetched': {
    severity: 0,
    category: utility,
    text: 'Journal data up to {position} fetched from the agent of {member}',
  },
  'fetch-failed': {
    severity: 2,
    category: utility,
    text: 'Journal data could not be fetched from the agent of {member}: {reason}',
  },
} as const satisfies Record<string, LogText>;

export type LogMessage = keyof typeof logMessages;

/** The text with its facts filled in. */
export function logText(message: LogMessage, facts: Readonly<Record<string, unknown>>): LogText {
  const { severity, category, text } = logMessages[message];
  return { severity, category, text: text.replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? '?')) };
}
