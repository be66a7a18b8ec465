/** The instance's member of a mirror: the rules in their driver, and the adapters they give orders to. */

import { randomUUID } from 'node:crypto';
import type { Clock, EventsLog, FileOperations, RecordFiles } from '../host/host.ts';
import type { ReserveFile } from '../host/reserve-file.ts';
import type { SiteCode } from '../host/site-code.ts';
import type { Journal, JournalDamagedError, JournalRecord } from '../journal/journal.ts';
import type { CompressionType } from '../mirror/compression.ts';
import type { MemberSettings, OperatorCommand } from '../mirror/events.ts';
import { settingsOf } from '../mirror/failover-members.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { logText } from '../mirror/log-messages.ts';
import { firstRecord, type MemberRecord } from '../mirror/member-record.ts';
import { initialState, type MemberState } from '../mirror/member-state.ts';
import type { Envelope } from '../mirror/messages.ts';
import { type Address, type MirrorSet, memberNamed } from '../mirror/mirror-set.ts';
import { isFetching } from '../mirror/promotion-journals.ts';
import type { ClockOffsetReport, CompressionReport, MemberReport } from '../mirror/status.ts';
import type { FailoverMembers, MemberName } from '../mirror/terms.ts';
import type { BlockCodec } from '../network/block-codec.ts';
import type { Connection, Network } from '../network/network.ts';
import type { Notice } from '../protocol/member-channel.ts';
import { makeOpen, type Open } from '../protocol/opening.ts';
import { Applier } from './applier.ts';
import { ArbiterSession } from './arbiter-session.ts';
import type { Catalog } from './catalog.ts';
import { Comparison } from './comparison.ts';
import { DecisionNotes } from './decision-notes.ts';
import { Driver } from './driver.ts';
import { makeHandlers } from './effect-handlers.ts';
import { JournalClaims, readToldClaims } from './journal-claims.ts';
import { frozenRetryMs } from './journal-flush.ts';
import { JournalKeeper } from './journal-keeper.ts';
import { LinkClocks } from './link-clocks.ts';
import { MemberLinks } from './member-links.ts';
import { PartnerAgent } from './partner-agent.ts';
import type { MirrorMember, OrderResult } from './parts.ts';
import { missingAtStartup } from './required-databases.ts';
import { Site } from './site.ts';
import type { Superserver } from './superserver.ts';

export interface RunningMemberParts {
  readonly self: MemberName;
  readonly instance: string;
  readonly journal: Journal;
  readonly record: MemberRecord;
  readonly recordPath: string;
  readonly verificationPath: string;
  readonly records: RecordFiles;
  /** What members have of the journal, remembered. */
  readonly claimsPath: string;
  readonly files: Pick<FileOperations, 'freeBytes'>;
  readonly reserve: ReserveFile;
  readonly purgesAtOnce: () => boolean;
  readonly catalog: Catalog;
  readonly superserver: Superserver;
  readonly network: Network;
  readonly codec: BlockCodec;
  readonly clock: Clock;
  readonly events: EventsLog;
  readonly site: SiteCode;
  /** The site's module, where there is one. */
  readonly sitePath: string;
  readonly exists: (path: string) => boolean;
  readonly log: (severity: 0 | 1 | 2 | 3, category: string, text: string) => void;
  readonly mirrorSet: () => MirrorSet;
  /** A newer mirror set was received from the primary. */
  readonly onMirrorSet: (set: MirrorSet) => void;
  /** The connection with the primary was rebuilt. */
  readonly onContact: () => void;
  /** FO-078, FO-087: the types of the members follow the record. */
  readonly onFailoverMembers: (list: FailoverMembers) => void;
  /** Rows of the members as this primary sees them, for the others. */
  readonly rows: () => readonly MemberReport[];
  readonly endProcess: (because: string) => void;
  readonly failed: (error: Error) => void;
}

/** How often a primary tells the others about each other (MON-022), ms. */
const rowsPeriodMs = 1000;

