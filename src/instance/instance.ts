/** One instance: the doors through which applications, members and operators come, and what it is in each of its mirrors (membership.ts). */
import { randomUUID } from 'node:crypto';
import type { DatabaseStore } from '../database/databases.ts';
import type { FilterCode } from '../host/dejournal-filter.ts';
import type { HomePaths, InstancePaths } from '../host/home.ts';
import type { ConfigurationStore, EventsLog, Host, MessagesLog } from '../host/host.ts';
import { placeOf } from '../host/memberships.ts';
import { ReserveFile } from '../host/reserve-file.ts';
import type { SiteCode } from '../host/site-code.ts';
import type { Journal, JournalFileOperations, ReadParts } from '../journal/journal.ts';
import { logLine, type WriteLog } from '../mirror/log-messages.ts';
import { isNewerSet, memberNamed, removalOf } from '../mirror/mirror-set.ts';
import { type MirrorName, NO_EPOCH } from '../mirror/terms.ts';
import type { BlockCodec } from '../network/block-codec.ts';
import type { Connection, Listener, Network } from '../network/network.ts';
import { acceptChannel } from '../network/opening-exchange.ts';
import {
  agree,
  type ChannelName,
  isRefused,
  type Open,
  type Opened,
  type Refused,
  refuse,
} from '../protocol/opening.ts';
import { ControlServer } from './control-server.ts';
import { serveMemberRequest } from './join-server.ts';
import { serveJournal } from './journal-outlet.ts';
import { Membership } from './membership.ts';
import type { RunningMember } from './mirror-member.ts';
import { settleDirectory } from './own-directory.ts';
import type { InstanceDaemon, Memberships } from './parts.ts';
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
  readonly readParts: ReadParts;
  readonly messages: MessagesLog;
  readonly openEvents: (path: string) => EventsLog & { close(): void };
  readonly site: SiteCode;
  readonly filters: FilterCode;
}

/** Nobody else may open these. */
const forMembers: readonly ChannelName[] = ['data', 'copy', 'journal'];
/** How long a caller may take to say who it is, ms. */
const openingTimeoutMs = 5000;
/** How long answers under way may take at the end, ms. */
const farewellMs = 150;

export async function openInstance(parts: InstanceParts): Promise<Instance> {
  const instance = new Instance(parts);
  await instance.open();
  return instance;
}

export class Instance implements Memberships {
  readonly #parts: InstanceParts;
  /** The mirror in the configuration's own fields, and everything that is in no mirror. */
  readonly first: Membership;
  #further: readonly Membership[] = [];
  readonly turns = new Turns();
  readonly #superserver: Superserver;
  readonly #control: ControlServer;
  readonly reserve: ReserveFile;
  readonly #listeners: Listener[] = [];
  #ending = false;
  readonly process = randomUUID();
  #resolveEnded: (exitCode: number) => void = () => undefined;
  /** Resolves with the exit code when everything is closed. */
  readonly ended = new Promise<number>((resolve) => {
    this.#resolveEnded = resolve;
  });

  constructor(parts: InstanceParts) {
    this.#parts = parts;
    this.reserve = new ReserveFile(parts.host.files, parts.paths.reserve, parts.paths.directory);
    this.#superserver = this.#newSuperserver(() => this.all);
    this.first = new Membership(this, parts, null, this.#superserver);
    this.#control = new ControlServer(this);
  }

  #newSuperserver(memberships: () => readonly Membership[]): Superserver {
    const { clock } = this.#parts.host;
    return new Superserver({
      entries: () => memberships().flatMap(({ catalog }) => catalog.entries()),
      called: (name) => memberships().flatMap(({ catalog }) => catalog.called(name)),
      wallMs: () => clock.wallMs(),
      onAppended: (to) => this.first.member?.appended(to),
      primaryAddress: () => this.first.primaryAddress(),
      refusal: () => (this.shown ?? this.first).updateRefusal(),
      endOfTurn: (run) => void setImmediate(run),
      nowMs: () => clock.nowMs(),
      after: (ms, handler) => clock.after(ms, handler),
    });
  }

