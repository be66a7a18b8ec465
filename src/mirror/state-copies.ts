/**
 * Copies of the state and of its slices, for what happens with every batch of updates: slices are never changed in place. Written out
 * field by field, because a spread (`{ ...slice }`) whose source has had several shapes, as that of every member that has lived for a
 * while, costs ten times as much. A field that is left out does not compile.
 */
import type { Attachment, JournalState, MemberState, Served, Serving } from './member-state.ts';

/** Every field stands there, also one that may be absent. */
type Whole<T> = { [K in keyof Required<T>]: T[K] };

export function copyOfState(state: MemberState): MemberState {
  const copy: Whole<MemberState> = {
    self: state.self,
    mirror: state.mirror,
    failoverMember: state.failoverMember,
    settings: state.settings,
    record: state.record,
    role: state.role,
    roleSinceMs: state.roleSinceMs,
    right: state.right,
    lineage: state.lineage,
    epochHeard: state.epochHeard,
    hellos: state.hellos,
    helloFrom: state.helloFrom,
    requests: state.requests,
    windowUntilMs: state.windowUntilMs,
    becameActive: state.becameActive,
    journal: state.journal,
    seeking: state.seeking,
    becoming: state.becoming,
    attachment: state.attachment,
    serving: state.serving,
    arbiter: state.arbiter,
    orders: state.orders,
    promotion: state.promotion,
    inquired: state.inquired,
    haltedBecause: state.haltedBecause,
    haltedSpec: state.haltedSpec,
    failureTold: state.failureTold,
  };
  return copy;
}

export function copyOfJournal(journal: JournalState): JournalState {
  const copy: Whole<JournalState> = {
    appended: journal.appended,
    flushed: journal.flushed,
    durable: journal.durable,
    applied: journal.applied,
    appliedFurthest: journal.appliedFurthest,
    applyingTo: journal.applyingTo,
    history: journal.history,
    unflushedSinceMs: journal.unflushedSinceMs,
    frozen: journal.frozen,
  };
  return copy;
}

export function copyOfServed(served: Served): Served {
  const copy: Whole<Served> = {
    name: served.name,
    failoverMember: served.failoverMember,
    connection: served.connection,
    lastHeardMs: served.lastHeardMs,
    keepAliveAtMs: served.keepAliveAtMs,
    number: served.number,
    echo: served.echo,
    session: served.session,
    sentTo: served.sentTo,
    ackedTo: served.ackedTo,
    applied: served.applied,
    inFlight: served.inFlight,
    shipping: served.shipping,
    durableTold: served.durableTold,
    setHeard: served.setHeard,
    roundMs: served.roundMs,
  };
  return copy;
}

export function copyOfServing(serving: Serving): Serving {
  const copy: Whole<Serving> = {
    members: serving.members,
    counted: serving.counted,
    ackedByCounted: serving.ackedByCounted,
    trouble: serving.trouble,
    mode: serving.mode,
    modeTerm: serving.modeTerm,
    modeSession: serving.modeSession,
    leaving: serving.leaving,
    enterDeadlineMs: serving.enterDeadlineMs,
    nextEnterMs: serving.nextEnterMs,
    term: serving.term,
    fencing: serving.fencing,
    takeOverSent: serving.takeOverSent,
    handOverDeadlineMs: serving.handOverDeadlineMs,
    hung: serving.hung,
    hungTold: serving.hungTold,
    change: serving.change,
    tellAtMs: serving.tellAtMs,
    roundMs: serving.roundMs,
  };
  return copy;
}

export function copyOfAttachment(attachment: Attachment): Attachment {
  const copy: Whole<Attachment> = {
    to: attachment.to,
    connection: attachment.connection,
    lastHeardMs: attachment.lastHeardMs,
    keepAliveAtMs: attachment.keepAliveAtMs,
    number: attachment.number,
    sentAtMs: attachment.sentAtMs,
    echo: attachment.echo,
    durableTo: attachment.durableTo,
    history: attachment.history,
    activating: attachment.activating,
    mode: attachment.mode,
    modeTerm: attachment.modeTerm,
    windowAllowed: attachment.windowAllowed,
    asking: attachment.asking,
  };
  return copy;
}
