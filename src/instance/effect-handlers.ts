/**
 * What each order of the rules does in a real process. One entry per effect type: leaving one out does not compile. Handlers
 * are synchronous up to the point that effects.ts promises; what takes time answers with an event.
 */
import { type Journal, JournalBrokenError, JournalDamagedError, JournalFrozenError } from '../journal/journal.ts';
import type { MemberEffect } from '../mirror/effects.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { shipChunkBytes } from '../mirror/limits.ts';
import type { LogFacts, LogMessage, WriteLog } from '../mirror/log-messages.ts';
import type { MemberRecord } from '../mirror/member-record.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { FailoverMembers, MemberName } from '../mirror/terms.ts';
import type { Applier } from './applier.ts';
import type { ArbiterSession } from './arbiter-session.ts';
import type { Catalog } from './catalog.ts';
import type { Note } from './decision-notes.ts';
import type { EffectHandlers, Untimed } from './driver.ts';
import { JournalFlush } from './journal-flush.ts';
import type { MemberLinks } from './member-links.ts';
import type { PartnerAgent } from './partner-agent.ts';
import type { OrderResult } from './parts.ts';
import type { Site } from './site.ts';
import type { Superserver } from './superserver.ts';

export interface EffectParts {
  readonly journal: Journal;
  readonly links: MemberLinks;
  readonly arbiter: ArbiterSession;
  readonly agent: PartnerAgent;
  readonly catalog: Catalog;
  readonly applier: Applier;
  readonly site: Site;
  readonly superserver: Superserver;
  readonly post: (event: Untimed) => void;
  readonly saveRecord: (record: MemberRecord) => void;
  /** The types of the members follow. */
  readonly failoverMembersChanged: (list: FailoverMembers) => void;
  readonly mirrorSetTold: (set: MirrorSet) => void;
  readonly renewMirrorSet: () => void;
  readonly removalHeard: (member: MemberName) => void;
  readonly wallMs: () => number;
  readonly log: WriteLog;
  readonly note: (note: Note) => void;
  readonly answerOperator: (request: number, result: OrderResult) => void;
  readonly endProcess: (because: string) => void;
  /** Try again after a while (a full disk that may get room). */
  readonly later: (run: () => void) => void;
  readonly after: (ms: number, run: () => void) => void;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** It follows a primary and counts for no decision (FO-003). */
  readonly isAsync: () => boolean;
  /** Damage of a journal file was met while it was read for another member: nothing of it was sent. */
  readonly damaged: (error: JournalDamagedError) => void;
  /** The disk failed: what is on it is unknown, the process must end at once. */
  readonly failed: (error: Error) => void;
}

/** Handlers, and `settle`: the one flush for everything stored or appended since the last. */
export function makeHandlers(parts: EffectParts): { readonly handlers: EffectHandlers; readonly settle: () => void } {
  const { journal, links, arbiter, agent, applier, site, superserver, post } = parts;
  const flush = new JournalFlush({
    journal,
    gathering: () => (parts.isAsync() ? 'in-rounds' : superserver.onlyBuffered ? 'briefly' : 'not'),
    nowMs: parts.nowMs,
    after: (ms, run) => parts.after(ms, run),
    onFlushed: (to) => {
      superserver.flushed(to);
      post({ type: 'journal-flushed', to });
    },
    onFrozen: (reason) => post({ type: 'journal-frozen', reason }),
    failed: parts.failed,
  });

  const handlers: EffectHandlers = {
    'save-record': ({ record }) => parts.saveRecord(record),
    'failover-members': ({ failoverMembers }) => parts.failoverMembersChanged(failoverMembers),
    'mirror-set': ({ mirrorSet }) => parts.mirrorSetTold(mirrorSet),
    'renew-mirror-set': () => parts.renewMirrorSet(),
    'removal-heard': ({ member }) => parts.removalHeard(member),
    dial: ({ to }) => void links.dial(to),
    send: ({ connection, message }) => links.send(connection, message),
    close: ({ connection }) => links.close(connection),
    'open-arbiter': () => void arbiter.open(),
    'close-arbiter': () => arbiter.close(),
    'tell-arbiter': ({ message }) => arbiter.tell(message),
    'ask-agent': (effect) => void agent.ask(effect),
    'ask-journal': (effect) => void agent.askJournal(effect),
    'fetch-journal': (effect) => void agent.fetchJournal(effect),
    'flush-journal': () => flush.want(),
    'ship-journal': (effect) => ship(parts, effect),
    'store-journal': (effect) => {
      if (store(parts, effect)) flush.want();
    },
    'cut-journal': (effect) => cut(parts, effect),
    'start-file': (effect) => startFile(parts, effect),
    'apply-journal': ({ to }) => {
      applier.apply(to);
    },
    'ask-site': (effect) => site.ask(effect),
    'tell-site': (effect) => site.tell(effect),
    'admit-updates': () => superserver.admit(),
    'hold-updates': () => superserver.hold(),
    'refuse-updates': () => superserver.refuse(),
    'answer-clients': ({ to }) => superserver.answered(to),
    'end-process': ({ because }) => parts.endProcess(because),
    // That the facts are those of the message was checked where the rules gave them.
    log: ({ message, facts }) => parts.log(message, ...([facts] as unknown as LogFacts<LogMessage>)),
    note: (effect) => parts.note(effect),
    'answer-operator': ({ request, outcome, reason, text, spec }) =>
      parts.answerOperator(request, { outcome, reason, text, spec }),
  };
  return { handlers, settle: () => flush.settle() };
}

