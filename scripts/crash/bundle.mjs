/** Bundles the crash proof so that node:fs is a simulated disk, for the project's files and for the packages; with a mutant, if one is given. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const standIn = join(root, 'test/crash/simulated-node-fs.ts');

/**
 * `changes` = triples of the file, what stands in it and what the mutant has instead: a plugin that makes them, and a check that
 * throws when one of them was nowhere.
 */
export function mutating(changes) {
  const applied = new Set();
  const plugin = {
    name: 'mutants',
    setup(builder) {
      builder.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        let contents = readFileSync(path, 'utf8');
        for (const change of changes) {
          const [file, from, to] = change;
          if (!path.endsWith(`/${file}`) || !contents.includes(from)) continue;
          applied.add(change);
          contents = contents.replaceAll(from, () => to);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
  const check = () => {
    const missing = changes.find((change) => !applied.has(change));
    if (missing !== undefined)
      throw new Error(`"${missing[1]}" is not in ${missing[0]}; follow the change of the source`);
  };
  return { plugin, check };
}

const simulatedFiles = {
  name: 'a simulated disk in place of node:fs',
  setup(builder) {
    builder.onResolve({ filter: /^(node:)?fs$/ }, () => ({ path: standIn }));
  },
};

/** Runs `use` with the place of the bundle of `entry`. */
export async function withBundle(changes, entry, use) {
  const directory = mkdtempSync(join(tmpdir(), 'caretmirror-crash-'));
  const { plugin, check } = mutating(changes);
  try {
    const outfile = join(directory, 'bundle.mjs');
    await build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'error',
      plugins: [simulatedFiles, plugin],
      banner: {
        js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
      },
    });
    check();
    return await use(outfile);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
