/** Writes docs/MESSAGES.md: every line of messages.log and iscagent.log, and what an operator should do about it. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importTypeScript } from './import-typescript.mjs';

const { messagesDocument } = await importTypeScript('test/fixtures/messages-doc.ts');
writeFileSync(fileURLToPath(new URL('../docs/MESSAGES.md', import.meta.url)), messagesDocument());
