/** Compiles recorder.c, and reads what it recorded. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('recorder.c', import.meta.url));

/** Null when it is compiled into `outfile`, else why not. */
export function compileRecorder(outfile) {
  if (process.platform !== 'linux') return 'the recorder is for Linux';
  const { error, status, stderr } = spawnSync(
    'gcc',
    ['-O2', '-shared', '-fPIC', '-o', outfile, source, '-ldl', '-lpthread'],
    {
      encoding: 'utf8',
    },
  );
  if (error) return `gcc cannot be started (${error.code})`;
  return status === 0 ? null : `gcc failed: ${stderr.trim()}`;
}

/** The record, oldest first: {operation, path, number, data}. @throws when it is cut. */
export function readRecording(path) {
  const bytes = readFileSync(path);
  const records = [];
  for (let at = 0; at < bytes.length; ) {
    const pathEnd = at + 15 + bytes.readUInt16LE(at + 1);
    const end = pathEnd + bytes.readUInt32LE(at + 11);
    if (end > bytes.length) throw new Error(`${path} is cut at ${at}: the recorded process ended in the middle of it`);
    records.push({
      operation: String.fromCharCode(bytes[at]),
      path: bytes.toString('utf8', at + 15, pathEnd),
      number: Number(bytes.readBigUInt64LE(at + 3)),
      data: bytes.subarray(pathEnd, end),
    });
    at = end;
  }
  return records;
}

/** Carries a record out on a simulated disk, as it was done on the real one. */
export class Replay {
  #disk;
  #syncs = new Map();

  constructor(disk) {
    this.#disk = disk;
  }

  carryOut({ operation, path, number, data }) {
    const disk = this.#disk;
    switch (operation) {
      case 'c':
        return disk.close(disk.open(path, { create: true }));
      case 'w':
      case 't': {
        const handle = disk.open(path, {});
        if (operation === 'w') disk.write(handle, data, number);
        else disk.truncate(handle, number);
        return disk.close(handle);
      }
      case 'W':
        return disk.writeThrough(path, data, number);
      case 'r':
        return disk.rename(path, data.toString());
      case 'l':
        return disk.link(path, data.toString());
      case 'u':
        return disk.remove(path);
      case 'm':
        return disk.makeDirectory(path);
      case 's':
        return this.#syncs.set(number, disk.beginSync(path));
      case 'S':
        return this.#syncs.get(number)();
      default:
        throw new Error(`the recorder knows no operation "${operation}"`);
    }
  }
}
