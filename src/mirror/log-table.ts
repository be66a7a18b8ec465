/**
 * Every line of messages.log (`logRows`) and of iscagent.log (`agentLogRows`): severity, words, and what the operator should do.
 * One place, fixed words; those of the original where they are known. `{fact}` is replaced by the fact of that name. A line that
 * asks for something (1 warning, 2 severe, 3 fatal) says what; one of severity 0 only informs. docs/MESSAGES.md is made of this
 * table: node scripts/messages-doc.mjs.
 */
interface Row<Severity extends 0 | 1 | 2 | 3, Text extends string> {
  readonly severity: Severity;
  readonly category: string;
  readonly text: Text;
  /** What the operator should do; empty = nothing. */
  readonly todo: string;
}

type Warns<Severity extends 1 | 2 | 3> = <const T extends string>(
  text: T,
  todo: string,
  category?: string,
) => Row<Severity, T>;

const utility = 'Utility.Event';
const generic = 'Generic.Event';

const info = <const T extends string>(text: T, category = utility): Row<0, T> => ({
  severity: 0,
  category,
  text,
  todo: '',
});
const warning: Warns<1> = (text, todo, category = utility) => ({ severity: 1, category, text, todo });
const severe: Warns<2> = (text, todo, category = utility) => ({ severity: 2, category, text, todo });
const fatal: Warns<3> = (text, todo, category = generic) => ({ severity: 3, category, text, todo });

const nothing = 'Nothing: it settles by itself.';
const asOrdered = 'Nothing, if it was meant.';

