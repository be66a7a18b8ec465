/**
 * The state of one member of one mirror, in slices that each have one owner file. Only src/mirror changes it; others read
 * it through status.ts. A field that does not apply to the present role is at its empty value.
 */

import type { MemberEffect } from './effects.ts';
import type { MemberSettings, OperatorCommand } from './events.ts';
import { type EpochBeginning, JOURNAL_START, type JournalPosition } from './journal-position.ts';
import type { Offers } from './loss-report.ts';
import { firstRecord, type MemberRecord } from './member-record.ts';
import type { AgentVerdict, Refusal } from './messages.ts';
import type { SetNumber } from './mirror-set.ts';
import type { FailoverMembers, MemberName, MirrorName, Right } from './terms.ts';

/**
 *   starting ──> seeking <──> attached          stopped: by operator (SYN-022)
 *                  │              │             halted: two histories, or data that the mirror lacks
 *                  └──> becoming <┘             down: the process ends
 *                          │
 *                       primary ──> handing-over ──> down
 */
export type MemberRole =
  | 'starting'
  | 'seeking'
  | 'attached'
  | 'becoming'
  | 'primary'
  | 'handing-over'
  | 'stopped'
  | 'halted'
  | 'down';

/** Own journal and databases. Owner: journal-transfer.ts. */
export interface JournalState {
  appended: JournalPosition;
  flushed: JournalPosition;
  /** Nothing above may reach a database or be acknowledged to a client. */
  durable: JournalPosition;
  /** What every activated database holds. */
  applied: JournalPosition;
  /** Furthest position that any database may hold. */
  appliedFurthest: JournalPosition;
  /** An `apply-journal` under way, or null. */
  applyingTo: JournalPosition | null;
  history: readonly EpochBeginning[];
  /** Since when data wait for a flush that does not end; null = everything appended is flushed. */
  unflushedSinceMs: number | null;
  /** Why nothing can be written just now; empty = it can. */
  frozen: string;
}

/** On the way to being primary, in the order of FO-065. Owner: becoming.ts. */
export interface Becoming {
  /** permission and checking: the site is asked, before anything has happened and before the door opens. */
  phase: 'permission' | 'applying' | 'checking' | 'opening';
  spec: string;
  because: string;
  /** A new lineage, when a person makes this member primary; null = that of the record. */
  lineage: string | null;
  /** Question to the site, or, after it said no, to the other's agent; null = none is under way. */
  request: number | null;
  /** The site said no: the next look at the other member, or the end of the present one. 0 = it has not said no. */
  retryAtMs: number;
  /** What it was refused with; null = it was not. */
  refusal: { spec: string; because: string } | null;
}

/** Looking for a primary, or for proof that there is none. Owner: negotiation.ts. */
export interface Seeking {
  /** Member being dialled. */
  dialling: MemberName | null;
  /** Connection over which a hello was sent and not answered yet. */
  helloOver: number | null;
  /** Unfinished question to the other's agent. */
  request: number | null;
  /** The agent said down, and its journal is being fetched. `last`: by its record or that of the other this member was the last primary. */
  fetching: { request: number; incarnation: number; last: boolean } | null;
  /** Next attempt at this time; 0 = at once. */
  retryAtMs: number;
  /** The present attempt is given up at this time. */
  deadlineMs: number;
  next: 'agent' | 'hello';
  /** On an async: index of the failover member tried next. */
  turn: number;
  /** What the last attempt met: for status and log. */
  lastFailure: string;
  /** What the other failover member, which runs, has answered last; null = it did not answer, or was not asked. */
  refusal: Refusal | null;
  /** The agent of the other failover member has said last that the other runs as primary: for the status. */
  otherReigns: boolean;
  /** Since when there has been no primary. */
  sinceMs: number;
  /** Was the present wait already told to the log? */
  told: boolean;
}

/** Contact with the primary. Owner: backup.ts. */
export interface Attachment {
  to: MemberName;
  connection: number;
  lastHeardMs: number;
  keepAliveAtMs: number;
  /** Number of the newest keep-alive sent, and when the last few were. */
  number: number;
  sentAtMs: readonly { number: number; atMs: number }[];
  /** Newest keep-alive number received. */
  echo: number;
  durableTo: JournalPosition;
  /** Where each epoch begins in the primary's journal; it begins none while this contact lasts. */
  history: readonly EpochBeginning[];
  /** An activation whose data is not fsynced yet. */
  activating: { term: number; upTo: JournalPosition } | null;
  mode: 'agent' | 'ready' | 'arbiter';
  /** Term of the newest proposal to enter arbiter controlled mode. */
  modeTerm: number;
  /** In agent mode: may the window open? Closed from `ready` until the primary has said agent-mode-ok. */
  windowAllowed: boolean;
  /** The contact is lost, and the arbiter was asked about the primary. */
  asking: boolean;
}

