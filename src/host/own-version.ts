/** The version of this program: built in by scripts/build.mjs, else read from the package. */
import { createRequire } from 'node:module';

declare const CARETMIRROR_VERSION: string | undefined;

export function ownVersion(): string {
  if (typeof CARETMIRROR_VERSION === 'string') return CARETMIRROR_VERSION;
  const require = createRequire(import.meta.url);
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (require(path) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return 'unknown';
}
