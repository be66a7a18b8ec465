import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { journalContract } from './journal-promises.ts';

journalContract('real', () => {
  const root = mkdtempSync(join(tmpdir(), 'caretmirror-journal-'));
  return { files: nodeFileOperations, root, remove: () => rmSync(root, { recursive: true, force: true }) };
});

journalContract('simulated', () => {
  const files = new SimulatedFiles();
  files.makeDirectory('/host');
  return { files, root: '/host', remove: () => {} };
});
