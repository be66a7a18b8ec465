/**
 * The arbiter: a witness, not a judge of roles. It keeps nothing on disk; after its restart there is no period until both
 * members have entered a new one (I5). Once it has told one member of a period "the other is gone", the other hears "taken".
 */
import { silenceShareOfQos } from './limits.ts';
import type { FromArbiter, ToArbiter } from './messages.ts';
import { type Epoch, type MemberName, type MirrorName, sameEpoch } from './terms.ts';

export interface ArbiterSession {
  readonly session: number;
  readonly connection: number;
  readonly mirror: MirrorName;
  readonly member: MemberName;
  readonly qosTimeoutMs: number;
  readonly lastHeardMs: number;
}

/** One unbroken time in which a primary and its active backup are both here in arbiter controlled mode. */
export interface Period {
  readonly epoch: Epoch;
  readonly term: number;
  /** The two sessions it is bound to; it ends with neither, but licenses only them. */
  readonly sessions: readonly [number, number];
  /** Session that holds the licence; 0 = nobody asked yet. */
  readonly licensed: number;
  /** Questions that wait for the called member's answer, or its end: session that asked. */
  readonly asking: readonly number[];
}

export interface ArbiterState {
  readonly sessions: readonly ArbiterSession[];
  readonly periods: ReadonlyMap<MirrorName, Period>;
  readonly nextSession: number;
}

export type ArbiterEvent = { readonly nowMs: number } & (
  | {
      readonly type: 'opened';
      readonly connection: number;
      readonly mirror: MirrorName;
      readonly member: MemberName;
      readonly qosTimeoutMs: number;
    }
  | { readonly type: 'message'; readonly connection: number; readonly message: ToArbiter }
  | { readonly type: 'closed'; readonly connection: number }
  | { readonly type: 'woke' }
);

export type ArbiterEffect =
  | { readonly type: 'welcome'; readonly connection: number; readonly session: number }
  | { readonly type: 'tell'; readonly connection: number; readonly message: FromArbiter }
  | { readonly type: 'close'; readonly connection: number; readonly reason: string }
  | {
      readonly type: 'note';
      readonly what: string;
      readonly rules: readonly string[];
      readonly facts: Readonly<Record<string, string | number | boolean | null>>;
    };

/** `firstSession` differs at each start of the process, so that a session of an earlier life is never taken for a present one. */
export function initialArbiter(firstSession: number): ArbiterState {
  return { sessions: [], periods: new Map(), nextSession: firstSession };
}

interface Working {
  sessions: ArbiterSession[];
  periods: Map<MirrorName, Period>;
  nextSession: number;
  readonly effects: ArbiterEffect[];
  readonly nowMs: number;
}

export function stepArbiter(
  before: ArbiterState,
  event: ArbiterEvent,
): { readonly state: ArbiterState; readonly effects: readonly ArbiterEffect[] } {
  const work: Working = {
    sessions: [...before.sessions],
    periods: new Map(before.periods),
    nextSession: before.nextSession,
    effects: [],
    nowMs: event.nowMs,
  };
  switch (event.type) {
    case 'opened':
      onOpened(work, event);
      break;
    case 'message':
      onMessage(work, event.connection, event.message);
      break;
    case 'closed':
      noteClosed(work, event.connection);
      loseSession(work, event.connection);
      break;
    case 'woke':
      break;
    default:
      event satisfies never;
  }
  dropSilent(work);
  return {
    state: { sessions: work.sessions, periods: work.periods, nextSession: work.nextSession },
    effects: work.effects,
  };
}

/** When `woke` is wanted next; null = never. */
export function nextArbiterWakeMs(state: ArbiterState): number | null {
  const times = state.sessions.map((entry) => entry.lastHeardMs + entry.qosTimeoutMs * silenceShareOfQos);
  return times.length === 0 ? null : Math.min(...times);
}

function noteClosed(work: Working, connection: number): void {
  const entry = work.sessions.find((candidate) => candidate.connection === connection);
  if (entry === undefined) return;
  note(work, entry, `lost ${entry.member}`, ['FO-013'], { reason: 'its connection is closed', session: entry.session });
}

function tell(work: Working, entry: ArbiterSession, message: FromArbiter): void {
  work.effects.push({ type: 'tell', connection: entry.connection, message });
}

function otherOf(work: Working, entry: ArbiterSession): ArbiterSession | undefined {
  return work.sessions.find((candidate) => candidate.mirror === entry.mirror && candidate.member !== entry.member);
}

