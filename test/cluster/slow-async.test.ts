/** An async that is far away, held back by its cable, or stopped costs the mirror nothing but disk (SYN-007). */
import { beforeAll, expect } from '@jest/globals';
import { runWell } from '../fixtures/program.ts';
import { whyNoHosts } from './hosts.ts';
import { hasActiveBackup, isCaughtUp, type Label } from './lab.ts';
import { hostTest, useHosts, witnessed } from './stories.ts';

const stage = useHosts(4000);

// 100 ms to C and 100 ms back, as to another continent.
if (whyNoHosts() === null) beforeAll(() => stage.lab.network.delay(['C'], 100));

/** More than sockets hold; no compression makes it much smaller than a few MB. */
async function importBig(): Promise<void> {
  const { A, B } = stage.lab.addresses;
  const noise = (n: number) =>
    Array.from({ length: 500 }, (_, at) => ((n * 7919 + at * at * 31) % 99_991) / 7).join('');
  const lines = Array.from({ length: 3000 }, (_, n) =>
    JSON.stringify({ global: 'BIG', subscripts: [n], value: noise(n) }),
  );
  const target = `mirror://${A.host}:${A.port},${B.host}:${B.port}/LAB`;
  await runWell(['global', target, 'import', '-', '--home', stage.lab.homeOf('A')], { input: `${lines.join('\n')}\n` });
}

interface ListedFile {
  readonly name: string;
  readonly neededBy: readonly string[];
}

async function neededByC(primary: Label): Promise<readonly string[]> {
  const { out } = await stage.lab.on(primary, 'journal', 'list', primary, '--json');
  const { files } = JSON.parse(out) as { readonly files: readonly ListedFile[] };
  return files.filter(({ neededBy }) => neededBy.includes('C')).map(({ name }) => name);
}

for (const [how, hold, release] of [
  [
    'its cable holds everything back',
    () => stage.lab.cut(['A', 'C'], ['B', 'C']),
    async () => {
      await stage.lab.heal(['A', 'C']);
      await stage.lab.heal(['B', 'C']);
    },
  ],
  ['it is stopped and keeps its connection', async () => stage.lab.freeze('C'), async () => stage.lab.thaw('C')],
] as const) {
  hostTest(
    `SYN-007: an async is far away and ${how}: nobody waits for it, its journal files are kept, and it catches up`,
    () =>
      witnessed(stage.lab, `slow async: ${how}`, async (witness, { primary, backup }) => {
        const { lab } = stage;
        const beganMs = Date.now();
        await hold();
        await importBig();
        await lab.on(primary, 'journal', 'switch', primary);
        await witness.untilWrittenBy(primary);
        await lab.on(primary, 'journal', 'purge', primary);
        // The one that was switched from, and the present one.
        expect((await neededByC(primary)).length).toBeGreaterThan(1);
        expect(hasActiveBackup(await lab.status(primary))).toBe(true);
        // What it last heard was that it had everything; that is said until it misses its primary.
        await lab.until('C', 'not caught up', (status) => !isCaughtUp(status));
        await release();
        await lab.until('C', 'level', (status) => status?.status === 'Connected');
        expect(await lab.roles()).toEqual({ primary, backup });
        const hurt = lab
          .eventsSince(primary, beganMs)
          .filter(({ what }) => /trouble|takes over|no longer active/.test(what));
        expect(hurt).toEqual([]);
      }),
  );
}
