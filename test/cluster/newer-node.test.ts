/** Members under different versions of Node: what one has not, the others do without. run.sh gets the newer Node. */
import { expect, test } from '@jest/globals';
import type { CompressionReport, StatusReport } from '../../src/mirror/status.ts';
import { runWell } from '../fixtures/program.ts';
import { hasActiveBackup, type Label } from './lab.ts';
import { useCables } from './stories.ts';

const newer = process.env.CARETMIRROR_NEWER_NODE ?? '';
const testWithNewer = newer === '' ? test.skip : test;
if (newer === '') console.warn('the test with a newer Node is skipped: npm had none (test/cluster/run.sh)');
const stage = useCables();

testWithNewer(
  'SYN-013: where a Node lacks Zstd its data come with zlib and status says so; two newer Nodes use Zstd, and all are identical',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    await lab.on(primary, 'mirror', 'edit', primary, '--compression-failover', 'zstd', '--compression-async', 'zstd');
    const onEach = async (node: string) => {
      for (const label of ['C', backup, primary] as const) await lab.on(label, 'instance', 'stop', label);
      for (const label of [primary, backup] as const) await underNode(node, label);
      await underNode(process.execPath, 'C');
    };
    await onEach(newer);
    await lab.untilStatus(primary, 'Primary');
    await lab.until(primary, 'leading an active backup', hasActiveBackup);
    await lab.until('C', 'connected', (status) => status?.members.some(({ status: is }) => is === 'Primary') === true);
    const { host, port } = lab.addresses[primary];
    const lines = Array.from({ length: 3000 }, (_, n) =>
      JSON.stringify({ global: 'N', subscripts: [n], value: `a town by the river ${n}` }),
    );
    await runWell(['global', `mirror://${host}:${port}/LAB`, 'import', '-'], { input: `${lines.join('\n')}\n` });
    const status = (await lab.status(primary)) as StatusReport;
    expect(compressionOf(status, backup)).toMatchObject({ type: 'zstd', mode: 'Compressed with Zstd' });
    expect(compressionOf(status, 'C')).toMatchObject({ type: 'zlib', because: 'the receiver has no Zstd' });
    for (const label of [backup, 'C'] as const) {
      const { journalBytes, networkBytes } = compressionOf(status, label);
      expect(networkBytes).toBeLessThan(journalBytes / 2);
    }
    const verified = await runWell(['verify', '--home', lab.homeOf(primary), primary]);
    expect(verified.out).toContain('identical');

    async function underNode(node: string, label: Label): Promise<void> {
      await runWell(['instance', 'start', label, '--home', lab.homeOf(label)], { node });
    }
  },
);

function compressionOf(status: StatusReport, label: Label): CompressionReport {
  const row = status.members.find(({ name }) => name.startsWith(label));
  if (row?.compression === undefined) throw new Error(`status knows no compression of ${label}`);
  return row.compression;
}
