/**
 * A JSON document with a checksum, written whole and durably: the member's record and its like. A reader finds the old one
 * or the new one; one that was changed by something else is reported as damaged, never taken.
 */
import { crc32c } from '../protocol/crc32c.ts';
import type { FileOperations, RecordFiles, RecordRead } from './host.ts';

export function createRecordFiles(files: Pick<FileOperations, 'readWhole' | 'replace'>): RecordFiles {
  return {
    readRecord: (path) => readRecord(files, path),
    saveRecord(path, value) {
      const text = JSON.stringify(value);
      const document = `{"checksum":"${checksumOf(text)}","value":${text}}\n`;
      files.replace(path, Buffer.from(document, 'utf8'));
    },
  };
}

function readRecord(files: Pick<FileOperations, 'readWhole'>, path: string): RecordRead {
  const bytes = files.readWhole(path);
  if (bytes === null) return { state: 'missing' };
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return { state: 'damaged', reason: `${path} is not JSON` };
  }
  if (typeof document !== 'object' || document === null || !('checksum' in document) || !('value' in document)) {
    return { state: 'damaged', reason: `${path} is not a record with a checksum` };
  }
  // What JSON.stringify wrote is what it writes again for the value read back.
  if (checksumOf(JSON.stringify(document.value)) !== document.checksum) {
    return { state: 'damaged', reason: `${path} has a wrong checksum` };
  }
  return { state: 'read', value: document.value };
}

function checksumOf(text: string): string {
  return crc32c(Buffer.from(text, 'utf8')).toString(16).padStart(8, '0');
}