function onOpened(work: Working, event: Extract<ArbiterEvent, { type: 'opened' }>): void {
  const older = work.sessions.find((entry) => entry.mirror === event.mirror && entry.member === event.member);
  if (older !== undefined) {
    work.effects.push({ type: 'close', connection: older.connection, reason: 'replaced by a newer session' });
    loseSession(work, older.connection);
  }
  const session = work.nextSession;
  work.nextSession += 1;
  const { connection, mirror, member, qosTimeoutMs } = event;
  work.sessions.push({ session, connection, mirror, member, qosTimeoutMs, lastHeardMs: work.nowMs });
  work.effects.push({ type: 'welcome', connection, session });
  note(work, { mirror }, `${member} has a session`, ['FO-033'], { session });
  tellBoth(work, mirror);
}

/** Both members always know whether the other one is here (MON-019). */
function tellBoth(work: Working, mirror: MirrorName): void {
  for (const entry of work.sessions.filter((candidate) => candidate.mirror === mirror)) {
    tell(work, entry, { type: 'keep-alive', otherConnected: otherOf(work, entry) !== undefined });
  }
}

function onMessage(work: Working, connection: number, message: ToArbiter): void {
  const entry = work.sessions.find((candidate) => candidate.connection === connection);
  if (entry === undefined) return;
  work.sessions = work.sessions.map((candidate) =>
    candidate === entry ? { ...entry, lastHeardMs: work.nowMs } : candidate,
  );
  switch (message.type) {
    case 'keep-alive':
      tell(work, entry, { type: 'keep-alive', otherConnected: otherOf(work, entry) !== undefined });
      return;
    case 'enter':
      return onEnter(work, entry, message);
    case 'peer-lost':
      return onPeerLost(work, entry, message);
    case 'here':
      return answerQuestionsAbout(work, entry, message);
    case 'left-notice': {
      const others = work.sessions.filter(({ mirror, member }) => mirror === entry.mirror && member !== entry.member);
      for (const each of others) tell(work, each, message);
      const other = others[0];
      note(work, entry, `${entry.member} sends word that it is not active`, ['FO-035', 'FO-040'], {
        passedOnTo: other?.member ?? null,
        ...periodFacts(message),
      });
      return;
    }
    default:
      message satisfies never;
  }
}

function onEnter(work: Working, entry: ArbiterSession, message: Extract<ToArbiter, { type: 'enter' }>): void {
  const { epoch, term } = message;
  const other = work.sessions.find(
    (candidate) => candidate.mirror === entry.mirror && candidate.session === message.otherSession,
  );
  // A period is entered once: a second time would forget whom it licensed (I5).
  const present = work.periods.get(entry.mirror);
  const known = present !== undefined && sameEpoch(present.epoch, epoch) && present.term >= term;
  if (known || other === undefined || other === entry || entry.session !== message.session) {
    tell(work, entry, { type: 'refused', epoch, term });
    noteRefusal(work, entry, message, known);
    return;
  }
  work.periods.set(entry.mirror, { epoch, term, sessions: [entry.session, other.session], licensed: 0, asking: [] });
  tell(work, entry, { type: 'entered', epoch, term });
  tell(work, other, { type: 'entered', epoch, term });
  note(work, entry, 'arbiter controlled mode entered', ['FO-028'], {
    primary: entry.member,
    backup: other.member,
    ...periodFacts(message),
  });
}

function noteRefusal(
  work: Working,
  entry: ArbiterSession,
  message: Extract<ToArbiter, { type: 'enter' }>,
  isEntered: boolean,
): void {
  const because = isEntered
    ? 'it was entered once before'
    : 'one of the two sessions named is not the present one of its member';
  const { session, otherSession } = message;
  const seen = {
    session,
    presentSession: entry.session,
    otherSession,
    presentOther: otherOf(work, entry)?.session ?? null,
  };
  note(work, entry, `refused ${entry.member} arbiter controlled mode`, ['FO-028'], {
    because,
    ...seen,
    ...periodFacts(message),
  });
}

/**
 * FO-030, FO-034, FO-039: a member lost the other. Answered only on evidence newer than the question: the other is called and
 * answers. One that is heard and hears nothing cannot serve, and being heard must not keep the asker from taking over.
 */
