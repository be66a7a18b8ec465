/** Bundles the three programs, the threads of one of them and the library, into dist/ or the directory given. tsc only checks; esbuild writes (docs/decisions/0002). */
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

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
  outdir: process.argv[2] ?? 'dist',
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
