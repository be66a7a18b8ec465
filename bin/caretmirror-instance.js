#!/usr/bin/env node
// caretmirror-instance: the daemon of one instance. The program itself is built from src/ into dist/.
const { main } = await import('../dist/caretmirror-instance.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes('/dist/caretmirror-instance.js')) throw error;
  console.error('caretmirror-instance: dist/ is missing; run "npm run build" first');
  process.exit(1);
});

process.exitCode = await main(process.argv.slice(2));
