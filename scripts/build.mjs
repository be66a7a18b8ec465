/** Bundles the three programs, the threads of one of them and the library, into dist/ or the directory given. tsc only checks; esbuild writes (docs/decisions/0002). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const outdir = resolve(process.argv[2] ?? 'dist');

await build({
  entryPoints: {
    caretmirror: 'src/commands/main.ts',
    sys: 'src/sys/main.ts',
    'caretmirror-instance': 'src/instance/main.ts',
    'caretmirror-watchdog': 'src/instance/watchdog-thread.ts',
    'caretmirror-database': 'src/database/lmdb-writer-thread.ts',
    'caretmirror-site': 'src/host/site-code-thread.ts',
    'caretmirror-filter': 'src/host/dejournal-filter-thread.ts',
    'caretmirror-iscagent': 'src/agent/main.ts',
  },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  define: { CARETMIRROR_VERSION: JSON.stringify(version) },
  external: ['lmdb'],
  // CommonJS packages inside an ESM bundle still call require() for Node's own modules.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
});

// The manual page is what the commands say of themselves.
const { main } = await import(pathToFileURL(join(outdir, 'caretmirror.js')).href);
let page = '';
const output = { write: (text) => (page += text), on: () => {} };
if ((await main(['man-page'], { input: process.stdin, output, errors: process.stderr, env: process.env })) !== 0)
  process.exit(1);
writeFileSync(join(outdir, 'caretmirror.1'), page);
