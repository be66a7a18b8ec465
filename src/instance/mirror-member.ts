/** The instance's member of a mirror: the rules in their driver, and the adapters they give orders to. */

import { randomUUID } from 'node:crypto';
import type { Clock, EventsLog, FileOperations, RecordFiles } from '../host/host.ts';
import type { ReserveFile } from '../host/reserve-file.ts';
import type { SiteCode } from '../host/site-code.ts';
import type { Journal, JournalDamagedError } from '../journal/journal.ts';
import type { CompressionType } from '../mirror/compression.ts';
import type { MemberSettings, OperatorCommand } from '../mirror/events.ts';
import { settingsOf } from '../mirror/failover-members.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { MemberRecord } from '../mirror/member-record.ts';
import { initialState, type MemberState } from '../mirror/member-state.ts';
import type { Envelope } from '../mirror/messages.ts';
import { calledMember, type MirrorSet, memberNamed } from '../mirror/mirror-set.ts';
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
import { dataAddresses, MemberLinks } from './member-links.ts';
import { MemberRows } from './member-rows.ts';
import { OwnRecords } from './own-records.ts';
import { PartnerAgent } from './partner-agent.ts';
import type { MirrorMember, OrderResult } from './parts.ts';
import { missingAtStartup } from './required-databases.ts';
import { Site } from './site.ts';
import { SituationCount } from './situation-count.ts';
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
  readonly log: WriteLog;
  readonly mirrorSet: () => MirrorSet;
  /** A newer mirror set was received from the primary. */
  readonly onMirrorSet: (set: MirrorSet) => void;
  /** The connection with the primary was rebuilt. */
  readonly onContact: () => void;
  /** This member reigns: its mirror set is newer from here on than what any former primary wrote down. */
  readonly renewMirrorSet: () => void;
  /** CFG-069. */
  readonly removalHeard: (member: MemberName) => void;
  /** FO-078, FO-087: the types of the members follow the record. */
  readonly onFailoverMembers: (list: FailoverMembers) => void;
  /** Rows of the members as this primary sees them, for the others. */
  readonly rows: () => readonly MemberReport[];
  readonly endProcess: (because: string) => void;
  readonly failed: (error: Error) => void;
}

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
  readonly #rows: MemberRows;
  readonly #records: OwnRecords;
  readonly keeper: JournalKeeper;
  readonly comparison: Comparison;
  readonly #orders = new Map<number, (result: OrderResult) => void>();
  #request = 0;
  /** Arbiter and QoS timeout of the present session. */
  #session = '';
  readonly situation = new SituationCount();
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
      addressesOf: (name) => dataAddresses(calledMember(parts.mirrorSet(), name), this.state.failoverMember),
      onNotice: (from, notice) => this.#onNotice(from, notice),
    });
    this.#arbiter = new ArbiterSession({
      ...shared,
      open: () => this.#open('arbiter'),
      address: () => parts.mirrorSet().settings.arbiter,
    });
    this.#notes = new DecisionNotes({ events: parts.events, member: parts.self, wallMs: () => clock.wallMs() });
    this.#claims = new JournalClaims({
      self: parts.self,
      records: parts.records,
      path: parts.claimsPath,
      log: parts.log,
    });
    this.#rows = new MemberRows({ ...parts, claims: this.#claims, links: this.#links });
    this.#records = new OwnRecords({ ...parts, appended: (to) => this.appended(to) });
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
      onMirrorSet: (set) => this.#toldSet(set),
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
      log,
      note: (note) => this.#notes.take(note),
      purged: () => this.#post({ type: 'journal-purged', history: journal.history }),
      failed,
    });
  }

  #applier(): Applier {
    const { catalog, superserver, clock, failed } = this.#parts;
    const applier = new Applier({
      apply: (to) => catalog.dejournaling.apply(to),
      clock,
      isUrgent: () => this.state.role === 'becoming' || superserver.readsWait,
      onApplied: (to) => {
        superserver.applied(to, catalog.dejournaling.applied ?? to);
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
      append: (records) => this.#records.append(records),
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
      copies: () => catalog.dejournaling.exact(),
      mirrorSet,
      append: (appended) => this.#records.append(appended),
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
      mirrorSetTold: (set) => this.#toldSet(set),
      renewMirrorSet: this.#parts.renewMirrorSet,
      removalHeard: this.#parts.removalHeard,
      wallMs: () => clock.wallMs(),
      log,
      note: (note) => this.#notes.take(note),
      answerOperator: (request, result) => this.#answer(request, result),
      endProcess,
      later: (run) => void clock.after(frozenRetryMs, run),
      after: (ms, run) => void clock.after(ms, run),
      nowMs: () => clock.nowMs(),
      isAsync: () => this.state.role === 'attached' && !this.state.failoverMember,
      damaged: (error) => this.#tellDamage(error),
      failed,
    });
  }

  /** Once for each place: the member that lacks these data asks again and again. */
  #tellDamage({ file, offset, message }: JournalDamagedError): void {
    const place = `${file} ${offset}`;
    if (this.#damage.has(place)) return;
    this.#damage.add(place);
    this.#parts.log('journal-damaged', { text: message });
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
    const { applied, furthest } = catalog.dejournaling.follow(journal);
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

  get newestAppliedMs(): number {
    return this.#parts.catalog.dejournaling.newestAppliedMs;
  }

  received(): { readonly networkBytes: number; readonly journalBytes: number } {
    return { networkBytes: this.#links.networkBytes, journalBytes: this.#links.journalBytes };
  }

  clockOffsets(): readonly ClockOffsetReport[] {
    return this.#clocks.offsets;
  }

  memberRows(): readonly MemberReport[] | null {
    return this.#rows.present();
  }

  lastRows(): readonly MemberReport[] | null {
    return this.#rows.last();
  }

  compressionOf(member: MemberName): CompressionReport | null {
    const { role, serving } = this.state;
    const served = role === 'primary' ? serving.members.get(member) : undefined;
    if (served !== undefined) return this.#links.compressionOf(served.connection);
    return this.#rows.present()?.find((row) => row.name === member)?.compression ?? null;
  }

  lostMsOf(member: MemberName): number | null {
    return this.#rows.lostMsOf(member);
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
    const checkRole = (): void => {
      if (this.state.role !== 'primary') throw new Error('only the primary changes the set of mirrored databases');
    };
    checkRole();
    // Held back in a moment of trouble it would come behind this record, and belong to no database of the mirror.
    await superserver.journaled();
    checkRole();
    const value = new Uint8Array([fromEmpty ? 1 : 0]);
    return await this.#records.append([{ kind, database, key: new Uint8Array(0), value }]);
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

  #settings(): MemberSettings {
    return settingsOf(this.#parts.mirrorSet(), this.#parts.self);
  }

  #saveRecord(record: MemberRecord): void {
    try {
      const { reserve, records, recordPath: path, log } = this.#parts;
      const isFreed = reserve.withRoom(() => records.saveRecord(path, record));
      if (isFreed) log('journal-reserve-freed', { path });
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
      this.#rows.take(notice.rows);
    }
    const claims = readToldClaims(notice.claims);
    if (claims !== null) this.#claims.take(claims);
    if (notice.mirrorSet !== undefined) {
      this.#toldSet(notice.mirrorSet);
    }
  }

  /** One that has removed this member says so in its own message. */
  #toldSet(set: MirrorSet): void {
    if (memberNamed(set, this.#parts.self) === undefined) return;
    this.#parts.onMirrorSet(set);
    this.#settingsChanged();
  }

  #onStep(state: MemberState): void {
    this.#records.settle(state);
    this.#site.onStep(state);
    this.#rows.onStep(state);
    const newest = this.#parts.journal.newestRecordMs;
    if (newest > this.newestReceivedMs) this.newestReceivedMs = newest;
    this.situation.observe(state, this.#parts.mirrorSet());
  }
}
