/**
 * Serves terminals, commands and the host's ISCAgent on the instance's local socket: requests in, progress and answers out.
 * Nothing that comes in is trusted. A status is answered at once, whatever else is under way: to the ISCAgent an instance
 * that does not answer is one that hangs, and it is killed.
 */

import { checkMirrorName, checkPort } from '../mirror/mirror-set.ts';
import { NO_EPOCH } from '../mirror/terms.ts';
import type { Connection } from '../network/network.ts';
import { acceptChannel } from '../network/opening-exchange.ts';
import type { Assessment } from '../protocol/assessment.ts';
import { CONTROL, type ControlRequest } from '../protocol/control-channel.ts';
import type { CommandArguments, CommandName, Outcome, Refusal } from '../protocol/control-commands.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { type Answerer, agree } from '../protocol/opening.ts';
import { addDatabases } from './adding-databases.ts';
import { editAddresses } from './address-commands.ts';
import * as asyncs from './async-commands.ts';
import { backupDatabases } from './backup-command.ts';
import * as catchUps from './catch-up-commands.ts';
import { checkArguments, isCommandName, isHost, isObject, isText } from './command-arguments.ts';
import { failed, type Progress, refusal, refusalUnlessPrimary, refusedWith } from './command-outcome.ts';
import * as databases from './database-commands.ts';
import { describe } from './description.ts';
import { downloadDatabases } from './download-command.ts';
import { statusOf } from './instance-status.ts';
import { lookUpMirror } from './join-request.ts';
import * as journal from './journal-commands.ts';
import * as mirror from './mirror-commands.ts';
import { removeDatabase } from './mirrored-databases.ts';
import { joinAsNewMember } from './new-member.ts';
import type { Perform, StillSo } from './order-commands.ts';
import * as orders from './order-commands.ts';
import { CatalogRefusal, type InstanceDaemon, type Memberships } from './parts.ts';
import { demote, promote } from './promotion-commands.ts';
import { editDatabase } from './property-commands.ts';
import { rebuildMember } from './rebuild.ts';
import { recreateDatabase } from './recreate-command.ts';
import { removeOther, removeThis } from './removal-commands.ts';
import { restoreDatabases } from './restore-command.ts';
import { describePlan, planRestore } from './restore-plan.ts';
import { meantMirror, placeToJoin } from './which-mirror.ts';

const openingTimeoutMs = 5000;

export class ControlServer {
  readonly #instance: Memberships;
  readonly #connections = new Set<Connection>();

  constructor(instance: Memberships) {
    this.#instance = instance;
  }

