/** Bundles a file of this repository with one text of src/mirror replaced, and imports it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** `changes` = pairs of what stands in the source and what the mutant has instead. A text that does not occur is an error. */
export async function importMutated(entryPoint, name, changes = []) {
  const applied = new Set();
  const plugin = {
    name: 'mutant',
    setup(builder) {
      builder.onLoad({ filter: /src\/(mirror|simulation\/explorer)\/[^/]+\.ts$/ }, ({ path }) => {
        let contents = readFileSync(path, 'utf8');
        for (const [from, to] of changes) {
          if (contents.includes(from)) applied.add(from);
          contents = contents.replace(from, () => to);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
  const directory = mkdtempSync(join(tmpdir(), 'caretmirror-mutant-'));
  try {
    const outfile = join(directory, 'mutant.mjs');
    const options = { absWorkingDir: root, bundle: true, format: 'esm', platform: 'node', logLevel: 'warning' };
    await build({ entryPoints: [entryPoint], outfile, ...options, plugins: [plugin] });
    const missing = changes.find(([from]) => !applied.has(from));
    if (missing !== undefined)
      throw new Error(`mutant ${name}: "${missing[0]}" is nowhere in the sources; follow the change of the source`);
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
