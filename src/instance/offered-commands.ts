/** Which commands this instance would carry out now: the menus show it, the commands themselves enforce it. */
import { reportingMirrorsMax } from '../mirror/limits.ts';
import { precondition } from '../mirror/operator-commands.ts';
import { isReporting, type MemberType } from '../mirror/terms.ts';
import type { CommandArguments, CommandName, Refusal } from '../protocol/control-commands.ts';
import { refusalToAddHere } from './adding-databases.ts';
import { refusal, refusalInTrouble, refusalUnlessPrimary } from './command-outcome.ts';
import { isReportingAsync, ownType } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';
import { refusalToPromote } from './promotion-commands.ts';
import { planRemoval } from './removal-plan.ts';

/** Null = offered. */
export function refusalOf(daemon: InstanceDaemon, command: CommandName, agentRunning: boolean): Refusal | null {
  const { member } = daemon;
  switch (command) {
    case 'enable-mirror-service':
      return refusalToEnable(daemon);
    case 'create-mirror':
    case 'join-mirror':
      return refusalToBecomeMember(daemon, command, agentRunning);
    case 'join-as-new-member':
      return refusalUnlessKeptOut(daemon, agentRunning);
    case 'edit-mirror':
      return refusalUnlessPrimary(daemon, 'the settings of the mirror are edited', 'CFG-043');
    case 'edit-addresses':
      return daemon.configuration.get().mirrorSet === null ? notAMember(daemon) : null;
    case 'remove-member':
      return refusalToRemoveOther(daemon);
    case 'remove-mirror':
      return refusalToRemoveThis(daemon);
    case 'switch-journal':
      return refusalUnlessPrimary(daemon, 'a journal file is begun', 'SYN-001');
    case 'purge-journal':
    case 'resume-databases':
      return member === null ? notAMember(daemon) : null;
    case 'start-mirror':
      if (isNotJoined(daemon)) return null;
      return member === null ? notAMember(daemon) : precondition(member.state, command);
    case 'promote':
      return refusalOfPromotion(daemon);
    case 'demote':
    case 'demote-other':
    case 'change-no-failover':
    case 'become-primary':
    case 'force-primary':
    case 'resume-primary':
    case 'stop-mirror':
      return member === null ? notAMember(daemon) : precondition(member.state, command);
    case 'add-databases':
      return refusalToAddHere(daemon);
    case 'remove-database':
      return refusalToRemoveDatabase(daemon);
    case 'catch-up-databases':
      return refusalToDejournal(daemon, 'databases are caught up', 'DB-031');
    case 'pause-databases':
      return refusalToDejournal(daemon, 'dejournaling is paused', 'SYN-020');
    case 'manage-dejournaling':
      return refusalToManage(daemon);
    case 'edit-async':
      return refusalUnlessAsync(daemon, 'the type of a member and what belongs to it are edited', 'CFG-050');
    case 'clear-failoverdb':
      return refusalToClear(daemon);
    case 'set-dejournal-filter':
      return refusalUnlessReporting(daemon, 'a dejournal filter is set', 'SYN-023');
    case 'download-databases':
    case 'rebuild-member':
      return refusalToCopy(daemon);
    case 'backup-databases':
    case 'restore-databases':
    case 'create-database':
    case 'edit-database':
    case 'edit-journal':
    case 'mount-database':
    case 'dismount-database':
    case 'delete-database':
    case 'recreate-database':
    case 'stop-instance':
      return null;
    default:
      return command satisfies never;
  }
}

/** CFG-071: the JoinMirror flag is cleared. */
export function isNotJoined({ configuration }: Pick<InstanceDaemon, 'configuration'>): boolean {
  const { mirrorSet, joinMirror } = configuration.get();
  return mirrorSet !== null && !joinMirror;
}

/** CFG-069. */
function refusalToRemoveOther(daemon: InstanceDaemon): Refusal | null {
  const { member } = daemon;
  if (member === null) return notAMember(daemon);
  if (!member.state.failoverMember) {
    return refusal(
      'not-a-failover-member',
      'other members are removed on the primary, asyncs also on the backup',
      'CFG-069',
    );
  }
  // The backup asks the primary, for an async.
  if (member.state.role === 'attached' && member.state.record.removed === null) return null;
  return precondition(member.state, 'remove-member');
}

/** DB-054: also an instance in no mirror, of what kept its mark. */
function refusalToRemoveDatabase(daemon: InstanceDaemon): Refusal | null {
  const isIn = daemon.member !== null || daemon.catalog.entries().some((entry) => isMirrored(entry));
  return isIn ? refusalInTrouble(daemon, 'no database is removed from the mirror now') : notAMember(daemon);
}

function refusalToRemoveThis(daemon: InstanceDaemon): Refusal | null {
  const plan = planRemoval(daemon);
  return 'reason' in plan ? plan : null;
}

function refusalToDejournal(daemon: InstanceDaemon, what: string, spec: string): Refusal | null {
  if (daemon.member === null) return notAMember(daemon);
  if (daemon.member.state.role !== 'primary') return null;
  return refusal('is-primary', `${what} on the backup and on async members, not on the primary`, spec);
}

function refusalToCopy(daemon: InstanceDaemon): Refusal | null {
  if (daemon.member === null) return notAMember(daemon);
  if (!['primary', 'becoming', 'handing-over'].includes(daemon.member.state.role)) return null;
  return refusal('is-primary', 'this member is the primary: its data are those that the others copy', 'DB-029');
}

