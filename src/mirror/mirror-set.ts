/**
 * A mirror as its members know it: name, settings, members and their addresses. The primary owns it and hands it to
 * every member that connects (CFG-056). Validity of names and numbers is decided here and nowhere else.
 */
import type { DatabaseProperties } from './database-properties.ts';
import * as limits from './limits.ts';
import type { FailoverMembers, MemberName, MemberType, MirrorDatabaseName, MirrorName } from './terms.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** SYN-011. `Compressed` is with zlib. */
export type CompressionMode =
  | 'System Selected'
  | 'Uncompressed'
  | 'Compressed'
  | 'Compressed with Zstd'
  | 'Compressed with LZ4';

export type ParallelDejournaling = 'Failover Members and DR' | 'Failover Members' | 'All Members';

export interface MemberDefinition {
  readonly name: MemberName;
  readonly type: MemberType;
  /** Instance name on its host. */
  readonly instance: string;
  readonly instanceDirectory: string;
  /** Mirror-aware clients, control traffic, fallback data channel (CFG-055). */
  readonly superserver: Address;
  /** Data channel to this member when it is primary (CFG-061); null = the superserver's. */
  readonly privateAddress: string | null;
  readonly agent: Address;
}

/** The life of mirror journal files, the same on all members. */
export interface JournalSettings {
  /** Files are kept at least so many days after they were ended. */
  readonly keepDays: number;
  /** So many bytes and so many days of journal are kept for a member that is away; null = without a limit. */
  readonly limitBytes: number | null;
  readonly limitDays: number | null;
  /** Does the primary begin a new file at midnight of its local time? */
  readonly switchDaily: boolean;
}

export interface MirrorSettings {
  readonly requireTls: boolean;
  readonly arbiter: Address | null;
  readonly compressionFailover: CompressionMode;
  readonly compressionAsync: CompressionMode;
  readonly qosTimeoutMs: number;
  readonly parallelDejournaling: ParallelDejournaling;
  /** What was never set has its default (`journalSettings`). */
  readonly journal?: Partial<JournalSettings>;
  /** How often members compare their running checksums; 0 = never, absent = the default of limits.ts. */
  readonly verifyEveryMinutes?: number;
}

export interface MirrorDatabaseDefinition {
  readonly name: MirrorDatabaseName;
  /** Sequence and epoch of its `database-added` record. */
  readonly addedAt: { readonly epoch: number; readonly sequence: number };
  readonly fromEmpty: boolean;
  /** As the primary's database has them; absent = made by a release that did not keep them here, so nothing to follow. */
  readonly properties?: DatabaseProperties;
}

/** CFG-069: who was taken out, and whether its databases are to lose their mirror attribute. */
export interface RemovedMember {
  readonly name: MemberName;
  readonly removeAttribute: boolean;
}

/** Which of two sets is newer. */
export type SetNumber = Pick<MirrorSet, 'epoch' | 'revision'>;

export interface MirrorSet {
  readonly name: MirrorName;
  /** Rises with every change; a member keeps the set with the highest {epoch, revision} it has seen. */
  readonly epoch: number;
  readonly revision: number;
  readonly settings: MirrorSettings;
  readonly members: readonly MemberDefinition[];
  /** Which list of failover members the types above stand for; absent before the first promotion or demotion. */
  readonly listed?: { readonly epoch: number; readonly number: number };
  readonly databases: readonly MirrorDatabaseDefinition[];
  /** Newest last. A member of that name that knows only an older set is turned away for good; absent = nobody. */
  readonly removed?: readonly RemovedMember[];
  /** Removed members that have not said yet that they know it, and where each was reached; absent = nobody. */
  readonly untold?: readonly MemberDefinition[];
}

export const defaultSettings: MirrorSettings = {
  requireTls: false,
  arbiter: null,
  compressionFailover: 'System Selected',
  compressionAsync: 'System Selected',
  qosTimeoutMs: limits.qosTimeoutMs.default,
  parallelDejournaling: 'Failover Members and DR',
};

const defaultJournalSettings: JournalSettings = {
  keepDays: limits.journalKeepDays.default,
  limitBytes: limits.journalLimitMegabytes.default * 1024 * 1024,
  limitDays: null,
  switchDaily: true,
};

export function journalSettings({ journal }: Pick<MirrorSettings, 'journal'>): JournalSettings {
  return { ...defaultJournalSettings, ...journal };
}

/** A valid value, folded as the rules say, or why it is none, in one sentence. */
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly text: string };

