/**
 * Looks at the first page of a database file before LMDB maps it: LMDB trusts what it finds there, and a file that is cut
 * short or overwritten would end the process. Recognises what can be recognised from outside; it reads no data pages.
 *
 *   page:  8 number, 16..24 header; meta data from byte 24
 *   meta:  0 magic, 4 version, 24 page size, 112 root page of the main tree, 120 last page, 128 transaction number
 *
 * There are three metas: of the last two transactions in pages 0 and 1, and in the middle of page 0 the last one known to be
 * flushed, which is the one whose pages must be in the file.
 */
const META_OFFSET = 24;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const NO_ROOT = 0xffff_ffff_ffff_ffffn;
const pageSizeDefault = 4096;

/** The file may be shorter than its last page says by pages that were freed before they were ever written. */
const unwrittenPagesMax = 64n;

/** Bytes of the file's start that `describeDamage` wants to see. */
export const startBytes = 65_536 + 256;

interface Meta {
  readonly root: bigint;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** What is wrong with a database file, in a few words, or null when it may be opened. */
export function describeDamage(start: Uint8Array, sizeBytes: number): string | null {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.length < pageSizeDefault) return `the file is cut short: ${sizeBytes} bytes`;
  if (view.getUint32(META_OFFSET, true) !== MAGIC) return 'the file does not begin like a database';
  const version = view.getUint32(META_OFFSET + 4, true);
  if (version !== VERSION) return `the file has format ${version}, not ${VERSION}`;
  const pageSize = view.getUint32(META_OFFSET + 24, true);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
    return `the file gives a page size of ${pageSize}`;
  }
  if (start.length < pageSize + 256) return `the file is cut short: ${sizeBytes} bytes`;
  if (view.getUint32(pageSize + META_OFFSET, true) !== MAGIC) return 'the second page of the file is overwritten';
  const flushed = readMeta(view, pageSize / 2);
  const others = [readMeta(view, 0), readMeta(view, pageSize)].sort((a, b) => (a.transaction < b.transaction ? 1 : -1));
  const meta = flushed.transaction > 0n ? flushed : others[0];
  if (meta === undefined) return null;
  const pages = BigInt(Math.floor(sizeBytes / pageSize));
  if (pages + unwrittenPagesMax <= meta.lastPage || (meta.root !== NO_ROOT && meta.root >= pages)) {
    return `the file is cut short: ${pages} pages of ${meta.lastPage + 1n}`;
  }
  return null;
}

function readMeta(view: DataView, pageOffset: number): Meta {
  const at = pageOffset + META_OFFSET;
  return {
    root: view.getBigUint64(at + 112, true),
    lastPage: view.getBigUint64(at + 120, true),
    transaction: view.getBigUint64(at + 128, true),
  };
}
