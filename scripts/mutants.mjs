/**
 * Negative controls: each mutant breaks one safeguard of src/mirror in a bundled copy, and the simulation has to notice.
 * `--seeds N` stories at most for each (default 3000), `--only NAME` for one, `--step 10 --from 9` for the duels. Ends with 1 when a mutant that must be caught was not.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

/** Name, what stands in the source, what the mutant has instead; a fourth = expected to survive the stories, and why. */
const mutants = [
  [
    'hello-keeps-answer',
    "giveUpActive(step, 'FO-022', 'this member says hello');",
    '',
    'WELCOME clears it as well; the unit test of FO-018 catches it',
  ],
  ['no-fetch', "if (verdict.outcome === 'take-over') {", 'if (verdict.outcome !== null) {'],
  [
    'restart-without-asking',
    'if (settings.partner === null) return startAlone(step);',
    'if (settings.partner === null || state.record.primaryOfEpoch) return startAlone(step);',
  ],
  ['trouble-times-out-in-arbiter-mode', "kind === 'timed' ? step.nowMs", "kind !== '' ? step.nowMs"],
  ['acknowledges-in-trouble', 'if (serving.trouble !== null) return;', ''],
  [
    'does-not-wait-for-backup',
    'serving.counted === null ? journal.flushed : earlier(journal.flushed, serving.ackedByCounted)',
    'journal.flushed',
  ],
  ['does-not-wait-for-own-flush', 'earlier(journal.flushed, serving.ackedByCounted)', 'serving.ackedByCounted'],
  [
    'counts-late',
    'counted: { member: other.name, term, confirmed: false }, ackedByCounted: journal.durable',
    'counted: null, ackedByCounted: journal.durable',
  ],
  ['record-keeps-active-backup', 'saveRecord(step, { activeBackup: null });', ''],
  [
    'active-before-stored',
    'if (activating == null || comparePositions(journal.flushed, activating.upTo) < 0) return;',
    'if (activating == null) return;',
    'the data arrives before the activation, so only a lost tail shows it; the unit test of FO-015 catches it',
  ],
  ['leaves-before-left', 'setServing(step, { leaving: true });', "setServing(step, { leaving: true, mode: 'agent' });"],
  [
    'epoch-not-compared',
    'if (reigns && envelope.epoch.number > state.record.epoch.number) return',
    'if (false) return',
  ],
  ['epoch-not-raised', 'number: heard + 1', 'number: Math.max(1, heard)'],
  [
    'any-member-takes-consent',
    "outcome: 'refuse',\n    spec: 'FO-061',\n    because: 'the other was the last primary and must decide'",
    "outcome: 'consent',\n    spec: 'FO-061',\n    because: 'the other was the last primary and must decide'",
  ],
  [
    'running-is-down',
    "epoch: 'not-lower',\n    outcome: 'running',\n    spec: 'FO-022'",
    "epoch: 'not-lower',\n    outcome: 'down',\n    spec: 'FO-022'",
  ],
  [
    'never-in-any-session',
    'return hasSession(step) && arbiter.session === serving.modeSession;',
    'return hasSession(step);',
    'needs three faults in one exact order; the unit test of FO-036 catches it',
  ],
  [
    'window-from-receipt',
    'sent.atMs + lengthMs',
    'step.nowMs + lengthMs * 2',
    'needs a record that cannot be read at the right time; the unit test of FO-023 catches it',
  ],
  [
    'window-survives-arbiter-mode',
    'state.windowUntilMs = 0;\n  setAttachment(step, { mode: ready',
    'setAttachment(step, { mode: ready',
    'needs a record that cannot be read at the right time; the unit test of FO-041 catches it',
  ],
  ['no-cut', "step.effects.push({ type: 'cut-journal', to: common });", ''],
  [
    'licence-for-each-asker',
    'if (period.licensed !== 0) {',
    "if (entry) return tell(work, entry, { type: 'gone', epoch, term });\n  if (period.licensed !== 0) {",
  ],
  [
    'arbiter-says-gone-at-once',
    'if (!work.sessions.some((candidate) => candidate.session === otherSession)) {',
    'if (true) {',
    'safe as long as only one hears it; the tests of the arbiter catch it',
  ],
  [
    'present-keeps-active',
    'giveUpActive(step, verdict.spec, verdict.because);\n    step.effects',
    'step.effects',
    'the record of the primary no longer names it; the unit test of FO-040 catches it',
  ],
  [
    'applies-what-is-only-flushed',
    'if (comparePositions(attachment.durableTo, journal.durable) > 0) setJournal(step, { durable: attachment.durableTo });',
    'setJournal(step, { durable: journal.flushed });',
  ],
  [
    'async-gets-undurable',
    'served.failoverMember ? appended : durable',
    'appended',
    'an async applies only what is durable and cuts the rest when it joins the next primary',
  ],
  [
    'goes-on-after-asking-for-takeover',
    "if (state.role === 'handing-over') {\n    finishStop(step, 'stopped; the backup is gone and settles its role with the agent');\n    return;\n  }",
    "if (state.role === 'handing-over') {\n    enterRole(step, 'primary'); setServing(step, { counted: null, mode: 'agent' }); advanceDurable(step); step.effects.push({ type: 'admit-updates' });\n    return;\n  }",
  ],
  [
    'left-notice-without-term',
    'if (message.term !== serving.modeTerm || !sameEpoch',
    "if ((message.type !== 'left-notice' && message.term !== serving.modeTerm) || !sameEpoch",
    'needs two activations and a late message; the unit test of FO-035 catches it',
  ],
  [
    'entered-after-leaving',
    "serving.mode === 'agent')\n    return;",
    "(serving.mode === 'agent' && message.type !== 'entered'))\n    return;",
    'needs one message to overtake another on two channels; the unit test of FO-029 catches it',
  ],
  ['welcome-keeps-active', 'wasActive: null,\n    noFailover', 'noFailover', 'the hello has cleared it before'],
  [
    'names-me-without-term',
    'record.activeBackup.term === wasActive.term &&',
    '',
    'needs an activation that was given up and one that never came; the unit test of FO-024 catches it',
  ],
  [
    'history-not-followed',
    'setJournal(step, { appended: message.to, history });',
    'setJournal(step, { appended: message.to });',
  ],
];

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3000' },
    only: { type: 'string' },
    from: { type: 'string', default: '1' },
    step: { type: 'string', default: '1' },
  },
});

