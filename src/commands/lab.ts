/** `caretmirror lab ...`: a whole mirror on this machine, to try things on. */
import type { Command } from 'commander';
import { asyncsMax } from '../mirror/limits.ts';
import { agentHolder, stopAgent } from './agents.ts';
import { type CommandFailure, failureOf, usage } from './failures.ts';
import { forceInstance, lockHolder } from './instances.ts';
import {
  bringUp,
  findLab,
  instanceOf,
  primaryOf,
  type Reports,
  reportsOf,
  requireLab,
  takeDown,
  typesNow,
} from './lab-building.ts';
import { carriedBy, commandCable, serveCable } from './lab-cable.ts';
import {
  hostLabelled,
  type LabAsyncs,
  type LabHost,
  type LabPlan,
  labAsyncsDefault,
  labPaths,
  members,
} from './lab-plan.ts';
import { json, table } from './output.ts';
import { openSession, type SessionOptions, sessionOptions } from './session.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseDuration, parseWhole, printMirrorTarget } from './target.ts';

const labTimeout = '120s';

interface UpOptions {
  readonly qos?: string;
  readonly dr?: string;
  readonly reporting?: string;
  readonly timeout: string;
}

export const define: DefineGroup = (group, surroundings) => {
  group
    .command('up')
    .description('bring it up: failover pair, arbiter and asyncs; returns when all is well')
    .option('--qos <ms>', 'QoS timeout of a new lab, in milliseconds (2000)')
    .option('--dr <number>', 'DR asyncs of a new lab (1): C, C2 and so on')
    .option('--reporting <number>', 'read-only reporting asyncs of a new lab (0): R, R2 and so on; 14 asyncs at most')
    .option('--timeout <time>', 'how long to wait', labTimeout)
    .action(async (options: UpOptions) => {
      const here = await surroundings();
      const lab = await up(here, options);
      here.tell(`lab: up; applications use ${targetOf(lab, await reportsOf(here, lab))}`);
    });
  group
    .command('status')
    .description('its members')
    .option('--json', 'one JSON document', false)
    .action(async (options: { json: boolean }) => {
      const here = await surroundings();
      const lab = requireLab(here);
      const reports = await reportsOf(here, lab);
      const rows = statusOf(here, lab, reports);
      const target = targetOf(lab, reports);
      if (options.json) here.print(json({ target, members: rows, carried: await carriedBy(here) }));
      else here.print(statusTable(target, rows));
    });
  group
    .command('open')
    .description('start what is down, and open the present primary in ^MIRROR')
    .option('--qos <ms>', 'QoS timeout of a new lab, in milliseconds (2000)')
    .option('--timeout <time>', 'how long to wait', labTimeout)
    .option('--answers <file>', 'take the answers from this file')
    .option('--record <file>', 'write the answers there, to be replayed with --answers')
    .action(async (options: UpOptions, command: Command) => {
      await open(await surroundings(), { ...options, ...sessionOptions(command) });
    });
  group
    .command('down')
    .description('stop it, without hand-over; data stay')
    .option('--delete', 'remove it with all its data', false)
    .action(async (options: { delete: boolean }) => down(await surroundings(), options.delete));
  defineFaults(group, surroundings);
};

const defineFaults: DefineGroup = (group, surroundings) => {
  group
    .command('kill <label>')
    .description('SIGKILL of its instance (of X: of its agent)')
    .option('--host', 'of its agent too', false)
    .action(async (label: string, options: { host: boolean }) => {
      const here = await surroundings();
      await kill(here, hostLabelled(requireLab(here), label), options.host);
    });
  group
    .command('cut <label> <other>')
    .description('no byte passes between two hosts until it is healed')
    .option('--one-way', 'only from the first to the second', false)
    .action(async (a: string, b: string, options: { oneWay: boolean }) => {
      const here = await surroundings();
      const lab = requireLab(here);
      const [from, to] = [hostLabelled(lab, a).label, hostLabelled(lab, b).label];
      await commandCable(here, { type: 'cut', a: from, b: to, oneWay: options.oneWay });
      here.tell(`lab: cut ${from} ${options.oneWay ? 'to' : 'and'} ${to}`);
    });
  group
    .command('heal [label] [other]')
    .description('let bytes pass again between two hosts, or between all')
    .action(async (a: string | undefined, b: string | undefined) => {
      const here = await surroundings();
      const lab = requireLab(here);
      if (a !== undefined && b === undefined) throw usage('give two labels, or none to heal everything');
      const pair =
        a === undefined || b === undefined ? {} : { a: hostLabelled(lab, a).label, b: hostLabelled(lab, b).label };
      await commandCable(here, { type: 'heal', ...pair });
      here.tell(`lab: healed ${a === undefined ? 'everything' : `${a} and ${b}`}`);
    });
};

/** The hidden command of the cable's own process. */
export const defineCable: DefineGroup = (group, surroundings) => {
  group.action(async () => serveCable(await surroundings()));
};

