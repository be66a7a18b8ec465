/** What an operator does with the journal's files: begin a new one, purge, and the settings of mirror and instance. */
import { JournalFrozenError } from '../journal/journal.ts';
import {
  type Checked,
  checkJournalLimit,
  checkJournalLimitDays,
  checkKeepDays,
  type JournalSettings,
  journalSettings,
  type MirrorSettings,
} from '../mirror/mirror-set.ts';
import type { CommandArguments, Outcome } from '../protocol/control-commands.ts';
import { done, failed, refused, refusedWith } from './command-outcome.ts';
import { refusalOf } from './offered-commands.ts';
import { isReportingAsync } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';

/** SYN-001. */
export function switchJournal(daemon: InstanceDaemon): Outcome {
  const why = refusalOf(daemon, 'switch-journal', true);
  if (why !== null) return refusedWith(why);
  const { member } = daemon;
  if (member === null) return failed('not-a-member', 'this instance is in no mirror');
  try {
    const begun = member.keeper.switchFile('an operator asked for it');
    const present = member.journal.files.at(-1)?.name;
    if (begun === null) return done(`${present} has no record yet and stays the present journal file`);
    return done(`${begun.name} is the present journal file; the other members begin it with the next record`);
  } catch (error) {
    if (error instanceof JournalFrozenError) return failed('journal-frozen', error.message);
    throw error;
  }
}

/** SYN-026. */
export async function purgeJournal(daemon: InstanceDaemon): Promise<Outcome> {
  const why = refusalOf(daemon, 'purge-journal', true);
  if (why !== null) return refusedWith(why);
  const { member } = daemon;
  if (member === null) return failed('not-a-member', 'this instance is in no mirror');
  let count = 0;
  let bytes = 0;
  for (;;) {
    const { files, verdict } = await member.keeper.purge();
    count += files.length;
    bytes += files.reduce((sum, file) => sum + file.bytes, 0);
    if (files.length > 0) continue;
    const isOnlyNewest = member.journal.files.length <= 1;
    const holders = verdict.holders
      .filter(({ from, kind }) => !isOnlyNewest && from === verdict.before && kind !== 'newest')
      .map(({ kind, name }) => (kind === 'days' ? 'the days that files are kept' : `${kind} ${name}`));
    const held = holders.length === 0 ? '' : `; what is left is needed by ${holders.join(', ')}`;
    return done(
      count === 0 ? `nothing was purged${held}` : `${count} journal files (${bytes} bytes) were purged${held}`,
    );
  }
}

export function editJournal(daemon: InstanceDaemon, given: CommandArguments['edit-journal']): Outcome {
  const present = daemon.configuration.get();
  const { alternateDirectory = present.alternateJournal, purgeAtOnce = present.purgeAtOnce } = given;
  if (alternateDirectory !== null && !alternateDirectory.startsWith('/')) {
    return refused('bad-value', `the alternate directory ${alternateDirectory} is not an absolute path`, 'SYN-004');
  }
  if (alternateDirectory === daemon.paths.journal) {
    return refused('bad-value', 'the alternate directory is the journal directory itself', 'SYN-004');
  }
  if (given.purgeAtOnce === true && !isReportingAsync(present)) {
    return refused(
      'not-reporting',
      'only a reporting async purges at once: others may need what any other member has',
      'SYN-026',
    );
  }
  if (alternateDirectory === present.alternateJournal && purgeAtOnce === present.purgeAtOnce) {
    return done('the settings are so already; nothing was changed');
  }
  // Made now, so that one that cannot be made is known at once and not when the other disk is full.
  if (alternateDirectory !== null) daemon.host.files.makeDirectory(alternateDirectory);
  daemon.configuration.set({ ...present, alternateJournal: alternateDirectory, purgeAtOnce });
  const text = `alternate journal directory ${alternateDirectory ?? 'none'}, purge at once ${purgeAtOnce ? 'yes' : 'no'}`;
  daemon.log('journal-settings', { settings: text });
  const isMoved = alternateDirectory !== present.alternateJournal && daemon.member !== null;
  return done(`${text}${isMoved ? '; the directory counts from the next start of the instance on' : ''}`);
}

/** What was never set, and is not given now, keeps following its default. */
export function journalSettingsGiven(
  { journal = {} }: MirrorSettings,
  given: CommandArguments['edit-mirror'],
): Checked<Partial<JournalSettings>> {
  const { keepDays, limitMegabytes, limitDays, switchDaily } = given;
  const days = keepDays === undefined ? null : checkKeepDays(keepDays);
  const bytes = limitMegabytes === undefined ? null : checkJournalLimit(limitMegabytes);
  const dayLimit = limitDays === undefined ? null : checkJournalLimitDays(limitDays);
  for (const checked of [days, bytes, dayLimit]) if (checked?.ok === false) return checked;
  const value = {
    ...journal,
    ...(days?.ok ? { keepDays: days.value } : {}),
    ...(bytes?.ok ? { limitBytes: bytes.value } : {}),
    ...(dayLimit?.ok ? { limitDays: dayLimit.value } : {}),
    ...(switchDaily === undefined ? {} : { switchDaily }),
  };
  const { limitDays: limit, keepDays: keep } = journalSettings({ journal: value });
  if (limit !== null && limit < keep) {
    return { ok: false, text: `the limit of ${limit} days is less than the ${keep} days that files are kept` };
  }
  return { ok: true, value };
}

export function journalSettingsText(settings: Pick<MirrorSettings, 'journal'>): string {
  const { keepDays, limitBytes, limitDays, switchDaily } = journalSettings(settings);
  const bytes = limitBytes === null ? 'any size' : `${limitBytes / 1024 / 1024} MB`;
  const days = limitDays === null ? '' : ` and ${limitDays} days`;
  return `journal files kept ${keepDays} days and for a member that is away up to ${bytes}${days}, a new one ${switchDaily ? 'each day' : 'by size only'}`;
}
