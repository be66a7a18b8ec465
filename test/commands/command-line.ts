/** Runs the command line inside the test, in a home of its own, and keeps what it printed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { main } from '../../src/commands/main.ts';
import type { Streams } from '../../src/commands/surroundings.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class CommandLine {
  readonly home = mkdtempSync(join(tmpdir(), 'caretmirror-commands-'));

  async run(args: readonly string[], input = ''): Promise<Ran> {
    const [output, errors] = [new PassThrough(), new PassThrough()];
    const [out, err] = [collect(output), collect(errors)];
    const streams = { input: Readable.from(input === '' ? [] : [Buffer.from(input)]), output, errors };
    const env = { CARETMIRROR_HOME: this.home };
    const code = await main(args, { ...streams, env } as unknown as Streams);
    return { code, out: out(), err: err() };
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

function collect(stream: PassThrough): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => {
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
}