/** CFG-017. */
export function checkMirrorName(typed: string): Checked<MirrorName> {
  const value = typed.toUpperCase();
  if (!/^[A-Z0-9]+$/.test(value)) {
    return { ok: false, text: `mirror name "${typed}" is not valid: letters and digits only` };
  }
  if (value.length > limits.mirrorNameLengthMax) {
    return { ok: false, text: `mirror name "${typed}" is too long: ${limits.mirrorNameLengthMax} characters at most` };
  }
  return { ok: true, value };
}

/** CFG-022 for failover members, CFG-035 for asyncs; `defaultName` is accepted as it is (HOST/INSTANCE). */
export function checkMemberName(typed: string, type: MemberType, defaultName: string): Checked<MemberName> {
  const value = typed.toUpperCase();
  if (value.length === 0 || value.length > limits.memberNameLengthMax) {
    return { ok: false, text: `member name "${typed}" is not valid: 1 to ${limits.memberNameLengthMax} characters` };
  }
  if (value === defaultName.toUpperCase()) return { ok: true, value };
  if (type !== 'Failover' && !/^[A-Z0-9_-]+$/.test(value)) {
    return {
      ok: false,
      text: `async member name "${typed}" is not valid: letters, digits, underscore and hyphen only`,
    };
  }
  if (/[\s:[\]#;/*=^~,]/.test(value) || /[^\x21-\x7e]/.test(value)) {
    return { ok: false, text: `member name "${typed}" is not valid: no blanks and none of : [ ] # ; / * = ^ ~ ,` };
  }
  return { ok: true, value };
}

/** CFG-022: HOST/INSTANCE for failover members; CFG-035 (docs/spec/INDEX.md, 21): HOST_INSTANCE for asyncs. */
export function defaultMemberName(host: string, instance: string, type: MemberType): MemberName {
  const joined = `${host}/${instance}`.toUpperCase().slice(0, limits.memberNameLengthMax);
  return type === 'Failover' ? joined : joined.replace(/[^A-Z0-9_-]/g, '_');
}

/** DB-009, DB-010. */
export function checkMirrorDatabaseName(typed: string): Checked<MirrorDatabaseName> {
  const value = typed.toUpperCase();
  if (!/^[A-Z_][A-Z0-9_-]*$/.test(value) || value.length > limits.mirrorDatabaseNameLengthMax) {
    return {
      ok: false,
      text: `mirror database name "${typed}" is not valid: a letter or underscore first, then letters, digits, hyphen, underscore`,
    };
  }
  return { ok: true, value };
}

/** CFG-048. */
export function checkQosTimeout(ms: number): Checked<number> {
  const { min, max } = limits.qosTimeoutMs;
  if (!Number.isInteger(ms) || ms < min || ms > max) {
    return { ok: false, text: `QoS timeout must be a whole number of milliseconds from ${min} to ${max}` };
  }
  return { ok: true, value: ms };
}

export function checkKeepDays(days: number): Checked<number> {
  const { min, max } = limits.journalKeepDays;
  const isWhole = Number.isInteger(days) && days >= min && days <= max;
  if (!isWhole) return { ok: false, text: `journal files are kept a whole number of days from ${min} to ${max}` };
  return { ok: true, value: days };
}

/** Null = without a limit. */
export function checkJournalLimitDays(days: number | null): Checked<number | null> {
  const { min, max } = limits.journalLimitDays;
  if (days !== null && (!Number.isInteger(days) || days < min || days > max)) {
    return { ok: false, text: `the limit of journal days is a whole number from ${min} to ${max}, or none` };
  }
  return { ok: true, value: days };
}

/** In MB; null = without a limit. In bytes when it is valid. */
export function checkJournalLimit(megabytes: number | null): Checked<number | null> {
  const { min, max } = limits.journalLimitMegabytes;
  if (megabytes !== null && (!Number.isInteger(megabytes) || megabytes < min || megabytes > max)) {
    return { ok: false, text: `the limit of journal is a whole number of MB from ${min} to ${max}, or none` };
  }
  return { ok: true, value: megabytes === null ? null : megabytes * 1024 * 1024 };
}

/** 0 = never. */
export function checkVerifyEvery(minutes: number): Checked<number> {
  const { max } = limits.verifyEveryMinutes;
  if (!Number.isInteger(minutes) || minutes < 0 || minutes > max) {
    return {
      ok: false,
      text: `the time between checksums must be a whole number of minutes up to ${max}, or 0 for never`,
    };
  }
  return { ok: true, value: minutes };
}

/** A size of a database, in MB; 0 = none. */
export function checkDatabaseMegabytes(megabytes: number, what: string): Checked<number> {
  const max = limits.databaseMegabytesMax;
  if (!Number.isInteger(megabytes) || megabytes < 0 || megabytes > max) {
    return { ok: false, text: `${what} is a whole number of MB from 0 (none) to ${max}, not ${megabytes}` };
  }
  return { ok: true, value: megabytes };
}

/** DB-046. */
export function checkResourceName(typed: string): Checked<string> {
  const value = typed.toUpperCase();
  if (!/^[A-Z%][A-Z0-9_%-]{0,63}$/.test(value)) {
    const text = `resource name "${typed}" is not valid: a letter or % first, then letters, digits, %, hyphen, underscore`;
    return { ok: false, text };
  }
  return { ok: true, value };
}

export function checkPort(port: number): Checked<number> {
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    return { ok: false, text: 'a port is a whole number from 1 to 65535' };
  }
  return { ok: true, value: port };
}

