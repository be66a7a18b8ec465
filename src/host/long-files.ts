/**
 * Files too long to wait for, worked on beside the event loop piece by piece: flushed, hashed, copied. An instance goes on
 * serving meanwhile. Not for journal and records, whose order matters.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { FileDigest } from './host.ts';

/** Small enough that hashing one piece does not hold the process up. */
const pieceBytes = 512 * 1024;

export async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function digest(path: string, onBytes: (bytesDone: number) => void): Promise<FileDigest> {
  const file = await open(path, 'r');
  try {
    return await readThrough(file, onBytes, async () => {});
  } finally {
    await file.close();
  }
}

/** `to` must not exist. What was written when it fails is left to the caller. */
export async function copy(from: string, to: string, onBytes: (bytesDone: number) => void): Promise<FileDigest> {
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'wx', 0o600);
    try {
      const done = await readThrough(source, onBytes, (piece) => writeWhole(target, piece));
      await target.sync();
      return done;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function readThrough(
  file: FileHandle,
  onBytes: (bytesDone: number) => void,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<FileDigest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (let bytes = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, pieceBytes, bytes);
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await take(piece);
    bytes += bytesRead;
    onBytes(bytes);
  }
}

/** A full disk first shows as a short count and only then as ENOSPC. */
async function writeWhole(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    done += (await file.write(piece, done, piece.length - done)).bytesWritten;
  }
}
