/** `caretmirror database ...`: databases of an instance, the same as the routines. */
import type { CommandArguments } from '../protocol/control-channel.ts';
import { usage } from './failures.ts';
import { askInstance, findInstance } from './instances.ts';
import { json, table } from './output.ts';
import { notBuilt, perform } from './perform.ts';
import type { DefineGroup } from './surroundings.ts';

interface CreateOptions {
  readonly directory?: string;
  readonly mirrored?: string | true;
  readonly mountRequired?: true;
}

const simple = [
  ['mount', 'mount-database', 'mount it'],
  ['dismount', 'dismount-database', 'dismount it'],
  ['delete', 'delete-database', 'delete it with its data'],
  ['remove', 'remove-database', 'take it out of the mirror; its data stay'],
  ['activate', 'catch-up-database', 'activate a restored copy, then catch it up'],
  ['catchup', 'catch-up-database', 'catch a copy up with the journal'],
] as const;

export const define: DefineGroup = (group, surroundings) => {
  group
    .command('create <instance> <database>')
    .description('make a database; on a mirror first on the primary, then on the others')
    .option('--directory <directory>', 'where; in the directory of the instance when left out')
    .option('--mirrored [name]', 'in the mirror, under this name or its own')
    .option('--mount-required', 'Mount Required at Startup: without it this member does not become primary')
    .action(async (name: string, database: string, options: CreateOptions) => {
      const here = await surroundings();
      const { directory, mirrored, mountRequired } = options;
      const given: CommandArguments['create-database'] = {
        database,
        ...(directory === undefined ? {} : { directory }),
        ...(mountRequired === undefined ? {} : { mountRequired }),
        mirrored: mirrored === undefined ? null : mirrored === true ? database : mirrored,
      };
      here.print(`${await perform(here, findInstance(here, name), 'create-database', given)}\n`);
    });
  group
    .command('edit <instance> <database>')
    .description('change its properties on this member')
    .requiredOption(
      '--mount-required <yes|no>',
      'Mount Required at Startup: without it this member does not become primary',
    )
    .action(async (name: string, database: string, options: { mountRequired: string }) => {
      const here = await surroundings();
      const given = { database, mountRequired: isYes(options.mountRequired, '--mount-required') };
      here.print(`${await perform(here, findInstance(here, name), 'edit-database', given)}\n`);
    });
  group
    .command('add <instance> <database> [name]')
    .description('on the primary, add an existing database to the mirror')
    .action(async (name: string, database: string, mirrorDatabase: string | undefined) => {
      const here = await surroundings();
      const given = { database, ...(mirrorDatabase === undefined ? {} : { mirrorDatabase }) };
      here.print(`${await perform(here, findInstance(here, name), 'add-database', given)}\n`);
    });
  for (const [word, command, description] of simple) {
    group
      .command(`${word} <instance> <database>`)
      .description(description)
      .action(async (name: string, database: string) => {
        const here = await surroundings();
        here.print(`${await perform(here, findInstance(here, name), command, { database })}\n`);
      });
  }
  group
    .command('list <instance>')
    .description('databases of an instance')
    .option('--json', 'one JSON document', false)
    .action(async (name: string, options: { json: boolean }) => {
      const here = await surroundings();
      const { databases } = await askInstance(here, findInstance(here, name), (control) => control.describe());
      const rows = databases.map((each) => [
        each.name,
        each.mirrored ?? '-',
        each.status,
        each.mounted ? 'yes' : 'no',
        each.mountRequired ? 'yes' : 'no',
        each.directory,
      ]);
      here.print(
        options.json
          ? json(databases)
          : table(['Name', 'Mirror name', 'Status', 'Mounted', 'Required at startup', 'Directory'], rows),
      );
    });
  notBuilt(group, ['backup', 'restore', 'pause', 'resume']);
};

/** @throws CommandFailure (usage) */
function isYes(typed: string, what: string): boolean {
  if (typed !== 'yes' && typed !== 'no') throw usage(`${what} is yes or no, not "${typed}"`);
  return typed === 'yes';
}
