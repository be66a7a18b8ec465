/**
 * Every crash state of a workload: the operations are carried out once and the disk is looked at before each system call; then
 * again with each fault at each system call. From each of these disks come all the ones that a loss of power may leave.
 */
import { createHash } from 'node:crypto';
import { type Decisions, type Fault, SimulatedDisk } from './simulated-disk.ts';
import { useDisk } from './simulated-node-fs.ts';
import type { Life, Promised, Subject } from './subject.ts';

export interface Workload {
  readonly subject: Subject;
  readonly operations: readonly string[];
}

export interface Violation {
  readonly id: string;
  readonly text: string;
}

export interface Tally {
  /** Hashes of the states that were tried: disk, promise and subject. */
  readonly states: Set<string>;
  /** States by kind of fault. */
  readonly byFault: Map<string, number>;
  readonly violations: Violation[];
}

/** A disk at which a crash is tried. */
interface Moment {
  readonly operation: number;
  readonly what: string;
  readonly disk: SimulatedDisk;
  readonly promise: Promised;
}

const faultKinds = ['EIO', 'ENOSPC', 'short'] as const;

/** Outcomes of one moment: all where there are at most `allMax`, else those that disks make likely and so many by a seed. */
interface Amount {
  readonly allMax: number;
  readonly samples: number;
}
const afterNothing: Amount = { allMax: 729, samples: 250 };
const afterFault: Amount = { allMax: 24, samples: 6 };

/** One and two operations, in every order. */
export function workloadsOf(subject: Subject): readonly Workload[] {
  const { operations, onlyFirst = [] } = subject;
  const later = operations.filter((name) => !onlyFirst.includes(name));
  return operations.flatMap((first) => [
    { subject, operations: [first] },
    ...later.map((second) => ({ subject, operations: [first, second] })),
  ]);
}

export function nameOf({ subject, operations }: Workload): string {
  return `${subject.name}: ${operations.join(', ')}`;
}

/** Of a state: its workload, the fault and its system call (0 = none), the system call before which power is lost, the outcomes. */
const idOf = (workload: Workload, fault: Fault | null, operation: number, outcomes: readonly number[]): string =>
  `${nameOf(workload)} / ${fault?.kind ?? 'crash'} ${fault?.operation ?? 0} / ${operation} / ${outcomes.join('')}`;

/** All states of the workload; with `only`, an id, the one state. Violations are collected, not thrown. */
export async function tryWorkload(workload: Workload, tally: Tally, only?: string): Promise<void> {
  const begin = new SimulatedDisk();
  await workload.subject.prepare(begin);
  const prepared = begin.crashed(begin.undecided().map(() => 1));
  const { moments, operations } = await play(workload, prepared, null, tally, only);
  for (const moment of moments) await tryMoment(workload, null, moment, tally, only);
  for (let operation = 1; operation <= operations; operation += 1) {
    for (const kind of faultKinds) {
      if (only !== undefined && !only.includes(` / ${kind} ${operation} / `)) continue;
      const fault = { operation, kind };
      const faulty = await play(workload, prepared, fault, tally, only);
      const after = faulty.moments.filter((moment) => moment.operation > operation);
      for (const moment of after) await tryMoment(workload, fault, moment, tally, only);
    }
  }
}

/** Carries the operations out; a violation when something is thrown that may not be. */
async function play(
  workload: Workload,
  prepared: SimulatedDisk,
  fault: Fault | null,
  tally: Tally,
  only: string | undefined,
): Promise<{ moments: readonly Moment[]; operations: number }> {
  const disk = prepared.copy();
  const life = await workload.subject.open(disk);
  // What opening did is part of the operation `reopen`, where there is one.
  const opened = disk.operations;
  const moments: Moment[] = [];
  const look = (operation: number, what: string) =>
    moments.push({ operation: operation - opened, what, disk: disk.copy(), promise: life.promised() });
  disk.onOperation = look;
  disk.fault = fault === null ? null : { ...fault, operation: fault.operation + opened };
  const wrong = await carryOut(workload, life, disk);
  disk.onOperation = () => {};
  look(disk.operations + 1, 'the end');
  if (wrong !== null) {
    const id = idOf(workload, fault, 0, []);
    if (only === undefined || id === only) tally.violations.push({ id, text: wrong });
  }
  return { moments, operations: disk.operations - opened };
}

