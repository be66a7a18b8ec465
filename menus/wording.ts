/** Sentences of the routine that belong to no single option. Facts in braces are filled in by the terminal. */
import type { FindingName } from '../src/protocol/assessment.ts';

export const wording = {
  optionPrompt: 'Option?',
  disabledSuffix: ' (disabled)',
  /** The label of an entry that ^JOURNAL shows without its name; it says by itself that it is disabled. */
  notAvailable: '-not available-',
  notBuilt: 'not built in this version',
  notHere: 'it does not apply here',
  notHereNorBuilt: 'not for this member, and not built in this version',
  nothingChanged: 'Nothing was changed.',
  /** DB-056. */
  mustBeJournaled: 'Databases must be journaled to be mirrored',
  abandoned: 'Abandoned. Nothing was changed.',
  /** Behind what was done, on a terminal: somebody who is new here reads on. */
  nextStep: {
    'create-mirror':
      'Next: on the host of the second failover member start caretmirror, and take Join Mirror as Failover Member. It asks for the ISCAgent of this host, address {agentAddress}, port {agentPort}, and for instance {instance}. Databases are made with ^DATABASE (caretmirror session {instance} ^DATABASE), there also as mirrored ones at once.',
    'join-mirror':
      'Next: a database that the mirror has already is made here, too, under its mirror name, with ^DATABASE (caretmirror session {instance} ^DATABASE). The Status Monitor lists those that are missing here.',
  },
  willDo: 'This will {what}.',
  looking: 'Checking ...',
  /** What was found before anything is changed, and what will follow; the instance says which of these (docs/decisions/0054). */
  preflight: {
    service: 'The mirror service of this instance will be enabled.',
    agent: 'The ISCAgent of this host answers at {at} (version {version}).',
    superserver: 'This instance is reached at its superserver address {at}.',
    'private-address': 'This instance is reached at its mirror private address {at}.',
    'no-leftover': 'No journal of an earlier mirror {mirror} is in {directory}.',
    'no-arbiter': 'There will be no arbiter: the loss of the whole host of the primary does not fail over by itself.',
    arbiter: 'The arbiter answers at {at}.',
    'arbiter-silent':
      'Warning: the arbiter at {at} does not answer ({met}). Failover is agent controlled until it does.',
    ordinary: 'Databases {databases} stay ordinary ones until each is added to mirror {mirror}.',
    'begins-journal':
      '{member} becomes the primary of mirror {mirror}, and its mirror journal begins at 1/0 in {directory}.',
    'data-channel': 'This instance reaches primary {primary} at {at}, the address of its data channel.',
    'taken-in': 'Primary {primary} reaches ISCAgent and superserver of {member}, and will take it in as {type}.',
    'journal-kept': 'The journal of {primary} is kept from {from} on, and ends at {upTo}.',
    copies:
      'Databases of the mirror that are not here yet: {databases}. Each is made here afterwards, or a copy of it is downloaded.',
    marked:
      'Databases {databases} carry the mark of a mirror: those of mirror {mirror} have to be activated and caught up, others stay read-only.',
    'removed-connected': '{member} is connected, has the journal up to {end}, and will be told.',
    'removed-away': '{member} is not connected: it learns that it was removed when it calls.',
    'asks-primary': 'Primary {primary}, whose journal ends at {end}, will remove {member} from the mirror.',
    'without-primary':
      'No primary answers: {member} leaves without one, and has to be removed on the primary as soon as there is one.',
    adds: '{name} will be mirrored as {mirrorDatabase}.',
    'added-from':
      'Their data up to {from} are not in the mirror journal: on {members} each needs a copy taken from then on, which is activated and caught up there.',
    'added-alone': 'Their data up to {from} are not in the mirror journal. No other member needs a copy yet.',
    background: 'They are added in the background.',
    copied:
      'Copies of {databases} will be fetched from {source} and verified, and take their places when the instance is restarted.',
    'put-aside':
      'The present data are put into {directory}. The journal of this member ends at {end}: what it has alone goes to lost+found.',
    'copies-ready': 'Verified copies from {source} are here already: only the restart is lacking.',
  } satisfies Record<FindingName, string>,
  /** Behind the outcome of each action. */
  equivalentLine: 'Command line: {line}',
  refused: 'Refused: {text}',
  /** With a number of the original's General Error Codes. */
  refusedNumbered: 'Refused: ERROR #{number}: {text}',
  failed: 'Failed: {text}',
  /** FO-074. */
  notKnown: 'The operation may not have succeeded: {text} Look in the messages log of this instance.',
  /** Behind the sentence of the instance that says what has changed. */
  situationNow: 'It is now:',
  situationChangedPiped: '{text}; a later answer is not taken for the confirmation',
  interruptedWait: 'No longer waiting. The instance goes on with it; its outcome is in the messages log.',
  helpHint: 'Type the number or the beginning of a label, RETURN to leave this menu, ? for an explanation.',
  questionHint: 'RETURN takes {preset}, ^ abandons.',
  questionHintOptional: 'RETURN leaves it out, ^ abandons.',
  questionHintNoDefault: 'There is no default; ^ abandons.',
  pickHint: '{help} * takes all of them. RETURN ends the list, and takes none if it is empty; ^ abandons.',
  runsOn: 'Runs on: {places}.',
  disabledBecause: 'Disabled: {text}.',
  agentNotRunning: 'Note: no ISCAgent runs on this host.',
  removedForGood: 'for good, on all members',
  removedHere: 'on this member only',

  /** FO-076. */
  troubleAsking: 'Asking the agent of the other failover member, and the arbiter ...',
  troubleSince: 'In trouble state since {since} ({spec}): {because}.',
  troubleAgent: {
    'no-answer': 'The ISCAgent of {other} does not answer.',
    down: 'The ISCAgent of {other} answers: its instance is down.',
    hung: 'The ISCAgent of {other} answers: its instance hangs.',
    running: 'The ISCAgent of {other} answers: its instance is running.',
    'is-primary': 'The ISCAgent of {other} answers: its instance is running as primary.',
  },
  troubleArbiter: {
    'not-configured': 'The mirror has no arbiter.',
    'no-answer': 'The arbiter does not answer.',
    'other-not-connected': 'The arbiter answers: {other} is not connected to it.',
    'other-connected': 'The arbiter answers: {other} is connected to it.',
    'licensed-other': 'The arbiter has allowed {other} to take over.',
  },
  troubleWarning:
    'If {other} did take over, two histories begin: when they meet one member halts or both, and the updates of one are lost.',
  journalUpTo: "This member has journal data up to '{time}' in file {file}",
  shutsDown: 'This instance shuts down.',

  promotion: {
    withPrimary:
      '{primary} is the primary and becomes the failover partner. A present backup is demoted to disaster recovery async. Nothing is lost.',
    down: 'ISCAgent of {name}: its instance is down{last}; its journal ends at {end}.',
    running: 'ISCAgent of {name}: its instance is running and not primary.',
    'is-primary': 'ISCAgent of {name}: its instance is running as primary.',
    'no-answer': 'ISCAgent of {name}: no answer. What it has is not known.',
    wasPrimary: ', and was the last primary',
    unknownEnd: 'an unknown position',
    own: 'The journal of this member ends at {own}.',
    nothingMore: 'No journal that could be asked has more.',
    more: 'Journal data up to {newest} exist, {records} records more: they are fetched from a partner that has them.',
    answers: '{name} (async): no primary, as it says itself; its journal ends at {end}.',
    'has-primary':
      '{name} (async): it says that it is connected with a primary, so that nobody can be promoted without that one.',
    gathered: 'Without a partner, journal data up to {upTo} are fetched from {from} first.',
    loss: 'Without a partner all updates behind {from} are lost: {records} records up to {upTo}, which {at} has.',
    lossRead: 'These are {transactions} transactions and {single} single updates. Updates by database: {databases}.',
    lossReadInPart:
      'Their beginning was read: {transactions} transactions and {single} single updates. Updates by database: {databases}.',
    lossUnread: 'The journal that holds them cannot be read, so it is not known which databases they belong to.',
    noDatabase: 'none',
    unreachable: 'Not reached: {unreachable}. Updates that only these have would be lost.',
    validated:
      'Before an instance there is started, ValidatedMember must be 0 in its record: the promoted member sees to it as soon as it reaches its ISCAgent or the instance.',
  },
  demotion:
    '{member} becomes a disaster recovery async; {other} is the only failover member then, and nobody takes over from it.',
  /** CFG-066..CFG-071, CFG-074, CFG-077. */
  removal: {
    leave: '{member} leaves mirror {mirror}, and the other members go on without it.',
    leaveInstead:
      'To take it out for a while only, stop mirroring on it instead (Stop Mirror On This Member): that is undone by starting it again.',
    'clear-join-mirror':
      '{member} is the last member of mirror {mirror}. Removing it takes three steps: this one clears the JoinMirror flag; then restart this instance; then remove the mirror configuration again. Nothing is removed before the third step.',
    erase: 'The configuration of mirror {mirror} is erased on this instance.',
    'restart-only': 'This instance only has to be restarted.',
    deletes:
      'Warning: this deletes mirror {mirror} for good. What becomes of the mirror attribute of its databases now cannot be undone by joining again; a database that keeps it is read-only until it is removed from the mirror (Remove one or more mirrored databases).',
    databases: 'Mirrored databases: {databases}.',
    noDatabases: 'It has no mirrored databases.',
    other: '{member} ({type}) is taken out of mirror {mirror}, and the other members go on without it.',
    otherInstead:
      'To take it out for a while only, stop mirroring on that member instead (Stop Mirror On This Member there): that is undone by starting it again.',
    otherRestart:
      'Its instance must be restarted afterwards. One that is not connected will be told when it is reached.',
    attributeKept:
      'Their databases keep the mirror attribute: after joining the same mirror again they are activated and caught up; until then they are read-only and cannot be deleted.',
    attributeRemoved:
      'Their databases lose the mirror attribute and become ordinary ones: to be mirrored again they must be added like others.',
  },

  keptOutBecause: 'Why: {text}.',

  noJournalFiles: 'There are no mirror journal files on this instance.',
  journalFiles: ['', 'File', 'Begun', 'Records', 'Bytes'],
  journalFileExpected: 'the number or the beginning of the name of a file, * or RETURN',
  noRecords: 'No record was found.',
  morePrompt: 'Press RETURN for more, Q to quit',
  moreHelp: 'RETURN shows what follows, Q or ^ ends the list.',
  moreExpected: 'RETURN or Q',
  journalStatus: 'Journal status of {instance}:',
  journalHolders: ['Needed by', 'From file number'],

  noOtherMember: 'There is no other member that can be removed here.',
  membersToPick: ['Member', 'Type', 'Superserver'],

  currentPrimary: '{member} is the current primary. Continuing will force it down',
  noCurrentPrimary: 'No member is known to be the primary. Continuing will try to make this member the primary',

  /** FO-075, the member was active at last contact. */
  forceWasActive: [
    'This member was the active backup the last time it was connected.',
    "This member has journal data up to '{time}' in file {file}",
    'If the primary has done no work since then, this member can take over, and the',
    'mirror need not be rebuilt when the primary reconnects. If the primary has done',
    'work since then, those operations may be lost if you continue, and the other',
    'failover member may have to be rebuilt from a backup.',
  ],
  /** FO-075, it was the primary itself (PROC-032). */
  forceWasPrimary: [
    'This member was the primary the last time it took part in the mirror.',
    "This member has journal data up to '{time}' in file {file}",
    'If the other failover member has not become the primary since then, this member',
    'can go on and nothing is lost. If it has, its operations may be lost if you',
    'continue, and a failover member may have to be rebuilt from a backup.',
  ],
  /** FO-075, it was not. */
  forceWasNotActive: [
    'Warning: this member was not the active backup the last time it was connected.',
    'If it lacks journal data that was generated in the mirror, operations may be',
    'lost if you continue, and the other failover member may have to be rebuilt from',
    'a backup of this member before it can rejoin the mirror as backup.',
    "This member has journal data up to '{time}' in file {file}",
  ],
  forceOtherAnswers: 'The other failover member, or its agent, answers at this moment.',
  noJournalTime: 'no data',
  noJournalFile: '(none)',
  forceWaiting: 'Waiting up to 60 seconds for this member to become the primary ...',

  lookingUp: 'Asking the agent at {agentAddress} port {agentPort} about mirror {mirror} ...',
  retrieved: 'Mirror {mirror}, as instance {instance} knows it:',
  retrievedMembers: ['Member', 'Type', 'Superserver', 'Agent'],
  retrievedVip: 'Network Interface for Virtual IP',
  retrievedTls: 'SSL/TLS Requirement',
  retrievedQos: 'Quality of Service Timeout (msec)',
  retrievedArbiter: 'Arbiter',
  retrievedPrimary: 'Primary',
  none: 'none',

  asSystemChooses: 'as the system chooses',
  /** The one order of keys there is. */
  collation: 'IRIS standard',
  noDatabases: 'There is no database on this instance.',
  fieldPrompt: 'Field number to change?',
  fieldHelp: 'The number of the property to change; RETURN when all are as they should be.',
  nothingToChange: 'Nothing of database {database} was changed.',
  backupOf: 'Backup volume label:',
  otherMembersBackup: 'This backup was made on another mirror member.',
  nothingChosen: 'No database of the backup was chosen. Nothing was changed.',
  restoreEachHelp: 'RETURN restores it there, X leaves it out, another local name restores it under that name.',
  restoreEachExpected: 'RETURN, X, or a local name of letters, digits, hyphens and underscores',
  restoreRefused: '{database}: {text}',
  restoreWill: { makes: 'makes it', replaces: 'replaces its present data', fills: 'fills it' },
  restoreList: ['Database', 'Mirror database', 'Restore', 'Directory'],

  mirrorsOf: 'Mirrors of {member} ({type}):',
  mirrorsHeads: ['Mirror', 'Status', 'Primary', 'Journal Transfer', 'Dejournaling', 'Databases'],
  asyncMembers: 'Members of mirror {mirror}:',
  dejournalFilter: 'Dejournal filter: {module}',
  flagSet: 'Yes',
  flagCleared: 'No (writable)',
  flagNotKnown: 'not known',
  missingDatabases: 'Missing Mirrored Databases Report:',
  dejournalStopped: 'Dejournaling is stopped by an error: {text}',
  filterSkips: 'Dejournal Filter: {module}, {records} records left out',
  noMirroredDatabases: 'No mirrored databases on this member.',
  mirroredDatabases: 'Mirrored databases of mirror {mirror} on this member:',
  monitorNoFailover: 'No failover is set: the backup will not take over from the primary.',
  untoldMembers: 'Removed, and told so as soon as they are reached: {members}.',
  lagHeads: ['Transfer lag', 'Dejournal lag'],
  /** How long ago what stands about a member was heard. */
  age: 'as of {seconds} s ago',
  monitorHelp:
    'RETURN shows the page anew, as does waiting for {seconds} seconds; D shows or hides the databases, Q leaves, and a number of seconds is a new interval.',
  lastHeard: 'This member asks nobody; it was told last, {seconds} s ago: {status}',
  monitorInterval: 'a whole number of seconds from {min} to {max}, D, Q or RETURN',
  monitorActionLabels: [
    'Remove mirrored database(s)',
    'Activate or Catchup mirrored database(s)',
    'Mount a database',
    'Dismount a database',
  ],
  monitorActions: 'A acts on databases: activate, catch up, mount, dismount, remove',
  verifiedHeading: 'Verification:',
  verified: 'identical up to {position}, {at}',
  neverVerified: 'never found identical yet',
  differs: 'DIFFERS at {position}, {at}: {text}. Before that:',
  compressionHeading: 'Journal Data Compression:',
  uncompressed: 'uncompressed',
  /** MON-018; the sentence of the instance (src/mirror/status.ts). */
  arbiterNotConnected: 'This member is not connected to the arbiter',
  arbiterHint:
    'Its agent may not be installed or not be running, address or port may be wrong, or the network does not reach it.',
  arbiterNotConfigured: 'Arbiter not configured',
  rateLater: '--- (will be displayed on refresh)',

  prompt: {
    expected: 'do ^MIRROR, another routine, or HALT',
    routineNotBuilt: '^{routine} is not built in this version.',
    namespace: 'Only the namespace %SYS is there.',
    help: 'do ^MIRROR starts the mirror routine; ^DATABASE, ^BACKUP, ^DBREST and ^JOURNAL look after databases and journal. HALT or RETURN leaves.',
  },
} as const;

export const placeNames = {
  primary: 'the primary failover member',
  backup: 'the backup failover member',
  dr: 'a disaster recovery async member',
  reporting: 'a reporting async member',
} as const;

/** Routines an operator may name at the prompt besides ^MIRROR. */
export const otherRoutines = ['DATABASE', 'BACKUP', 'DBREST', 'JOURNAL', 'SECURITY'] as const;

/** MON-016; equal to src/mirror/limits.ts, which a test checks. */
export const monitorRefreshSeconds = { default: 60, min: 1, max: 86_400 } as const;

/** MON-016: the second line begins with a blank, as on an 80-column terminal of the original. */
export const monitorPrompt =
  'Press RETURN to refresh, D to toggle database display, Q to quit,\n or specify new refresh interval <{seconds}>';
