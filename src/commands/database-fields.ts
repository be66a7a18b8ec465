/** Options of `caretmirror database ...` and `journal edit`, by the arguments of the commands they belong to. */
import { databaseMegabytesMax } from '../mirror/limits.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import { type Field, type Fields, orNone, textField, wholeField, yesNoField } from './option-fields.ts';

type Edit = CommandArguments['edit-database'];
type Properties = Omit<Edit, 'database' | 'mirrored'>;

const mountRequired = 'Mount Required at Startup: without it this member does not become primary';

const common: Fields<Omit<Properties, 'mountRequired'>> = {
  journaled: yesNoField('--journaled <yes|no>', 'Global Journal State; a mirrored database is always journaled'),
  maximumMegabytes: wholeField(
    '--max-size <MB>',
    'the most it may have, in MB; 0 for no limit',
    0,
    databaseMegabytesMax,
  ),
  expansionMegabytes: wholeField(
    '--expansion-size <MB>',
    'by how much it grows, in MB; 0 as the system chooses',
    0,
    databaseMegabytesMax,
  ),
  resource: textField('--resource <name>', 'name of the resource that guards it'),
};

export const editDatabaseFields: Fields<Properties> = {
  mountRequired: yesNoField('--mount-required <yes|no>', mountRequired),
  ...common,
};

/** Here it is also taken without a word, for yes. */
const mountRequiredAtCreation: Field<boolean> = {
  ...yesNoField('--mount-required [yes|no]', mountRequired),
  read: (typed, option) => typed === true || editDatabaseFields.mountRequired.read(typed, option),
};

type Create = Omit<CommandArguments['create-database'], 'database' | 'mirrored'>;

export const createDatabaseFields: Fields<Create> = {
  directory: textField('--directory <directory>', 'where; in the directory of the instance when left out'),
  mountRequired: mountRequiredAtCreation,
  ...common,
};

/** In the mirror under this name; the option without a name means the own one. */
export function mirroredField(database: string, description: string): Fields<{ readonly mirrored: string }> {
  const field = textField('--mirrored [name]', description);
  return { mirrored: { ...field, read: (typed) => (typed === true ? database : typed) } };
}

export const journalFields: Fields<CommandArguments['edit-journal']> = {
  alternateDirectory: orNone(
    textField(
      '--alternate <directory>',
      'where files are begun while the journal directory has no room; "none" for nowhere',
    ),
  ),
  purgeAtOnce: yesNoField(
    '--purge-at-once <yes|no>',
    'on a reporting async: purge as soon as the own databases have everything',
  ),
};