/** One member that a primary serves. */
export interface Served {
  name: MemberName;
  failoverMember: boolean;
  connection: number;
  lastHeardMs: number;
  keepAliveAtMs: number;
  number: number;
  echo: number;
  /** Its session with the arbiter, 0 = none. */
  session: number;
  /** Journal sent so far; null until it has said where it stands. */
  sentTo: JournalPosition | null;
  ackedTo: JournalPosition;
  applied: JournalPosition;
  inFlight: readonly { to: JournalPosition; bytes: number; sentAtMs: number }[];
  /** A `ship-journal` under way. */
  shipping: boolean;
  durableTold: JournalPosition;
  /** The newest mirror set that it has said it has on disk; null = it has not said so over this connection. */
  setHeard: SetNumber | null;
  /** On an async: when the round began in which it was last sent to; 0 = it was sent nothing yet. */
  roundMs: number;
}

export interface Trouble {
  /** `timed` in agent controlled mode; `arbiter` has no timeout (FO-031). */
  kind: 'timed' | 'arbiter';
  sinceMs: number;
  untilMs: number | null;
  spec: string;
  because: string;
  /** The arbiter's answer so far, in arbiter trouble. */
  says: 'silent' | 'present' | 'taken';
  /** The session in which the arbiter was asked; its answer counts in no other. 0 = not asked. */
  askedSession: number;
}

/** Being primary. Owner: primary.ts. */
export interface Serving {
  members: ReadonlyMap<MemberName, Served>;
  /** The backup whose acknowledgement makes data durable; `confirmed` once it knows. */
  counted: { member: MemberName; term: number; confirmed: boolean } | null;
  ackedByCounted: JournalPosition;
  trouble: Trouble | null;
  mode: 'agent' | 'entering' | 'arbiter';
  modeTerm: number;
  /** The session in which the mode was proposed; answers of the arbiter in any other mean nothing for it. */
  modeSession: number;
  /** `leave` was sent and not answered. */
  leaving: boolean;
  enterDeadlineMs: number;
  nextEnterMs: number;
  /** Raised with each activation and each proposal. */
  term: number;
  /** After a licence or a force: the former primary has to be fenced. */
  fencing: { request: number; atMs: number } | null;
  /** Hand-over: take-over was sent. */
  takeOverSent: boolean;
  handOverDeadlineMs: number;
  /** It hands over because its journal cannot be written: what is not flushed here stays behind (FO-008). */
  hung: boolean;
  /** Was it noted that the present standstill of the journal leads to nothing? */
  hungTold: boolean;
  /** A promotion or demotion under way. */
  change: MembersChange | null;
  /** Next time at which members that are not connected are told who reigns, and what the mirror looks like. */
  tellAtMs: number;
  /** When the newest round of data to asyncs began. */
  roundMs: number;
}

/** The failover members are about to change. Owner: members-change.ts. */
export interface MembersChange {
  list: FailoverMembers;
  /** The failover member that is none by the new list, and must have given up its rights before. */
  leaving: MemberName | null;
  /** Who asked for it, where that was not this member's own operator. */
  asker: MemberName | null;
  /** FO-087: unfinished question to the agent of the leaving member, which is not connected. */
  asking: number | null;
  untilMs: number;
}

/** An async on its way to being a failover member while there is no primary. Owner: promotion.ts. */
export interface Promotion {
  order: Extract<OperatorCommand, { command: 'promote' }>;
  /**
   * requested of the primary; asking: who is down, what was each, and what has it of the journal? asking-asyncs: what has each other
   * async? fetching: what another async has more (FO-082); telling: the new list goes to those that are down.
   */
  phase: 'requested' | 'asking' | 'asking-asyncs' | 'fetching' | 'telling';
  waits: ReadonlyMap<number, MemberName>;
  answers: ReadonlyMap<MemberName, AgentVerdict>;
  /** Unfinished questions for journals, and what was answered. */
  journalWaits: ReadonlyMap<number, MemberName>;
  offers: Offers;
  /** The journal data of this async are being fetched. */
  fetching: { request: number; of: MemberName } | null;
  /** Asyncs whose journal data were fetched, or could not be. */
  given: readonly MemberName[];
  list: FailoverMembers | null;
  untilMs: number;
}

/** The session with the arbiter. Owner: arbiter-link.ts. */
export interface ArbiterLink {
  state: 'off' | 'opening' | 'open';
  session: number;
  lastHeardMs: number;
  keepAliveAtMs: number;
  retryAtMs: number;
  otherConnected: boolean;
  /** Was the present failure already told to the log? */
  told: boolean;
}

