/**
 * The actions of the menus, one function for each kind: questions, what will be done, confirmation, the command, and what
 * happened. An action that is abandoned has changed nothing, because no question follows a command.
 */
import type { Action } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { CompressionMode } from '../mirror/mirror-set.ts';
import type {
  Assessment,
  CommandArguments,
  Description,
  MirrorLookup,
  TroubleAssessment,
} from '../protocol/control-channel.ts';
import {
  type ActionContext,
  confirmed,
  looked,
  noReport,
  nothingToPick,
  perform,
  refusalText,
  refused,
  send,
  showEquivalent,
  showPlan,
  tell,
  yesNo,
} from './action-steps.ts';
import { askAsync, asyncDefaults, asyncTypeOf, editAsyncArguments, showAsync } from './async-actions.ts';
import { backupAction, backupVolume, restoreAction } from './backup-actions.ts';
import { createDatabaseAction, databaseDetails, editFieldsAction, presentProperties } from './database-actions.ts';
import type { Dialogue } from './dialogue.ts';
import { EXIT } from './exit-codes.ts';
import { journalRecords } from './journal-actions.ts';
import { editAddressesAction, removeMemberAction, removeMirrorAction } from './member-actions.ts';
import { pickDatabases } from './pick-databases.ts';
import { promotionSentences } from './promotion-lines.ts';
import type { Defaults, Values } from './question.ts';
import { factLines, fill, screenDateTime, wrap } from './screen.ts';

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
  const values = await dialogue.askAll(action.questions, presentDefaults(description));
  showPlan(context, action.summary, action.questions, values);
  if (!(await confirmed(dialogue, action.confirm))) return;
  switch (action.command) {
    case 'create-mirror':
      return await perform(context, action.command, createArguments(values));
    case 'join-as-new-member':
      return await perform(context, action.command, newMemberArguments(values));
    case 'edit-mirror':
      return await perform(context, action.command, editArguments(values));
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
  if (!(await confirmed(dialogue, action.confirm))) return;
  await perform(context, action.command, joinArguments(values, action.asAsync));
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
  if (!(await confirmed(dialogue, action.confirm))) return;
  const names = picked.map(({ name }) => name);
  if (action.command === 'add-databases') {
    const mirrorDatabases = names.map((name) => String(answers.get(name)?.mirrorDatabase ?? name));
    return await perform(context, action.command, { databases: names, mirrorDatabases, background });
  }
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

/**
 * FO-074, FO-075, FO-076. The confirmation holds for the situation that was shown and for no other: the instance refuses if it
 * has changed, and then it is asked again, of a person only, and never from what was typed before.
 */
async function assessedAction(action: Of<'assessed'>, context: ActionContext): Promise<void> {
  const { control, dialogue } = context;
  for (;;) {
    if (action.command === 'resume-primary') dialogue.print(wording.troubleAsking);
    const assessment = await looked(context, control.assess(action.command));
    if (assessment === null) return dialogue.endBeforeQuestions();
    if (assessment.refusal) {
      refused(context, refusalText(assessment.refusal, action.command), EXIT.refused);
      return dialogue.endBeforeQuestions();
    }
    dialogue.printLines(assessmentLines(action.command, assessment, dialogue.columns));
    for (const [index, question] of action.confirm.entries()) {
      const text = fill(question.text, { other: assessment.trouble?.other ?? null });
      if (await confirmed(dialogue, { ...question, text })) continue;
      return index + 1 < action.confirm.length ? dialogue.endBeforeQuestions() : undefined;
    }
    if (action.command === 'force-primary') dialogue.print(wording.forceWaiting);
    const outcome = await send(context, action.command, {}, assessment.situation);
    if (outcome === null) return;
    if (outcome.ok || outcome.refusal.reason !== 'situation-changed') {
      tell(context, action.command, {}, outcome);
      return;
    }
    if (!dialogue.isTerminal) throw dialogue.answersError(wording.situationChangedPiped);
    dialogue.warn(wording.situationChanged);
    dialogue.dropTypedAhead();
  }
}

/** FO-077..082. With a primary there is nothing to choose. */
async function promoteAction(action: Of<'promote'>, context: ActionContext): Promise<void> {
  const { control, dialogue } = context;
  const assessment = await looked(context, control.assess(action.command));
  if (assessment === null) return dialogue.endBeforeQuestions();
  if (assessment.refusal || assessment.promotion == null) {
    refused(context, refusalText(assessment.refusal ?? noReport, action.command), EXIT.refused);
    return dialogue.endBeforeQuestions();
  }
  const { promotion, situation } = assessment;
  for (const line of promotionSentences(promotion)) dialogue.printLines(wrap(line, dialogue.columns, ''));
  const values = promotion.primary === null ? await dialogue.askAll([action.partner, action.hold], {}) : {};
  if (!(await confirmed(dialogue, action.confirm))) return;
  const partner = values.partner === undefined || values.partner === 'AUTO' ? {} : { partner: String(values.partner) };
  await perform(context, action.command, { ...partner, hold: values.hold === true }, situation);
}

function assessmentLines(command: Of<'assessed'>['command'], now: Assessment, columns: number): readonly string[] {
  if (command === 'become-primary') {
    return [now.primary === null ? wording.noCurrentPrimary : fill(wording.currentPrimary, { member: now.primary })];
  }
  const facts = {
    time: now.newestJournalTime === null ? wording.noJournalTime : screenDateTime(now.newestJournalTime),
    file: now.newestJournalFile ?? wording.noJournalFile,
  };
  if (now.trouble !== null) {
    return troubleSentences(now.trouble, fill(wording.journalUpTo, facts)).flatMap((each) => wrap(each, columns, ''));
  }
  const wasNotActive = now.wasPrimary ? wording.forceWasPrimary : wording.forceWasNotActive;
  const text = now.wasActive ? wording.forceWasActive : wasNotActive;
  return [
    ...text.flatMap((line) => wrap(fill(line, facts), columns, '')),
    ...(now.otherAnswers === true ? [wording.forceOtherAnswers] : []),
  ];
}

/** FO-076. */
function troubleSentences(trouble: TroubleAssessment, newestJournal: string): readonly string[] {
  const { since, spec, because, other, agentSays, arbiterSays } = trouble;
  return [
    fill(wording.troubleSince, { since: screenDateTime(since), spec, because }),
    newestJournal,
    fill(wording.troubleAgent[agentSays], { other }),
    fill(wording.troubleArbiter[arbiterSays], { other }),
    fill(wording.troubleWarning, { other }),
  ];
}

function presentDefaults(description: Description): Defaults {
  const { mirrorSet, alternateJournal } = description;
  const defaults = { ...description.defaults, presentAlternateJournal: alternateJournal ?? 'none' };
  if (mirrorSet === null) return defaults;
  const { arbiter, qosTimeoutMs, compressionFailover, compressionAsync } = mirrorSet.settings;
  return {
    ...defaults,
    ...asyncDefaults(description),
    presentUseArbiter: arbiter !== null,
    presentQosTimeout: qosTimeoutMs,
    presentCompressionFailover: compressionFailover,
    presentCompressionAsync: compressionAsync,
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
    parallelDejournaling: values.parallelDejournaling as 'Failover Members',
    privateAddress: String(values.privateAddress),
    agentAddress: String(values.agentAddress),
  };
}

function editArguments(values: Values): CommandArguments['edit-mirror'] {
  return values.qosTimeoutMs === undefined
    ? { arbiter: arbiterOf(values), ...compressionOf(values) }
    : { qosTimeoutMs: Number(values.qosTimeoutMs) };
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
