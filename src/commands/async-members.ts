/** `caretmirror mirror edit-async | filter` and `database clear-flag`: what an async member is. The instance decides (CFG-050..054). */
import { usage } from './failures.ts';
import { askInstance, findInstance, type Instance } from './instances.ts';
import { editAsyncFields } from './mirror-fields.ts';
import { defineFields, type Options, readFields } from './option-fields.ts';
import { json } from './output.ts';
import { perform } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

/** CFG-050..053, SYN-023. */
export const defineAsync: DefineGroup = (group, surroundings) => {
  const edit = group.command('edit-async <instance>').description('change what this async member is');
  defineFields(edit, editAsyncFields)
    .option('--confirm <member>', "with --clear-flags: this member's name, as a confirmation")
    .option('--json', 'one JSON document', false)
    .action(async (name: string, options: Options & { readonly confirm?: string; readonly json: boolean }) => {
      const here = await surroundings();
      const given = readFields(editAsyncFields, options);
      if (Object.keys(given).length === 0) throw usage('give --type, --clear-flags or --journal-retention');
      const instance = findInstance(here, name);
      if (given.clearFailoverDb === true) await confirmFlags(here, instance, options.confirm);
      const text = await perform(here, instance, 'edit-async', given);
      here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
    });
  group
    .command('filter <instance> [module]')
    .description("show or set the dejournal filter of a reporting async: a file z*.mjs in the instance's directory")
    .option('--remove', 'go on without one', false)
    .option('--json', 'one JSON document', false)
    .action(async (name: string, module: string | undefined, options: { remove: boolean; json: boolean }) => {
      const here = await surroundings();
      const instance = findInstance(here, name);
      if (options.remove && module !== undefined) throw usage('give a module, or --remove');
      if (options.remove || module !== undefined) {
        const text = await perform(here, instance, 'set-dejournal-filter', { module: module ?? null });
        here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
        return;
      }
      const { dejournalFilter } = await askInstance(here, instance, (control) => control.status());
      const shown =
        dejournalFilter === null
          ? 'none'
          : `${dejournalFilter.module}, ${dejournalFilter.skippedRecords} records left out`;
      here.print(options.json ? json(dejournalFilter) : `${shown}\n`);
    });
};

/** DB-040, DB-059. */
export const defineClearFlag: DefineGroup = (group, surroundings) => {
  group
    .command('clear-flag <instance> [database...]')
    .description('on a reporting async, clear the FailoverDB flag of copies: writable here, for ever')
    .option('--all', 'of all copies', false)
    .option('--confirm <member>', "this member's name, as a confirmation")
    .action(async (name: string, databases: string[], options: { all: boolean; confirm?: string }) => {
      const here = await surroundings();
      if (options.all === databases.length > 0) throw usage('give the databases, or --all');
      const instance = findInstance(here, name);
      await confirmFlags(here, instance, options.confirm);
      const given = options.all ? {} : { databases };
      here.print(`${await perform(here, instance, 'clear-failoverdb', given)}\n`);
    });
};

/** It cannot be taken back. @throws CommandFailure (usage) unless it was confirmed by the member's name */
async function confirmFlags(here: Surroundings, instance: Instance, confirm: string | undefined): Promise<void> {
  const { member } = await askInstance(here, instance, (control) => control.describe());
  if (confirm !== undefined && confirm.toUpperCase() === member?.toUpperCase()) return;
  throw usage(
    `a FailoverDB flag can never be set again: the copies become writable here and are never primary copies any more, which is normally not wanted on a read-only reporting async; to clear flags give --confirm ${member ?? 'MEMBER'}`,
  );
}
