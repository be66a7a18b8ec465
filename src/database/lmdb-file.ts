/**
 * Looks at the first pages of a database file before LMDB maps it: LMDB trusts what it finds there, and a file that is cut
 * short or overwritten would end the process. Recognises what can be recognised from outside; it reads no data pages.
 *
 *   page:  bytes 0 to 23 header, then meta data
 *   meta:  0 magic, 4 version, 24 page size, 64 root of the free pages' tree, 112 root of the main tree, 120 last page,
 *          128 transaction number
 *
 * There are three metas: of the last two transactions in pages 0 and 1, and in the middle of page 0 the last one known to be
 * flushed, whose pages must be in the file. A healthy file may all the same be shorter than its last page says: pages that
 * were freed before they were ever written are missing at its end. Such a file cannot be told from one that was cut, only
 * made safe to read: filled up with zeros to its full length, and then read through once.
 */
const META_OFFSET = 24;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const NO_ROOT = 0xffff_ffff_ffff_ffffn;
const pageSizeDefault = 4096;
/** A larger claim is taken for damage. */
const fileBytesMax = 2 ** 43;

/** Bytes of the file's start that `inspect` wants to see. */
export const startBytes = 65_536 + 256;

export type Inspection =
  /** `fullBytes`: how long the file must be before LMDB may map it. */
  | { readonly ok: true; readonly fullBytes: number }
  /** In a few words. */
  | { readonly ok: false; readonly damage: string };

interface Meta {
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

export function inspect(start: Uint8Array, sizeBytes: number): Inspection {
  const damaged = (damage: string): Inspection => ({ ok: false, damage });
  const cut = damaged(`the file is cut short: ${sizeBytes} bytes`);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.length < pageSizeDefault) return cut;
  if (view.getUint32(META_OFFSET, true) !== MAGIC) return damaged('the file does not begin like a database');
  const version = view.getUint32(META_OFFSET + 4, true);
  if (version !== VERSION) return damaged(`the file has format ${version}, not ${VERSION}`);
  const pageSize = view.getUint32(META_OFFSET + 24, true);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
    return damaged(`the file gives a page size of ${pageSize}`);
  }
  if (start.length < pageSize + 256) return cut;
  if (view.getUint32(pageSize + META_OFFSET, true) !== MAGIC) {
    return damaged('the second page of the file is overwritten');
  }
  const latest = [readMeta(view, 0), readMeta(view, pageSize)];
  const flushed = readMeta(view, pageSize / 2);
  const pages = BigInt(Math.floor(sizeBytes / pageSize));
  if (flushed.transaction > 0n && flushed.roots.some((root) => root !== NO_ROOT && root >= pages)) return cut;
  const lastPage = latest.reduce((last, meta) => (meta.lastPage > last ? meta.lastPage : last), 0n);
  const fullBytes = Number(lastPage + 1n) * pageSize;
  return fullBytes > fileBytesMax ? damaged(`the file claims ${lastPage} pages`) : { ok: true, fullBytes };
}

function readMeta(view: DataView, pageOffset: number): Meta {
  const at = pageOffset + META_OFFSET;
  return {
    roots: [view.getBigUint64(at + 64, true), view.getBigUint64(at + 112, true)],
    lastPage: view.getBigUint64(at + 120, true),
    transaction: view.getBigUint64(at + 128, true),
  };
}
