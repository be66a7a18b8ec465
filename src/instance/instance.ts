/** One instance: its databases, its member of a mirror, and the doors through which applications, members and operators come. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseStore } from '../database/databases.ts';
import type { DejournalFilter, FilterCode } from '../host/dejournal-filter.ts';
import { type HomePaths, type InstancePaths, mirrorJournalLogPath } from '../host/home.ts';
import type { ConfigurationStore, EventsLog, Host, MessagesLog, Timer } from '../host/host.ts';
import { ReserveFile } from '../host/reserve-file.ts';
import type { SiteCode } from '../host/site-code.ts';
import type { Journal, JournalFileOperations, ReadRecords } from '../journal/journal.ts';
import { withKnownList } from '../mirror/failover-members.ts';
import { logText } from '../mirror/log-messages.ts';
import { isNewerSet, type MirrorSet, memberNamed, removalOf, withListedTypes } from '../mirror/mirror-set.ts';
import { type FailoverMembers, NO_EPOCH } from '../mirror/terms.ts';
import type { BlockCodec } from '../network/block-codec.ts';
import type { Connection, Listener, Network } from '../network/network.ts';
import { acceptChannel } from '../network/opening-exchange.ts';
import type { EventRecord } from '../protocol/control-channel.ts';
import { agree, isRefused, type Open, type Opened, type Refused, refuse } from '../protocol/opening.ts';
import { tellOwnPort } from './address-commands.ts';
import { Catalog } from './catalog.ts';
import { retryDejournaling } from './catch-up-commands.ts';
import { changeMirrorSet } from './command-outcome.ts';
import { ControlServer } from './control-server.ts';
import { CopyServer } from './copy-server.ts';
import { followPrimary } from './followed-properties.ts';
import { clearFormerMirror, leaveMirror } from './former-mirror.ts';
import { statusOf } from './instance-status.ts';
import { serveMemberRequest } from './join-server.ts';
import { RunningMember, readMemberRecord } from './mirror-member.ts';
import { checkOwnAddress, type NotReached } from './own-address.ts';
import { isReportingAsync, withMirrorSet } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';
import { finishRebuild, placeRebuilt } from './rebuild.ts';
import { clearCutOffRestores } from './restore-command.ts';
import { Superserver } from './superserver.ts';
import { Turns } from './turns.ts';

export interface InstanceParts {
  readonly home: HomePaths;
  readonly paths: InstancePaths;
  readonly host: Host;
  readonly network: Network;
  readonly codec: BlockCodec;
  readonly configuration: ConfigurationStore;
  readonly store: DatabaseStore;
  readonly openJournal: (options: {
    readonly files: JournalFileOperations;
    readonly directory: string;
    readonly mirror: string;
    readonly logPath: string;
    readonly lostAndFoundDirectory: string;
    readonly instanceLogPath: string;
    readonly alternateDirectory?: string;
  }) => Journal;
  readonly readRecords: ReadRecords;
  readonly messages: MessagesLog;
  readonly events: EventsLog;
  readonly site: SiteCode;
  readonly filters: FilterCode;
}

/** How long a caller may take to say who it is, ms. */
const openingTimeoutMs = 5000;
/** Until a member that was not reached at its own addresses looks again, ms. */
const lookAgainMs = 2000;
/** How long answers under way may take at the end, ms. */
const farewellMs = 150;

export async function openInstance(parts: InstanceParts): Promise<Instance> {
  const instance = new Instance(parts);
  await instance.open();
  return instance;
}

export class Instance implements InstanceDaemon {
  readonly #parts: InstanceParts;
  readonly catalog: Catalog;
  readonly turns = new Turns();
  readonly #superserver: Superserver;
  readonly #control: ControlServer;
  readonly #copies: CopyServer;
  readonly #reserve: ReserveFile;
  readonly #listeners: Listener[] = [];
  #member: RunningMember | null = null;
  #ending = false;
  readonly #process = randomUUID();
  notReached: NotReached | null = null;
  #again: Timer | null = null;
  #resolveEnded: (exitCode: number) => void = () => undefined;
  /** Resolves with the exit code when everything is closed. */
  readonly ended = new Promise<number>((resolve) => {
    this.#resolveEnded = resolve;
  });

