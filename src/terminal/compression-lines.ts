/** How journal data go to each member, for the status page and `mirror show` (SYN-011..SYN-013, MON-021). */
import { wording } from '../../menus/wording.ts';
import type { CompressionReport, MemberReport } from '../mirror/status.ts';

const spelled: Readonly<Record<'zlib' | 'zstd' | 'lz4', string>> = { zlib: 'zlib', zstd: 'Zstd', lz4: 'LZ4' };

/** Empty where nothing is known of any link. */
export function compressionLines(rows: readonly MemberReport[]): readonly string[] {
  const known = rows.flatMap(({ name, compression }) => (compression === undefined ? [] : [{ name, compression }]));
  if (known.length === 0) return [];
  return [
    '',
    wording.compressionHeading,
    ...known.flatMap(({ name, compression }) => [
      `     ${name}: ${carried(compression)}`,
      `          ${compression.mode}; ${compression.because}`,
    ]),
  ];
}

function carried({ type, journalBytes, networkBytes }: CompressionReport): string {
  if (type === null) return wording.uncompressed;
  const ratio = networkBytes === 0 ? '' : `, ratio ${(journalBytes / networkBytes).toFixed(2)}:1`;
  return `${spelled[type]}${ratio}`;
}
