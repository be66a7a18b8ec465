/**
 * A small mirror as plain data: failover members A and B, in some searches an async C, an agent for each, an arbiter X, and
 * everything under way between them. Nothing is changed in place, so that worlds share what they have in common. What a move does to it stands in
 * play.ts, which moves there are in moves.ts, and when two worlds are the same in canonical-key.ts.
 */
import type { ArbiterState } from '../../mirror/arbiter.ts';
import type { EpochBeginning, JournalPosition } from '../../mirror/journal-position.ts';
import { firstRecord, type MemberRecord } from '../../mirror/member-record.ts';
import type { MemberState } from '../../mirror/member-state.ts';
import type { AgentAnswer, DataMessage, FromArbiter, StateQuestion, ToArbiter } from '../../mirror/messages.ts';
import type { MirrorSet } from '../../mirror/mirror-set.ts';
import type { Epoch, FailoverMembers } from '../../mirror/terms.ts';

/** The one moment at which everything happens: time is which deadline "has come" (moves.ts). */
export const now = 1_000_000;
/** Any deadline that has not come. */
export const later = 1_000_000_000;
export const qosTimeoutMs = 8000;

export type Who = 0 | 1 | 2;
export type Host = Who | 3;
export const arbiterHost = 3;
export const hostNames = ['A', 'B', 'C', 'X'] as const;

export function whoIs(name: string): Who {
  return name === 'A' ? 0 : name === 'B' ? 1 : 2;
}

/** A record of the journal, or the header with which an epoch begins. */
export interface Element {
  readonly position: JournalPosition;
  readonly owner: string;
  readonly lineage: string;
  /** The number that a client set; 0 = a header. */
  readonly payload: number;
  /** The journal up to and with this element as a text: two journals are equal up to it exactly when these are. */
  readonly through: string;
}

/** As much of the mirror set as can change here: which of two is newer, and who was taken out. */
export type KnownSet = Required<Pick<MirrorSet, 'epoch' | 'revision' | 'removed'>>;

export const firstSet: KnownSet = { epoch: 0, revision: 1, removed: [] };

export interface Disk {
  readonly set: KnownSet;
  readonly record: MemberRecord;
  readonly journal: readonly Element[];
  /** How many elements are flushed, and how many the databases hold. */
  readonly flushed: number;
  readonly applied: number;
  /** Can the record be read? Without it no process starts; the agent hands out the journal all the same. */
  readonly readable: boolean;
}

export interface Process {
  readonly state: MemberState;
  readonly gate: 'open' | 'held' | 'closed';
  /** Stopped by SIGSTOP: it does nothing, and its connections stay open. */
  readonly hung: boolean;
  /** Completions under way. Everything else that a driver does is done at once. */
  readonly flushing: boolean;
  readonly applyingTo: JournalPosition | null;
  /** One bit for each member that is being dialled to tell it who reigns; the dial of one that seeks stands in its state. */
  readonly showing: number;
  /** Request of a question that the site has not answered yet; 0 = none. */
  readonly siteAsked: number;
  /** Its connection with the arbiter; 0 = none. */
  readonly arbiterConnection: number;
  /** Updates that a client waits for. */
  readonly unanswered: readonly Element[];
  /** The rules have answered that this member is out, and the mirror set still has it. */
  readonly forgetting: string | null;
}

/** One host: it is up or down, its agent and its instance run or not. */
export interface Node {
  readonly up: boolean;
  readonly agent: boolean;
  readonly disk: Disk;
  readonly process: Process | null;
}

export type Frame =
  | {
      readonly kind: 'data';
      readonly incarnation: number;
      readonly epoch: Epoch;
      readonly message: DataMessage;
      readonly elements: readonly Element[];
    }
  | { readonly kind: 'set'; readonly set: KnownSet }
  | { readonly kind: 'to-arbiter'; readonly message: ToArbiter }
  | { readonly kind: 'session'; readonly session: number }
  | { readonly kind: 'from-arbiter'; readonly message: FromArbiter };

/** In order inside each direction, nothing after its end. `ends[0]` opened it. */
export interface Connection {
  readonly id: number;
  readonly ends: readonly [Host, Host];
  readonly open: readonly [boolean, boolean];
  /** What each end has sent and the other has not received. */
  readonly queues: readonly [readonly Frame[], readonly Frame[]];
}

/** The newest question of a member to an agent; an older one to the same agent is lost when a newer one is asked. */
export type Call = { readonly of: Who } & CallContent;