/** CFG-049, SYN-014: jobs of one dejournaling operation on a member of this type. Failover members can never be excluded. */
export function dejournalJobs(setting: ParallelDejournaling, type: MemberType): number {
  const isParallel =
    type === 'Failover' ||
    setting === 'All Members' ||
    (setting === 'Failover Members and DR' && type === 'Disaster Recovery');
  return isParallel ? limits.dejournalJobsMax : 1;
}

export function memberNamed(set: MirrorSet, name: MemberName): MemberDefinition | undefined {
  return set.members.find((member) => member.name === name);
}

export function failoverMembers(set: MirrorSet): readonly MemberDefinition[] {
  return set.members.filter((member) => member.type === 'Failover');
}

export function partnerOf(set: MirrorSet, name: MemberName): MemberDefinition | undefined {
  return failoverMembers(set).find((member) => member.name !== name);
}

/** The types by a list of failover members; who is none any more is a disaster recovery async (FO-078, FO-087). */
export function withListedTypes(set: MirrorSet, { epoch, number, names }: FailoverMembers): MirrorSet {
  const typeOf = ({ name, type }: MemberDefinition): MemberType =>
    names.includes(name) ? 'Failover' : type === 'Failover' ? 'Disaster Recovery' : type;
  return {
    ...set,
    listed: { epoch, number },
    members: set.members.map((member) => ({ ...member, type: typeOf(member) })),
  };
}

/** The list that the types stand for; null before the first promotion or demotion. */
export function listOf(set: MirrorSet): FailoverMembers | null {
  if (set.listed === undefined) return null;
  return { ...set.listed, names: failoverMembers(set).map(({ name }) => name) };
}

/** Is `a` a later state of the same mirror than `b`? */
export function isNewerSet(a: SetNumber, b: SetNumber): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.revision > b.revision);
}

/** CFG-069. */
export function withoutMember(set: MirrorSet, { name, removeAttribute }: RemovedMember): MirrorSet {
  const before = withoutTraces(set, name);
  const removed = [...(before.removed ?? []), { name, removeAttribute }].slice(-limits.removedMembersRemembered);
  const gone = set.members.filter((each) => each.name === name);
  const untold = [...(before.untold ?? []), ...gone].filter((each) => removed.some((one) => one.name === each.name));
  return { ...before, members: set.members.filter((each) => each.name !== name), removed, untold };
}

/** Whoever joins is no removed member any more. */
export function withMembers(set: MirrorSet, members: readonly MemberDefinition[], joined: MemberName): MirrorSet {
  return { ...withoutTraces(set, joined), members };
}

/** The same revision: nothing depends on who has heard, and no set may count as newer for it. */
export function withTold(set: MirrorSet, name: MemberName): MirrorSet {
  return set.untold === undefined ? set : { ...set, untold: set.untold.filter((each) => each.name !== name) };
}

function withoutTraces(set: MirrorSet, name: MemberName): MirrorSet {
  const { removed } = set;
  return removed === undefined
    ? withTold(set, name)
    : { ...withTold(set, name), removed: removed.filter((each) => each.name !== name) };
}

/** Where a member is called, also one that has to hear that it was removed. */
export function calledMember(set: MirrorSet, name: MemberName): MemberDefinition | undefined {
  return memberNamed(set, name) ?? set.untold?.find((each) => each.name === name);
}

/** The failover members of a set that is newer than the one somebody knows: he may not have heard of one of them. */
export function listedSince(set: MirrorSet, known: SetNumber | undefined): readonly MemberName[] | undefined {
  return known !== undefined && isNewerSet(set, known) ? failoverMembers(set).map(({ name }) => name) : undefined;
}

/** Was this member removed since the set that it knows? A member that knows a newer one has joined again. */
export function removalOf(set: MirrorSet, name: MemberName, known: SetNumber): RemovedMember | undefined {
  return isNewerSet(set, known) ? set.removed?.find((each) => each.name === name) : undefined;
}
