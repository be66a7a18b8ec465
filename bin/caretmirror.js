#!/usr/bin/env node
// caretmirror: the command line. The program itself is built from src/ into dist/.
const { main } = await import('../dist/caretmirror.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes('/dist/caretmirror.js')) throw error;
  console.error('caretmirror: dist/ is missing; run "npm run build" first');
  process.exit(1);
});

process.exitCode = await main(process.argv.slice(2));
