/** `caretmirror database ...`: databases of an instance, the same as the routines. */
import type { DatabaseDescription } from '../protocol/control-channel.ts';
import { defineClearFlag } from './async-members.ts';
import { defineBackups } from './database-backup.ts';
import { createDatabaseFields, editDatabaseFields, mirroredField } from './database-fields.ts';
import { usage } from './failures.ts';
import { askInstance, findInstance } from './instances.ts';
import { defineDownload } from './mirror-rebuild.ts';
import { defineFields, fieldNames, type Options, readFields } from './option-fields.ts';
import { json, table } from './output.ts';
import { defineLook, type LookOptions, perform, performAndTell } from './perform.ts';
import type { DefineGroup } from './surroundings.ts';

const simple = [
  ['dismount', 'dismount-database', 'dismount it'],
  ['delete', 'delete-database', 'delete it with its data'],
] as const;

const several = [
  ['activate', 'catch-up-databases', 'activate restored or copied databases, then catch them up'],
  ['catchup', 'catch-up-databases', 'catch copies up with the journal; several in the background'],
  ['pause', 'pause-databases', 'pause dejournaling into databases of a backup or async'],
  ['resume', 'resume-databases', 'resume dejournaling into them'],
] as const;

export const define: DefineGroup = (group, surroundings) => {
  const create = group
    .command('create <instance> <database>')
    .description('make a database; on a mirror first on the primary, then on the others');
  defineFields(create, createDatabaseFields);
  defineFields(create, mirroredField('', 'in the mirror, under this name or its own')).action(
    async (name: string, database: string, options: Options) => {
      const here = await surroundings();
      const { mirrored = null } = readFields(mirroredField(database, ''), options);
      const given = { database, ...readFields(createDatabaseFields, options), mirrored };
      here.print(`${await perform(here, findInstance(here, name), 'create-database', given)}\n`);
    },
  );
  defineEdit(group, surroundings);
  defineMirroring(group, surroundings);
  for (const [word, command, description] of simple) {
    group
      .command(`${word} <instance> <database>`)
      .description(description)
      .action(async (name: string, database: string) => {
        const here = await surroundings();
        here.print(`${await perform(here, findInstance(here, name), command, { database })}\n`);
      });
  }
  defineRecreate(group, surroundings);
  defineOfCopies(group, surroundings);
  defineClearFlag(group, surroundings);
  defineBackups(group, surroundings);
  defineDownload(group, surroundings);
  defineList(group, surroundings);
};

const defineMirroring: DefineGroup = (group, surroundings) => {
  defineLook(group.command('add <instance> <database...>'))
    .description('on the primary, add existing databases to the mirror; DATABASE=NAME gives one another name there')
    .option('--background', 'do not wait for it; five and more are always added so', false)
    .action(async (name: string, typed: string[], options: LookOptions & { background: boolean }) => {
      const here = await surroundings();
      const pairs = typed.map((each) => each.split('='));
      const odd = pairs.find((pair) => pair.length > 2 || pair.includes(''));
      if (odd !== undefined) throw usage(`"${odd.join('=')}" is not DATABASE or DATABASE=NAME`);
      const databases = pairs.map(([database = '']) => database);
      const mirrorDatabases = pairs.map(([database = '', mirrored = database]) => mirrored);
      const given = { databases, mirrorDatabases, background: options.background };
      await performAndTell(here, findInstance(here, name), 'add-databases', given, options);
    });
  group
    .command('remove <instance> <database>')
    .description(
      'take it out of the mirror; its data stay. On the primary first, then on the backup, then on the asyncs',
    )
    .option('--only-here', 'on a backup: this copy alone, though the mirror still has the database', false)
    .action(async (name: string, database: string, { onlyHere }: { onlyHere: boolean }) => {
      const here = await surroundings();
      const given = { database, ...(onlyHere ? { onlyHere } : {}) };
      here.print(`${await perform(here, findInstance(here, name), 'remove-database', given)}\n`);
    });
};

