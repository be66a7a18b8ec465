/**
 * The site's word on the way to becoming primary, and what it is told: the gate of the required databases (FO-004), then its
 * ^ZMIRROR, the module zmirror.mjs in the instance's directory (FO-065..071, FO-091). What the module does, says and
 * writes goes to the messages log; whatever it does, the rules get an answer.
 */
import type { SiteCode, SiteEntry, SiteFacts, SiteResult, SiteRun } from '../host/site-code.ts';
import type { JournalRecord } from '../journal/journal.ts';
import type { MemberEffect, SiteNotice, SiteQuestion } from '../mirror/effects.ts';
import type { MemberEvent } from '../mirror/events.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { MemberState } from '../mirror/member-state.ts';
import type { Right } from '../mirror/terms.ts';
import type { CatalogEntry } from './parts.ts';
import { SiteDesk } from './site-globals.ts';

type Answer = Omit<Extract<MemberEvent, { type: 'site-answered' }>, 'nowMs'>;

export interface SiteParts {
  readonly code: SiteCode;
  /** Path of zmirror.mjs. */
  readonly path: string;
  readonly exists: (path: string) => boolean;
  readonly instance: string;
  readonly mirror: string;
  readonly state: () => MemberState;
  /** FO-004: the first required database that is missing, and why. */
  readonly missing: () => string | null;
  readonly entries: () => readonly CatalogEntry[];
  /** Append to the journal; resolves when it is durable and in the databases. */
  readonly append: (records: readonly JournalRecord[]) => Promise<unknown>;
  readonly post: (answer: Answer) => void;
  readonly log: WriteLog;
}

const specOf = { CanNodeStartToBecomePrimary: 'FO-067', CheckBecomePrimaryOK: 'FO-068' } as const;

export class Site {
  readonly #parts: SiteParts;
  #question: { readonly request: number; readonly run: SiteRun } | null = null;
  readonly #notices = new Set<SiteRun>();
  /** Of the present or last attempt to become primary. */
  #right: Right | null = null;
  #because = '';

  constructor(parts: SiteParts) {
    this.#parts = parts;
  }

  /** Also before the door opens, since a required database may have failed while the journal was applied to it (DB-033). */
  ask({ request, entry, right }: Extract<MemberEffect, { type: 'ask-site' }>): void {
    const spec = specOf[entry];
    const answer = (allowed: boolean, because: string, rule: Answer['spec'] = spec): void =>
      this.#parts.post({ type: 'site-answered', request, allowed, spec: rule, because });
    this.#remember(this.#parts.state());
    const missing = this.#parts.missing();
    if (missing !== null) return answer(false, missing, 'FO-004');
    // A person who forces is the decision that this entry point is there to leave to a person (docs/decisions/0011).
    if (entry === 'CanNodeStartToBecomePrimary' && right === 'force') return answer(true, '');
    const run = this.#run(entry, { right, reason: this.#because }, () => this.#writeRefusal(entry, request));
    if (run === null) return answer(true, '');
    this.#question = { request, run };
    void run.result.then((result) => {
      const refusal = this.#judge(entry, result);
      if (this.#question?.request === request) this.#question = null;
      answer(refusal === null, refusal ?? '');
    });
  }

  /** Nobody waits for it (FO-069, FO-070). */
  tell({ entry }: Extract<MemberEffect, { type: 'tell-site' }>): void {
    const isFailure = entry === 'NotifyBecomePrimaryFailed';
    const { becoming, seeking } = this.#parts.state();
    const failure = becoming?.refusal?.because ?? seeking.lastFailure;
    const facts = { right: isFailure ? null : this.#right, reason: isFailure ? failure : this.#because };
    const run = this.#run(entry, facts, () => 'updates are allowed in CheckBecomePrimaryOK only (FO-066)');
    if (run === null) return;
    this.#notices.add(run);
    void run.result.then((result) => {
      this.#notices.delete(run);
      this.#logResult(entry, result);
    });
  }

  /** After each step: a question that the rules do not wait for any more is ended. */
  onStep(state: MemberState): void {
    this.#remember(state);
    const asked = this.#question;
    if (asked === null || state.becoming?.request === asked.request) return;
    this.#question = null;
    asked.run.end();
  }

  /** The member has ended. */
  close(): void {
    this.#question?.run.end();
    for (const run of this.#notices) run.end();
  }

  #remember({ becoming, right }: MemberState): void {
    if (becoming === null) return;
    this.#right = right;
    this.#because = becoming.because;
  }

  /** Null: there is no module (FO-071). */
  #run(entry: SiteEntry, facts: Pick<SiteFacts, 'right' | 'reason'>, refusal: () => string | null): SiteRun | null {
    const { code, path, exists, instance, mirror, state, entries, append, log } = this.#parts;
    if (!exists(path)) return null;
    const desk = new SiteDesk({ entries, append, refusal, isPrimary: () => state().role === 'primary' });
    const run = code.run({
      path,
      entry,
      facts: { instance, mirror, ...facts },
      answer: (request) => desk.answer(request),
      onOutput: (stream, line) => log(stream === 'stdout' ? 'site-output' : 'site-error-output', { entry, line }),
    });
    void run.result.then(() => desk.close());
    return run;
  }

  /** FO-066. The request is looked at too: a thread whose question is not waited for any more may not write. */
  #writeRefusal(entry: SiteQuestion, request: number): string | null {
    const { becoming } = this.#parts.state();
    if (entry !== 'CheckBecomePrimaryOK') return 'updates are allowed in CheckBecomePrimaryOK only (FO-066)';
    return becoming?.request === request ? null : 'this call is not waited for any more';
  }

  /** Null = yes. */
  #judge(entry: SiteQuestion, result: SiteResult): string | null {
    this.#logResult(entry, result);
    if (result.how === 'absent') return null;
    if (result.how === 'let go') return 'it is not waited for any more';
    if (result.how === 'failed') return `${entry} of zmirror.mjs ${result.why}`;
    if (result.allows === null) return `${entry} of zmirror.mjs returned ${result.value}, which is neither 1 nor 0`;
    return result.allows ? null : `${entry} of zmirror.mjs returned 0`;
  }

  #logResult(entry: SiteQuestion | SiteNotice, result: SiteResult): void {
    const { log } = this.#parts;
    const isQuestion = entry in specOf;
    if (result.how === 'absent') {
      log('site-absent', { entry, counts: isQuestion ? ', which counts as 1' : '' });
    } else if (result.how === 'let go') {
      log('site-let-go', { entry });
    } else if (result.how === 'failed') {
      const { why, tookMs } = result;
      log('site-failed', { entry, why, tookMs, counts: isQuestion ? '; that counts as 0' : '' });
    } else {
      const { value, tookMs } = result;
      const isNeither = isQuestion && result.allows === null;
      log(isNeither ? 'site-returned-neither' : 'site-returned', { entry, value, tookMs });
    }
  }
}