function onPeerLost(work: Working, entry: ArbiterSession, message: Extract<ToArbiter, { type: 'peer-lost' }>): void {
  const { epoch, term } = message;
  const period = work.periods.get(entry.mirror);
  const known = period !== undefined && period.term === term && sameEpoch(period.epoch, epoch);
  if (!known || !period.sessions.includes(entry.session)) {
    tell(work, entry, { type: 'never', epoch, term });
    note(work, entry, `told ${entry.member} nothing about the other member`, ['FO-036', 'FO-041'], {
      because: 'this arbiter does not know the mode it was asked about',
      knownTerm: period?.term ?? null,
      ...periodFacts(message),
    });
    return;
  }
  if (period.licensed !== 0) {
    const isHolder = period.licensed === entry.session;
    tell(work, entry, { type: isHolder ? 'gone' : 'taken', epoch, term });
    note(
      work,
      entry,
      `told ${entry.member} ${isHolder ? 'again that the other member is gone' : 'that it was called gone'}`,
      isHolder ? ['FO-034', 'FO-039'] : ['FO-036', 'FO-040'],
      {
        because: isHolder ? 'it was told so before' : 'the other member was told to go on without it',
        ...periodFacts(message),
      },
    );
    return;
  }
  const otherSession = period.sessions.find((session) => session !== entry.session);
  const other = work.sessions.find((candidate) => candidate.session === otherSession);
  if (other === undefined) return license(work, entry, period);
  tell(work, other, { type: 'call', epoch, term });
  work.periods.set(entry.mirror, { ...period, asking: [...period.asking, entry.session] });
}

function license(work: Working, entry: ArbiterSession, period: Period): void {
  work.periods.set(entry.mirror, { ...period, licensed: entry.session, asking: [] });
  tell(work, entry, { type: 'gone', epoch: period.epoch, term: period.term });
  note(work, entry, `told ${entry.member} that the other member is gone`, ['FO-034', 'FO-039'], {
    session: entry.session,
    ...periodFacts(period),
  });
}

type NoteEffect = Extract<ArbiterEffect, { type: 'note' }>;

/** Every answer about the other member, and every refusal, with what the arbiter saw. */
function note(
  work: Working,
  { mirror }: Pick<ArbiterSession, 'mirror'>,
  what: string,
  rules: readonly string[],
  facts: NoteEffect['facts'],
): void {
  work.effects.push({ type: 'note', what, rules, facts: { mirror, ...facts } });
}

function periodFacts({ epoch, term }: Pick<Period, 'epoch' | 'term'>): NoteEffect['facts'] {
  return { epoch: epoch.number, term };
}

/** `entry` has answered a call, so it lives and hears: whoever asked about it hears "present". */
function answerQuestionsAbout(
  work: Working,
  entry: ArbiterSession,
  { epoch, term }: Extract<ToArbiter, { type: 'here' }>,
): void {
  const period = work.periods.get(entry.mirror);
  if (period?.term !== term || !sameEpoch(period.epoch, epoch) || !period.sessions.includes(entry.session)) return;
  const asker = period.asking.find((session) => session !== entry.session);
  if (asker === undefined) return;
  work.periods.set(entry.mirror, { ...period, asking: period.asking.filter((session) => session !== asker) });
  const asking = work.sessions.find((candidate) => candidate.session === asker);
  if (asking === undefined) return;
  tell(work, asking, { type: 'present', epoch: period.epoch, term: period.term });
  note(work, entry, `told ${asking.member} that ${entry.member} is connected`, ['FO-035', 'FO-040'], {
    session: entry.session,
    ...periodFacts(period),
  });
}

function loseSession(work: Working, connection: number): void {
  const lost = work.sessions.find((entry) => entry.connection === connection);
  if (lost === undefined) return;
  work.sessions = work.sessions.filter((entry) => entry !== lost);
  const period = work.periods.get(lost.mirror);
  const asker = work.sessions.find((entry) => period?.asking.includes(entry.session) && entry.session !== lost.session);
  if (period !== undefined) {
    const asking = period.asking.filter((session) => session !== lost.session);
    work.periods.set(lost.mirror, { ...period, asking });
    if (asker !== undefined && period.licensed === 0) license(work, asker, { ...period, asking });
  }
  tellBoth(work, lost.mirror);
}

/** FO-013. */
function dropSilent(work: Working): void {
  for (const entry of [...work.sessions]) {
    if (work.nowMs - entry.lastHeardMs < entry.qosTimeoutMs * silenceShareOfQos) continue;
    work.effects.push({ type: 'close', connection: entry.connection, reason: 'silent beyond the QoS timeout' });
    const silentForMs = Math.round(work.nowMs - entry.lastHeardMs);
    note(work, entry, `lost ${entry.member}`, ['FO-013'], { reason: 'silent beyond the QoS timeout', silentForMs });
    loseSession(work, entry.connection);
  }
}
