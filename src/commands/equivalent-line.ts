/**
 * The command line that does what a menu has done, in one line: exact, to be typed or put into a script. Options come from the same
 * tables that the commands read them with (option-fields.ts), and a test runs each line and sees the same order at the instance.
 */
import { agentPortDefault } from '../mirror/limits.ts';
import type { Description } from '../protocol/control-channel.ts';
import type { CommandArguments, CommandName } from '../protocol/control-commands.ts';
import type { EquivalentLine } from '../terminal/equivalent-line.ts';
import { createDatabaseFields, editDatabaseFields, journalFields, mirroredField } from './database-fields.ts';
import {
  addressFields,
  attributeFields,
  createFields,
  editAsyncFields,
  joinFields,
  newMemberFields,
  promoteFields,
  removalFields,
  settingsFields,
} from './mirror-fields.ts';
import { writeFields } from './option-fields.ts';

interface Place {
  readonly instance: string;
  /** Names that confirm what cannot be taken back. */
  readonly member: string;
  readonly other: string;
}

type Words<N extends CommandName> = (given: CommandArguments[N], at: Place) => readonly string[];

const simple = (...words: readonly [string, string]): Words<CommandName> => {
  return (_, { instance }) => [...words, instance];
};

const confirmed = (...words: readonly [string, string]): Words<CommandName> => {
  return (_, { instance, member }) => [...words, instance, '--confirm', member];
};

const ofDatabase = (word: string): Words<'dismount-database' | 'delete-database'> => {
  return ({ database }, { instance }) => ['database', word, instance, database];
};

const ofDatabases = (word: string): Words<'pause-databases' | 'resume-databases'> => {
  return ({ databases }, { instance }) => ['database', word, instance, ...databases];
};

