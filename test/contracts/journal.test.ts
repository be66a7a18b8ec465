import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { placesContract } from './journal-places.ts';
import { journalContract, type TestFiles } from './journal-promises.ts';
import { writeAheadContract } from './journal-write-ahead.ts';

const realFiles = (): TestFiles => {
  const root = mkdtempSync(join(tmpdir(), 'caretmirror-journal-'));
  return { files: nodeFileOperations, root, remove: () => rmSync(root, { recursive: true, force: true }) };
};

const simulatedFiles = (): TestFiles => {
  const files = new SimulatedFiles();
  files.makeDirectory('/host');
  return { files, root: '/host', remove: () => {} };
};

journalContract('real', realFiles);
journalContract('simulated', simulatedFiles);
writeAheadContract('real', realFiles);
writeAheadContract('simulated', simulatedFiles);
placesContract('real', realFiles);
placesContract('simulated', simulatedFiles);