/** Do something with the journal. No room: `onFrozen`, try again later; a failed disk ends the process. */
function guarded<T>(parts: EffectParts, run: () => T, onFrozen: () => void): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof JournalBrokenError) {
      parts.failed(error);
      return undefined;
    }
    if (!(error instanceof JournalFrozenError)) throw error;
    parts.post({ type: 'journal-frozen', reason: error.message });
    onFrozen();
    return undefined;
  }
}

function ship(parts: EffectParts, effect: Extract<MemberEffect, { type: 'ship-journal' }>): void {
  const { connection, from, to, durableTo } = effect;
  const failed = (error: Error): void => {
    if (error instanceof JournalDamagedError) parts.damaged(error);
    parts.post({ type: 'ship-failed', connection, reason: error.message });
  };
  try {
    const chunk = parts.journal.read(from, to, shipChunkBytes);
    if (chunk === null) throw new Error('there is no journal data to send');
    const shipped = (): void =>
      parts.post({ type: 'journal-shipped', connection, to: chunk.to, bytes: chunk.bytes.length });
    const sending = parts.links.sendData(
      connection,
      { type: 'data', from: chunk.from, to: chunk.to, durableTo },
      chunk,
    );
    if (sending === null) shipped();
    else sending.then(shipped, failed);
  } catch (error) {
    failed(error as Error);
  }
}

/** True when there is something to flush. */
function store(parts: EffectParts, effect: Extract<MemberEffect, { type: 'store-journal' }>): boolean {
  const { connection, to } = effect;
  const chunk = parts.links.take(connection, to);
  try {
    if (chunk === undefined) throw new Error('the journal data is not here any more');
    parts.journal.store(chunk);
    return true;
  } catch (error) {
    if (error instanceof JournalBrokenError) parts.failed(error);
    else parts.post({ type: 'store-failed', connection, reason: (error as Error).message, end: parts.journal.end });
    return false;
  }
}

function cut(parts: EffectParts, effect: Extract<MemberEffect, { type: 'cut-journal' }>): void {
  const { journal } = parts;
  const { to, because } = effect;
  const kept = to.sequence === 0 && to.epoch === 0 ? beginning : journal.locate(to.epoch, to.sequence);
  if (kept === null) throw new Error(`the journal has no record ${to.epoch}/${to.sequence} to be cut back to`);
  guarded(
    parts,
    () => {
      const surplus = journal.truncateTo(kept, because);
      parts.catalog.dejournaling.cutTo(journal.end);
      parts.post({
        type: 'journal-cut',
        end: journal.end,
        history: journal.history,
        records: surplus?.records ?? 0,
        keptIn: surplus?.keptIn.join(', ') ?? '',
      });
    },
    () => parts.later(() => cut(parts, effect)),
  );
}

const beginning: JournalPosition = { epoch: 0, file: 0, offset: 0, sequence: 0 };

function startFile(parts: EffectParts, effect: Extract<MemberEffect, { type: 'start-file' }>): void {
  const { journal } = parts;
  guarded(
    parts,
    () => {
      const end = journal.startFile(effect.epoch, parts.wallMs());
      parts.post({ type: 'file-started', end, history: journal.history });
    },
    () => parts.later(() => startFile(parts, effect)),
  );
}