  get configuration(): ConfigurationStore {
    return this.#parts.configuration;
  }
  get paths(): InstancePaths {
    return this.#parts.paths;
  }
  get isEnding(): boolean {
    return this.#ending;
  }
  get host(): Host {
    return this.#parts.host;
  }
  get all(): readonly Membership[] {
    return [this.first, ...this.#further];
  }
  get member(): RunningMember | null {
    return this.first.member;
  }
  get catalog(): Membership['catalog'] {
    return this.first.catalog;
  }
  get shown(): Membership {
    return this.of() ?? this.first;
  }

  of(mirror?: string): Membership | undefined {
    const place = placeOf(this.configuration.get(), mirror);
    return place === undefined ? undefined : this.all.find((each) => each.place === place);
  }

  async further(mirror: MirrorName): Promise<Membership> {
    const present = this.all.find(({ place }) => place === mirror);
    if (present !== undefined) return present;
    const membership = this.#addFurther(mirror);
    await membership.open();
    return membership;
  }

  /** A member of a reporting async never takes updates of its mirror: no application comes through its superserver. */
  #addFurther(mirror: MirrorName): Membership {
    const membership = new Membership(
      this,
      this.#parts,
      mirror,
      this.#newSuperserver(() => []),
    );
    this.#further = [...this.#further, membership];
    return membership;
  }

  async joined(further: InstanceDaemon): Promise<void> {
    const membership = this.#further.find((each) => each === further);
    if (membership === undefined) return;
    if (membership.configuration.get().mirrorSet === null) await this.endFurther(membership);
    else await this.#takeOver(membership);
  }

  async endFurther(further: InstanceDaemon): Promise<void> {
    const membership = this.#further.find((each) => each === further);
    if (membership === undefined) return;
    this.#further = this.#further.filter((each) => each !== membership);
    membership.stop();
    await membership.close();
    // What were its databases are databases of the instance now.
    await this.first.catalog.open();
  }

