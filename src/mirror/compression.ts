/** How journal data go over a link: what the mirror is set to, and what both ends can do (SYN-011..SYN-013). Not here: bytes. */
import type { CompressionMode, MirrorSettings } from './mirror-set.ts';
import type { MemberType } from './terms.ts';

export const compressionTypes = ['zlib', 'zstd', 'lz4'] as const;
export type CompressionType = (typeof compressionTypes)[number];

export const compressionModes: readonly CompressionMode[] = [
  'System Selected',
  'Uncompressed',
  'Compressed',
  'Compressed with Zstd',
  'Compressed with LZ4',
];

export interface ChosenCompression {
  readonly mode: CompressionMode;
  /** Null = journal data go as they are. */
  readonly type: CompressionType | null;
  /** The rule and the reason, in words: `by setting`, `chosen for an async`, `the receiver has no Zstd` ... */
  readonly because: string;
}

interface Wish {
  readonly type: CompressionType | null;
  readonly because: string;
}

const spelled: Readonly<Record<CompressionType, string>> = { zlib: 'zlib', zstd: 'Zstd', lz4: 'LZ4' };

/**
 * What is used towards a member of `type`. `here` is what the sender can pack, `there` what the receiver said in the opening
 * exchange that it can unpack.
 */
export function chooseCompression(
  settings: Pick<MirrorSettings, 'compressionFailover' | 'compressionAsync' | 'requireTls'>,
  type: MemberType,
  here: readonly CompressionType[],
  there: readonly CompressionType[],
): ChosenCompression {
  const isFailover = type === 'Failover';
  const mode = isFailover ? settings.compressionFailover : settings.compressionAsync;
  const wish = wished(mode, isFailover, settings.requireTls);
  if (wish.type === null || (here.includes(wish.type) && there.includes(wish.type))) return { mode, ...wish };
  const who = here.includes(wish.type) ? 'the receiver has' : 'the primary has';
  const lacking = `${who} no ${spelled[wish.type]}`;
  if (wish.type !== 'zlib' && here.includes('zlib') && there.includes('zlib')) {
    return { mode, type: 'zlib', because: lacking };
  }
  return { mode, type: null, because: wish.type === 'zlib' ? lacking : `${lacking} and no zlib` };
}

/** SYN-011, SYN-012. */
function wished(mode: CompressionMode, isFailover: boolean, requireTls: boolean): Wish {
  switch (mode) {
    case 'System Selected':
      if (!isFailover) return { type: 'zstd', because: 'chosen for an async: little network use' };
      return requireTls
        ? { type: 'lz4', because: 'chosen for a failover member with TLS' }
        : { type: null, because: 'chosen for a failover member without TLS: response time' };
    case 'Uncompressed':
      return { type: null, because: 'by setting' };
    case 'Compressed':
      return { type: 'zlib', because: 'by setting' };
    case 'Compressed with Zstd':
      return { type: 'zstd', because: 'by setting' };
    case 'Compressed with LZ4':
      return { type: 'lz4', because: 'by setting' };
    default:
      return mode satisfies never;
  }
}
