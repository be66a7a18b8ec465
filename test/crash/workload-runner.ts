/** One thread of the crash proof: tries the workloads it is sent by name and posts what it found. Bundled by scripts/crash.mjs. */
import { parentPort } from 'node:worker_threads';
import { nameOf, type Tally, tryWorkload, type Workload, workloadsOf } from './crash-states.ts';
import { fileSubjects } from './file-subjects.ts';
import { journalSubject } from './journal-subject.ts';

const workloads: ReadonlyMap<string, Workload> = new Map(
  [journalSubject, ...fileSubjects].flatMap(workloadsOf).map((workload) => [nameOf(workload), workload]),
);

export const workloadNames: readonly string[] = [...workloads.keys()];

export interface Tried {
  readonly name: string;
  readonly states: readonly string[];
  readonly byFault: readonly (readonly [string, number])[];
  readonly violations: Tally['violations'];
}

/** `known` are states that were tried before, which are not tried again. */
export async function tryByName(name: string, known: Set<string>, only?: string): Promise<Tried> {
  const workload = workloads.get(name);
  if (workload === undefined) throw new Error(`there is no workload "${name}"`);
  const before = new Set(known);
  const tally: Tally = { states: known, byFault: new Map(), violations: [] };
  await tryWorkload(workload, tally, only);
  const states = [...known].filter((state) => !before.has(state));
  return { name, states, byFault: [...tally.byFault], violations: tally.violations };
}

if (parentPort !== null) {
  const port = parentPort;
  const known = new Set<string>();
  port.on('message', async (name: string) => {
    try {
      port.postMessage(await tryByName(name, known));
    } catch (error) {
      port.postMessage({ name, failed: (error as Error).stack });
    }
  });
}
