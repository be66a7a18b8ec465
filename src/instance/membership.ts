/**
 * The instance in one mirror: its member there, the databases that belong to it, what its configuration says of it. It is what commands,
 * members and applications mean by "the instance" once the mirror is known; a reporting async has one for each of its mirrors
 * (docs/decisions/0034). Not for: doors, processes and what all mirrors of an instance share (instance.ts).
 */
import { join } from 'node:path';
import type { DejournalFilter } from '../host/dejournal-filter.ts';
import { type HomePaths, type InstancePaths, mirrorJournalLogPath } from '../host/home.ts';
import type { ConfigurationStore, Host, RecordFiles, Timer } from '../host/host.ts';
import { MembershipStore, membershipPaths, mirrorsOf, type Place } from '../host/memberships.ts';
import type { ReadParts } from '../journal/journal.ts';
import { withKnownList } from '../mirror/failover-members.ts';
import { aboutMirror, logLine, type WriteLog } from '../mirror/log-messages.ts';
import { firstRecord, type MemberRecord } from '../mirror/member-record.ts';
import {
  isNewerSet,
  type MemberDefinition,
  type MirrorSet,
  memberNamed,
  withListedTypes,
} from '../mirror/mirror-set.ts';
import type { FailoverMembers } from '../mirror/terms.ts';
import type { Network } from '../network/network.ts';
import type { EventRecord } from '../protocol/control-channel.ts';
import { tellOwnPort } from './address-commands.ts';
import { Catalog } from './catalog.ts';
import { retryDejournaling } from './catch-up-commands.ts';
import { changeMirrorSet, removalHeard } from './command-outcome.ts';
import { CopyServer } from './copy-server.ts';
import { followPrimary } from './followed-properties.ts';
import { clearFormerMirror, leaveMirror } from './former-mirror.ts';
import type { Instance, InstanceParts } from './instance.ts';
import { statusOf } from './instance-status.ts';
import { RunningMember } from './mirror-member.ts';
import { checkOwnAddress, type NotReached } from './own-address.ts';
import { isReportingAsync, withMirrorSet } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';
import { finishRebuild, placeRebuilt } from './rebuild.ts';
import type { Superserver } from './superserver.ts';

/** Until a member that was not reached at its own addresses looks again, ms. */
const lookAgainMs = 2000;

export class Membership implements InstanceDaemon {
  readonly #instance: Instance;
  readonly #parts: InstanceParts;
  readonly place: Place;
  readonly configuration: ConfigurationStore;
  readonly paths: InstancePaths;
  readonly catalog: Catalog;
  readonly copies: CopyServer;
  readonly readParts: ReadParts;
  readonly #superserver: Superserver;
  #events: ReturnType<InstanceParts['openEvents']> | null = null;
  #member: RunningMember | null = null;
  notReached: NotReached | null = null;
  #again: Timer | null = null;

  /** Updates of its mirror come through that superserver. */
  constructor(instance: Instance, parts: InstanceParts, place: Place, superserver: Superserver) {
    this.#instance = instance;
    this.#parts = parts;
    this.place = place;
    this.#superserver = superserver;
    this.configuration = new MembershipStore(parts.configuration, place);
    this.paths = membershipPaths(parts.paths, place);
    const { host } = parts;
    this.readParts = parts.readParts;
    this.catalog = new Catalog({
      store: parts.store,
      files: host.files,
      configuration: this.configuration,
      isNameTaken: (name) => parts.configuration.get().databases.some((each) => each.name === name),
      readParts: parts.readParts,
      log: this.log,
      isPrimary: () => this.isPrimary,
      wait: (ms) => host.clock.wait(ms),
      nowMs: () => host.clock.nowMs(),
      turn: () => new Promise((resolve) => setImmediate(resolve)),
      onBarrier: (barrier, databases) => this.#member?.comparison.onBarrier(barrier, databases),
    });
    this.copies = new CopyServer(this);
  }