  /** A connection of the local socket. */
  accept(connection: Connection): void {
    this.#connections.add(connection);
    connection.onClosed(() => this.#connections.delete(connection));
    void this.#serve(connection);
  }

  /** Send what is answered, take no request any more. */
  close(): void {
    for (const connection of this.#connections) connection.end();
  }

  async #serve(connection: Connection): Promise<void> {
    const { configuration, member, host } = this.#instance.shown;
    const ours: Answerer = {
      channels: ['control'],
      mirror: null,
      member: configuration.get().member ?? '',
      instance: configuration.get().instance,
      epoch: member?.state.record.epoch ?? NO_EPOCH,
      requireTls: false,
    };
    const accepted = await acceptChannel(connection, (open) => agree(open, ours), openingTimeoutMs, host.clock);
    if (accepted.state !== 'opened') return;
    connection.onFrames((frames) => {
      for (const frame of frames) void answerFrame(this.#instance, connection, readNumbered(frame));
    });
  }
}

interface Numbered {
  readonly number: number;
  readonly request: unknown;
  readonly mirror: string | undefined;
}

/** @throws FrameError, which ends the connection: without a number there is nobody to answer. */
function readNumbered(frame: Frame): Numbered {
  const said = frame.kind === CONTROL.request ? parseJsonBody(frame) : null;
  if (!isObject(said) || !Number.isSafeInteger(said.number)) {
    throw new FrameError('message', 'a frame on the control channel that is no numbered request');
  }
  return {
    number: said.number as number,
    request: said.request,
    mirror: isText(said.mirror) ? said.mirror : undefined,
  };
}

/** The top of the connection: a fault of one request is told and logged, and ends neither connection nor instance. */
async function answerFrame(
  instance: Memberships,
  connection: Connection,
  { number, request, mirror }: Numbered,
): Promise<void> {
  let body: Uint8Array;
  try {
    const checked = checkRequest(request);
    const progress: Progress = (text) => connection.send(CONTROL.progress, jsonBody({ number, text }));
    const answer = checked.ok ? await carryOutFor(instance, checked.request, mirror, progress) : checked;
    body = jsonBody({ number, ...answer });
  } catch (error) {
    const text = String((error as { message?: unknown }).message ?? error);
    instance.first.log('request-failed', { reason: text });
    body = jsonBody({ number, refusal: refusal('failed', text) });
  }
  connection.send(CONTROL.answer, body);
}

type Checked =
  | { readonly ok: true; readonly request: ControlRequest }
  | { readonly ok: false; readonly refusal: Refusal };

/** As text, whatever it is: an object that came as JSON may have a toString that is none. */
function named(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'without a name');
}

/** What came as a request, checked in its types; what follows from it is the commands' business. */
export function checkRequest(said: unknown): Checked {
  const no = (text: string): Checked => ({ ok: false, refusal: refusal('not-understood', text) });
  if (!isObject(said)) return no('a request must be an object with a type');
  const yes: Checked = { ok: true, request: said as unknown as ControlRequest };
  switch (said.type) {
    case 'status':
    case 'describe':
      return yes;
    case 'events':
      return Number.isSafeInteger(said.after) ? yes : no('events: `after` must be a whole number');
    case 'plan-restore': {
      const checked = checkArguments('restore-databases', said.arguments ?? {});
      return checked.ok ? yes : no(checked.text);
    }
    case 'verify':
      if (typeof said.quick !== 'boolean') return no('verify: `quick` must be true or false');
      return Number.isSafeInteger(said.withinMs) ? yes : no('verify: `withinMs` must be a whole number');
    case 'assess': {
      if (!isCommandName(said.command)) return no(`there is no command ${named(said.command)}`);
      const checked = said.arguments === undefined ? null : checkArguments(said.command, said.arguments);
      return checked === null || checked.ok ? yes : no(checked.text);
    }
    case 'look-up-mirror': {
      const name = isText(said.mirror) ? checkMirrorName(said.mirror) : null;
      if (name?.ok !== true) return no(name?.text ?? 'look-up-mirror: `mirror` must be a name');
      if (!isHost(said.agentAddress)) return no('look-up-mirror: `agentAddress` must be a host name or an IP address');
      const port = typeof said.agentPort === 'number' ? checkPort(said.agentPort) : null;
      if (port?.ok !== true) return no('look-up-mirror: `agentPort` must be a whole number from 1 to 65535');
      return isText(said.instance) ? yes : no('look-up-mirror: `instance` must be a name');
    }
    case 'perform': {
      if (!isCommandName(said.command)) return no(`there is no command ${named(said.command)}`);
      if (said.situation !== undefined && !Number.isSafeInteger(said.situation)) {
        return no('`situation` must be the whole number of an assessment');
      }
      const checked = checkArguments(said.command, said.arguments ?? {});
      return checked.ok ? yes : no(checked.text);
    }
    default:
      return no(`there is no request ${named(said.type)}; update the program that asks or this instance`);
  }
}

type Answer = { readonly answer: unknown } | { readonly refusal: Refusal };

/** A command that does not say which mirror it means is refused like any other. */
async function carryOutFor(
  instance: Memberships,
  request: ControlRequest,
  mirror: string | undefined,
  progress: Progress,
): Promise<Answer> {
  if (request.type === 'perform' && request.command === 'join-mirror') {
    return { answer: await instance.turns.next(() => join(instance, request, progress)) };
  }
  if (request.type === 'assess' && request.command === 'join-mirror' && request.arguments !== undefined) {
    const given = request.arguments;
    return { answer: await instance.turns.next(() => lookAtJoin(instance, { ...request, arguments: given })) };
  }
  const daemon = meantMirror(instance, request, mirror);
  if ('reason' in daemon) {
    return request.type === 'perform'
      ? { answer: { ok: false, outcome: 'refused', refusal: daemon } }
      : { refusal: daemon };
  }
  if (request.type === 'describe' && mirror === undefined) return { answer: await describe(daemon, instance.all) };
  return await carryOut(daemon, request, progress);
}

async function carryOut(daemon: InstanceDaemon, request: ControlRequest, progress: Progress): Promise<Answer> {
  switch (request.type) {
    case 'status':
      return { answer: statusOf(daemon) };
    case 'describe':
      return { answer: await describe(daemon, [daemon]) };
    case 'events':
      return { answer: daemon.events(request.after) };
    case 'plan-restore': {
      const plan = planRestore(daemon, request.arguments);
      return 'steps' in plan ? { answer: describePlan(plan) } : { refusal: plan };
    }
    case 'assess':
      return { answer: await orders.assess(daemon, request) };
    case 'look-up-mirror': {
      const { mirror: name, agentAddress: host, agentPort: port, instance } = request;
      const found = await lookUpMirror(daemon, { mirror: name.toUpperCase(), agent: { host, port }, instance });
      return found.ok ? { answer: found.value } : { refusal: found.refusal };
    }
    case 'verify': {
      const why = refusalUnlessPrimary(daemon, 'the databases of all members are compared', null);
      if (why !== null || daemon.member === null)
        return { refusal: why ?? refusal('not-a-member', 'no member runs here') };
      return { answer: await daemon.member.comparison.verify(request, progress) };
    }
    case 'perform':
      return { answer: await performInTurn(daemon, request, progress) };
    default:
      return request satisfies never;
  }
}

/**
 * Orders go to the rules at once; what may take long concerns its databases alone, and takes its turn itself where it changes
 * the configuration. All else changes the configuration.
 */
const atOnce: readonly CommandName[] = [
  'change-no-failover',
  'become-primary',
  'promote',
  'demote',
  'demote-other',
  'force-primary',
  'resume-primary',
  'start-mirror',
  'stop-mirror',
  'remove-member',
  'remove-mirror',
  'stop-instance',
  'add-databases',
  'create-database',
  'catch-up-databases',
  'resume-databases',
  'manage-dejournaling',
  'backup-databases',
  'restore-databases',
  'download-databases',
  'rebuild-member',
];

/** In the turn of the instance, since it may get a place for a further mirror, which goes again when it is not joined. */
async function inPlaceToJoin<T>(
  instance: Memberships,
  given: CommandArguments['join-mirror'],
  act: (daemon: InstanceDaemon) => Promise<T>,
): Promise<T | Refusal> {
  const daemon = await placeToJoin(instance, given);
  if ('reason' in daemon) return daemon;
  try {
    return await act(daemon);
  } finally {
    await instance.joined(daemon);
  }
}

async function join(
  instance: Memberships,
  request: Extract<Perform, { command: 'join-mirror' }>,
  progress: Progress,
): Promise<Outcome> {
  const outcome = await inPlaceToJoin(instance, request.arguments, (daemon) => performNow(daemon, request, progress));
  return 'reason' in outcome ? refusedWith(outcome) : outcome;
}

type AssessJoin = Extract<ControlRequest, { type: 'assess'; command: 'join-mirror' }>;

async function lookAtJoin(
  instance: Memberships,
  request: AssessJoin & { readonly arguments: CommandArguments['join-mirror'] },
): Promise<Assessment> {
  const assessed = await inPlaceToJoin(instance, request.arguments, (daemon) => orders.assess(daemon, request));
  if (!('reason' in assessed)) return assessed;
  const unplaced = await orders.assess(instance.shown, { type: 'assess', command: 'join-mirror' });
  return { ...unplaced, refusal: assessed };
}

async function performInTurn(daemon: InstanceDaemon, request: Perform, progress: Progress): Promise<Outcome> {
  const act = () => performNow(daemon, request, progress);
  return await (atOnce.includes(request.command) ? act() : daemon.turns.next(act));
}

async function performNow(daemon: InstanceDaemon, request: Perform, progress: Progress): Promise<Outcome> {
  const act = async (): Promise<Outcome> => {
    const stillSo = () => orders.refusalOfSituation(daemon, request);
    const outcome = stillSo() ?? (await perform(daemon, request, progress, stillSo));
    if (!outcome.ok) {
      const { command } = request;
      daemon.log('command-refused', { command, outcome: outcome.outcome, because: outcome.refusal.text });
    }
    return outcome;
  };
  try {
    return await act();
  } catch (error) {
    if (error instanceof CatalogRefusal) {
      const { reason, message: text, spec } = error;
      return { ok: false, outcome: 'refused', refusal: { reason, text, spec } };
    }
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === 'configuration-broken') daemon.fail(error as Error);
    const text = String(message ?? error);
    daemon.log('command-failed', { command: request.command, reason: text });
    return failed(typeof code === 'string' ? code : 'failed', text);
  }
}

