/** Bundles in-process.mjs and the thread that writes into the store; where lmdb is found: below node_modules. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

export async function bundleInProcess() {
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'bench-'));
  await build({
    absWorkingDir: root,
    entryPoints: {
      'in-process': 'scripts/bench/in-process.mjs',
      'in-process-writer': 'src/database/lmdb-writer-thread.ts',
    },
    outdir: directory,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    external: ['lmdb'],
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  });
  return {
    path: join(directory, 'in-process.js'),
    down: async () => rmSync(directory, { recursive: true, force: true }),
  };
}
