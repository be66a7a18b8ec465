import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Line, LineReader, lineLengthMax } from '../../src/terminal/line-reader.ts';

async function readAll(reader: LineReader): Promise<Line[]> {
  const lines: Line[] = [];
  for (let line = await reader.next(); line !== null; line = await reader.next()) lines.push(line);
  return lines;
}

function source(chunks: readonly Uint8Array[]): Readable {
  return Readable.from(chunks, { objectMode: false });
}

/** The same bytes, cut at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

const lineText = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n\ufeff]/g, ''));

describe('the line reader', () => {
  test('whatever the cuts and the line ends, the lines are the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(lineText, fc.constantFrom('\n', '\r\n'))),
        lineText,
        fc.array(fc.nat(), { maxLength: 20 }),
        async (ended, last, places) => {
          const bytes = Buffer.from(ended.map(([text, end]) => text + end).join('') + last);
          const lines = await readAll(new LineReader(source(cut(bytes, places))));
          const expected = [...ended.map(([text]) => text), ...(last === '' ? [] : [last])];
          expect(lines.map((line) => line.text)).toEqual(expected);
          expect(lines.map((line) => line.number)).toEqual(expected.map((_, index) => index + 1));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a character that spans two chunks is one character', async () => {
    const bytes = Buffer.from('Zürich 東京 🦀\n');
    const lines = await readAll(new LineReader(source([...bytes].map((byte) => Uint8Array.of(byte)))));
    expect(lines.map((line) => line.text)).toEqual(['Zürich 東京 🦀']);
  });

  test('an empty input has no line; a byte order mark is no part of the first', async () => {
    expect(await readAll(new LineReader(source([])))).toEqual([]);
    expect((await readAll(new LineReader(source([Buffer.from('\ufeff1\n')])))).map((line) => line.text)).toEqual(['1']);
  });

  test('a line longer than the limit is marked, and the next one is whole', async () => {
    const chunks = [...Array(40).fill(Buffer.alloc(8192, 'x')), Buffer.from('\nnext\n')];
    const lines = await readAll(new LineReader(source(chunks)));
    expect(lines.map((line) => [line.tooLong, line.text.length])).toEqual([
      [true, lineLengthMax],
      [false, 4],
    ]);
  });

  test('reading stops above 256 lines that nobody has taken, and loses none', async () => {
    const input = new PassThrough({ highWaterMark: 1024 });
    const reader = new LineReader(input);
    const first = reader.next();
    let written = 0;
    while (input.write(`${written}\n`) && written < 5000) written += 1;
    await first;
    const text = Array.from({ length: 5000 }, (_, index) => `later ${index}\n`).join('');
    input.end(text);
    await new Promise((resolve) => setImmediate(resolve));
    expect(input.isPaused() || input.readableEnded).toBe(true);
    const rest = await readAll(reader);
    expect(rest).toHaveLength(written + 5000);
    expect(rest.at(-1)?.text).toBe('later 4999');
  });

  test('closing ends a wait and lets go of the input', async () => {
    const input = new PassThrough();
    const reader = new LineReader(input);
    const next = reader.next();
    reader.close();
    expect(await next).toBeNull();
    expect(input.listenerCount('data')).toBe(0);
    expect(input.isPaused()).toBe(true);
  });
});