function refusalToManage(daemon: InstanceDaemon): Refusal | null {
  if (daemon.member === null) return notAMember(daemon);
  if (!daemon.member.state.failoverMember) return null;
  const text = 'dejournaling of all databases is managed on async members; on a backup pause it for single databases';
  return refusal('not-an-async', text, 'SYN-020');
}

function refusalUnlessAsync(daemon: InstanceDaemon, what: string, spec: string): Refusal | null {
  if (daemon.member === null) return notAMember(daemon);
  const type = ownType(daemon.configuration.get());
  if (type !== 'Failover' && !daemon.member.state.failoverMember) return null;
  return refusal('not-an-async', `${what} on async members; this is a failover member`, spec);
}

function refusalUnlessReporting(daemon: InstanceDaemon, what: string, spec: string): Refusal | null {
  if (daemon.member === null) return notAMember(daemon);
  const configuration = daemon.configuration.get();
  if (isReportingAsync(configuration)) return null;
  return refusal('not-reporting', `${what} on reporting asyncs; this member is ${ownType(configuration)}`, spec);
}

/** DB-040. */
function refusalToClear(daemon: InstanceDaemon): Refusal | null {
  return refusalUnlessReporting(daemon, 'FailoverDB flags are cleared', 'DB-040');
}

function isMirrored({ attribute, configuration }: ReturnType<InstanceDaemon['catalog']['entries']>[number]): boolean {
  return attribute !== undefined || configuration.mirrorDatabase !== null;
}

function refusalToEnable({ configuration }: InstanceDaemon): Refusal | null {
  if (!configuration.get().serviceEnabled) return null;
  return refusal('already-enabled', 'the mirror service is enabled already', 'CFG-001');
}

function refusalOfPromotion(daemon: InstanceDaemon): Refusal | null {
  return daemon.member === null ? notAMember(daemon) : refusalToPromote(daemon, daemon.member);
}

function notAMember(daemon: InstanceDaemon): Refusal {
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return refusal('not-a-member', 'this instance is in no mirror; create or join one first');
  if (daemon.notReached !== null) {
    const text = `this member is kept out of mirror ${mirrorSet.name}: ${daemon.notReached.text}`;
    return refusal('not-reached', text, 'CFG-063');
  }
  if (!daemon.configuration.get().joinMirror) {
    const text = `this instance takes no part in mirror ${mirrorSet.name}, since its JoinMirror flag is cleared; start mirroring, or remove the mirror configuration`;
    return refusal('not-joined', text, 'CFG-071');
  }
  const text = `this instance has not started its part in mirror ${mirrorSet.name}; see the messages log`;
  return refusal('not-started', text);
}

/** CFG-008. */
export function mirrorsFull(mirrors: readonly string[]): Refusal {
  const text = `this instance is in ${mirrors.join(', ')}, and a reporting async is in at most ${reportingMirrorsMax} mirrors; leave one first`;
  return refusal('mirrors-full', text, 'CFG-008');
}

/** CFG-002, CFG-075. */
export function refusalOfSecond(mirror: string, type: MemberType | null): Refusal {
  const is = `this instance is in mirror ${mirror} already (${type})`;
  if (type === 'Disaster Recovery') {
    const text = `${is}, and a DR async is in one mirror; make it a reporting async first`;
    return refusal('in-a-mirror', text, 'CFG-075');
  }
  return refusal('in-a-mirror', is, 'CFG-002');
}

/** CFG-064. What a further mirror has is not moved: it is removed, and joined again. */
function refusalUnlessKeptOut(daemon: InstanceDaemon, agentRunning: boolean): Refusal | null {
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return notAMember(daemon);
  if (daemon.notReached === null) {
    const text = `this member is not kept out of mirror ${mirrorSet.name}; only one that is not reached at its own addresses joins it as a new member`;
    return refusal('not-kept-out', text, 'CFG-064');
  }
  if (daemon.mirrors.length > 1 || daemon.isFurther) {
    const text = `this instance is or was in several mirrors (${daemon.mirrors.join(', ')}) under one name; remove its mirror configuration, then join each mirror`;
    return refusal('several-mirrors', text, 'CFG-035');
  }
  return agentRunning ? null : noAgent;
}

/** The command may enable the service with what it does. */
export type ServiceWish = Pick<CommandArguments['create-mirror'], 'enableService'>;

/** CFG-002, CFG-004, CFG-008: a reporting async may join further mirrors; which-mirror.ts says which one has a place. */
export function refusalToBecomeMember(
  daemon: InstanceDaemon,
  command: 'create-mirror' | 'join-mirror',
  agentRunning: boolean,
  { enableService = false }: ServiceWish = {},
): Refusal | null {
  const { serviceEnabled, mirrorSet } = daemon.configuration.get();
  if (!serviceEnabled && !enableService)
    return refusal('service-off', 'the mirror service is off; enable it first', 'CFG-001');
  const type = ownType(daemon.configuration.get());
  const mayJoinMore = command === 'join-mirror' && type !== null && isReporting(type);
  if (mirrorSet !== null && !mayJoinMore) return refusalOfSecond(mirrorSet.name, type);
  if (mirrorSet !== null && daemon.mirrors.length >= reportingMirrorsMax) return mirrorsFull(daemon.mirrors);
  if (agentRunning) return null;
  return noAgent;
}

const noAgent = refusal(
  'no-agent',
  'no ISCAgent runs on this host; start it first: caretmirror agent start',
  'CFG-004',
);