export const logRows = {
  // Start and end of the instance
  'instance-serves': info('Instance {instance} serves on {address}'),
  'instance-ends': warning(
    'Instance ends: {because}',
    'Start it again when it shall run: caretmirror instance start.',
    generic,
  ),
  'ends-without-closing': severe(
    'Instance ends without closing its files: {reason}',
    'Make room or mend the disk, then start it: nothing that was acknowledged is lost.',
    generic,
  ),
  'instance-fails': fatal(
    'Instance fails: {reason}',
    'Mend what the line names, then start the instance. console.log says where it came from.',
  ),
  'event-loop-stands': fatal(
    'The event loop has stood still for {forMs} ms; this primary is ended (FO-008, FO-050). Start it again when the cause is found',
    'Look for the cause (disk, memory, the machine itself), then start the instance.',
  ),
  'event-loop-unwatched': severe(
    'The event loop is not watched any more until a restart: {reason}',
    'Switch over and restart this instance: until then a hung primary is found by the others only.',
    generic,
  ),
  'messages-lost': warning(
    '{count} messages could not be written here; they are in console.log',
    'Look whether the disk is full or read-only.',
    generic,
  ),
  'instance-moved': warning(
    'This instance was {how} from {former}: it uses what lies in {now}',
    'Nothing, if the directory was copied or moved on purpose.',
  ),
  'databases-of-original': severe(
    'These databases lie outside of it, are those of the original as long as that is there, and are not mounted: {databases}',
    'Mount them only when the original is gone for good.',
  ),
  'alternate-of-original': severe(
    'The alternate journal directory {directory} is that of the original: there is none now',
    'Set one of its own: caretmirror journal edit.',
  ),
  'restore-cleared': warning(
    'Removed {path}: a restore was cut off there, and what was there before is as it was; repeat the restore if it is still wanted',
    'Repeat the restore, if it is still wanted.',
  ),
  'command-refused': warning('{command} was {outcome}: {because}', 'What the line says; then repeat the command.'),
  'command-failed': severe('{command} failed: {reason}', 'Mend what the line names; then repeat the command.'),
  'request-failed': severe('A request of an operator failed: {reason}', 'Mend what the line names; then ask again.'),

  // Start of a member, and its search for the primary
  'manager-initialized': info('Manager initialized for {mirror}'),
  'kept-out': severe(
    'This member is kept out of mirror {mirror}: {because} (CFG-063)',
    'Correct the addresses (caretmirror mirror edit), or start what does not answer; it is tried again.',
  ),
  'alone-becoming-primary': info('No other mirror members configured, becoming primary mirror server'),
  'becoming-primary': warning(
    'Becoming primary mirror server ({rules}: {because})',
    'After a failover: find out why the former primary was lost, and start it again.',
  ),
  'became-primary': info('This member is now the primary of epoch {epoch}'),
  'found-primary': info('Found {primary} as primary, becoming {role}'),
  'connected-to-primary': info('MirrorClient: Connected to primary: {primary} (ver 1)', generic),
  'lost-primary': warning(
    'MirrorClient: Primary AckDaemon failed to answer status request ({reason})',
    'The time of the line is when contact was lost. Look at the primary and at the network.',
    generic,
  ),
  'did-not-take-over': warning(
    'Did not take over ({rules}): {because}',
    'Look at the other failover member. If it is down for certain and will stay so, this member may be forced.',
  ),
  'lacks-of-own-reign': warning(
    '{owner} was the primary of epoch {epoch} and has its journal data only up to {own}, {other} has them up to {theirs}',
    'Where the power of {owner} was cut: nothing, what is missing had not been acknowledged. Where its disk was set back to an older state: what it had acknowledged beyond {theirs} is on no failover member; an async that has it halts, and keeps it.',
  ),
  'was-set-back': warning(
    'Primary {primary} has met incarnation {heard} of this member, which was {incarnation}: its disk was set back to an older state',
    'Nothing, if it was meant: it fetches what it lacks.',
  ),
  'no-agent': warning(
    "Failed to contact agent on former primary, can't take over ({reason})",
    'This backup was active. Start the ISCAgent there; if the host is lost for good, force this member.',
  ),
  'not-active': warning(
    'nonactive Backup is down',
    'This member may lack journal data: forcing it may lose updates. Start the other member first.',
  ),
  'waiting-for-other': warning(
    'Waiting: neither {other} nor its agent answers ({reason}); start its ISCAgent, or force this member if {other} is lost for good',
    'Start the ISCAgent of the other member; force this one only if the other is lost for good.',
  ),

  // A primary, its members and its arbiter
  'member-connected': info('Member {member} connected as {role}'),
  'member-lost': warning('Connection with {member} lost: {reason}', 'Look at that member and at the network.'),
  'backup-active': info('Backup {member} is active (term {term})'),
  'now-active': info('This member is now the active backup (term {term})'),
  'active-revoked': warning(
    'Backup {member} is no longer active ({rules}): {because}',
    'Bring the backup back: until it is active again nothing fails over by the arbiter.',
  ),
  'no-longer-active': warning(
    'This member is no longer active ({rules}): {because}',
    'If it was the primary that was lost, start it or its ISCAgent.',
  ),
  'trouble-entered': severe(
    'Entering trouble state ({rules}): {because}; updates wait',
    'If it lasts longer than twice the QoS timeout: bring back the backup or the arbiter.',
  ),
  'trouble-left': warning('Leaving trouble state ({rules}): {because}', nothing),
  'arbiter-mode': info('Switched to arbiter controlled mode (term {term})'),
  'agent-mode': info('Switched to agent controlled mode ({rules}): {because}'),
  'arbiter-connected': info('Connected to the arbiter (session {session})'),
  'arbiter-lost': severe(
    'Arbiter connection lost: {reason}; it is tried again',
    'Look at the arbiter and at the network: without it the loss of a whole host does not fail over by itself.',
  ),
  'arbiter-not-reached': severe(
    'Failed to rebuild the arbiter connection: {reason}; check that its ISCAgent runs at the address and port configured',
    'Start the ISCAgent of the arbiter, or correct its address (caretmirror mirror edit).',
  ),
  'forced-down': severe(
    'Former primary {member} is down for certain: its agent confirms it, or forced it down (FO-009, FO-039)',
    'Find out why it hung, then start it: it stays down until then.',
  ),
  'stale-primary': severe(
    'A higher epoch {epoch} was met: another member has become primary; shutting down (FO-038)',
    'Start this instance again: it comes back as backup.',
  ),
  'two-histories': severe(
    '{member} has another history of epoch {epoch}: a takeover was forced. Updates stop until a person decides which member is right',
    'Decide which member is right, and rebuild the other: caretmirror mirror rebuild.',
  ),
  'handing-over': warning('Asking {member} to take over ({rules})', nothing),
  'handed-over': info('{member} takes over'),
  'going-down': warning('{member} is going down', nothing),
  'surplus-discarded': warning(
    'Journal data after {position} that the mirror does not have was discarded ({records} records, never applied; kept in {file}) (FO-088){said}',
    'Nothing is lost that was acknowledged. What was cut: caretmirror lost show.',
  ),
  'divergence-detail': warning(
    'Databases hold journal data up to {applied}, but the mirror shares only {common} with this member{said}',
    'See the next line.',
  ),
  divergence: severe(
    'This member has detected that its data is inconsistent with the mirror {mirror}. If the primary is running and has the correct mirrored data, this member, including its mirrored databases, must be rebuilt.',
    'Decide which data are right; then rebuild the other member: caretmirror mirror rebuild.',
  ),

  // Orders of an operator
  'service-enabled': info('The mirror service was enabled'),
  'mirror-created': info('Mirror {mirror} was created with this instance as member {member}'),
  'mirror-joined': info('This instance joined mirror {mirror} as {type} member {member}'),
  'mirror-edited': info('The settings of mirror {mirror} were changed: {settings}'),
  'member-added': info('Member {member} ({type}) was added to mirror {mirror}'),
  'member-not-taken-in': severe(
    'Member {member} was not taken into the mirror: {reason}',
    'Mend what the line names (the disk of this instance); then let the member join again.',
  ),
  'member-request-failed': severe(
    'The request {request} of member {member} failed: {reason}',
    'Mend what the line names (the disk of this instance); then repeat the command there.',
  ),
  'member-types': info('The types of the members are now: {types}'),
  'own-type': info('This member is of type {type} now'),
  'member-addresses': info('Member {member} now has {addresses}{warning}'),
  'port-not-told': warning(
    'The primary does not know yet that this member serves on port {port}: {because}',
    'Set the port on the primary, if it does not learn of it: caretmirror mirror edit.',
  ),
  'no-failover-set': warning(
    'No failover is set ({because})',
    'Clear it when the work is done: caretmirror mirror no-failover off.',
  ),
  'no-failover-cleared': warning('No failover is cleared ({because})', asOrdered),
  'mirror-stopped': warning(
    'Mirroring stopped on this member by operator',
    'Start it again when the work is done: caretmirror mirror start.',
  ),
  'mirror-started': info('Mirroring started on this member'),
  'takeover-forced': severe(
    'An operator forced this member to become the primary ({evidence})',
    'Do not start the former primary before it can reach this member.',
  ),
  'resume-forced': severe(
    'An operator made this primary resume out of trouble state ({evidence})',
    'See to it that the other failover member never became primary.',
  ),
  'failover-members': warning('The failover members are now {names} (told by {from})', asOrdered),
  'no-member-any-more': severe(
    'This member is no failover member any more, {names} is: shutting down; started again it is a disaster recovery async (FO-083)',
    'Start the instance again.',
  ),
  'promotion-asked': info('Promotion: the agent of {member} says: {says}'),
  'promotion-journal': info('Promotion: the journal of {member}: {says}'),
  'journal-gathered': info('Journal data up to {position} fetched from {member} (FO-082)'),
  'gathering-failed': severe(
    'Journal data could not be fetched from {member}: {reason} (FO-082)',
    'Before going on without them: make that member or its journal files reachable.',
  ),
  'loss-reported': severe(
    'What this promotion loses: {text}',
    'Keep the line: former members compare what they have with it.',
  ),
  'promotion-refused': warning(
    'This member was not promoted ({rules}): {because}',
    'What the line says; then promote it again.',
  ),
  'promoted-by-force': severe(
    'An operator promoted this member though journal data may be missing ({evidence})',
    'Do not start the former failover members before they can reach this one.',
  ),
  removed: warning(
    '{by} has removed this member from the mirror: it takes no part any more. Restart the instance to end its mirror configuration (CFG-069)',
    'Restart the instance.',
  ),
  'member-left': warning(
    'Member {member} says that it is out of the mirror: it is taken out of the mirror set (CFG-066, CFG-069)',
    'Nothing, if it was to leave; otherwise let it join again.',
  ),
  'removal-heard': info('Member {member} knows that it was removed from the mirror (CFG-069)'),
  'member-removed': warning('Member {member} was removed from mirror {mirror} (CFG-069)', asOrdered),
  'join-mirror-cleared': warning(
    'The JoinMirror flag was cleared (CFG-071)',
    'Restart the instance to go on with removing this member.',
  ),
  'join-mirror-set': info('The JoinMirror flag was set again (CFG-071)'),
  'out-of-mirror': warning(
    'This instance is out of mirror {mirror}: {databases}; its journal of that mirror lies in {kept}',
    'Delete that directory when nobody needs the journal any more.',
  ),
  'mark-not-cleared': severe(
    'Database {database} keeps its mark of mirror {mirror}: {reason}',
    'Mend what the line names, and take the mark away when the database is mounted again.',
  ),

  // The site's own code
  'site-output': info('zmirror.mjs, {entry}: {line}'),
  'site-error-output': warning('zmirror.mjs, {entry}: {line}', "What the site's code says."),
  'site-absent': info('zmirror.mjs has no {entry}{counts}'),
  'site-let-go': info('{entry} of zmirror.mjs is not waited for any more and was ended'),
  'site-failed': severe(
    '{entry} of zmirror.mjs {why} ({tookMs} ms){counts}',
    'Mend zmirror.mjs: while it counts as 0 this member does not become primary.',
  ),
  'site-returned': info('{entry} of zmirror.mjs returned {value} ({tookMs} ms)'),
  'site-returned-neither': warning(
    '{entry} of zmirror.mjs returned {value}, which is neither 1 nor 0 and counts as 0 ({tookMs} ms)',
    'Mend zmirror.mjs: it returns 1 or 0.',
  ),
  'filter-output': info('{module}: {line}'),

  // Databases
  'database-mounted': info('Mounted database {directory}.', 'Database.MountedRW'),
  'database-not-mounted': severe(
    '{reason}',
    'Mend what the line names; then mount the database: caretmirror database mount.',
    'Database.MountFailed',
  ),
  'database-dismounted': info('Dismounted database {directory}', 'Database.Dismounted'),
  'database-created': info('Created database {database} in {directory}', 'Database.Created'),
  'database-deleted': info('Deleted database {database} in {directory}', 'Database.Deleted'),
  'database-file-replaced': warning('The file of database {database} was replaced: it {now}', asOrdered),
  'database-in-mirror': info('Database {database} is in mirror {mirror} as {mirrorDatabase}'),
  'database-added': info('Database {database} was added to mirror {mirror} as {mirrorDatabase}'),
  'adding-ended': info('Adding {databases} to the mirror has ended: {outcome}'),
  'adding-failed': severe(
    'Adding {databases} to the mirror has ended: {outcome}',
    'Mend what the line names; then add what is missing.',
  ),
  'database-copied': info('Database {database} was created as a copy of mirror database {mirrorDatabase}'),
  'database-removed': warning('Database {database} was removed from the mirror', asOrdered),
  'mark-kept': warning(
    'Database {database} keeps its mark of mirror {mirror} and is read-only',
    'Remove it from the mirror on this instance, if it shall be written to.',
  ),
  'flag-cleared': warning('The FailoverDB flag of database {database} was cleared: it may be changed here', asOrdered),
  'follows-primary': info('Database {database} follows that of the primary: {properties}'),
  'follows-not': severe(
    'Properties of databases cannot follow the primary: {reason}',
    'Mend what the line names; a restart tries again.',
  ),
  'database-activated': info('Mirror database {mirrorDatabase} was activated on this member'),
  'catchup-started': info('Mirror Catchup started for {database}'),
  'catchup-completed': info('Mirror Catchup completed for {database}'),
  'catchup-failed': severe(
    'Mirror Catchup failed for {database}: {reason}',
    'Mend what the line names; then activate or catch up the database again.',
  ),
  'not-caught-up': severe('Not caught up: {reason}', 'Mend what the line names; then catch up that database.'),
  'catchup-waits': info('{what}'),
  'cannot-catch-up': severe(
    'Database {database} cannot be caught up: {because}',
    'Restore it or build it anew: what it needs of the journal is gone.',
  ),
  'dejournaling-paused': warning(
    'Dejournaling into database {database} was paused',
    'Resume it when the work is done.',
  ),
  'dejournaling-resumed': info('Dejournaling into database {database} is resumed'),
  'dejournaling-paused-here': warning('Dejournaling on this member was paused', 'Restart it when the work is done.'),
  'dejournaling-restarted-here': warning('Dejournaling on this member was restarted', asOrdered),
  'dejournaling-stopped': severe(
    'Dejournaling into all databases is stopped on this member: {because}; it is tried again when the connection with the primary is rebuilt, or by "Manage mirror dejournaling"',
    'Mend or dismount what is at fault; then restart dejournaling.',
  ),
  'dejournaling-goes-on': info('Dejournaling on this member goes on'),
  'dejournaling-with': info('Dejournaling is restarted: {what}'),
  'dejournaling-failed': severe(
    'Dejournaling into {database} failed: {reason}',
    'Mend what the line names (often a full database or disk); then catch up that database.',
  ),
  'verified-different': severe(
    'Verification: database {database} at {position}: {difference}',
    'Decide which copy is right; restore or build the other one anew, and verify again.',
  ),
  'verified-different-there': severe(
    'Verification: database {database} of {member} at {position}: {difference}',
    'Decide which copy is right; restore or build the other one anew, and verify again.',
  ),
  'verified-equal': info("Verification: database {database} is as the primary's again, up to {position}"),
  'verification-unreadable': warning(
    'What verification found before is unreadable ({reason}); verify again',
    'Verify again: caretmirror verify.',
  ),

  // Copies, backups, rebuilding
  'backed-up': info('Backed up {databases} to {directory}'),
  restored: info('Database {database} was restored from {from}'),
  'restored-copy': warning('Database {database} was replaced by a restored copy', asOrdered),
  'member-downloads': info('Member {member} downloads {databases}'),
  'copy-expired': warning(
    'A copy for another member was removed: nobody has read it for an hour',
    'Repeat the download there, if it is still wanted.',
  ),
  'rebuild-ready': warning(
    'Verified copies of {databases} from {member} are here',
    'They take their places when the instance is started anew.',
  ),
  'rebuild-placed': warning(
    'Rebuilt from {member}: {databases}; what was there before is in {aside}',
    'Delete that directory when nobody needs what was there before.',
  ),
  'rebuild-let-go': warning(
    'The copies from {member} were let go: since they were made this member {because}',
    'Rebuild it again, if its data are not those of the mirror.',
  ),
  'rebuild-done': warning('This member is rebuilt from {member} and caught up', nothing),

  // The journal
  'journal-opened': warning('{report}', 'Nothing: what was cut was never acknowledged.'),
  hung: severe(
    'The journal could not be written for {forMs} ms ({rules}): {because}',
    'Look at the disk of the journal.',
  ),
  'journal-frozen': severe(
    'Journaling is frozen: {reason}; updates wait until there is room',
    'Make room on the disk of the journal, or set an alternate directory.',
  ),
  'journal-freed': warning('Journaling goes on{after}', 'See to it that the disk does not fill up again.'),
  'journal-gone': severe(
    'The mirror journal files that follow the end of this journal ({end}) are no longer kept by the mirror, whose oldest begins at {oldest}: this member must be rebuilt. Delete the instance and let it join the mirror again (SYN-026)',
    'Rebuild the member, or delete the instance and let it join again.',
  ),
  'journal-damaged': severe(
    '{text} Until then no member gets what is behind that place: caretmirror journal repair takes a copy from another member, since all files are equal',
    'caretmirror journal repair; look at the disk.',
  ),
  'journal-purged': info(
    'Purged mirror journal files number {first} to {last} ({bytes} bytes): no member that has a claim to them, and no database here, needs them (SYN-026)',
  ),
  'journal-held-back': warning(
    '{who} holds back mirror journal files from number {file} on, {bytes} bytes by now: {what} (SYN-026)',
    'Bring that member or database back, or remove it from the mirror.',
  ),
  'journal-claims-lost': warning(
    '{reason}: mirror journal files are kept until every member was heard of again',
    'Start the members that are down, or remove those that will not come back.',
  ),
  'journal-claim-lost': severe(
    '{member} is away and has lost its claim to mirror journal files ({because}): if it does not come back before the files it needs are purged, it must be rebuilt (SYN-026)',
    'Bring that member back soon, or remove it from the mirror.',
  ),
  'journal-full-soon': warning(
    'The disk of the mirror journal in {directory} will be full in {in} at the rate of the last minutes ({free} bytes are free): make room, or let a member that holds files back catch up',
    'Make room, or let the member that holds files back catch up.',
  ),
  'journal-reserve-freed': severe(
    'The disk of {path} is full: the reserve was given up, so that this instance can end cleanly',
    'Make room on that disk.',
  ),
  'journal-settings': info('The journal settings of this instance were changed: {settings}'),
  'journal-fetched': info('Journal data up to {position} fetched from the agent of {member}'),
  'fetch-failed': severe(
    'Journal data could not be fetched from the agent of {member}: {reason}',
    'Make that agent reachable: this member does not take over without the data.',
  ),
} as const;