/** Why an order is refused now. */
export interface Precondition {
  readonly reason: string;
  readonly text: string;
  readonly spec: string;
}

export interface PendingOrder {
  request: number;
  command:
    | 'stop-instance'
    | 'change-no-failover'
    | 'become-primary'
    | 'force-primary'
    | 'resume-primary'
    | 'remove-member'
    | 'keep-mirror-set'
    | 'promote'
    | 'demote'
    | 'demote-other';
  deadlineMs: number;
  set: boolean;
  /** Of `remove-member`: who is removed, and how. */
  removal?: { member: MemberName; removeAttribute: boolean };
  /** Of `keep-mirror-set`: which one; absent = the mirror has none. */
  keeps?: SetNumber;
}

export interface MemberState {
  readonly self: MemberName;
  readonly mirror: MirrorName;
  failoverMember: boolean;
  settings: MemberSettings;
  record: MemberRecord;
  role: MemberRole;
  roleSinceMs: number;
  right: Right | null;
  /** Fresh id, for the reigns of this process. */
  lineage: string;
  /** Highest epoch number heard of from anyone. */
  epochHeard: number;
  /** Number of the newest hello sent by this incarnation. */
  hellos: number;
  /** Newest hello accepted of each member. */
  helloFrom: ReadonlyMap<MemberName, { incarnation: number; hello: number }>;
  /** Number of the newest request to an agent. */
  requests: number;
  /** The backup's window for FO-023 without a readable record closes at this time; 0 = closed. */
  windowUntilMs: number;
  /** This process has become active: that it was is not only what its disk says. */
  becameActive: boolean;
  journal: JournalState;
  seeking: Seeking;
  becoming: Becoming | null;
  attachment: Attachment | null;
  serving: Serving;
  arbiter: ArbiterLink;
  orders: readonly PendingOrder[];
  promotion: Promotion | null;
  /** Asyncs that were said hello to since the start: they may know that others are the failover members now (FO-083). */
  inquired: readonly MemberName[];
  /** Why the member is halted. */
  haltedBecause: string;
  /** The rule by which it is; empty = it is not. */
  haltedSpec: string;
  /** FO-070: the site was told of the present failure; armed again by being primary and by meeting one. */
  failureTold: boolean;
}

/** One step under way: the state may be changed, effects are collected in order. */
export interface Step {
  readonly state: MemberState;
  readonly nowMs: number;
  readonly effects: MemberEffect[];
  readonly rules: string[];
}

export const noSeeking: Seeking = {
  dialling: null,
  helloOver: null,
  request: null,
  fetching: null,
  retryAtMs: 0,
  deadlineMs: 0,
  next: 'agent',
  turn: 0,
  lastFailure: '',
  refusal: null,
  otherReigns: false,
  sinceMs: 0,
  told: false,
};

export const noServing: Serving = {
  members: new Map(),
  counted: null,
  ackedByCounted: JOURNAL_START,
  trouble: null,
  mode: 'agent',
  modeTerm: 0,
  modeSession: 0,
  leaving: false,
  enterDeadlineMs: 0,
  nextEnterMs: 0,
  term: 0,
  fencing: null,
  takeOverSent: false,
  handOverDeadlineMs: 0,
  hung: false,
  hungTold: false,
  change: null,
  tellAtMs: 0,
  roundMs: 0,
};

export const noArbiter: ArbiterLink = {
  state: 'off',
  session: 0,
  lastHeardMs: 0,
  keepAliveAtMs: 0,
  retryAtMs: 0,
  otherConnected: false,
  told: false,
};

export function initialState(self: MemberName, mirror: MirrorName, failoverMember: boolean): MemberState {
  return {
    self,
    mirror,
    failoverMember,
    settings: { qosTimeoutMs: 0, arbiter: false, partner: null, failoverMembers: [] },
    record: firstRecord,
    role: 'starting',
    roleSinceMs: 0,
    right: null,
    lineage: '',
    epochHeard: 0,
    hellos: 0,
    helloFrom: new Map(),
    requests: 0,
    windowUntilMs: 0,
    becameActive: false,
    journal: {
      appended: JOURNAL_START,
      flushed: JOURNAL_START,
      durable: JOURNAL_START,
      applied: JOURNAL_START,
      appliedFurthest: JOURNAL_START,
      applyingTo: null,
      history: [],
      unflushedSinceMs: null,
      frozen: '',
    },
    seeking: noSeeking,
    becoming: null,
    attachment: null,
    serving: noServing,
    arbiter: noArbiter,
    orders: [],
    promotion: null,
    inquired: [],
    haltedBecause: '',
    haltedSpec: '',
    failureTold: false,
  };
}