  get home(): HomePaths {
    return this.#parts.home;
  }
  get host(): Host {
    return this.#parts.host;
  }
  get network(): Network {
    return this.#parts.network;
  }
  get turns(): InstanceDaemon['turns'] {
    return this.#instance.turns;
  }
  get member(): RunningMember | null {
    return this.#member;
  }
  get mirrors(): readonly string[] {
    return mirrorsOf(this.#parts.configuration.get());
  }
  get memberName(): string | null {
    return this.#instance.shown.configuration.get().member;
  }
  get isFurther(): boolean {
    return this.place !== null;
  }
  get isPrimary(): boolean {
    const role = this.#member?.state.role;
    return role === 'primary' || role === 'handing-over' || role === 'becoming';
  }

  /** Before its databases are opened. */
  placeRebuilt(): void {
    const { host, store } = this.#parts;
    const log = this.log.bind(this);
    placeRebuilt({ host, store, configuration: this.configuration, home: this.home, paths: this.paths, log });
  }

  /** Its databases are mounted; CFG-069: one that was removed is a member of nothing from this start on. */
  async open(): Promise<void> {
    this.#events = this.#parts.openEvents(this.paths.events);
    await this.catalog.open();
    const { mirrorSet } = this.configuration.get();
    const removed = mirrorSet === null ? null : readMemberRecord(this.host.records, this.paths.member).removed;
    if (removed !== null) leaveMirror(this.configuration, removed.removeAttribute);
    await this.clearFormerMirror();
    this.copies.open();
  }

  async begin(): Promise<void> {
    if (this.configuration.get().mirrorSet !== null) await this.#startWhenReached();
  }

  /** What a rebuild has left to do once the member runs. */
  finish(): void {
    void finishRebuild(this);
  }

  /** CFG-063: one that is not reached at its own addresses stays out, and looks again: a network may come later than an instance. */
  async #startWhenReached(): Promise<void> {
    const { mirrorSet, member, joinMirror } = this.configuration.get();
    const own = mirrorSet === null || member === null ? undefined : memberNamed(mirrorSet, member);
    if (this.#instance.isEnding || mirrorSet === null || own === undefined || !joinMirror) {
      this.notReached = null;
      return;
    }
    const found = await this.reachedAt(mirrorSet.name, own);
    // It may have joined as a new member meanwhile, or be about to end.
    if (this.#instance.isEnding || this.#member !== null) return;
    if (found === null) return await this.startMember();
    if (found.text !== this.notReached?.text) {
      this.log('kept-out', { mirror: mirrorSet.name, because: found.text });
    }
    this.notReached = found;
    const again = () => void this.#startWhenReached().catch((error: Error) => this.fail(error));
    this.#again = this.host.clock.after(lookAgainMs, again);
  }

  async reachedAt(mirror: string, self: MemberDefinition): Promise<NotReached | null> {
    const { network, host } = this.#parts;
    return await checkOwnAddress(network, host.clock, mirror, self, this.#instance.process);
  }

  async clearFormerMirror(): Promise<void> {
    const { configuration, paths, home, host } = this;
    if (configuration.get().formerMirror === null) return;
    await clearFormerMirror({
      configuration,
      catalog: this.catalog,
      files: host.files,
      paths,
      home,
      wallMs: () => host.clock.wallMs(),
      log: this.log,
    });
    if (this.isFurther && configuration.get().formerMirror === null) await this.#instance.endFurther(this);
  }

  async startMember(): Promise<void> {
    const { paths, host, configuration } = this;
    const { network, codec, site, openJournal, openEvents } = this.#parts;
    const { member, mirrorSet, instance, alternateJournal, joinMirror, dejournalFilter } = configuration.get();
    if (this.#member !== null || member === null || mirrorSet === null || !joinMirror) return;
    this.notReached = null;
    const journal = openJournal({
      files: host.files,
      directory: paths.journal,
      mirror: mirrorSet.name,
      logPath: mirrorJournalLogPath(this.home.home, instance, mirrorSet.name),
      lostAndFoundDirectory: paths.lostAndFound,
      instanceLogPath: paths.journalLog,
      ...(alternateJournal === null ? {} : { alternateDirectory: alternateJournal }),
    });
    if (dejournalFilter !== null) this.catalog.dejournaling.filtering.use(this.openFilter(dejournalFilter));
    if (journal.openingReport !== null) this.log('journal-opened', { report: journal.openingReport });
    this.#superserver.use(journal);
    const record = readMemberRecord(host.records, paths.member);
    this.#followList(record.failoverMembers);
    this.#events ??= openEvents(paths.events);
    this.#member = new RunningMember({
      self: member,
      instance,
      journal,
      record,
      recordPath: paths.member,
      verificationPath: paths.verification,
      records: host.records,
      claimsPath: paths.journalClaims,
      files: host.files,
      reserve: this.#instance.reserve,
      purgesAtOnce: () => configuration.get().purgeAtOnce,
      catalog: this.catalog,
      superserver: this.#superserver,
      network,
      codec,
      clock: host.clock,
      events: this.#events,
      site,
      sitePath: paths.site,
      exists: (path) => host.files.exists(path),
      log: this.log,
      mirrorSet: () => configuration.get().mirrorSet as MirrorSet,
      onMirrorSet: (set) => this.#onMirrorSet(set),
      renewMirrorSet: () => void changeMirrorSet(this, (set) => set),
      removalHeard: (name) => removalHeard(this, name),
      onContact: () => void retryDejournaling(this),
      onFailoverMembers: (list) => this.#onFailoverMembers(list),
      rows: () => statusOf(this).members,
      endProcess: (because) => this.endProcess(because),
      failed: (error) => this.fail(error),
    });
    // What was received and not carried out before the last end; a primary that did not tell the others goes back.
    this.#followPrimary();
    this.#member.start();
  }

  openFilter(module: string): DejournalFilter {
    return this.#parts.filters.open(join(this.paths.directory, module), (line) =>
      this.log('filter-output', { module, line }),
    );
  }

