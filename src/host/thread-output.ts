/** What a thread of the site writes, line by line, up to a number of lines. */
import type { Worker } from 'node:worker_threads';

const lineLengthMax = 500;

/** Returns what tells a last line that has no end. */
export function tellOutput(
  worker: Worker,
  linesMax: number,
  onOutput: (stream: 'stdout' | 'stderr', line: string) => void,
): () => void {
  let lines = 0;
  const rests = { stdout: '', stderr: '' };
  const tell = (name: 'stdout' | 'stderr', line: string): void => {
    if (lines === linesMax) onOutput('stderr', `what it writes after ${linesMax} lines is left out`);
    if (lines < linesMax) onOutput(name, clipped(line));
    lines += 1;
  };
  for (const name of ['stdout', 'stderr'] as const) {
    worker[name].setEncoding('utf8');
    worker[name].on('data', (text: string) => {
      const all = (rests[name] + text).split('\n');
      // A line without an end is bounded too.
      rests[name] = (all.pop() ?? '').slice(0, lineLengthMax + 1);
      for (const line of all) tell(name, line);
    });
  }
  return () => {
    for (const name of ['stdout', 'stderr'] as const) {
      if (rests[name] !== '') tell(name, rests[name]);
      rests[name] = '';
    }
  };
}

export function clipped(text: string): string {
  return text.length > lineLengthMax ? `${text.slice(0, lineLengthMax)}...` : text;
}
