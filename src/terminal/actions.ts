/**
 * The actions of the menus, one function for each kind: questions, what will be done, confirmation, the command, and what
 * happened. An action that is abandoned has changed nothing, because no question follows a command.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Action } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { CompressionMode, ParallelDejournaling } from '../mirror/mirror-set.ts';
import type { Description, MirrorLookup } from '../protocol/control-channel.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import {
  type ActionContext,
  confirmed,
  looked,
  nothingToPick,
  perform,
  send,
  showEquivalent,
  showPlan,
  tell,
  yesNo,
} from './action-steps.ts';
import { assessedAction, performLooked, promoteAction } from './assessed-actions.ts';
import { askAsync, asyncDefaults, asyncTypeOf, editAsyncArguments, showAsync } from './async-actions.ts';
import { backupAction, backupVolume, restoreAction } from './backup-actions.ts';
import { createDatabaseAction, databaseDetails, editFieldsAction, presentProperties } from './database-actions.ts';
import type { Dialogue } from './dialogue.ts';
import { journalRecords } from './journal-actions.ts';
import { editAddressesAction, removeMemberAction, removeMirrorAction } from './member-actions.ts';
import { pickDatabases } from './pick-databases.ts';
import type { Defaults, Values } from './question.ts';
import { factLines, fill } from './screen.ts';

type Of<K extends Action['kind']> = Extract<Action, { kind: K }>;

export async function runAction(action: Exclude<Action, { kind: 'screen' }>, context: ActionContext): Promise<void> {
  switch (action.kind) {
    case 'perform':
      return await performAction(action, context);
    case 'join':
      return await joinAction(action, context);
    case 'edit-async':
      return await editAsyncAction(action, context);
    case 'remove-mirror':
      return await removeMirrorAction(action, context);
    case 'remove-member':
      return await removeMemberAction(action, context);
    case 'edit-addresses':
      return await editAddressesAction(action, context);
    case 'no-failover':
      return await noFailoverAction(action, context);
    case 'dejournaling':
      return await dejournalingAction(action, context);
    case 'databases':
      return await databasesAction(action, context);
    case 'create-database':
      return await createDatabaseAction(action, context);
    case 'edit-fields':
      return await editFieldsAction(action, context);
    case 'database-details':
      return await databaseDetails(action, context);
    case 'backup':
      return await backupAction(action, context);
    case 'restore':
      return await restoreAction(action, context);
    case 'backup-volume':
      return await backupVolume(action, context);
    case 'journal-records':
      return await journalRecords(action, context);
    case 'promote':
      return await promoteAction(action, context);
    case 'assessed':
      return await assessedAction(action, context);
  }
}

async function performAction(action: Of<'perform'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  if (action.command === 'create-mirror' && !description.agentRunning) dialogue.say(wording.agentNotRunning);
  if (action.command === 'edit-mirror') return await editMirror(action, context);
  const values = await dialogue.askAll(action.questions, presentDefaults(description));
  showPlan(context, action.summary, action.questions, values);
  switch (action.command) {
    case 'create-mirror':
      return await performLooked(context, action.command, createArguments(values), action.confirm);
    case 'join-as-new-member':
      return await performLooked(context, action.command, newMemberArguments(values), action.confirm);
  }
  if (!(await confirmed(dialogue, action.confirm))) return;
  switch (action.command) {
    case 'set-dejournal-filter':
      return await perform(context, action.command, {
        module: values.module === 'none' ? null : String(values.module),
      });
    case 'edit-journal': {
      const typed = String(values.alternateDirectory);
      return await perform(context, action.command, { alternateDirectory: typed === 'none' ? null : typed });
    }
    case 'stop-instance':
      return await stopInstance(context);
    default:
      return await perform(context, action.command, {});
  }
}

/** CFG-045. Only what differs from what was offered is sent: what somebody else changes meanwhile stays as he wants it. */
async function editMirror(action: Of<'perform'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  const values = await dialogue.askAll(action.questions, presentDefaults(description));
  const asked = settingsAsked(values);
  const present: Partial<typeof asked> = description.mirrorSet?.settings ?? {};
  const names = (Object.keys(asked) as (keyof typeof asked)[]).filter(
    (name) => asked[name] !== undefined && !isDeepStrictEqual(asked[name], present[name]),
  );
  const shown = action.questions.filter(({ name }) => names.some((each) => name === each || isOfArbiter(name, each)));
  showPlan(context, action.summary, shown, values);
  if (!(await confirmed(dialogue, action.confirm))) return;
  if (names.length === 0) return dialogue.print(wording.nothingChanged);
  await perform(context, 'edit-mirror', Object.fromEntries(names.map((name) => [name, asked[name]])));
}