/** Of the ISCAgent, also as arbiter (AGT-012). */
export const agentLogRows = {
  starting: info('Starting'),
  'starting-server': info('Starting ApplicationServer on {address}:{port}'),
  stopping: info('Stopping: {because}'),
  'configuration-doubtful': warning('{warning}', 'Correct iscagent.conf; then restart the agent.'),
  failed: fatal('{reason}', 'Mend what the line names; then start the agent.'),
  'caller-refused': warning(
    'Refused {remote}: {because}',
    'Look who calls: a member of another release or another mirror, or no member at all.',
  ),
  'request-failed': severe(
    '{request} failed: {reason}',
    'Mend what the line names: until then this agent vouches for nothing of that.',
  ),
  'configuration-unreadable': severe('{reason}', "Mend that instance's configuration.json."),
  'not-noted': severe(
    'What was decided cannot be noted: {reason}',
    'Look whether the disk of the home is full or read-only.',
  ),
  'forcing-down': severe(
    'Forcing {instance} down, pid {pid}, asked by {requester}: {because} ({rules})',
    'Find out why that instance hung; then start it.',
  ),
  unkillable: severe(
    '{instance}, pid {pid}, cannot be killed: not answered as down ({rules})',
    'End that process or its host: until then nobody takes over.',
  ),
  'called-down': warning('{instance} is down, {record}: told {requester} ({rules})', 'Start that instance again.'),
  'down-not-noted': severe(
    '{instance} is down, but that could not be noted, so it was not told to {requester}: {reason}',
    'Mend the disk of the home: until then nobody takes over on the word of this agent.',
  ),
  'started-meanwhile': warning('{instance} was started meanwhile, pid {pid}: not answered as down (AGT-003)', nothing),
  'removed-asked': warning(
    '{requester} asked about {instance}, but was removed from mirror {mirror}: it was told so (CFG-069)',
    'Restart the instance of that member: it ends its mirror configuration.',
  ),
  'arbiter-member': info('Arbiter: {member} of mirror {mirror} connected from {remote}'),
  'arbiter-member-lost': warning(
    'Arbiter: {member} of mirror {mirror} disconnected: {reason}',
    'Look at that member and at the network, unless it was stopped.',
  ),
  'arbiter-closed': warning('Arbiter: {remote} is closed: {because}', 'Look at that member and at the network.'),
  'arbiter-noted': warning(
    'Arbiter: {what} ({rules}): {facts}',
    'What follows from it is in the events of the members: caretmirror events --all.',
  ),
  'arbiter-stood-still': warning(
    'Arbiter: this process did not run for about {forMs} ms',
    'Look at the host: an arbiter that stands still cannot vouch for anybody.',
  ),
} as const;
