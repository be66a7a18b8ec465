/**
 * Real processes that are killed, and whose disk fails: a client writes, an instance is ended by SIGKILL at a time drawn by chance,
 * started again, and everything that was acknowledged must be there; the same with the primary of a pair; and an fdatasync of
 * the journal that fails once, upon which the primary must end and its backup take over.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { loadClientLibrary, run, TemporaryLab } from '../lab-tools.mjs';
import { NumberedWriter } from './numbered-writer.mjs';
import { compileRecorder } from './recorder.mjs';

const program = fileURLToPath(new URL('../../bin/caretmirror.js', import.meta.url));
/** A client has nothing to wait for but a restart or a takeover. */
const clientTimeoutMs = 120_000;
const pauseMax = 300;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One instance alone in its mirror, killed so many times. Resolves with a list of what was wrong, one entry for each kill. */
export async function killOne(times, say) {
  const library = await loadClientLibrary();
  const home = mkdtempSync(join(tmpdir(), 'caretmirror-kills-'));
  const address = `127.${200 + Math.floor(Math.random() * 40)}.${Math.floor(Math.random() * 250)}.7`;
  const on = (...args) => run([...args, '--home', home]);
  let writer = null;
  try {
    await on('agent', 'start', '--address', address);
    await on('instance', 'create', 'ONE', '--address', address);
    await on('instance', 'start', 'ONE');
    await on('mirror', 'create', 'ONE', '--mirror', 'CRASH');
    await on('database', 'create', 'ONE', 'DATA', '--mirrored');
    const targets = [{ host: address, port: 1972 }];
    const client = await library.connectToMirror({ targets, mirror: 'CRASH', timeoutMs: clientTimeoutMs });
    writer = new NumberedWriter(library, client);
    const results = [];
    for (let time = 1; time <= times; time += 1) {
      await writer.more(20);
      await pause(Math.random() * pauseMax);
      const [{ pid }] = JSON.parse(await on('instance', 'list', '--json'));
      process.kill(pid, 'SIGKILL');
      await on('instance', 'start', 'ONE');
      await writer.more(1);
      const wrong = await writer.wrong();
      results.push(wrong);
      say(
        `kill ${time}: ${writer.acknowledged.size} acknowledged of ${writer.begun}${wrong.map((text) => `; BROKEN ${text}`).join('')}`,
      );
    }
    return results;
  } finally {
    await writer?.stop();
    for (const args of [
      ['instance', 'force', 'ONE'],
      ['agent', 'stop'],
    ])
      await on(...args).catch(() => undefined);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A lab whose primary is killed so many times, and at last has a failing disk. Resolves as `killOne`. */
export async function killPrimaries(times, say) {
  const library = await loadClientLibrary();
  const lab = new TemporaryLab();
  let writer = null;
  try {
    await lab.up(['--qos', '1000']);
    const { addresses: targets, mirror } = lab.target;
    const client = await library.connectToMirror({ targets, mirror, timeoutMs: clientTimeoutMs });
    writer = new NumberedWriter(library, client);
    const results = [];
    for (let time = 1; time <= times; time += 1) {
      await lab.up();
      const old = await primaryOf(lab);
      await writer.more(20);
      await pause(Math.random() * pauseMax);
      process.kill(await lab.pidOf(old), 'SIGKILL');
      await writer.more(40);
      const wrong = await writer.wrong();
      results.push(wrong);
      say(
        `kill of primary ${old} ${time}: ${writer.acknowledged.size} acknowledged of ${writer.begun}${wrong.map((text) => `; BROKEN ${text}`).join('')}`,
      );
    }
    results.push(await failSync(lab, writer, say));
    return results.filter((each) => each !== null);
  } finally {
    await writer?.stop();
    lab.close();
  }
}

async function primaryOf(lab) {
  for (;;) {
    const label = await lab.labelOf('Primary');
    if (label !== undefined) return label;
    await lab.up();
  }
}

/** The primary's fdatasync of its journal fails with EIO: it ends at once and says why, and the backup takes over. Null = skipped. */
async function failSync(lab, writer, say) {
  const recorder = join(lab.home, 'recorder.so');
  const skipped = compileRecorder(recorder);
  if (skipped !== null) {
    say(`a failing disk: skipped, ${skipped}`);
    return null;
  }
  await lab.up();
  const old = await primaryOf(lab);
  const { home } = lab.hosts.get(old);
  const now = join(lab.home, 'fail-now');
  const env = { LD_PRELOAD: recorder, CRASH_FAIL: 'fdatasync:/journal/MIRROR-', CRASH_WHEN: now };
  // Started again with a disk that can be told to fail, and primary again.
  await lab.on(old, ['instance', 'stop', old, '--nofailover']);
  await execa(process.execPath, [program, 'instance', 'start', old, '--home', home], { env, stdin: 'ignore' });
  await lab.up();
  const failing = await primaryOf(lab);
  if (failing !== old) await lab.on(old, ['mirror', 'become-primary', old, '--confirm', await memberName(lab, old)]);
  await lab.up();
  await writer.more(20);
  const pid = await lab.pidOf(old);
  writeFileSync(now, '');
  await writer.more(40);
  const wrong = await writer.wrong();
  const messages = readFileSync(join(home, 'instances', old, 'messages.log'), 'utf8');
  if (isAlive(pid)) wrong.push(`the process ${pid} of ${old} goes on after a failed fdatasync`);
  if (!/Instance fails: .*EIO.*the process must end/.test(messages))
    wrong.push(`messages.log of ${old} does not say that fdatasync failed`);
  if ((await primaryOf(lab)) === old) wrong.push(`${old} is primary after its disk failed`);
  say(
    `fdatasync of ${old} fails: ${writer.acknowledged.size} acknowledged of ${writer.begun}${wrong.map((text) => `; BROKEN ${text}`).join('')}`,
  );
  return wrong;
}

/** A zombie has ended. */
function isAlive(pid) {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function memberName(lab, label) {
  const { members } = await lab.status();
  const { name, address } = members.find((member) => member.label === label);
  return name ?? `${address}/${label}`;
}