/** Null, or what was wrong with what the subject threw. */
async function carryOut({ operations, subject }: Workload, life: Life, disk: SimulatedDisk): Promise<string | null> {
  useDisk(disk);
  for (const operation of operations) {
    for (const step of life.stepsOf(operation)) {
      for (let tries = 1; ; tries += 1) {
        try {
          await step.run();
          break;
        } catch (error) {
          const answer = life.answerTo(error);
          if (answer === 'over') return life.misuse?.() ?? null;
          if (answer === 'undone') break;
          if (answer === null || tries > 1) {
            const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
            return `${subject.name}, ${step.what}, try ${tries}: ${text}`;
          }
        }
      }
    }
  }
  return null;
}

async function tryMoment(
  workload: Workload,
  fault: Fault | null,
  moment: Moment,
  tally: Tally,
  only: string | undefined,
): Promise<void> {
  const undecided = moment.disk.undecided();
  const amount = fault === null ? afterNothing : afterFault;
  for (const outcomes of outcomesOf(undecided, moment.operation, amount)) {
    const id = idOf(workload, fault, moment.operation, outcomes);
    if (only !== undefined && id !== only) continue;
    const crashed = moment.disk.crashed(outcomes);
    const state = stateOf(workload.subject.name, moment.promise, crashed);
    if (tally.states.has(state)) continue;
    tally.states.add(state);
    const kind = fault?.kind ?? 'crash';
    tally.byFault.set(kind, (tally.byFault.get(kind) ?? 0) + 1);
    if (only !== undefined)
      console.log(`at ${moment.what}, promised ${moment.promise.text}\n${crashed.paths().join('\n')}`);
    try {
      await moment.promise.check(crashed);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      tally.violations.push({ id, text: `${text} (at ${moment.what})` });
    }
  }
}

function stateOf(subject: string, promise: Promised, disk: SimulatedDisk): string {
  const hash = createHash('sha1');
  hash.update(`${subject}\n${promise.text}\n${disk.image(withoutChance)}`, 'latin1');
  return hash.digest('base64').slice(0, 16);
}

/** Names of temporary files differ from run to run. */
function withoutChance(path: string): string {
  return path.replace(/\.tmp-\w+$/, '.tmp').replace(/\.\d+(-\d+)?\.new$/, '.new');
}

/** All of them where they are few; else those that real disks make likely, and some by a seed. */
function outcomesOf(undecided: Decisions, seed: number, amount: Amount): readonly (readonly number[])[] {
  const count = undecided.reduce((product, outcomes) => Math.min(product * outcomes, 1e9), 1);
  if (count <= amount.allMax) return everyOutcome(undecided);
  const isName = (index: number) => undecided[index] === 2;
  const chosen: number[][] = [
    undecided.map(() => 0),
    undecided.map(() => 1),
    undecided.map((outcomes) => outcomes - 1),
    undecided.map((_, index) => (isName(index) ? 1 : 0)),
    undecided.map((_, index) => (isName(index) ? 0 : 1)),
  ];
  for (let at = 0; at < undecided.length; at += 1) {
    chosen.push(undecided.map((_, index) => (index === at ? 0 : 1)));
    chosen.push(undecided.map((_, index) => (index < at ? 1 : 0)));
    chosen.push(undecided.map((outcomes, index) => (index < at ? 1 : index === at ? outcomes - 1 : 0)));
  }
  let state = 7919 * seed + 1;
  const draw = (outcomes: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % outcomes;
  };
  for (let sample = 0; sample < amount.samples; sample += 1) chosen.push(undecided.map(draw));
  return chosen;
}

function everyOutcome(undecided: Decisions): readonly (readonly number[])[] {
  return undecided.reduce<readonly (readonly number[])[]>(
    (all, outcomes) => all.flatMap((begun) => Array.from({ length: outcomes }, (_, outcome) => [...begun, outcome])),
    [[]],
  );
}
