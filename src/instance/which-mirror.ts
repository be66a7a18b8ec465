/**
 * Which mirror of the instance a request means, where a reporting async is in several (CFG-008, DB-013). A request may name it; databases
 * tell it; what concerns the whole instance needs none; everything else is refused with the choices, never guessed.
 */
import { reportingMirrorsMax } from '../mirror/limits.ts';
import { checkMemberName, checkMirrorName } from '../mirror/mirror-set.ts';
import { isReporting } from '../mirror/terms.ts';
import type { ControlRequest } from '../protocol/control-channel.ts';
import type { CommandArguments, CommandName, Refusal } from '../protocol/control-commands.ts';
import { refusal } from './command-outcome.ts';
import { mirrorsFull } from './offered-commands.ts';
import { ownType } from './own-type.ts';
import type { InstanceDaemon, Memberships } from './parts.ts';

/** They concern the instance, or are refused where it is in a mirror. */
const ofInstance: readonly CommandName[] = ['enable-mirror-service', 'create-mirror', 'stop-instance'];
/** They only look, and say themselves what they show. */
const shows: readonly ControlRequest['type'][] = ['status', 'describe', 'events'];

export function meantMirror(
  instance: Memberships,
  request: ControlRequest,
  mirror: string | undefined,
): InstanceDaemon | Refusal {
  if (request.type === 'look-up-mirror') return instance.first;
  const command = 'command' in request ? request.command : null;
  if (command !== null && ofInstance.includes(command))
    return command === 'create-mirror' ? instance.shown : instance.first;
  const { mirrors } = instance.first;
  const named = mirror === undefined ? null : instance.of(mirror);
  if (named === undefined) {
    const is = mirrors.length === 0 ? 'in no mirror' : `in ${mirrors.join(', ')}`;
    return refusal('no-such-mirror', `this instance is not in mirror ${mirror?.toUpperCase()}; it is ${is}`, 'CFG-067');
  }
  if (instance.all.length === 1) return named ?? instance.first;
  const isOrder = request.type === 'perform' || request.type === 'assess';
  const owner = isOrder ? ownerOf(instance, databasesIn(request)) : null;
  if (owner !== null && 'reason' in owner) return owner;
  if (named !== null) return owner === null || owner.daemon === named ? named : notOf(owner.database, named);
  if (owner !== null) return owner.daemon;
  if (shows.includes(request.type) || mirrors.length < 2) return instance.shown;
  if (request.type === 'perform' && isOfNoMirror(request)) return instance.first;
  const text = `this instance is in mirrors ${mirrors.join(', ')}; say which one is meant (--mirror)`;
  return refusal('which-mirror', text, 'DB-013');
}

type Perform = Extract<ControlRequest, { type: 'perform' }>;

function isOfNoMirror(request: Perform): boolean {
  const { command } = request;
  if (command === 'create-database') return request.arguments.mirrored == null;
  return command === 'edit-journal' && request.arguments.purgeAtOnce === undefined;
}

/** Local names of databases that the command is about; one that is to be made belongs to no mirror yet. */
function databasesIn({
  command,
  arguments: given = {},
}: Pick<Perform | Extract<ControlRequest, { type: 'assess' }>, 'command' | 'arguments'>): readonly string[] {
  if (command === 'create-database' || command === 'restore-databases' || command === 'download-databases') return [];
  const { database, databases } = given as { readonly database?: string; readonly databases?: readonly string[] };
  return database === undefined ? (databases ?? []) : [database];
}

interface Owner {
  readonly daemon: InstanceDaemon;
  readonly database: string;
}

/** Null = none of them is here. */
function ownerOf({ all }: Memberships, databases: readonly string[]): Owner | Refusal | null {
  const owners = databases.flatMap((database): readonly Owner[] => {
    const daemon = all.find(({ catalog }) => catalog.find(database) !== undefined);
    return daemon === undefined ? [] : [{ daemon, database: database.toUpperCase() }];
  });
  const [first] = owners;
  const other = owners.find(({ daemon }) => daemon !== first?.daemon);
  if (first === undefined) return null;
  if (other === undefined) return first;
  const text = `databases ${first.database} and ${other.database} are not of the same mirror; give those of one mirror at a time`;
  return refusal('several-mirrors', text, 'DB-013');
}

function notOf(database: string, { configuration }: InstanceDaemon): Refusal {
  const name = configuration.get().mirrorSet?.name;
  return refusal('other-mirror', `database ${database} does not belong to mirror ${name}`, 'DB-013');
}

/** CFG-002, CFG-008, CFG-009, CFG-035: where a mirror that is joined has its place, or why it is not joined. */
export async function placeToJoin(
  instance: Memberships,
  given: CommandArguments['join-mirror'],
): Promise<InstanceDaemon | Refusal> {
  const { shown, first } = instance;
  const named = checkMirrorName(given.mirror);
  const { mirrors } = first;
  const present = shown.configuration.get();
  const type = ownType(present);
  if (!named.ok || mirrors.length === 0 || type === null || !isReporting(type)) return shown;
  const same = instance.of(named.value);
  if (same !== undefined) return same;
  const is = `this instance is in ${mirrors.length === 1 ? 'mirror' : 'mirrors'} ${mirrors.join(', ')}`;
  if (mirrors.length >= reportingMirrorsMax) return mirrorsFull(mirrors);
  if (given.type !== type) {
    return refusal('other-type', `${is} as ${type}, and joins further mirrors with that type only`, 'CFG-009');
  }
  const name = given.member === undefined ? null : checkMemberName(given.member, type, '');
  if (name !== null && (!name.ok || name.value !== present.member)) {
    const text = `${is} as member ${present.member}, and has that name in every mirror; leave out the name`;
    return refusal('other-name', text, 'CFG-035');
  }
  return first.configuration.get().mirrorSet === null ? first : await instance.further(named.value);
}