const defineList: DefineGroup = (group, surroundings) => {
  group
    .command('list <instance>')
    .description('databases of an instance')
    .option('--json', 'one JSON document', false)
    .action(async (name: string, options: { json: boolean }) => {
      const here = await surroundings();
      const { databases, mirrors } = await askInstance(here, findInstance(here, name), (control) => control.describe());
      const isSeveral = mirrors.length > 1;
      const rows = databases.map((each) => [
        each.name,
        each.mirrored === null ? '-' : isSeveral ? `:mirror:${each.mirror}:${each.mirrored}` : each.mirrored,
        each.catchUp === null ? each.status : `${each.status}, ${course(each.catchUp)}`,
        each.mounted ? 'yes' : 'no',
        each.mountRequired ? 'yes' : 'no',
        each.failoverDb === null ? '-' : each.failoverDb ? 'yes' : 'no',
        sizeText(each),
        each.directory,
      ]);
      here.print(
        options.json
          ? json(databases)
          : table(
              ['Name', 'Mirror name', 'Status', 'Mounted', 'Required at startup', 'FailoverDB', 'Size', 'Directory'],
              rows,
            ),
      );
    });
};

const defineRecreate: DefineGroup = (group, surroundings) => {
  group
    .command('recreate <instance> <database>')
    .description('empty it; a mirrored one on the primary first, then on the backup, then on the asyncs')
    .requiredOption('--confirm <database>', 'its name once more: all its data go')
    .action(async (name: string, database: string, { confirm }: { confirm: string }) => {
      const here = await surroundings();
      if (confirm.toUpperCase() !== database.toUpperCase()) {
        throw usage(`--confirm says ${confirm}, and the database is ${database}: nothing was changed`);
      }
      here.print(`${await perform(here, findInstance(here, name), 'recreate-database', { database })}\n`);
    });
};

const stillMs = 5000;

function course(catchUp: NonNullable<DatabaseDescription['catchUp']>): string {
  const { recordsDone, recordsToDo, recordsPerSecond, secondsLeft, standsStillMs } = catchUp;
  const done = `${recordsDone} of ${recordsToDo}`;
  if (standsStillMs >= stillMs) return `${done}, not moving for ${Math.floor(standsStillMs / 1000)} s`;
  return secondsLeft === null ? done : `${done}, ${recordsPerSecond}/s, ${secondsLeft} s left`;
}

const defineEdit: DefineGroup = (group, surroundings) => {
  const edit = group
    .command('edit <instance> <database>')
    .description('change its properties; sizes and resource of a mirrored one on the primary, which the others follow');
  defineFields(edit, editDatabaseFields);
  defineFields(edit, mirroredField('', 'on the primary: add it to the mirror, under this name or its own')).action(
    async (name: string, database: string, options: Options) => {
      const here = await surroundings();
      const given = { ...readFields(editDatabaseFields, options), ...readFields(mirroredField(database, ''), options) };
      if (Object.keys(given).length === 0)
        throw usage(`give ${[...fieldNames(editDatabaseFields)].join(', ')} or --mirrored`);
      here.print(`${await perform(here, findInstance(here, name), 'edit-database', { database, ...given })}\n`);
    },
  );
};

const defineOfCopies: DefineGroup = (group, surroundings) => {
  group
    .command('mount <instance> <database>')
    .description('mount it; a copy of a mirrored database is caught up')
    .option('--no-catchup', 'leave it as it is')
    .action(async (name: string, database: string, options: { catchup: boolean }) => {
      const here = await surroundings();
      const given = { database, catchUp: options.catchup };
      here.print(`${await perform(here, findInstance(here, name), 'mount-database', given)}\n`);
    });
  for (const [word, command, description] of several) {
    const isManaged = word === 'pause' || word === 'resume';
    const defined = group
      .command(`${word} <instance> ${isManaged ? '[database...]' : '<database...>'}`)
      .description(description);
    if (isManaged) defined.option('--all', 'on an async: all databases, those included that are made later', false);
    else defined.option('--wait', 'with several: wait until all are caught up', false);
    defined.action(async (name: string, databases: string[], options: { all?: boolean; wait?: boolean }) => {
      const here = await surroundings();
      const instance = findInstance(here, name);
      if (!isManaged) {
        const given = options.wait === true ? { databases, wait: true } : { databases };
        here.print(`${await perform(here, instance, 'catch-up-databases', given)}\n`);
        return;
      }
      if ((options.all === true) === databases.length > 0) throw usage('give the databases, or --all');
      const text =
        options.all === true
          ? await perform(here, instance, 'manage-dejournaling', { paused: word === 'pause' })
          : await perform(here, instance, command, { databases });
      here.print(`${text}\n`);
    });
  }
};

function sizeText({ sizeBytes, maximumBytes }: DatabaseDescription): string {
  if (sizeBytes === null) return '-';
  const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
  return maximumBytes ? `${megabytes(sizeBytes)} of ${megabytes(maximumBytes)}` : megabytes(sizeBytes);
}
