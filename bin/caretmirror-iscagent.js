#!/usr/bin/env node
// caretmirror-iscagent: the daemon of the host's ISCAgent. The program itself is built from src/ into dist/.
const { main } = await import('../dist/caretmirror-iscagent.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes('/dist/caretmirror-iscagent.js')) throw error;
  console.error('caretmirror-iscagent: dist/ is missing; run "npm run build" first');
  process.exit(1);
});

process.exitCode = await main(process.argv.slice(2));
