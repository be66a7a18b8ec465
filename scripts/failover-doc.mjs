/** Writes the decision tables of src/mirror into docs/FAILOVER.md, which an operator reads. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importTypeScript } from './import-typescript.mjs';

const path = fileURLToPath(new URL('../docs/FAILOVER.md', import.meta.url));
const { withTables } = await importTypeScript('test/fixtures/failover-doc.ts');
const before = readFileSync(path, 'utf8');
const after = withTables(before);
if (after !== before) writeFileSync(path, after);
console.log(after === before ? 'docs/FAILOVER.md is up to date' : 'docs/FAILOVER.md was written');
