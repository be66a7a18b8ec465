/**
 * Which mirror journal files may be removed. A file goes when every member of the mirror has what is in it, every own database
 * holds it durably, and it is older than the days it is kept (SYN-026). The rule is the same on every member that others may
 * need journal data from one day, with what the primary last told about the others; so a new primary has what they lack.
 *
 * A member that is away holds files back up to a limit of bytes or days. That is said before (at four fifths of it); beyond it
 * the primary takes the claim away, the member that is furthest behind first. One that is connected, and an own database, keep
 * their claims. Not for: removing files, wall clocks, what a member without journal data does (joining.ts).
 */
import type { JournalPosition } from './journal-position.ts';
import { journalLimitWarnShare } from './limits.ts';
import type { JournalSettings } from './mirror-set.ts';
import type { MemberName } from './terms.ts';

export interface PurgeFile {
  readonly file: number;
  readonly bytes: number;
  readonly epoch: number;
  /** Sequence of the record before its first one, and of its last one. */
  readonly sequenceBefore: number;
  readonly sequence: number;
  /** Wall clock when the next file was begun, ms; null for the newest one. */
  readonly endedMs: number | null;
}

/** Another member, and what it is known to have. */
export interface MemberClaim {
  readonly member: MemberName;
  /** Everything up to here is fsynced by it; null = it was never heard of, so it needs all there is. */
  readonly has: JournalPosition | null;
  /** On the primary: it is being served. */
  readonly isConnected: boolean;
  /** Its claim was taken away. */
  readonly isLapsed: boolean;
}

/** By member: what the primary tells the others about all. */
export type ToldClaims = Readonly<
  Record<MemberName, { readonly has: JournalPosition | null; readonly isLapsed: boolean }>
>;

export interface DatabaseClaim {
  readonly database: string;
  /** Durably in the database; null = not known (it is dismounted), so it needs all there is. */
  readonly stored: JournalPosition | null;
}

export interface PurgeFacts {
  /** Oldest first, without a gap. */
  readonly files: readonly PurgeFile[];
  readonly members: readonly MemberClaim[];
  readonly databases: readonly DatabaseClaim[];
  readonly settings: JournalSettings;
  readonly wallMs: number;
  /** Only the primary takes claims away; the others are told. */
  readonly isPrimary: boolean;
  /** False on a reporting async that purges at once: nobody will ever ask it for journal data. */
  readonly keepsForOthers: boolean;
}

/** Who needs a file, and from which on. */
export interface Holder {
  readonly kind: 'member' | 'database' | 'days' | 'newest';
  /** Member or local database; empty for the other kinds. */
  readonly name: string;
  readonly from: number;
}

export interface PurgeVerdict {
  /** Files with lower numbers may go. */
  readonly before: number;
  readonly holders: readonly Holder[];
  /** Members that lose their claim now, with the limit that was exceeded. */
  readonly lapsed: readonly { readonly member: MemberName; readonly because: string }[];
  /** The limit is near, and these hold the oldest file back. */
  readonly warned: readonly Holder[];
  /** Of all files that are kept when those that may go have gone. */
  readonly bytes: number;
}

const dayMs = 86_400_000;

export function decidePurge(facts: PurgeFacts): PurgeVerdict {
  const { files, members, isPrimary } = facts;
  const lapsed: { member: MemberName; because: string }[] = [];
  let holders = holdersOf(facts, members);
  for (let because = limitExceeded(facts, holders); isPrimary && because !== null; ) {
    const member = nextToLapse(facts, holders);
    if (member === null) break;
    lapsed.push({ member, because });
    holders = holders.filter(({ kind, name }) => kind !== 'member' || name !== member);
    because = limitExceeded(facts, holders);
  }
  const before = beforeOf(holders, files);
  const bytes = bytesFrom(files, before);
  return { before, holders, lapsed, warned: isNearLimit(facts, before) ? firstOf(holders, before) : [], bytes };
}