  events(after: number): readonly EventRecord[] {
    this.#events ??= this.#parts.openEvents(this.paths.events);
    return this.#events.after(after);
  }

  /** Where there are several mirrors a line says which one it is about. */
  readonly log: WriteLog = (message, ...facts) => {
    const mirror = this.place ?? (this.mirrors.length > 1 ? this.configuration.get().mirrorSet?.name : undefined);
    this.#parts.messages.write(aboutMirror(logLine(message, ...facts), mirror));
  };

  isAgentRunning(): Promise<boolean> {
    return this.#instance.isAgentRunning();
  }

  moveSuperserver(port: number): Promise<string | null> {
    return this.#instance.moveSuperserver(port);
  }

  endProcess(because: string): void {
    this.#instance.endProcess(because);
  }

  fail(error: Error): void {
    this.#instance.fail(error);
  }

  /** No event is taken any more; files stay open. */
  stop(): void {
    this.#again?.cancel();
    this.#member?.stop();
    this.catalog.dejournaling.filtering.use(null);
    this.copies.close();
  }

  /** After `stop`. */
  async close(): Promise<void> {
    await this.catalog.close();
    this.#member?.journal.close();
    this.#events?.close();
  }

  /** Where the primary serves applications, as far as this member knows. */
  primaryAddress(): string | null {
    const { mirrorSet, member } = this.configuration.get();
    const name = this.#member?.state.role === 'primary' ? member : this.#member?.state.attachment?.to;
    const found = mirrorSet === null || name == null ? undefined : memberNamed(mirrorSet, name);
    return found === undefined ? null : `${found.superserver.host}:${found.superserver.port}`;
  }

  updateRefusal(): { readonly code: 'not-primary' | 'becoming-primary' | 'shutting-down'; readonly text: string } {
    const { member, mirrorSet } = this.configuration.get();
    const role = this.#member?.state.role;
    if (this.#instance.isEnding || role === 'down') {
      return { code: 'shutting-down', text: `instance is shutting down` };
    }
    if (role === 'becoming') return { code: 'becoming-primary', text: `${member} is becoming primary` };
    if (mirrorSet === null) {
      const text =
        'a copy of a mirrored database is read-only on an instance in no mirror; remove it from its mirror first';
      return { code: 'not-primary', text };
    }
    const flag = isReportingAsync(this.configuration.get()) ? '; a copy whose FailoverDB flag is set is read-only' : '';
    return { code: 'not-primary', text: `${member} is not the primary of mirror ${mirrorSet?.name}${flag}` };
  }

  mirrorSetTold(set: MirrorSet): void {
    this.#onMirrorSet(set);
    this.#member?.mirrorSetChanged(set);
  }

  #onMirrorSet(set: MirrorSet): void {
    const present = this.configuration.get();
    if (present.mirrorSet?.name !== set.name || isNewerSet(present.mirrorSet, set)) return;
    // One of the same number takes away what was corrected here while no primary could be reached (CFG-059).
    if (isNewerSet(set, present.mirrorSet) || JSON.stringify(set) !== JSON.stringify(present.mirrorSet)) {
      this.configuration.set(withMirrorSet(present, set));
      if (this.configuration.get().dejournalFilter === null) this.catalog.dejournaling.filtering.use(null);
      this.#followList(this.#member?.state.record.failoverMembers ?? null);
      this.#followPrimary();
    }
    const own = present.member === null ? undefined : memberNamed(set, present.member);
    if (own !== undefined && own.superserver.port !== present.superserver.port) void tellOwnPort(this);
  }

  /** DB-044: on a member that was just connected, and with each change on the primary. */
  #followPrimary(): void {
    const { catalog, configuration } = this;
    followPrimary({
      catalog,
      configuration,
      log: this.log,
    }).catch((error: Error) => this.log('follows-not', { reason: error.message }));
  }

  /** The primary tells all others; whoever heard of it elsewhere follows for itself. */
  #onFailoverMembers(list: FailoverMembers): void {
    if (!changeMirrorSet(this, (set) => withListedTypes(set, list))) this.#followList(list);
  }

  /** The record is the first to have a new list; the mirror set of the configuration has the types for all who read it. */
  #followList(list: FailoverMembers | null): void {
    const present = this.configuration.get();
    const { mirrorSet } = present;
    const followed = mirrorSet === null ? null : withKnownList(mirrorSet, list);
    if (followed !== null && followed !== mirrorSet) this.configuration.set(withMirrorSet(present, followed));
  }
}

/** The record on disk, or the first one; a damaged one is an error that names the file. */
function readMemberRecord(records: RecordFiles, path: string): MemberRecord {
  const read = records.readRecord(path);
  if (read.state === 'missing') return firstRecord;
  if (read.state === 'damaged') {
    throw new Error(
      `${path} is damaged (${read.reason}): the role of this member is unknown; restore it from a backup, or delete the instance and join again`,
    );
  }
  return { ...firstRecord, ...(read.value as MemberRecord) };
}