  /** DB-053: copies that kept the mark of a mirror are of it again once it is joined again. */
  async #takeOver(further: Membership): Promise<void> {
    const { mirrorSet } = further.configuration.get();
    for (const { configuration: database, attribute } of this.first.catalog.entries()) {
      if (mirrorSet === null || attribute?.mirror !== mirrorSet.name) continue;
      await this.first.catalog.letGo(database.name);
      const whole = this.configuration.get();
      const moved = { ...database, furtherMirror: mirrorSet.name };
      const kept = whole.databases.filter(({ name }) => name !== database.name);
      this.configuration.set({ ...whole, databases: [...kept, moved] });
    }
    await further.catalog.open();
  }

  async open(): Promise<void> {
    const { network, paths, configuration, host } = this.#parts;
    settleDirectory({ configuration, files: host.files, paths, log: this.log });
    host.files.makeDirectory(paths.journal);
    host.files.makeDirectory(paths.lostAndFound);
    for (const { name } of configuration.get().furtherMirrors) this.#addFurther(name);
    for (const membership of this.all) membership.placeRebuilt();
    clearCutOffRestores({ host, paths, configuration, log: this.log });
    // The first one last: it takes over the databases of further ones that are over.
    for (const membership of this.all.toReversed()) await membership.open();
    for (const membership of this.#further) await this.#takeOver(membership);
    const { superserver } = configuration.get();
    this.#listeners.push(await this.#listen(superserver.host, superserver.port));
    for (const membership of this.all) await membership.begin();
    this.#listeners.push(await network.listenLocal(paths.control, (connection) => this.#control.accept(connection)));
    for (const membership of this.all) membership.finish();
    const { instance } = configuration.get();
    this.log('instance-serves', { instance, address: `${superserver.host}:${superserver.port}` });
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

  readonly log: WriteLog = (message, ...facts) => this.#parts.messages.write(logLine(message, ...facts));

  /** AGT-008: the agent of this host holds its status file. */
  async isAgentRunning(): Promise<boolean> {
    return this.host.processes.describeLock(this.#parts.home.agentStatus).state === 'held';
  }

  /** SIGTERM: like `instance stop`. */
  stopByOperator(): void {
    const { member } = this.first;
    if (member === null) this.endProcess('stopped by a signal');
    else void member.order({ command: 'stop-instance', noFailover: false });
  }

  /** In order: no new callers, answers under way leave, databases are closed. */
  endProcess(because: string): void {
    if (this.#ending) return;
    this.#ending = true;
    this.log('instance-ends', { because });
    void this.#close();
  }

  async #close(): Promise<void> {
    for (const listener of this.#listeners) void listener.close();
    await this.host.clock.wait(farewellMs);
    for (const membership of this.all) membership.stop();
    this.#superserver.close();
    this.#control.close();
    this.#makeRoomToClose();
    try {
      for (const membership of this.all) await membership.close();
    } catch (error) {
      // On a full disk, after a hand-over: what cannot be written was never acknowledged, and the next start is one after a crash.
      this.log('ends-without-closing', { reason: (error as Error).message });
    } finally {
      this.#resolveEnded(0);
    }
  }

  /** On a full disk: databases and journal are closed with what the reserve gives up. */
  #makeRoomToClose(): void {
    const isFrozen = this.all.some(({ member }) => (member?.state.journal.frozen ?? '') !== '');
    if (!isFrozen || !this.reserve.free()) return;
    this.log('journal-reserve-freed', { path: this.#parts.paths.journal });
  }

  /** What is on the disk is unknown, or the program is wrong: end at once and leave everything as it is. */
  fail(error: Error): void {
    // Work that was under way finds its databases closed.
    if (this.#ending) return;
    this.log('instance-fails', { reason: error.message });
    process.stderr.write(`${error.stack}\n`);
    process.kill(process.pid, 'SIGKILL');
  }

  async #accept(connection: Connection): Promise<void> {
    const accepted = await acceptChannel(connection, (open) => this.#decide(open), openingTimeoutMs, this.host.clock);
    if (accepted.state !== 'opened') return;
    const { channel, member, mirror, unpacks } = accepted.open;
    const membership = this.#meant(mirror);
    if (channel === 'client') this.#superserver.accept(connection, mirror !== '');
    else if (channel === 'data') membership.member?.acceptData(connection, member, unpacks ?? []);
    else if (channel === 'journal') serveJournal(membership, connection);
    else if (channel === 'copy') membership.copies.accept(connection, member);
    else serveMemberRequest(membership, connection);
  }

  /** Who names a mirror that this instance is not in is refused in the name of the first one. */
  #meant(mirror: string): Membership {
    return (mirror === '' ? undefined : this.of(mirror)) ?? this.shown;
  }

  #decide(open: Open): Opened | Refused {
    const membership = this.#meant(open.mirror);
    const { mirrorSet, member, instance } = membership.configuration.get();
    const asked = open.channel === 'client' && open.mirror === '' ? { ...open, mirror: mirrorSet?.name ?? '' } : open;
    const answer = agree(asked, {
      channels: ['client', 'data', 'member', 'copy', 'journal'],
      mirror: mirrorSet?.name ?? '',
      member: member ?? '',
      instance,
      epoch: membership.member?.state.record.epoch ?? NO_EPOCH,
      requireTls: mirrorSet?.settings.requireTls ?? false,
    });
    if (isRefused(answer)) return answer;
    if (this.#ending) return refuse('not-available', `instance ${instance} is shutting down`);
    const removal =
      mirrorSet === null || open.knows === undefined ? undefined : removalOf(mirrorSet, open.member, open.knows);
    if ((open.channel === 'data' || open.channel === 'journal') && removal !== undefined) {
      const text = `${open.member} was removed from mirror ${mirrorSet?.name}`;
      return { ...refuse('removed', text), removeAttribute: removal.removeAttribute };
    }
    const isMember = mirrorSet !== null && memberNamed(mirrorSet, open.member) !== undefined;
    // A primary that joined while this member was away calls to tell it the mirror set (CFG-056).
    const hasNews = mirrorSet !== null && open.knows !== undefined && isNewerSet(open.knows, mirrorSet);
    if (forMembers.includes(open.channel) && !isMember && !(open.channel === 'data' && hasNews)) {
      return refuse('member', `${open.member} is not a member of mirror ${mirrorSet?.name ?? '(none)'}`);
    }
    if (open.channel === 'data' && membership.member === null) {
      return refuse('not-available', `mirroring does not run on ${member}`);
    }
    const wantsPrimary = open.channel === 'client' && open.mirror !== '';
    if (wantsPrimary && membership.member?.state.role !== 'primary') {
      const { text } = membership.updateRefusal();
      return refuse('not-primary', text, membership.primaryAddress());
    }
    return open.channel === 'member' ? { ...answer, process: this.process } : answer;
  }
}
