/**
 * Looks after the files of a member's journal now and then: begins a new one at midnight, purges those that nobody needs, and
 * tells when room becomes short. What may be purged is decided in mirror/journal-purge.ts; here it is carried out, told and
 * noted. Not for: a full disk itself (the journal freezes), appending.
 */
import type { Clock, FileOperations } from '../host/host.ts';
import type { ReserveFile } from '../host/reserve-file.ts';
import type { Journal, KeptFile } from '../journal/journal.ts';
import { JournalBrokenError } from '../journal/journal.ts';
import { earlier, type JournalPosition } from '../mirror/journal-position.ts';
import { decidePurge, type Holder, type PurgeVerdict } from '../mirror/journal-purge.ts';
import { fullInMs, printSpan, type RoomSample, withSample } from '../mirror/journal-room.ts';
import { diskReserveBytes, journalFullWarnMs } from '../mirror/limits.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { MemberState } from '../mirror/member-state.ts';
import { journalSettings, type MirrorSet } from '../mirror/mirror-set.ts';
import type { JournalReport } from '../mirror/status.ts';
import { isReporting, type MemberType } from '../mirror/terms.ts';
import type { Note } from './decision-notes.ts';
import type { JournalClaims } from './journal-claims.ts';

export interface JournalKeeperParts {
  readonly journal: Journal;
  readonly claims: JournalClaims;
  readonly clock: Clock;
  readonly files: Pick<FileOperations, 'freeBytes'>;
  readonly reserve: ReserveFile;
  readonly state: () => MemberState;
  readonly mirrorSet: () => MirrorSet;
  readonly type: () => MemberType | null;
  /** A reporting async purges as soon as its own databases have everything (SYN-026). */
  readonly purgesAtOnce: () => boolean;
  /** Of each mirrored database that is mounted: everything up to here is durably in it; urgent = bring to the disk what is applied. */
  readonly stored: (isUrgent: boolean) => Promise<ReadonlyMap<string, JournalPosition>>;
  /** Local names of all mirrored databases, mounted or not. */
  readonly databases: () => readonly string[];
  readonly log: WriteLog;
  readonly note: (note: Note) => void;
  /** Files were removed: the rules must know where the journal begins. */
  readonly purged: () => void;
  readonly failed: (error: Error) => void;
}

/** How often it looks, ms. */
const everyMs = 10_000;
/** The loop stands still while a file is removed; what is left goes at the next look. */
const filesAtATime = 4;

export interface Purged {
  readonly files: readonly KeptFile[];
  readonly verdict: PurgeVerdict;
}

export class JournalKeeper {
  readonly #parts: JournalKeeperParts;
  #timer: { cancel(): void } | null = null;
  #stopped = false;
  #samples: readonly RoomSample[] = [];
  #isToldFull = false;
  /** Holders that were told of since the limit came near. */
  #told = new Set<string>();
  #holders: readonly Holder[] = [];

  constructor(parts: JournalKeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#parts.reserve.take(2 * diskReserveBytes);
    this.#lookAtRoom();
    this.#again();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    // What was heard last; without it more is kept than is needed.
    this.#parts.claims.hear(this.#parts.state());
    this.#orSilent(() => this.#parts.claims.save());
  }

