/** The crash states of journal, record and small files: all workloads in several threads. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { withBundle } from './bundle.mjs';

const runner = 'test/crash/workload-runner.ts';

/** Resolves with {states, rows, violations}: distinct states, a row for each workload, and what was broken. */
export async function tryStates({ changes = [], threads = 2, wanted = () => true, stopAtFirst = false } = {}) {
  return withBundle(changes, runner, async (outfile) => {
    const { workloadNames } = await import(pathToFileURL(outfile).href);
    const names = workloadNames.filter(wanted);
    const states = new Set();
    const rows = [];
    const violations = [];
    const next = () => (stopAtFirst && violations.length > 0 ? undefined : names.shift());
    const note = ({ name, failed, states: found, byFault, violations: broken }) => {
      if (failed !== undefined) {
        violations.push({ id: name, text: failed });
        return;
      }
      for (const state of found) states.add(state);
      rows.push({ name, count: found.length, byFault: Object.fromEntries(byFault), failed: broken.length });
      violations.push(...broken);
    };
    await Promise.all(Array.from({ length: threads }, () => work(outfile, next, note)));
    return { states: states.size, rows, violations };
  });
}

function work(outfile, next, note) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(outfile);
    const give = () => {
      const name = next();
      if (name === undefined) worker.terminate().then(resolve, reject);
      else worker.postMessage(name);
    };
    worker.on('error', reject);
    worker.on('message', (tried) => {
      note(tried);
      give();
    });
    give();
  });
}

/** One state, by the id that a violation printed. */
export async function tryState(id) {
  return withBundle([], runner, async (outfile) => {
    const { tryByName } = await import(pathToFileURL(outfile).href);
    const [name] = id.split(' / ');
    const { violations } = await tryByName(name, new Set(), id);
    return violations;
  });
}