export class RunningMember implements MirrorMember {
  readonly #parts: RunningMemberParts;
  readonly #driver: Driver;
  readonly #links: MemberLinks;
  readonly #arbiter: ArbiterSession;
  readonly #clocks: LinkClocks;
  readonly #site: Site;
  readonly #notes: DecisionNotes;
  /** Places in journal files that are known to be damaged. */
  readonly #damage = new Set<string>();
  readonly #claims: JournalClaims;
  readonly keeper: JournalKeeper;
  readonly comparison: Comparison;
  readonly #orders = new Map<number, (result: OrderResult) => void>();
  /** What was appended here, for the set of databases or by the site, and is not yet in the databases. */
  #recordWaits: {
    readonly to: JournalPosition;
    readonly done: (to: JournalPosition) => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  #request = 0;
  /** Arbiter and QoS timeout of the present session. */
  #session = '';
  #rows: readonly MemberReport[] | null = null;
  /** When they came. */
  #rowsAtMs = 0;
  /** Connection with the primary in the present contact; rows of an older one are let go. */
  #contact = 0;
  #rowsDueMs = 0;
  /** On the primary: members served at the last step, and when others were lost (wall clock, ms). */
  #members: MemberState['serving']['members'] = new Map();
  readonly #lostMs = new Map<MemberName, number>();
  #situation = 1;
  /** The state at the last step. */
  #situationOf: MemberState | null = null;
  newestReceivedMs = 0;