  constructor(parts: InstanceParts) {
    this.#parts = parts;
    const { host, configuration } = parts;
    this.#reserve = new ReserveFile(host.files, parts.paths.reserve, parts.paths.directory);
    this.catalog = new Catalog({
      store: parts.store,
      files: host.files,
      configuration,
      readRecords: parts.readRecords,
      log: (severity, category, text) => this.log(severity, category, text),
      isPrimary: () => this.#isPrimary(),
      wait: (ms) => host.clock.wait(ms),
      nowMs: () => host.clock.nowMs(),
      turn: () => new Promise((resolve) => setImmediate(resolve)),
      onBarrier: (barrier, databases) => this.#member?.comparison.onBarrier(barrier, databases),
    });
    this.#superserver = new Superserver({
      entries: () => this.catalog.entries(),
      wallMs: () => host.clock.wallMs(),
      onAppended: (to) => this.#member?.appended(to),
      primaryAddress: () => this.#primaryAddress(),
      refusal: () => this.#updateRefusal(),
      endOfTurn: (run) => void setImmediate(run),
      nowMs: () => host.clock.nowMs(),
      after: (ms, handler) => host.clock.after(ms, handler),
    });
    this.#control = new ControlServer(this);
    this.#copies = new CopyServer(this);
  }

  get home(): HomePaths {
    return this.#parts.home;
  }
  get paths(): InstancePaths {
    return this.#parts.paths;
  }
  get host(): Host {
    return this.#parts.host;
  }
  get network(): Network {
    return this.#parts.network;
  }
  get configuration(): ConfigurationStore {
    return this.#parts.configuration;
  }
  get member(): RunningMember | null {
    return this.#member;
  }

  async open(): Promise<void> {
    const { network, paths, configuration, host } = this.#parts;
    host.files.makeDirectory(paths.journal);
    host.files.makeDirectory(paths.lostAndFound);
    const log = this.log.bind(this);
    placeRebuilt({ host, store: this.#parts.store, configuration, home: this.home, paths, log });
    clearCutOffRestores({ host, paths, configuration, log });
    await this.catalog.open();
    await this.#endMembership();
    this.#copies.open();
    const { superserver, mirrorSet } = configuration.get();
    this.#listeners.push(await this.#listen(superserver.host, superserver.port));
    if (mirrorSet !== null) await this.#startWhenReached();
    this.#listeners.push(await network.listenLocal(paths.control, (connection) => this.#control.accept(connection)));
    void finishRebuild(this);
    this.log(
      0,
      'Utility.Event',
      `Instance ${configuration.get().instance} serves on ${superserver.host}:${superserver.port}`,
    );
  }

  async #listen(host: string, port: number): Promise<Listener> {
    return await this.#parts.network.listen(host, port, (connection) => void this.#accept(connection));
  }

  async moveSuperserver(port: number): Promise<string | null> {
    try {
      const next = await this.#listen(this.configuration.get().superserver.host, port);
      const [former] = this.#listeners.splice(0, 1, next);
      // Whoever is connected stays so.
      void former?.close();
      return null;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'address-in-use' && code !== 'address-unavailable') throw error;
      return message;
    }
  }

  /** CFG-069: one that was removed is a member of nothing from this start on. */
  async #endMembership(): Promise<void> {
    const { configuration, paths, host } = this.#parts;
    const { mirrorSet } = configuration.get();
    const removed = mirrorSet === null ? null : readMemberRecord(host.records, paths.member).removed;
    if (removed !== null) leaveMirror(configuration, removed.removeAttribute);
    await this.clearFormerMirror();
  }

  /** CFG-063: one that is not reached at its own addresses stays out, and looks again: a network may come later than an instance. */
  async #startWhenReached(): Promise<void> {
    const { mirrorSet, member, joinMirror } = this.configuration.get();
    const own = mirrorSet === null || member === null ? undefined : memberNamed(mirrorSet, member);
    if (this.#ending || mirrorSet === null || own === undefined || !joinMirror) {
      this.notReached = null;
      return;
    }
    const { network, host } = this.#parts;
    const found = await checkOwnAddress(network, host.clock, mirrorSet.name, own, this.#process);
    if (found === null) {
      this.notReached = null;
      return await this.startMember();
    }
    if (found.text !== this.notReached?.text) {
      const text = `This member is kept out of mirror ${mirrorSet.name}: ${found.text} (CFG-063)`;
      this.log(2, 'Utility.Event', text);
    }
    this.notReached = found;
    const again = () => void this.#startWhenReached().catch((error: Error) => this.fail(error));
    this.#again = host.clock.after(lookAgainMs, again);
  }

  async clearFormerMirror(): Promise<void> {
    const { configuration, paths, home, host } = this.#parts;
    await clearFormerMirror({
      configuration,
      catalog: this.catalog,
      files: host.files,
      paths,
      home,
      wallMs: () => host.clock.wallMs(),
      log: (severity, category, text) => this.log(severity, category, text),
    });
  }

  async startMember(): Promise<void> {
    const { paths, host, configuration, events, network, codec, site } = this.#parts;
    const { member, mirrorSet, instance, alternateJournal, joinMirror } = configuration.get();
    if (this.#member !== null || member === null || mirrorSet === null || !joinMirror) return;
    const journal = this.#parts.openJournal({
      files: host.files,
      directory: paths.journal,
      mirror: mirrorSet.name,
      logPath: mirrorJournalLogPath(this.home.home, instance, mirrorSet.name),
      lostAndFoundDirectory: paths.lostAndFound,
      instanceLogPath: paths.journalLog,
      ...(alternateJournal === null ? {} : { alternateDirectory: alternateJournal }),
    });
    const { dejournalFilter } = configuration.get();
    if (dejournalFilter !== null) this.catalog.filtering.use(this.openFilter(dejournalFilter));
    if (journal.openingReport !== null) this.log(1, 'Utility.Event', journal.openingReport);
    this.#superserver.use(journal);
    const record = readMemberRecord(host.records, paths.member);
    this.#followList(record.failoverMembers);
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
      reserve: this.#reserve,
      purgesAtOnce: () => configuration.get().purgeAtOnce,
      catalog: this.catalog,
      superserver: this.#superserver,
      network,
      codec,
      clock: host.clock,
      events,
      site,
      sitePath: paths.site,
      exists: (path) => host.files.exists(path),
      log: (severity, category, text) => this.log(severity, category, text),
      mirrorSet: () => configuration.get().mirrorSet as MirrorSet,
      onMirrorSet: (set) => this.#onMirrorSet(set),
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
      this.log(0, 'Utility.Event', `${module}: ${line}`),
    );
  }

  events(after: number): readonly EventRecord[] {
    return this.#parts.events.after(after);
  }

  log(severity: 0 | 1 | 2 | 3, category: string, text: string): void {
    this.#parts.messages.write(severity, category, text);
  }

  /** AGT-008: the agent of this host holds its status file. */
  async isAgentRunning(): Promise<boolean> {
    return this.host.processes.describeLock(this.home.agentStatus).state === 'held';
  }

  /** SIGTERM: like `instance stop`. */
  stopByOperator(): void {
    if (this.#member === null) this.endProcess('stopped by a signal');
    else void this.#member.order({ command: 'stop-instance', noFailover: false });
  }

  /** In order: no new callers, answers under way leave, databases are closed. */
  endProcess(because: string): void {
    if (this.#ending) return;
    this.#ending = true;
    this.log(1, 'Generic.Event', `Instance ends: ${because}`);
    void this.#close();
  }

  async #close(): Promise<void> {
    this.#again?.cancel();
    for (const listener of this.#listeners) void listener.close();
    await this.host.clock.wait(farewellMs);
    this.#member?.stop();
    this.#superserver.close();
    this.catalog.filtering.use(null);
    this.#control.close();
    this.#copies.close();
    this.#makeRoomToClose();
    try {
      await this.catalog.close();
      this.#member?.journal.close();
    } catch (error) {
      // On a full disk, after a hand-over: what cannot be written was never acknowledged, and the next start is one after a crash.
      this.log(2, 'Generic.Event', `Instance ends without closing its files: ${(error as Error).message}`);
    } finally {
      this.#resolveEnded(0);
    }
  }

  /** On a full disk: databases and journal are closed with what the reserve gives up. */
  #makeRoomToClose(): void {
    const frozen = this.#member?.state.journal.frozen ?? '';
    if (frozen === '' || !this.#reserve.free()) return;
    const { severity, category, text } = logText('journal-reserve-freed', { path: this.paths.journal });
    this.log(severity, category, text);
  }

  /** What is on the disk is unknown, or the program is wrong: end at once and leave everything as it is. */
  fail(error: Error): void {
    // Work that was under way finds its databases closed.
    if (this.#ending) return;
    this.log(3, 'Generic.Event', `Instance fails: ${error.message}`);
    process.stderr.write(`${error.stack}\n`);
    process.kill(process.pid, 'SIGKILL');
  }

  #isPrimary(): boolean {
    const role = this.#member?.state.role;
    return role === 'primary' || role === 'handing-over' || role === 'becoming';
  }

  #onMirrorSet(set: MirrorSet): void {
    const present = this.configuration.get();
    if (present.mirrorSet?.name !== set.name || isNewerSet(present.mirrorSet, set)) return;
    // One of the same number takes away what was corrected here while no primary could be reached (CFG-059).
    if (isNewerSet(set, present.mirrorSet) || JSON.stringify(set) !== JSON.stringify(present.mirrorSet)) {
      this.configuration.set(withMirrorSet(present, set));
      if (this.configuration.get().dejournalFilter === null) this.catalog.filtering.use(null);
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
      log: (severity, category, text) => this.log(severity, category, text),
    }).catch((error: Error) =>
      this.log(2, 'Utility.Event', `Properties of databases cannot follow the primary: ${error.message}`),
    );
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

  /** Where the primary serves applications, as far as this member knows. */
  #primaryAddress(): string | null {
    const { mirrorSet, member } = this.configuration.get();
    const name = this.#member?.state.role === 'primary' ? member : this.#member?.state.attachment?.to;
    const found = mirrorSet === null || name == null ? undefined : memberNamed(mirrorSet, name);
    return found === undefined ? null : `${found.superserver.host}:${found.superserver.port}`;
  }

  #updateRefusal(): { readonly code: 'not-primary' | 'becoming-primary' | 'shutting-down'; readonly text: string } {
    const { member, mirrorSet } = this.configuration.get();
    const role = this.#member?.state.role;
    if (this.#ending || role === 'down') return { code: 'shutting-down', text: `instance is shutting down` };
    if (role === 'becoming') return { code: 'becoming-primary', text: `${member} is becoming primary` };
    if (mirrorSet === null) {
      const text =
        'a copy of a mirrored database is read-only on an instance in no mirror; remove it from its mirror first';
      return { code: 'not-primary', text };
    }
    const flag = isReportingAsync(this.configuration.get()) ? '; a copy whose FailoverDB flag is set is read-only' : '';
    return { code: 'not-primary', text: `${member} is not the primary of mirror ${mirrorSet?.name}${flag}` };
  }

  async #accept(connection: Connection): Promise<void> {
    const accepted = await acceptChannel(connection, (open) => this.#decide(open), openingTimeoutMs, this.host.clock);
    if (accepted.state !== 'opened') return;
    const { channel, member, unpacks } = accepted.open;
    if (channel === 'client') this.#superserver.accept(connection, accepted.open.mirror !== '');
    else if (channel === 'data') this.#member?.acceptData(connection, member, unpacks ?? []);
    else if (channel === 'copy') this.#copies.accept(connection, member);
    else serveMemberRequest(this, connection);
  }

  #decide(open: Open): Opened | Refused {
    const { mirrorSet, member, instance } = this.configuration.get();
    const asked = open.channel === 'client' && open.mirror === '' ? { ...open, mirror: mirrorSet?.name ?? '' } : open;
    const answer = agree(asked, {
      channels: ['client', 'data', 'member', 'copy'],
      mirror: mirrorSet?.name ?? '',
      member: member ?? '',
      instance,
      epoch: this.#member?.state.record.epoch ?? NO_EPOCH,
      requireTls: mirrorSet?.settings.requireTls ?? false,
    });
    if (isRefused(answer)) return answer;
    if (this.#ending) return refuse('not-available', `instance ${instance} is shutting down`);
    const removal =
      mirrorSet === null || open.knows === undefined ? undefined : removalOf(mirrorSet, open.member, open.knows);
    if (open.channel === 'data' && removal !== undefined) {
      const text = `${open.member} was removed from mirror ${mirrorSet?.name}`;
      return { ...refuse('removed', text), removeAttribute: removal.removeAttribute };
    }
    const isForMembers = open.channel === 'data' || open.channel === 'copy';
    if (isForMembers && (mirrorSet === null || memberNamed(mirrorSet, open.member) === undefined)) {
      return refuse('member', `${open.member} is not a member of mirror ${mirrorSet?.name ?? '(none)'}`);
    }
    const wantsPrimary = open.channel === 'client' && open.mirror !== '';
    if (wantsPrimary && this.#member?.state.role !== 'primary') {
      const { text } = this.#updateRefusal();
      return refuse('not-primary', text, this.#primaryAddress());
    }
    return open.channel === 'member' ? { ...answer, process: this.#process } : answer;
  }
}
