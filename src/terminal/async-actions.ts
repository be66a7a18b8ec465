/** Editing an async: what it is now, its type, and what follows from the type (CFG-050, CFG-051, CFG-054). */
import type { Action } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { MemberType } from '../mirror/terms.ts';
import type { Description } from '../protocol/control-channel.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import type { Dialogue } from './dialogue.ts';
import type { Defaults, Value, Values } from './question.ts';
import { fill } from './screen.ts';

type EditAsync = Extract<Action, { kind: 'edit-async' }>;

const drLabel = 'Disaster Recovery (DR)';

/** The screen names one type with its abbreviation; the instance checks the word. */
export function asyncTypeOf(chosen: Value | undefined): MemberType {
  return chosen === drLabel ? 'Disaster Recovery' : (chosen as MemberType);
}

export function ownTypeOf({ mirrorSet, member }: Description): MemberType | null {
  return mirrorSet?.members.find(({ name }) => name === member)?.type ?? null;
}

export function asyncDefaults(now: Description): Defaults {
  const type = ownTypeOf(now);
  if (type === null || type === 'Failover') return {};
  return {
    presentAsyncType: type === 'Disaster Recovery' ? drLabel : type,
    presentRetention: now.purgeAtOnce ? purgeAtOnceLabel : 'Local purge policy',
    presentDejournalFilter: now.dejournalFilter ?? 'none',
  };
}

const purgeAtOnceLabel = 'Purge right after dejournaling';

/** CFG-054: members with directories and addresses, and the copies here with their flags. */
export async function showAsync(
  { mirrorSet, databases, dejournalFilter }: Description,
  dialogue: Dialogue,
): Promise<void> {
  if (mirrorSet === null) return;
  const rows = mirrorSet.members.map(({ name, type, instanceDirectory, superserver, agent }) => [
    name,
    type,
    `${superserver.host}|${superserver.port}`,
    `${agent.host}|${agent.port}`,
    instanceDirectory,
  ]);
  const copies = databases.filter(({ mirrored }) => mirrored !== null);
  dialogue.print();
  dialogue.print(fill(wording.asyncMembers, { mirror: mirrorSet.name }));
  dialogue.printLines(
    await dialogue.style.table([['Member', 'Type', 'Superserver', 'Agent', 'Instance directory'], ...rows]),
  );
  dialogue.print();
  if (copies.length === 0) dialogue.print(wording.noMirroredDatabases);
  else {
    dialogue.printLines(
      await dialogue.style.table([
        ['Mirror database', 'Local name', 'FailoverDB'],
        ...copies.map(({ mirrored, name, failoverDb }) => [mirrored ?? '', name, flagText(failoverDb)]),
      ]),
    );
  }
  dialogue.print(fill(wording.dejournalFilter, { module: dejournalFilter ?? wording.none }));
  dialogue.print();
}

export function flagText(flag: boolean | null): string {
  return flag === null ? wording.flagNotKnown : flag ? wording.flagSet : wording.flagCleared;
}

/** What is asked depends on the answer before. */
export async function askAsync(action: EditAsync, now: Description, dialogue: Dialogue): Promise<Values> {
  const defaults = asyncDefaults(now);
  const { type } = await dialogue.askAll([action.type], defaults);
  const wanted = asyncTypeOf(type);
  const isChanged = wanted !== ownTypeOf(now);
  const hasFlags = now.databases.some(({ failoverDb }) => failoverDb === true);
  const questions = [
    ...(isChanged && wanted === 'Read-Write Reporting' && hasFlags ? [action.clear] : []),
    ...(wanted === 'Disaster Recovery' ? [] : [action.retention]),
  ];
  return { ...(await dialogue.askAll(questions, defaults)), ...(type === undefined ? {} : { type }) };
}

export function editAsyncArguments(values: Values): CommandArguments['edit-async'] {
  const { retention } = values;
  return {
    type: asyncTypeOf(values.type),
    ...(values.clearFailoverDb === true ? { clearFailoverDb: true } : {}),
    ...(retention === undefined ? {} : { purgeAtOnce: retention === purgeAtOnceLabel }),
  };
}
