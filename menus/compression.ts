/** The two questions about compression, asked when a mirror is made and when it is edited: CFG-021, SYN-011. */
import type { Choice, PickQuestion } from './menu.ts';

const modes: readonly Choice[] = [
  { label: 'System Selected' },
  { label: 'Uncompressed' },
  { label: 'Compressed' },
  { label: 'Compressed with Zstd' },
  { label: 'Compressed with LZ4' },
];

const types = 'Compressed is with zlib; where a member has no Zstd or LZ4, zlib is used instead.';

export const compressionFailover: PickQuestion = {
  kind: 'pick',
  name: 'compressionFailover',
  text: 'Compression Mode for Failover Members?',
  label: 'Compression Mode for Failover Members',
  help: `System Selected aims at response time between the failover members. ${types}`,
  choices: modes,
  default: 'System Selected',
};

export const compressionAsync: PickQuestion = {
  kind: 'pick',
  name: 'compressionAsync',
  text: 'Compression Mode for Async Members?',
  label: 'Compression Mode for Async Members',
  help: `System Selected aims at little network use towards asyncs. ${types}`,
  choices: modes,
  default: 'System Selected',
};
