/** Real processes whose disks have lost and changed something: verify names it, while writes go on, and it travels nowhere. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { open } from 'lmdb';
import type { VerificationReport } from '../../src/mirror/status.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { runWell } from '../fixtures/program.ts';
import { type Label, labels } from './lab.ts';
import { useCables } from './stories.ts';

const stage = useCables();
const count = 6000;
const key = (number: number): Buffer => encodeKey('TOWN', [String(number)]);

test('damage of stopped members is found by verify, named by its key, and stays where it is', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  const { A, B } = lab.addresses;
  const target = `mirror://${A.host}:${A.port},${B.host}:${B.port}/LAB`;
  await write(target, 'TOWN');
  expect(await verify(primary)).toMatchObject({ identical: true, allRead: true });
  await lab.on('C', 'instance', 'stop', 'C');
  await lab.on(backup, 'instance', 'stop', backup, '--nofailover');
  await changeFile('C', (globals) => globals.removeSync(key(4321)));
  await changeFile(backup, (globals) => {
    const value = Buffer.from(globals.get(key(99)) as Buffer);
    value[value.length - 1] = (value.at(-1) as number) ^ 1;
    globals.putSync(key(99), value);
    return true;
  });
  await lab.up();
  const written = write(target, 'OTHER');
  const report = await verify(primary);
  expect(report.identical).toBe(false);
  expect(copy(report, primary)).toMatchObject({ result: 'identical' });
  expect(copy(report, 'C')).toMatchObject({ result: 'damaged', reference: '^TOWN(4321)' });
  expect(copy(report, backup)).toMatchObject({ result: 'damaged', text: expect.stringContaining('^TOWN(99)') });
  await written;
  for (const label of [backup, 'C'] as const) {
    await lab.until(
      label,
      'marked',
      (status) => status?.verified?.some(({ difference }) => difference !== null) === true,
    );
    expect(lab.messages(label)).toMatch(/ 2 \[Utility\.Event\] Verification: database /);
  }
  for (const label of labels) {
    const asked = await lab.tryOn(label, 'global', label, 'get', '^TOWN(99)');
    if (label === backup) expect(asked.code).toBe(1);
    else expect(asked.out).toBe('99\n');
  }
  expect((await lab.on(primary, 'global', primary, 'get', '^TOWN(4321)')).out).toBe('4321\n');
});

async function write(target: string, global: string): Promise<void> {
  const lines = Array.from({ length: count }, (_, n) => JSON.stringify({ global, subscripts: [n], value: `${n}` }));
  await runWell(['global', target, 'import', '-', '--home', stage.lab.homeOf('A')], { input: `${lines.join('\n')}\n` });
}

async function verify(label: Label): Promise<VerificationReport> {
  const { out } = await stage.lab.tryOn(label, 'verify', label, '--json');
  return JSON.parse(out) as VerificationReport;
}

function copy(
  { members }: VerificationReport,
  member: string,
): VerificationReport['members'][number]['databases'][number] | undefined {
  return members.find((each) => each.member === member)?.databases[0];
}

const bytes = { keyEncoding: 'binary', encoding: 'binary' } as const;
const globalsOf = (path: string) => {
  const root = open<Buffer, Buffer>({ path, noSubdir: true, maxDbs: 2, ...bytes });
  return { root, globals: root.openDB<Buffer, Buffer>({ name: 'globals', ...bytes }) };
};

/** The member is down: what a bad disk does is done behind its back. */
async function changeFile(
  label: Label,
  change: (globals: ReturnType<typeof globalsOf>['globals']) => boolean,
): Promise<void> {
  const { root, globals } = globalsOf(join(stage.lab.paths(label).directory, 'databases', 'DATA', 'database.mdb'));
  expect(change(globals)).toBe(true);
  await root.close();
}