  #again(): void {
    this.#timer = this.#parts.clock.after(everyMs, () => {
      this.look().then(
        () => {
          if (!this.#stopped) this.#again();
        },
        (error: Error) => this.#parts.failed(error),
      );
    });
  }

  async look(): Promise<void> {
    this.#lookAtRoom();
    this.#orSilent(() => this.#switchAtMidnight());
    await this.purge();
  }

  /** A disk without room has its own ways to be told of; a journal that is broken ends the process. */
  #orSilent(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof JournalBrokenError) this.#parts.failed(error);
    }
  }

  /** By local time, as the original does. Nothing is begun while the present file has no record. */
  #switchAtMidnight(): void {
    const { journal, clock, mirrorSet, state } = this.#parts;
    const newest = journal.files.at(-1);
    if (newest === undefined || state().role !== 'primary' || !journalSettings(mirrorSet().settings).switchDaily)
      return;
    const isSameDay = new Date(newest.createdMs).toDateString() === new Date(clock.wallMs()).toDateString();
    if (!isSameDay) this.switchFile('the day has changed');
  }

  /**
   * On the primary: begin a new file; null when the present one has no record yet. The others begin it with the next record.
   * @throws JournalFrozenError, JournalBrokenError
   */
  switchFile(because: string): KeptFile | null {
    const { journal, clock, state, note } = this.#parts;
    const newest = journal.files.at(-1);
    if (newest !== undefined && newest.sequence === newest.sequenceBefore) return null;
    journal.startFile(state().record.epoch, clock.wallMs());
    const begun = journal.files.at(-1)!;
    const facts = { epoch: begun.epoch, file: begun.name, because };
    note({ type: 'note', what: 'began a journal file', rules: ['SYN-001'], facts, isAttempt: false });
    return begun;
  }

  /** Decide and carry it out; at most a few files at a time. */
  async purge(): Promise<Purged> {
    const { journal, claims, state } = this.#parts;
    claims.hear(state());
    let stored = await this.#stored(false);
    let verdict = this.#decide(stored);
    if (isHeldByDatabases(verdict, journal.files.at(-1)?.file ?? 0)) {
      stored = await this.#stored(true);
      verdict = this.#decide(stored);
    }
    this.#holders = verdict.holders;
    for (const { member, because } of verdict.lapsed) this.#lapse(member, because);
    this.#tellWhoHolds(verdict);
    claims.rememberDatabases(stored);
    // Before anything is removed: a claim that was taken away must be known to be so.
    this.#orSilent(() => claims.save());
    const oldest = journal.files[0]?.file ?? 0;
    if (this.#stopped || !mayPurge(state()) || verdict.before <= oldest) return { files: [], verdict };
    const files = journal.purge(Math.min(verdict.before, oldest + filesAtATime));
    this.#parts.purged();
    this.#notePurged(files);
    return { files, verdict };
  }

  /** Twice, since what is restored meanwhile stands further back than before. */
  async #stored(isUrgent: boolean): Promise<ReadonlyMap<string, JournalPosition>> {
    const before = await this.#parts.stored(isUrgent);
    const after = new Map(await this.#parts.stored(false));
    for (const [name, at] of before) after.set(name, earlier(at, after.get(name) ?? at));
    for (const name of this.#parts.databases()) {
      const remembered = after.get(name) ?? this.#parts.claims.databaseAt(name);
      if (remembered !== null) after.set(name, remembered);
    }
    return after;
  }

  #decide(stored: ReadonlyMap<string, JournalPosition>): PurgeVerdict {
    const { journal, claims, clock, mirrorSet, state, type, purgesAtOnce, databases } = this.#parts;
    const { files } = journal;
    const own = type();
    return decidePurge({
      files: files.map((file, index) => ({ ...file, endedMs: files[index + 1]?.createdMs ?? null })),
      members: claims.of(mirrorSet(), state()),
      databases: databases().map((database) => ({ database, stored: stored.get(database) ?? null })),
      settings: journalSettings(mirrorSet().settings),
      wallMs: clock.wallMs(),
      isPrimary: state().role === 'primary',
      keepsForOthers: !(own !== null && isReporting(own) && purgesAtOnce()),
    });
  }

  #lapse(member: string, because: string): void {
    const { claims, log, note } = this.#parts;
    claims.lapse(member);
    log('journal-claim-lost', { member, because });
    this.#note(note, `took its claim to journal files from ${member}`, { member, because });
  }

  #tellWhoHolds({ warned, bytes }: PurgeVerdict): void {
    const { log, note, mirrorSet } = this.#parts;
    const names = new Set(warned.map(({ kind, name }) => `${kind} ${name}`));
    for (const told of this.#told) if (!names.has(told)) this.#told.delete(told);
    const { limitBytes, limitDays } = journalSettings(mirrorSet().settings);
    const limits = [
      limitBytes === null ? [] : [`${limitBytes} bytes`],
      limitDays === null ? [] : [`${limitDays} days`],
    ];
    for (const { kind, name, from } of warned) {
      if (this.#told.has(`${kind} ${name}`)) continue;
      this.#told.add(`${kind} ${name}`);
      const [who, consequence] =
        kind === 'database'
          ? [`Database ${name}`, 'mount it, let it catch up, or remove it from the mirror']
          : [`Member ${name}`, 'if it is away when the limit is reached, it loses its claim and must be rebuilt'];
      const what = `the limit is ${limits.flat().join(' and ')}; ${consequence}`;
      log('journal-held-back', { who, file: from, bytes, what });
      this.#note(note, `${who} holds back journal files`, { file: from, bytes });
    }
  }

  #notePurged(files: readonly KeptFile[]): void {
    const [first, last] = [files[0], files.at(-1)];
    if (first === undefined || last === undefined) return;
    const facts = { first: first.file, last: last.file, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
    this.#parts.log('journal-purged', facts);
    this.#note(this.#parts.note, 'purged journal files', { ...facts, upTo: `${last.epoch}/${last.sequence}` });
  }

  #note(note: (note: Note) => void, what: string, facts: Note['facts']): void {
    const { number } = this.#parts.state().record.epoch;
    note({ type: 'note', what, rules: ['SYN-026'], facts: { epoch: number, ...facts }, isAttempt: false });
  }

  #lookAtRoom(): void {
    const { clock, reserve, log } = this.#parts;
    const freeBytes = this.#freeBytes();
    this.#samples = withSample(this.#samples, { atMs: clock.nowMs(), freeBytes });
    // Given up when the disk was full: there is room again.
    if (freeBytes > 4 * diskReserveBytes) this.#orSilent(() => reserve.take(2 * diskReserveBytes));
    const inMs = fullInMs(this.#samples, diskReserveBytes);
    const isSoon = inMs !== null && inMs < journalFullWarnMs;
    if (isSoon && !this.#isToldFull) {
      log('journal-full-soon', { directory: this.#directory(), in: printSpan(inMs), free: freeBytes });
    }
    // Told again only after it was no more so for a while: with twice the time.
    if (isSoon || inMs === null || inMs > 2 * journalFullWarnMs) this.#isToldFull = isSoon;
  }

  #directory(): string {
    return this.#parts.journal.files.at(-1)?.directory ?? this.#parts.journal.directory;
  }

  #freeBytes(): number {
    return this.#parts.files.freeBytes(this.#directory());
  }

  report(): JournalReport {
    const { journal, claims, mirrorSet, state } = this.#parts;
    const { files } = journal;
    const lapsed = claims.of(mirrorSet(), state()).flatMap(({ member, isLapsed }) => (isLapsed ? [member] : []));
    const inMs = fullInMs(this.#samples, diskReserveBytes);
    const { frozen } = state().journal;
    return {
      files: files.length,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      oldest: files[0]?.name ?? null,
      holders: this.#holders,
      lapsed,
      settings: journalSettings(mirrorSet().settings),
      freeBytes: this.#samples.at(-1)?.freeBytes ?? 0,
      fullInMs: inMs,
      frozen: frozen === '' ? null : frozen,
      warnings: warningsOf(lapsed, inMs, frozen),
    };
  }
}

function warningsOf(lapsed: readonly string[], inMs: number | null, frozen: string): readonly string[] {
  const warnings = lapsed.map(
    (member) =>
      `${member} is away and has lost its claim to journal files: unless it comes back soon it must be rebuilt.`,
  );
  if (inMs !== null && inMs < journalFullWarnMs) {
    warnings.push(`The disk of the journal will be full in ${printSpan(inMs)} at the rate of the last minutes.`);
  }
  return frozen === '' ? warnings : [...warnings, `Journaling is frozen: ${frozen}`];
}

/** Nobody else needs the oldest files: then it is worth while to bring to the disk what the databases have in memory. */
function isHeldByDatabases({ holders, before }: PurgeVerdict, newest: number): boolean {
  return before < newest && holders.every(({ kind, from }) => from > before || kind === 'database');
}

/** Not while a role is changing hands, and not where somebody should look at the member first. */
function mayPurge({ role }: MemberState): boolean {
  return role === 'primary' || role === 'attached' || role === 'seeking';
}
