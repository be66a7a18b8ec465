/** Makes a program of a TypeScript text that imports the house's files, for tests that need real processes. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const esbuild = createRequire(import.meta.url).resolve('esbuild/bin/esbuild');

/** Returns the program's path; in `text`, 'src/...' is the house's. */
export function makeProgram(directory: string, name: string, text: string): string {
  const source = join(directory, `${name}.ts`);
  const program = join(directory, `${name}.mjs`);
  writeFileSync(source, text.replaceAll("'src/", `'${resolve('src')}/`));
  execFileSync(esbuild, [
    source,
    '--bundle',
    '--format=esm',
    '--platform=node',
    `--outfile=${program}`,
    '--log-level=error',
  ]);
  return program;
}