async function up(here: Surroundings, options: UpOptions): Promise<LabPlan> {
  const qosTimeoutMs = options.qos === undefined ? null : parseWhole(options.qos, '--qos', 200, 3_600_000);
  return await bringUp(here, { qosTimeoutMs, asyncs: asyncsIn(options), timeoutMs: parseDuration(options.timeout) });
}

/** Null when nothing is said of them. @throws CommandFailure (usage) */
function asyncsIn({ dr, reporting }: UpOptions): LabAsyncs | null {
  if (dr === undefined && reporting === undefined) return null;
  const asyncs = {
    dr: dr === undefined ? labAsyncsDefault.dr : parseWhole(dr, '--dr', 0, asyncsMax),
    reporting:
      reporting === undefined ? labAsyncsDefault.reporting : parseWhole(reporting, '--reporting', 0, asyncsMax),
  };
  if (asyncs.dr + asyncs.reporting <= asyncsMax) return asyncs;
  throw usage(`a mirror has at most ${asyncsMax} asyncs, not ${asyncs.dr + asyncs.reporting}`);
}

/** Those that may be primary now, or else those that were made so. */
function targetOf(lab: LabPlan, reports: Reports): string {
  const now = members(lab).filter(({ label }) => typesNow(lab, reports).get(label) === 'Failover');
  const failover = now.length > 0 ? now : members(lab).filter((host) => host.type === 'Failover');
  return printMirrorTarget(
    failover.map(({ superserver }) => superserver),
    lab.mirror,
  );
}

export interface LabMemberReport {
  readonly label: string;
  readonly home: string;
  /** Null on the arbiter's host. */
  readonly instance: string | null;
  /** Of the superserver; on the arbiter's host of its agent. */
  readonly address: string;
  readonly port: number;
  readonly type: string;
  readonly status: string;
}

function statusOf(here: Surroundings, lab: LabPlan, reports: Reports): readonly LabMemberReport[] {
  const types = typesNow(lab, reports);
  return lab.hosts.map((host) => {
    const isArbiter = host.superserver === null;
    const { host: address, port } = host.superserver ?? host.agent;
    const arbiterStatus = agentHolder(here.at(host.home)) === null ? 'Down' : 'Up';
    const status = isArbiter ? arbiterStatus : (reports.get(host.label)?.status ?? 'Down');
    return {
      label: host.label,
      home: host.home,
      instance: isArbiter ? null : host.label,
      address,
      port,
      type: types.get(host.label) ?? host.type,
      status,
    };
  });
}

function statusTable(target: string, rows: readonly LabMemberReport[]): string {
  const cells = rows.map((row) => [row.label, row.type, `${row.address}:${row.port}`, row.status, row.home]);
  return `${table(['', 'Type', 'Address', 'Status', 'Home'], cells)}\nApplications use ${target}\n`;
}

/** As `lab open` without an option. */
export async function openLab(here: Surroundings, options: SessionOptions): Promise<void> {
  await open(here, { ...options, timeout: labTimeout });
}

/** A lab that lacks something (a cut cable, say) is opened all the same, if it has a primary. */
async function open(here: Surroundings, options: UpOptions & SessionOptions): Promise<void> {
  let lack: CommandFailure | null = null;
  try {
    await up(here, options);
  } catch (error) {
    lack = failureOf(error);
    if (lack.exitCode !== 5 || findLab(here) === null) throw error;
    here.tell(lack.message);
  }
  const lab = requireLab(here);
  const primary = await primaryOf(here, lab, here.host.clock.nowMs());
  here.tell(`lab: ${primary.label} is the primary; ^MIRROR on it`);
  here.endWith(await openSession(here.at(primary.home), instanceOf(here, primary), '^MIRROR', options));
  here.tell(
    'lab: it still runs. Stop it: caretmirror lab down (with --delete its data go too). See it: caretmirror lab status',
  );
}

async function kill(here: Surroundings, host: LabHost, andAgent: boolean): Promise<void> {
  const there = here.at(host.home);
  if (host.superserver === null) {
    here.tell(
      (await stopAgent(there, 'force')) ? `lab: ${host.label} was killed` : `lab: ${host.label} is down already`,
    );
    return;
  }
  const instance = instanceOf(here, host);
  const wasUp = lockHolder(there, instance) !== null;
  await forceInstance(there, instance);
  if (andAgent) await stopAgent(there, 'force');
  here.tell(`lab: ${host.label} ${wasUp ? 'was killed' : 'is down already'}${andAgent ? ', and its agent' : ''}`);
}

async function down(here: Surroundings, andDelete: boolean): Promise<void> {
  const lab = findLab(here);
  if (lab === null) {
    here.tell(`lab: there is none in ${here.home}`);
    return;
  }
  await takeDown(here, lab);
  if (andDelete) here.host.files.removeTree(labPaths(here.home).directory);
  here.tell(andDelete ? 'lab: down and deleted' : 'lab: down; its data stay (caretmirror lab up starts it again)');
}