  constructor(parts: RunningMemberParts) {
    this.#parts = parts;
    const { network, clock } = parts;
    this.#clocks = new LinkClocks({ clock, events: parts.events, member: parts.self });
    const shared = {
      network,
      timers: clock,
      timeoutMs: () => this.#qosTimeoutMs(),
      post: this.#post,
      clocks: this.#clocks,
    };
    this.#links = new MemberLinks({
      ...shared,
      envelope: () => this.#envelope(),
      open: () => this.#open('data'),
      codec: parts.codec,
      mirrorSet: parts.mirrorSet,
      addressesOf: (name) => this.#dataAddresses(name),
      onNotice: (from, notice) => this.#onNotice(from, notice),
    });
    this.#arbiter = new ArbiterSession({
      ...shared,
      open: () => this.#open('arbiter'),
      address: () => parts.mirrorSet().settings.arbiter,
    });
    this.#notes = new DecisionNotes({ events: parts.events, member: parts.self, wallMs: () => clock.wallMs() });
    this.#site = this.#makeSite();
    this.comparison = this.#makeComparison();
    const { handlers, settle } = this.#handlers(this.#applier(), this.#partnerAgent());
    const failoverMember = memberNamed(parts.mirrorSet(), parts.self)?.type === 'Failover';
    this.#driver = new Driver(initialState(parts.self, parts.mirrorSet().name, failoverMember), {
      handlers,
      clock,
      settle,
      onStep: (state) => this.#onStep(state),
      afterMessages: (run) => void setImmediate(run),
    });
    this.#claims = new JournalClaims({
      self: parts.self,
      records: parts.records,
      path: parts.claimsPath,
      log: (text) => parts.log(1, 'Utility.Event', text),
    });
    this.keeper = this.#makeKeeper();
  }

  readonly #post = (event: Parameters<Driver['post']>[0]): void => this.#driver.post(event);

  #qosTimeoutMs(): number {
    return this.#parts.mirrorSet().settings.qosTimeoutMs;
  }

  #partnerAgent(): PartnerAgent {
    const { network, clock, journal, self, mirrorSet } = this.#parts;
    return new PartnerAgent({
      network,
      timers: clock,
      mirror: mirrorSet().name,
      open: () => this.#open('agent'),
      definition: (name) => memberNamed(mirrorSet(), name),
      timeoutMs: () => this.#qosTimeoutMs(),
      self,
      journal,
      post: this.#post,
      isWanted: (request) => isFetching(this.state, request),
    });
  }

  #makeKeeper(): JournalKeeper {
    const { journal, clock, files, reserve, mirrorSet, self, catalog, log, failed } = this.#parts;
    return new JournalKeeper({
      journal,
      claims: this.#claims,
      clock,
      files,
      reserve,
      state: () => this.state,
      mirrorSet,
      type: () => memberNamed(mirrorSet(), self)?.type ?? null,
      purgesAtOnce: this.#parts.purgesAtOnce,
      stored: (isUrgent) => catalog.stored(isUrgent),
      databases: () =>
        catalog
          .entries()
          .filter(({ attribute }) => attribute === undefined || attribute.mirror === mirrorSet().name)
          .flatMap(({ configuration: { name, mirrorDatabase } }) => (mirrorDatabase === null ? [] : [name])),
      log: (message, facts) => {
        const { severity, category, text } = logText(message, facts);
        log(severity, category, text);
      },
      note: (note) => this.#notes.take(note),
      purged: () => this.#post({ type: 'journal-purged', history: journal.history }),
      failed,
    });
  }

  #applier(): Applier {
    const { catalog, superserver, clock, failed } = this.#parts;
    const applier = new Applier({
      apply: (to) => catalog.apply(to),
      clock,
      isUrgent: () => this.state.role === 'becoming' || superserver.readsWait,
      onApplied: (to) => {
        superserver.applied(to, catalog.applied ?? to);
        this.#post({ type: 'databases-applied', to });
      },
      failed,
    });
    superserver.onReadWaits(() => applier.hurry());
    return applier;
  }

  #makeSite(): Site {
    const { site, sitePath, exists, instance, mirrorSet, catalog, log } = this.#parts;
    return new Site({
      code: site,
      path: sitePath,
      exists,
      instance,
      mirror: mirrorSet().name,
      state: () => this.state,
      missing: () => missingAtStartup(catalog.entries()),
      entries: () => catalog.entries(),
      append: (records) => this.#append(records),
      post: this.#post,
      log,
    });
  }

  #makeComparison(): Comparison {
    const { self, records, verificationPath: path, catalog, mirrorSet, clock, log } = this.#parts;
    return new Comparison({
      self,
      records,
      path,
      copies: () => catalog.exact(),
      mirrorSet,
      append: (appended) => this.#append(appended),
      state: () => this.state,
      notify: (connection, notice) => this.#links.notify(connection, notice),
      clock,
      log,
    });
  }

  #handlers(applier: Applier, agent: PartnerAgent): ReturnType<typeof makeHandlers> {
    const { journal, catalog, superserver, clock, log, endProcess, failed } = this.#parts;
    return makeHandlers({
      journal,
      links: this.#links,
      arbiter: this.#arbiter,
      agent,
      catalog,
      applier,
      site: this.#site,
      superserver,
      post: this.#post,
      saveRecord: (record) => this.#saveRecord(record),
      failoverMembersChanged: this.#parts.onFailoverMembers,
      wallMs: () => clock.wallMs(),
      log,
      note: (note) => this.#notes.take(note),
      answerOperator: (request, result) => this.#answer(request, result),
      endProcess,
      later: (run) => void clock.after(frozenRetryMs, run),
      after: (ms, run) => void clock.after(ms, run),
      damaged: (error) => this.#tellDamage(error),
      failed,
    });
  }

  /** Once for each place: the member that lacks these data asks again and again. */
  #tellDamage({ file, offset, message }: JournalDamagedError): void {
    const place = `${file} ${offset}`;
    if (this.#damage.has(place)) return;
    this.#damage.add(place);
    const { severity, category, text } = logText('journal-damaged', { text: message });
    this.#parts.log(severity, category, text);
    const facts = { file, offset, epoch: this.state.record.epoch.number };
    this.#notes.take({
      type: 'note',
      what: 'found a damaged journal file',
      rules: ['SYN-007'],
      facts,
      isAttempt: false,
    });
  }

  start(): void {
    const { journal, catalog, record } = this.#parts;
    this.#session = this.#sessionTerms();
    const { applied, furthest } = catalog.follow(journal);
    this.#driver.post({
      type: 'started',
      record,
      settings: this.#settings(),
      journalEnd: journal.end,
      history: journal.history,
      applied,
      appliedFurthest: furthest,
      lineage: randomUUID(),
    });
    this.#driver.post({ type: 'woke' });
    this.keeper.start();
  }

  get state(): MemberState {
    return this.#driver.state;
  }

  get journal(): Journal {
    return this.#parts.journal;
  }

  get situation(): number {
    return this.#situation;
  }

  get newestAppliedMs(): number {
    return this.#parts.catalog.newestAppliedMs;
  }

  received(): { readonly networkBytes: number; readonly journalBytes: number } {
    return { networkBytes: this.#links.networkBytes, journalBytes: this.#links.journalBytes };
  }

  clockOffsets(): readonly ClockOffsetReport[] {
    return this.#clocks.offsets;
  }

  /** They have grown older since the primary told them. */
  memberRows(): readonly MemberReport[] | null {
    const heldMs = Math.round(this.#parts.clock.nowMs() - this.#rowsAtMs);
    return this.#rows?.map((row) => (row.ageMs === undefined ? row : { ...row, ageMs: row.ageMs + heldMs })) ?? null;
  }

  compressionOf(member: MemberName): CompressionReport | null {
    const { role, serving } = this.state;
    const served = role === 'primary' ? serving.members.get(member) : undefined;
    if (served !== undefined) return this.#links.compressionOf(served.connection);
    return this.#rows?.find((row) => row.name === member)?.compression ?? null;
  }

  lostMsOf(member: MemberName): number | null {
    return this.#lostMs.get(member) ?? null;
  }

  async order(order: OperatorCommand): Promise<OrderResult> {
    this.#request += 1;
    const request = this.#request;
    return await new Promise<OrderResult>((resolve) => {
      this.#orders.set(request, resolve);
      this.#driver.post({ type: 'operator', request, order });
    });
  }

  leave(by: MemberName, removeAttribute: boolean): void {
    this.#driver.post({ type: 'removed', by, removeAttribute });
  }

  #answer(request: number, result: OrderResult): void {
    this.#orders.get(request)?.(result);
    this.#orders.delete(request);
  }

  async changeDatabaseSet(
    kind: 'database-added' | 'database-removed',
    database: string,
    fromEmpty: boolean,
  ): Promise<JournalPosition> {
    const { superserver } = this.#parts;
    if (this.state.role !== 'primary') throw new Error('only the primary changes the set of mirrored databases');
    superserver.appendTaken();
    const value = new Uint8Array([fromEmpty ? 1 : 0]);
    return await this.#append([{ kind, database, key: new Uint8Array(0), value }]);
  }

  /** Resolves when it is durable and in the databases. */
  async #append(records: readonly JournalRecord[]): Promise<JournalPosition> {
    const { journal, clock } = this.#parts;
    const to = journal.append(records, clock.wallMs());
    return await new Promise<JournalPosition>((done, fail) => {
      this.#recordWaits.push({ to, done, fail });
      this.appended(to);
    });
  }

  /** Records were appended to the journal here. */
  appended(to: JournalPosition): void {
    this.#driver.post({ type: 'journal-appended', to });
  }

  mirrorSetChanged(set: MirrorSet): void {
    this.#settingsChanged();
    for (const { connection } of this.state.serving.members.values())
      this.#links.notify(connection, { mirrorSet: set });
  }

  /** Another member opened a data channel. */
  acceptData(connection: Connection, member: MemberName, unpacks: readonly CompressionType[]): void {
    this.#links.accept(connection, member, unpacks);
  }

  /** Leave everything as it is and take no event any more. */
  stop(): void {
    this.keeper.stop();
    this.#driver.stop();
    this.#site.close();
    this.comparison.close();
    this.#arbiter.close();
    this.#links.closeAll();
  }

  /** A session belongs to one arbiter and tells it one QoS timeout: where either changes, a new one is opened (CFG-045). */
  #settingsChanged(): void {
    this.#driver.post({ type: 'settings-changed', settings: this.#settings() });
    const terms = this.#sessionTerms();
    if (terms === this.#session) return;
    this.#session = terms;
    if (this.state.arbiter.state === 'off') return;
    this.#arbiter.close();
    this.#driver.post({ type: 'arbiter-closed', reason: 'the settings of the arbiter were changed' });
  }

  #sessionTerms(): string {
    const { arbiter, qosTimeoutMs } = this.#parts.mirrorSet().settings;
    return arbiter === null ? '' : `${arbiter.host}:${arbiter.port} ${qosTimeoutMs}`;
  }

  #envelope(): Envelope {
    const { record } = this.state;
    return { from: this.#parts.self, incarnation: record.incarnation, epoch: record.epoch };
  }

  #open(channel: 'data' | 'arbiter' | 'agent'): Open {
    const set = this.#parts.mirrorSet();
    return makeOpen({
      channel,
      mirror: set.name,
      member: this.#parts.self,
      instance: this.#parts.instance,
      incarnation: this.state.record.incarnation,
      epoch: this.state.record.epoch,
      qosTimeoutMs: set.settings.qosTimeoutMs,
      knows: set,
      ...(channel === 'data' ? { unpacks: this.#parts.codec.types } : {}),
    });
  }

  /** CFG-061: the private address; an async falls back to the superserver's. */
  #dataAddresses(name: MemberName): readonly Address[] {
    const member = memberNamed(this.#parts.mirrorSet(), name);
    if (member === undefined) return [];
    const { superserver, privateAddress } = member;
    const first = { host: privateAddress ?? superserver.host, port: superserver.port };
    return first.host === superserver.host || this.state.failoverMember ? [first] : [first, superserver];
  }

  #settings(): MemberSettings {
    return settingsOf(this.#parts.mirrorSet(), this.#parts.self);
  }

  #saveRecord(record: MemberRecord): void {
    try {
      const { reserve, records, recordPath: path, log } = this.#parts;
      const isFreed = reserve.withRoom(() => records.saveRecord(path, record));
      const { severity, category, text } = logText('journal-reserve-freed', { path });
      if (isFreed) log(severity, category, text);
    } catch (error) {
      // Nothing behind this effect may happen: a record that cannot be written is the end of the process.
      this.#parts.failed(error as Error);
      throw error;
    }
  }

  #onNotice(from: MemberName, notice: Notice): void {
    this.comparison.hear(from, notice.verification);
    if (this.state.attachment?.to !== from) return;
    if (notice.rows !== undefined) {
      this.#rows = notice.rows;
      this.#rowsAtMs = this.#parts.clock.nowMs();
    }
    const claims = readToldClaims(notice.claims);
    if (claims !== null) this.#claims.take(claims);
    if (notice.mirrorSet !== undefined) {
      // One that has removed this member says so in its own message.
      if (memberNamed(notice.mirrorSet, this.#parts.self) === undefined) return;
      this.#parts.onMirrorSet(notice.mirrorSet);
      this.#settingsChanged();
    }
  }

  #onStep(state: MemberState): void {
    this.#settleRecordWaits(state);
    this.#site.onStep(state);
    this.#watchMembers(state);
    const contact = state.attachment?.asking === false ? state.attachment.connection : 0;
    if (contact !== this.#contact) {
      this.#rows = null;
      if (contact !== 0) this.#parts.onContact();
    }
    this.#contact = contact;
    this.#tellOthers(state);
    const newest = this.#parts.journal.newestRecordMs;
    if (newest > this.newestReceivedMs) this.newestReceivedMs = newest;
    if (!isSameSituation(this.#situationOf, state)) this.#situation += 1;
    this.#situationOf = state;
  }

  #settleRecordWaits(state: MemberState): void {
    if (this.#recordWaits.length === 0) return;
    const { journal, role } = state;
    const mayStillCome = role === 'becoming' || role === 'primary' || role === 'handing-over';
    this.#recordWaits = this.#recordWaits.filter(({ to, done, fail }) => {
      if (to.sequence <= journal.applied.sequence) done(to);
      else if (!mayStillCome) fail(new Error('this member is not primary any more; see the messages log'));
      else return true;
      return false;
    });
  }

  /** Who came gets the mirror set at once; who went is remembered with the time. */
  #watchMembers({ serving: { members }, role }: MemberState): void {
    if (role !== 'primary') this.#lostMs.clear();
    if (members === this.#members) return;
    for (const name of this.#members.keys()) if (!members.has(name)) this.#lostMs.set(name, this.#parts.clock.wallMs());
    for (const [name, { connection }] of members) {
      if (this.#members.get(name)?.connection === connection) continue;
      this.#links.notify(connection, { mirrorSet: this.#parts.mirrorSet() });
      this.#rowsDueMs = 0;
    }
    this.#members = members;
  }

  /** The rows go to all, about once a second. */
  #tellOthers({ serving }: MemberState): void {
    const nowMs = this.#parts.clock.nowMs();
    if (serving.members.size === 0 || nowMs < this.#rowsDueMs) return;
    this.#rowsDueMs = nowMs + rowsPeriodMs;
    const rows = this.#parts.rows();
    this.#claims.hear(this.state);
    const claims = this.#claims.toTell(this.state.journal.flushed);
    for (const { connection } of serving.members.values()) this.#links.notify(connection, { rows, claims });
  }
}

/** Is what an operator decides by still the same? Asked after every step. */
function isSameSituation(before: MemberState | null, now: MemberState): boolean {
  return (
    before !== null &&
    before.role === now.role &&
    before.attachment?.to === now.attachment?.to &&
    before.record.epoch.number === now.record.epoch.number &&
    before.record.wasActive?.term === now.record.wasActive?.term &&
    before.record.noFailover === now.record.noFailover &&
    before.record.removed === now.record.removed &&
    before.serving.trouble?.kind === now.serving.trouble?.kind
  );
}

/** The record on disk, or the first one; a damaged one is an error that names the file. */
export function readMemberRecord(records: RecordFiles, path: string): MemberRecord {
  const read = records.readRecord(path);
  if (read.state === 'missing') return firstRecord;
  if (read.state === 'damaged') {
    throw new Error(
      `${path} is damaged (${read.reason}): the role of this member is unknown; restore it from a backup, or delete the instance and join again`,
    );
  }
  return { ...firstRecord, ...(read.value as MemberRecord) };
}
