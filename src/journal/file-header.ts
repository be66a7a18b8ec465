/**
 * The first 256 bytes of a mirror journal file: whose it is and how it joins the file before. Not for records.
 *
 *   0  8 bytes  magic
 *   8  u32      format version: 2, or 1 for files without groups of records
 *  12  u32      number of the file
 *  16  f64      number of the epoch
 *  24  f64      sequence of the record before the file's first
 *  32  f64      bytes of the file before (0 for the first file of a mirror)
 *  40  f64      time of the newest record before, ms (0 if there is none)
 *  48  f64      created, ms
 *  56  u32      journal encryption key, 0 = not encrypted (a place kept for later; another number is refused)
 *  60  u8 + 15  mirror
 *  76  u8 + 39  owner of the epoch
 * 116  u8 + 63  lineage of the epoch
 * 180  u8 + 47  file name
 * 228  zeros
 * 252  u32      CRC-32C of bytes 0 to 251
 */
import assert from 'node:assert/strict';
import type { Epoch, MirrorName } from '../mirror/terms.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { viewOf } from './record.ts';

export const fileHeaderBytes = 256;

export interface FileHeader {
  readonly mirror: MirrorName;
  readonly epoch: Epoch;
  /** Counted from 1 over the life of the mirror. */
  readonly file: number;
  readonly fileName: string;
  /** Sequence of the record before the first one of this file. */
  readonly sequenceBefore: number;
  /** Bytes of the file before; 0 for the first. */
  readonly previousFileEnd: number;
  /** Wall clock of the newest record before, ms; 0 when there is none. */
  readonly newestBeforeMs: number;
  readonly createdMs: number;
}

export type DecodedHeader =
  | { readonly ok: true; readonly header: FileHeader }
  | { readonly ok: false; readonly problem: string };

const MAGIC = Buffer.from('CMIRJRN\n', 'latin1');
/** Version 1 knew no groups of records; such files are still read. Nothing is ever appended to one: a new primary begins a file. */
const FORMAT_VERSION = 2;
const OLDEST_VERSION = 1;
const CHECKSUM_AT = 252;
const MIRROR = { at: 60, bytes: 16 };
const OWNER = { at: 76, bytes: 40 };
const LINEAGE = { at: 116, bytes: 64 };
const FILE_NAME = { at: 180, bytes: 48 };

export function encodeFileHeader(header: FileHeader): Buffer {
  const bytes = Buffer.alloc(fileHeaderBytes);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(header.file, 12);
  bytes.writeDoubleLE(header.epoch.number, 16);
  bytes.writeDoubleLE(header.sequenceBefore, 24);
  bytes.writeDoubleLE(header.previousFileEnd, 32);
  bytes.writeDoubleLE(header.newestBeforeMs, 40);
  bytes.writeDoubleLE(header.createdMs, 48);
  writeText(bytes, MIRROR, header.mirror);
  writeText(bytes, OWNER, header.epoch.owner);
  writeText(bytes, LINEAGE, header.epoch.lineage);
  writeText(bytes, FILE_NAME, header.fileName);
  bytes.writeUInt32LE(crc32c(bytes, 0, CHECKSUM_AT), CHECKSUM_AT);
  return bytes;
}

export function decodeFileHeader(bytes: Uint8Array): DecodedHeader {
  if (bytes.length < fileHeaderBytes) return { ok: false, problem: `it has only ${bytes.length} bytes of a header` };
  const view = viewOf(bytes);
  if (view.getUint32(CHECKSUM_AT, true) !== crc32c(bytes, 0, CHECKSUM_AT)) {
    return { ok: false, problem: "its header's checksum is wrong" };
  }
  if (MAGIC.compare(bytes, 0, MAGIC.length) !== 0) return { ok: false, problem: 'it is no mirror journal file' };
  const version = view.getUint32(8, true);
  if (version < OLDEST_VERSION || version > FORMAT_VERSION) {
    const known = `${OLDEST_VERSION} to ${FORMAT_VERSION}`;
    return { ok: false, problem: `its format version is ${version}, this program reads ${known}` };
  }
  if (view.getUint32(56, true) !== 0) return { ok: false, problem: 'it is encrypted, which this program cannot read' };
  return {
    ok: true,
    header: {
      mirror: readText(bytes, MIRROR),
      epoch: {
        number: view.getFloat64(16, true),
        owner: readText(bytes, OWNER),
        lineage: readText(bytes, LINEAGE),
      },
      file: view.getUint32(12, true),
      fileName: readText(bytes, FILE_NAME),
      sequenceBefore: view.getFloat64(24, true),
      previousFileEnd: view.getFloat64(32, true),
      newestBeforeMs: view.getFloat64(40, true),
      createdMs: view.getFloat64(48, true),
    },
  };
}

interface TextField {
  readonly at: number;
  /** Room with the length byte. */
  readonly bytes: number;
}

function writeText(bytes: Buffer, field: TextField, text: string): void {
  const length = Buffer.byteLength(text, 'utf8');
  assert(length < field.bytes, `"${text}" is too long for a journal file header (${field.bytes - 1} bytes).`);
  bytes.writeUInt8(length, field.at);
  bytes.write(text, field.at + 1, 'utf8');
}

function readText(bytes: Uint8Array, field: TextField): string {
  const length = Math.min(bytes[field.at]!, field.bytes - 1);
  return Buffer.from(bytes.subarray(field.at + 1, field.at + 1 + length)).toString('utf8');
}
