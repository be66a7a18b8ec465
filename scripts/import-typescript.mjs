/** Lets a script use a TypeScript file of this repository: bundled by esbuild, packages left where they are. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

export async function importTypeScript(path) {
  // Beside the packages, so that their names are found from there.
  const directory = join(root, 'node_modules', '.cache', `caretmirror-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  try {
    const outfile = join(directory, `${path.replaceAll('/', '-')}.mjs`);
    await build({
      absWorkingDir: root,
      entryPoints: [path],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'error',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
