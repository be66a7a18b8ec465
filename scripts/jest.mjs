/** Runs jest with ESM support; arguments are passed on, e.g. `node scripts/jest.mjs test/mirror`. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const { status } = spawnSync(
  process.execPath,
  ['--no-warnings', '--experimental-vm-modules', jest, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;