/** As the instance has them; undefined = not asked. */
function settingsAsked(values: Values): CommandArguments['edit-mirror'] {
  const { qosTimeoutMs, useArbiter } = values;
  return {
    ...(useArbiter === undefined ? {} : { arbiter: arbiterOf(values) }),
    ...compressionOf(values),
    parallelDejournaling: values.parallelDejournaling as ParallelDejournaling,
    ...(qosTimeoutMs === undefined ? {} : { qosTimeoutMs: Number(qosTimeoutMs) }),
  };
}

function isOfArbiter(question: string, setting: string): boolean {
  return setting === 'arbiter' && ['useArbiter', 'arbiterHost', 'arbiterPort'].includes(question);
}

/** Nobody is left to ask after it. */
async function stopInstance(context: ActionContext): Promise<void> {
  const given = { noFailover: false };
  const outcome = await send(context, 'stop-instance', given);
  if (outcome === null) return;
  if (!outcome.ok) return tell(context, 'stop-instance', given, outcome);
  context.dialogue.say(wording.shutsDown);
  showEquivalent(context, 'stop-instance', given);
  context.dialogue.leave();
}

/** CFG-027..030, CFG-034..037. */
async function joinAction(action: Of<'join'>, context: ActionContext): Promise<void> {
  const { control, dialogue, description } = context;
  const defaults = presentDefaults(description);
  const asked = await dialogue.askAll(action.lookUp, defaults);
  const lookup = {
    mirror: String(asked.mirror),
    agentAddress: String(asked.otherAgentAddress),
    agentPort: Number(asked.otherAgentPort),
    instance: String(asked.otherInstance),
  };
  dialogue.print(fill(wording.lookingUp, lookup));
  const found = await looked(context, control.lookUpMirror(lookup));
  if (found === null) return dialogue.endBeforeQuestions();
  dialogue.print(fill(wording.retrieved, lookup));
  await showRetrieved(found, dialogue);
  // CFG-009, CFG-035, CFG-040: in a further mirror it is what it is.
  const { member } = description;
  const present = member === null ? {} : { type: defaults.presentAsyncType ?? '', member };
  const questions = action.questions.filter(({ name }) => !(name in present));
  const values = { ...(await dialogue.askAll(questions, defaults, asked)), ...present };
  showPlan(context, action.summary, [...action.lookUp, ...questions], values);
  await performLooked(context, action.command, joinArguments(values, action.asAsync), action.confirm);
}

/** CFG-028, CFG-030: shown, not editable. */
async function showRetrieved({ mirrorSet, primary }: MirrorLookup, dialogue: Dialogue): Promise<void> {
  const { settings, members } = mirrorSet;
  const at = ({ host, port }: { host: string; port: number }): string => `${host}|${port}`;
  dialogue.printLines(
    factLines([
      [wording.retrievedPrimary, primary ?? wording.none],
      [wording.retrievedArbiter, settings.arbiter === null ? wording.none : at(settings.arbiter)],
      [wording.retrievedVip, wording.none],
      [wording.retrievedTls, yesNo(settings.requireTls)],
      [wording.retrievedQos, String(settings.qosTimeoutMs)],
    ]),
  );
  const rows = members.map((member) => [member.name, member.type, at(member.superserver), at(member.agent)]);
  dialogue.print();
  dialogue.printLines(await dialogue.style.table([wording.retrievedMembers, ...rows]));
  dialogue.print();
}

async function editAsyncAction(action: Of<'edit-async'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  await showAsync(description, dialogue);
  const values = await askAsync(action, description, dialogue);
  showPlan(context, action.summary, [action.type, action.clear, action.retention], values);
  if (!(await confirmed(dialogue, action.confirm))) return;
  await perform(context, action.command, editAsyncArguments(values));
}

/** FO-072. The wish is sent, not "the other state": somebody else may have changed it meanwhile. */
async function noFailoverAction(action: Of<'no-failover'>, context: ActionContext): Promise<void> {
  const { noFailover } = context.description;
  if (!(await confirmed(context.dialogue, noFailover ? action.clear : action.set))) return;
  await perform(context, action.command, { set: !noFailover });
}

/** SYN-020. The wish is sent, as with no failover. */
async function dejournalingAction(action: Of<'dejournaling'>, context: ActionContext): Promise<void> {
  const { dejournalingPaused } = context.description;
  if (!(await confirmed(context.dialogue, dejournalingPaused ? action.restart : action.pause))) return;
  await perform(context, action.command, { paused: !dejournalingPaused });
}

