/** The programs, bundled as scripts/build.mjs does, with a stand-in for the instance's daemon; run as real processes. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Ran } from './command-line.ts';

const root = process.cwd();

export class BuiltPrograms {
  readonly directory = mkdtempSync(join(tmpdir(), 'caretmirror-built-'));
  readonly home = join(this.directory, 'home');

  async build(): Promise<this> {
    await build({
      absWorkingDir: root,
      entryPoints: {
        caretmirror: 'src/commands/main.ts',
        'caretmirror-instance': 'test/commands/small-instance.ts',
        'caretmirror-iscagent': 'src/agent/main.ts',
      },
      outdir: join(this.directory, 'dist'),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'error',
      external: ['lmdb'],
      banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    });
    mkdirSync(join(this.directory, 'bin'));
    for (const name of readdirSync(join(root, 'bin')))
      copyFileSync(join(root, 'bin', name), join(this.directory, 'bin', name));
    writeFileSync(join(this.directory, 'package.json'), '{"type":"module","version":"9.9.9"}');
    symlinkSync(join(root, 'node_modules'), join(this.directory, 'node_modules'));
    return this;
  }

  run(args: readonly string[], home = this.home): Promise<Ran> {
    const program = join(this.directory, 'bin', 'caretmirror.js');
    const env = { ...process.env, CARETMIRROR_HOME: home, NODE_OPTIONS: '' };
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, out, err })));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