const wordsOf: { readonly [N in CommandName]: Words<N> } = {
  'enable-mirror-service': simple('mirror', 'enable'),
  // The command line enables the service with them by itself.
  'create-mirror': ({ requireTls: _, enableService: __, ...given }, { instance }) => [
    'mirror',
    'create',
    instance,
    ...writeFields(createFields, given),
  ],
  'join-mirror': ({ otherAgentAddress: host, otherAgentPort, enableService: _, ...given }, { instance }) => {
    const otherAgent = { host, port: otherAgentPort ?? agentPortDefault };
    return ['mirror', 'join', instance, ...writeFields(joinFields, { ...given, otherAgent })];
  },
  'join-as-new-member': (given, at) => [
    ...confirmed('mirror', 'join-as-new')({}, at),
    ...writeFields(newMemberFields, given),
  ],
  'edit-mirror': (given, { instance }) => ['mirror', 'edit', instance, ...writeFields(settingsFields, given)],
  'edit-addresses': (given, { instance }) => ['mirror', 'edit', instance, ...writeFields(addressFields, given)],
  'remove-member': ({ member, ...given }, { instance }) => [
    ...['mirror', 'remove-member', instance, member],
    ...writeFields(attributeFields, given),
    ...['--confirm', member],
  ],
  'remove-mirror': (given, at) => [...confirmed('mirror', 'remove')(given, at), ...writeFields(removalFields, given)],
  'switch-journal': simple('journal', 'switch'),
  'purge-journal': simple('journal', 'purge'),
  'edit-journal': (given, { instance }) => ['journal', 'edit', instance, ...writeFields(journalFields, given)],
  'change-no-failover': ({ set }, { instance }) => [
    ...['mirror', 'no-failover', instance],
    ...(set === undefined ? [] : [set ? 'on' : 'off']),
  ],
  'become-primary': confirmed('mirror', 'become-primary'),
  'force-primary': confirmed('mirror', 'force-primary'),
  'resume-primary': confirmed('mirror', 'resume'),
  promote: (given, at) => [...confirmed('mirror', 'promote')(given, at), ...writeFields(promoteFields, given)],
  demote: confirmed('mirror', 'demote'),
  'demote-other': (_, { instance, other }) => ['mirror', 'demote', instance, '--other', '--confirm', other],
  'start-mirror': simple('mirror', 'start'),
  'stop-mirror': simple('mirror', 'stop'),
  'create-database': ({ database, mirrored, ...given }, { instance }) => [
    ...['database', 'create', instance, database],
    ...writeFields(createDatabaseFields, given),
    ...(mirrored == null ? [] : writeFields(mirroredField(database, ''), { mirrored })),
  ],
  'edit-database': ({ database, mirrored, ...given }, { instance }) => [
    ...['database', 'edit', instance, database],
    ...writeFields(editDatabaseFields, given),
    ...(mirrored === undefined ? [] : writeFields(mirroredField(database, ''), { mirrored })),
  ],
  'add-databases': ({ databases, mirrorDatabases = databases, background }, { instance }) => [
    ...['database', 'add', instance],
    ...databases.map((name, index) => `${name}=${mirrorDatabases[index] ?? name}`),
    ...(background === true ? ['--background'] : []),
  ],
  'remove-database': ({ database, onlyHere }, { instance }) => [
    ...['database', 'remove', instance, database],
    ...(onlyHere === true ? ['--only-here'] : []),
  ],
  'catch-up-databases': ({ databases, wait }, { instance }) => [
    ...['database', 'activate', instance, ...databases],
    ...(wait === true ? ['--wait'] : []),
  ],
  'pause-databases': ofDatabases('pause'),
  'resume-databases': ofDatabases('resume'),
  'edit-async': (given, { instance, member }) => [
    ...['mirror', 'edit-async', instance, ...writeFields(editAsyncFields, given)],
    ...(given.clearFailoverDb === true ? ['--confirm', member] : []),
  ],
  'clear-failoverdb': ({ databases }, { instance, member }) => [
    ...['database', 'clear-flag', instance, ...(databases ?? ['--all'])],
    ...['--confirm', member],
  ],
  'set-dejournal-filter': ({ module }, { instance }) => ['mirror', 'filter', instance, module ?? '--remove'],
  'manage-dejournaling': ({ paused }, { instance }) => ['database', paused ? 'pause' : 'resume', instance, '--all'],
  'backup-databases': ({ databases, to }, { instance }) => ['database', 'backup', instance, ...databases, '--to', to],
  'restore-databases': ({ databases = [], from, as, replace }, { instance }) => [
    ...['database', 'restore', instance, ...databases, '--from', from],
    ...(as === undefined ? [] : ['--as', as]),
    ...(replace === undefined ? [] : ['--replace']),
  ],
  'download-databases': ({ databases = [], from, as, replace }, { instance }) => [
    ...['database', 'download', instance, ...databases],
    ...(from === undefined ? [] : ['--from', from]),
    ...(as === undefined ? [] : ['--as', as]),
    ...(replace === undefined ? [] : ['--replace']),
  ],
  'rebuild-member': ({ from }, at) => [
    ...confirmed('mirror', 'rebuild')({}, at),
    ...(from === undefined ? [] : ['--from', from]),
  ],
  'mount-database': ({ database, catchUp }, { instance }) => [
    ...['database', 'mount', instance, database],
    ...(catchUp === false ? ['--no-catchup'] : []),
  ],
  'dismount-database': ofDatabase('dismount'),
  'delete-database': ofDatabase('delete'),
  'recreate-database': ({ database }, { instance }) => [
    ...['database', 'recreate', instance, database, '--confirm', database],
  ],
  'stop-instance': ({ noFailover }, { instance }) => [
    ...['instance', 'stop', instance],
    ...(noFailover ? ['--nofailover'] : []),
  ],
};

/** Those that make a member name their mirror themselves; an instance is stopped with all its mirrors. */
const nameNoMirror: readonly CommandName[] = ['create-mirror', 'join-mirror', 'stop-instance'];

/** `home` is named where the operator's shell would take another one for granted. */
export function equivalentLine(home: string | null): EquivalentLine {
  return (command, given, now) => {
    const words = wordsOf[command](given, placeOf(now));
    const isOfOne = now.mirrors.length > 1 && now.mirrorSet !== null && !nameNoMirror.includes(command);
    const mirror = isOfOne ? ['--mirror', now.mirrorSet.name] : [];
    const where = home === null ? [] : ['--home', home];
    return ['caretmirror', ...words, ...mirror, ...where].map(quoted).join(' ');
  };
}

function placeOf({ instance, member, mirrorSet }: Description): Place {
  const other = mirrorSet?.members.find(({ name, type }) => type === 'Failover' && name !== member);
  return { instance, member: member ?? '', other: other?.name ?? '' };
}

/** As a POSIX shell takes it back. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