type CallContent =
  | {
      readonly kind: 'question';
      readonly request: number;
      readonly question: StateQuestion;
      readonly epoch: Epoch;
      readonly failoverMembers: FailoverMembers | undefined;
    }
  | { readonly kind: 'answer'; readonly request: number; readonly answer: AgentAnswer }
  | { readonly kind: 'ask-journal' | 'fetch-journal'; readonly request: number; readonly incarnation: number };

/** What the checkers have to remember. */
export interface Past {
  /** The newest reign and its member: the present truth. */
  readonly reign: { readonly epoch: number; readonly owner: Who; readonly lineage: string };
  /** The longest journal that ends with an update whose client was told that it is durable. */
  readonly acknowledged: string;
  /** Whom the present arbiter process has told "the other is gone", and in which period. */
  readonly licence: { readonly period: string; readonly member: string } | null;
  /** A person has forced a takeover (or the resumption of a primary): the promises are weaker from here on. */
  readonly forced: boolean;
}

export interface World {
  readonly nodes: readonly [Node, Node, Node];
  /** Null = its process is down. */
  readonly arbiter: ArbiterState | null;
  readonly connections: readonly Connection[];
  /** Of each member. */
  readonly calls: readonly [readonly Call[], readonly Call[], readonly Call[]];
  /** One bit for each direction of each link that is cut. */
  readonly cut: number;
  /** Numbers never given before. */
  readonly nextConnection: number;
  readonly nextSession: number;
  /** How many updates clients have made, and how many faults are left. */
  readonly updates: number;
  readonly faults: number;
  readonly past: Past;
}

/** In place of C where a mirror has two members only. */
export const nobodyThere: Node = {
  up: false,
  agent: false,
  disk: { set: firstSet, record: firstRecord, journal: [], flushed: 0, applied: 0, readable: true },
  process: null,
};

const pair = [0, 1] as const;
const three = [0, 1, 2] as const;

export function membersOf(world: World): readonly Who[] {
  return world.nodes[2] === nobodyThere ? pair : three;
}

/** The other end of a connection. */
export function otherEnd({ ends }: Connection, end: Host): Host {
  return ends[0] === end ? ends[1] : ends[0];
}

export function callTo(world: World, who: Who, of: Who): Call | undefined {
  return world.calls[who].find((call) => call.of === of);
}

/** Bit of one direction of a link. */
export function directionBit(from: Host, to: Host): number {
  return 1 << (from * 4 + to);
}

export function isCut(world: World, from: Host, to: Host): boolean {
  return (world.cut & directionBit(from, to)) !== 0;
}

export function isLinkUp(world: World, a: Host, b: Host): boolean {
  return !isCut(world, a, b) && !isCut(world, b, a);
}

// Journals.

const start: JournalPosition = { epoch: 0, file: 0, offset: 0, sequence: 0 };

export function positionAt(journal: readonly Element[], count: number): JournalPosition {
  return journal[count - 1]?.position ?? start;
}

export function textOf(journal: readonly Element[], count = journal.length): string {
  return journal[count - 1]?.through ?? '';
}

export function historyOf(journal: readonly Element[]): readonly EpochBeginning[] {
  return journal
    .filter((element) => element.payload === 0)
    .map(({ position, owner, lineage }) => ({ epoch: position.epoch, owner, lineage, begin: position }));
}

/** How many elements stand up to and with this place. */
export function countUpTo(journal: readonly Element[], place: { epoch: number; sequence: number }): number {
  let count = journal.length;
  while (count > 0) {
    const { epoch, sequence } = (journal[count - 1] as Element).position;
    if (epoch < place.epoch || (epoch === place.epoch && sequence <= place.sequence)) return count;
    count -= 1;
  }
  return 0;
}

/** File and offset say nothing more than epoch and sequence, so they are left out. */
export function withHeader(journal: readonly Element[], epoch: Epoch): readonly Element[] {
  const position = { epoch: epoch.number, file: 0, offset: 0, sequence: positionAt(journal, journal.length).sequence };
  const through = `${textOf(journal)}${epoch.number}${epoch.owner}${epoch.lineage}:`;
  return [...journal, { position, owner: epoch.owner, lineage: epoch.lineage, payload: 0, through }];
}

export function withUpdate(journal: readonly Element[], payload: number): readonly Element[] {
  const last = journal[journal.length - 1] as Element;
  const position = { ...last.position, sequence: last.position.sequence + 1 };
  return [...journal, { ...last, position, payload, through: `${last.through}${payload};` }];
}