const directory = mkdtempSync(join(tmpdir(), 'caretmirror-mutants-'));
let missed = 0;
try {
  for (const [name, from, to, survives] of mutants) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    const tell = await bundle(name, from, to);
    const found = hunt(tell);
    if (found !== null) console.log(`caught ${name} by seed ${found.seed}: ${found.text.split('\n')[0].slice(0, 150)}`);
    else if (survives !== undefined) console.log(`survives as expected: ${name} (${survives})`);
    else console.log(`MISSED ${name}`);
    if (found === null && survives === undefined) missed += 1;
  }
} finally {
  rmSync(directory, { recursive: true });
}
process.exitCode = missed === 0 ? 0 : 1;

function hunt(tell) {
  const first = Number(values.from);
  const step = Number(values.step);
  for (let seed = first; seed < first + Number(values.seeds) * step; seed += step) {
    const { failures, world } = tell(seed);
    if (failures.length > 0 && process.env.TIMELINE) console.log(world.timeline.slice(-80).join('\n'));
    if (failures.length > 0) return { seed, text: failures[0] };
  }
  return null;
}

async function bundle(name, from, to) {
  let applied = false;
  const plugin = {
    name: 'mutant',
    setup(builder) {
      builder.onLoad({ filter: /src\/mirror\/[^/]+\.ts$/ }, ({ path }) => {
        const source = readFileSync(path, 'utf8');
        applied ||= source.includes(from);
        return { contents: source.replace(from, to), loader: 'ts' };
      });
    },
  };
  const outfile = join(directory, `${name}.mjs`);
  const options = { bundle: true, format: 'esm', platform: 'node', logLevel: 'warning', plugins: [plugin] };
  await build({ entryPoints: ['src/simulation/random-story.ts'], outfile, ...options });
  if (!applied)
    throw new Error(`mutant ${name}: its place in src/mirror is not found; follow the change of the source`);
  return (await import(pathToFileURL(outfile).href)).tell;
}