type Handler<N extends CommandName> = (
  daemon: InstanceDaemon,
  given: CommandArguments[N],
  progress: Progress,
  stillSo: StillSo,
) => Outcome | Promise<Outcome>;

const handlers: { readonly [N in CommandName]: Handler<N> } = {
  'enable-mirror-service': (daemon) => mirror.enableMirrorService(daemon),
  'create-mirror': mirror.createMirror,
  'join-mirror': mirror.joinMirror,
  'join-as-new-member': joinAsNewMember,
  'edit-mirror': mirror.editMirror,
  'edit-addresses': editAddresses,
  'remove-member': removeOther,
  'remove-mirror': removeThis,
  'switch-journal': (daemon) => journal.switchJournal(daemon),
  'purge-journal': (daemon) => journal.purgeJournal(daemon),
  'edit-journal': journal.editJournal,
  'change-no-failover': (daemon, { set }) => orders.changeNoFailover(daemon, set),
  'become-primary': (daemon) => orders.becomePrimary(daemon),
  promote: (daemon, given, _, stillSo) => promote(daemon, given, stillSo),
  demote: (daemon) => demote(daemon, 'demote'),
  'demote-other': (daemon) => demote(daemon, 'demote-other'),
  'force-primary': (daemon) => orders.forcePrimary(daemon),
  'resume-primary': (daemon, _given, _progress, stillSo) => orders.resumePrimary(daemon, stillSo),
  'start-mirror': (daemon) => orders.switchMirror(daemon, 'start-mirror'),
  'stop-mirror': (daemon) => orders.switchMirror(daemon, 'stop-mirror'),
  'create-database': databases.createDatabase,
  'edit-database': editDatabase,
  'add-databases': addDatabases,
  'remove-database': removeDatabase,
  'catch-up-databases': catchUps.catchUpDatabases,
  'pause-databases': catchUps.pauseDatabases,
  'resume-databases': catchUps.resumeDatabases,
  'edit-async': asyncs.editAsync,
  'clear-failoverdb': asyncs.clearFailoverDb,
  'set-dejournal-filter': asyncs.setDejournalFilter,
  'manage-dejournaling': catchUps.manageDejournaling,
  'backup-databases': backupDatabases,
  'restore-databases': (daemon, given, progress) => restoreDatabases(daemon, given, progress),
  'download-databases': downloadDatabases,
  'rebuild-member': rebuildMember,
  'mount-database': databases.mountDatabase,
  'dismount-database': (daemon, { database }) => databases.dismountDatabase(daemon, database),
  'delete-database': (daemon, { database }) => databases.deleteDatabase(daemon, database),
  'recreate-database': (daemon, { database }, progress) => recreateDatabase(daemon, database, progress),
  'stop-instance': (daemon, { noFailover }) => orders.stopInstance(daemon, noFailover),
};

async function perform(
  daemon: InstanceDaemon,
  request: Perform,
  progress: Progress,
  stillSo: StillSo,
): Promise<Outcome> {
  // Command and arguments were checked together; the table keeps them together by name.
  const handler = handlers[request.command] as Handler<CommandName>;
  return await handler(daemon, (request.arguments ?? {}) as CommandArguments[CommandName], progress, stillSo);
}