async function databasesAction(action: Of<'databases'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  const picked = await pickDatabases(action.pick, description, dialogue);
  if (picked === null) {
    const why = description.databases.find(({ notAddable }) => notAddable !== null)?.notAddable;
    return nothingToPick(context, (action.pick.which === 'addable' ? why : null) ?? action.pick.none);
  }
  if (picked.length === 0) {
    dialogue.print(wording.nothingChanged);
    return;
  }
  const answers = new Map<string, Values>();
  for (const database of picked) {
    const questions = action.each.map((question) => ({
      ...question,
      text: fill(question.text, { localName: database.name }),
    }));
    const defaults = { localName: database.name.toUpperCase(), ...presentProperties(database) };
    const facts = { isMirroredCopy: database.mirrored !== null && !description.isPrimary };
    answers.set(database.name, await dialogue.askAll(questions, defaults, facts));
  }
  const databases = picked.map((database) => database.name).join(', ');
  // DB-019: the instance adds many in the background without being asked.
  const asked = action.background;
  const mayChoose = asked !== undefined && picked.length < asked.databasesBelow;
  const background = mayChoose && (await dialogue.askQuestion(asked, {})) === true;
  const extent = description.isPrimary ? wording.removedForGood : wording.removedHere;
  showPlan(context, fill(action.summary, { databases, extent }), [], {});
  const names = picked.map(({ name }) => name);
  if (action.command === 'add-databases') {
    const mirrorDatabases = names.map((name) => String(answers.get(name)?.mirrorDatabase ?? name));
    const given = { databases: names, mirrorDatabases, background };
    return await performLooked(context, action.command, given, action.confirm);
  }
  if (!(await confirmed(dialogue, action.confirm))) return;
  if (
    action.command === 'catch-up-databases' ||
    action.command === 'pause-databases' ||
    action.command === 'clear-failoverdb'
  ) {
    return await perform(context, action.command, { databases: names });
  }
  for (const name of names) {
    const values = answers.get(name) ?? {};
    if (action.command === 'edit-database') {
      await perform(context, action.command, {
        database: name,
        maximumMegabytes: Number(values.maximumMegabytes ?? 0),
        expansionMegabytes: Number(values.expansionMegabytes ?? 0),
      });
    } else if (action.command === 'mount-database') {
      await perform(context, action.command, { database: name, catchUp: values.catchUp !== false });
    } else {
      await perform(context, action.command, { database: name });
    }
  }
}

function presentDefaults(description: Description): Defaults {
  const { mirrorSet, alternateJournal } = description;
  const defaults = { ...description.defaults, presentAlternateJournal: alternateJournal ?? 'none' };
  if (mirrorSet === null) return defaults;
  const { arbiter, qosTimeoutMs, compressionFailover, compressionAsync, parallelDejournaling } = mirrorSet.settings;
  return {
    ...defaults,
    ...asyncDefaults(description),
    presentUseArbiter: arbiter !== null,
    presentQosTimeout: qosTimeoutMs,
    presentCompressionFailover: compressionFailover,
    presentCompressionAsync: compressionAsync,
    presentParallelDejournaling: parallelDejournaling,
    ...(arbiter === null ? {} : { presentArbiterHost: arbiter.host, presentArbiterPort: arbiter.port }),
  };
}

function arbiterOf(values: Values): { readonly host: string; readonly port: number } | null {
  return values.useArbiter === true ? { host: String(values.arbiterHost), port: Number(values.arbiterPort) } : null;
}

function createArguments(values: Values): CommandArguments['create-mirror'] {
  return {
    mirror: String(values.mirror),
    member: String(values.member),
    requireTls: false,
    arbiter: arbiterOf(values),
    ...compressionOf(values),
    superserverAddress: String(values.superserverAddress),
    agentPort: Number(values.agentPort),
    qosTimeoutMs: Number(values.qosTimeoutMs),
    parallelDejournaling: values.parallelDejournaling as ParallelDejournaling,
    privateAddress: String(values.privateAddress),
    agentAddress: String(values.agentAddress),
  };
}

/** The instance checks the words. */
function compressionOf(
  values: Values,
): Pick<CommandArguments['edit-mirror'], 'compressionFailover' | 'compressionAsync'> {
  return {
    compressionFailover: values.compressionFailover as CompressionMode,
    compressionAsync: values.compressionAsync as CompressionMode,
  };
}

function newMemberArguments(values: Values): CommandArguments['join-as-new-member'] {
  return {
    type: asyncTypeOf(values.type),
    member: String(values.member),
    superserverAddress: String(values.superserverAddress),
    agentAddress: String(values.agentAddress),
  };
}

function joinArguments(values: Values, asAsync: boolean): CommandArguments['join-mirror'] {
  return {
    mirror: String(values.mirror),
    type: asAsync ? asyncTypeOf(values.type) : 'Failover',
    otherAgentAddress: String(values.otherAgentAddress),
    otherAgentPort: Number(values.otherAgentPort),
    otherInstance: String(values.otherInstance),
    member: String(values.member),
    superserverAddress: String(values.superserverAddress),
    ...(values.agentPort === undefined ? {} : { agentPort: Number(values.agentPort) }),
    ...(values.privateAddress === undefined ? {} : { privateAddress: String(values.privateAddress) }),
    agentAddress: String(values.agentAddress),
  };
}