/**
 * The file that holds the record of a position: the last one that begins before it, in its epoch or an earlier one. The file
 * behind it would do to go on from there, but a journal that ends with that record is also cut back to it. It is looked up in the files here, since a member may have more of an epoch than the mirror kept of it; what it
 * has beyond that it gives up when it comes back (FO-088), and then it stands in the last file of that epoch.
 */
export function fileNeededFrom(
  files: readonly PurgeFile[],
  position: Pick<JournalPosition, 'epoch' | 'sequence'> | null,
): number {
  const oldest = files[0]?.file ?? 0;
  if (position === null) return oldest;
  const beginsBefore = ({ epoch, sequenceBefore }: PurgeFile): boolean =>
    epoch < position.epoch || (epoch === position.epoch && sequenceBefore < position.sequence);
  return files.findLast(beginsBefore)?.file ?? oldest;
}

function holdersOf(facts: PurgeFacts, members: readonly MemberClaim[]): readonly Holder[] {
  const { files, databases, settings, wallMs, keepsForOthers } = facts;
  const newest = fileNeededFrom(files, files.at(-1) ?? null);
  const holders: Holder[] = [{ kind: 'newest', name: '', from: newest }];
  for (const { database, stored } of databases) {
    holders.push({ kind: 'database', name: database, from: fileNeededFrom(files, stored) });
  }
  if (!keepsForOthers) return holders;
  for (const { member, has, isLapsed } of members) {
    if (!isLapsed) holders.push({ kind: 'member', name: member, from: fileNeededFrom(files, has) });
  }
  // A clock that was set back makes files younger, which keeps them.
  const young = files.find(({ endedMs }) => endedMs === null || wallMs - endedMs < settings.keepDays * dayMs);
  holders.push({ kind: 'days', name: '', from: young?.file ?? newest });
  return holders;
}

function beforeOf(holders: readonly Holder[], files: readonly PurgeFile[]): number {
  return Math.min(files.at(-1)?.file ?? 0, ...holders.map(({ from }) => from));
}

function bytesFrom(files: readonly PurgeFile[], from: number): number {
  return files.reduce((sum, { file, bytes }) => (file < from ? sum : sum + bytes), 0);
}

function firstOf(holders: readonly Holder[], before: number): readonly Holder[] {
  return holders.filter(({ kind, from }) => from === before && (kind === 'member' || kind === 'database'));
}

/** Which limit the files from the oldest needed one on exceed; null = none. */
function limitExceeded(facts: PurgeFacts, holders: readonly Holder[]): string | null {
  const { limitBytes, limitDays } = facts.settings;
  const before = beforeOf(holders, facts.files);
  const bytes = bytesFrom(facts.files, before);
  if (limitBytes !== null && bytes > limitBytes) return `${bytes} bytes are kept, the limit is ${limitBytes}`;
  if (limitDays !== null && ageMs(facts, before) > limitDays * dayMs) {
    return `the oldest file was ended more than ${limitDays} days ago, which is the limit`;
  }
  return null;
}

function isNearLimit(facts: PurgeFacts, before: number): boolean {
  const { limitBytes, limitDays } = facts.settings;
  const bytes = bytesFrom(facts.files, before);
  const isNearBytes = limitBytes !== null && bytes > limitBytes * journalLimitWarnShare;
  return isNearBytes || (limitDays !== null && ageMs(facts, before) > limitDays * dayMs * journalLimitWarnShare);
}

function ageMs({ files, wallMs }: PurgeFacts, before: number): number {
  const endedMs = files.find(({ file }) => file === before)?.endedMs;
  return endedMs == null ? 0 : wallMs - endedMs;
}

/** The member that is away and alone holds the oldest files back; null when taking its claim away would free none. */
function nextToLapse({ members, files }: PurgeFacts, holders: readonly Holder[]): MemberName | null {
  const before = beforeOf(holders, files);
  const isAway = ({ kind, name }: Holder): boolean =>
    kind === 'member' && members.some(({ member, isConnected }) => member === name && !isConnected);
  const first = holders.filter(({ from }) => from === before);
  return first.every(isAway) ? (first[0]?.name ?? null) : null;
}
