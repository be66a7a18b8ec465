import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TtyAnswers } from '../../src/terminal/tty-answers.ts';

class Keyboard extends PassThrough {
  readonly modes: boolean[] = [];
  setRawMode(raw: boolean): void {
    this.modes.push(raw);
  }
}

let keyboard: Keyboard;
let answers: TtyAnswers;
let screen = '';

beforeEach(() => {
  keyboard = new Keyboard();
  screen = '';
  const output = new Writable({
    write(chunk, _, done) {
      screen += chunk;
      done();
    },
  });
  answers = new TtyAnswers(keyboard, output);
});

afterEach(() => answers.close());

const ask = { prompt: 'Option? ' };
const line = (text: string) => expect.objectContaining({ kind: 'line', text });

describe('answers from a terminal', () => {
  test('everything typed ahead is answered in order, nothing is dropped', async () => {
    keyboard.write('one\rtwo\r\nthree\n');
    expect(await answers.next(ask)).toEqual(line('one'));
    expect(await answers.next(ask)).toEqual(line('two'));
    expect(await answers.next(ask)).toEqual(line('three'));
    expect(screen).toContain('Option? ');
  });

  test('a character that spans two chunks is one character', async () => {
    const bytes = Buffer.from('Zürich 東京\r');
    for (const byte of bytes) keyboard.write(Uint8Array.of(byte));
    expect(await answers.next(ask)).toEqual(line('Zürich 東京'));
  });

  test('Ctrl-C interrupts, Ctrl-D on an empty line ends, and the keys behind them are kept', async () => {
    keyboard.write('half\x03');
    expect((await answers.next(ask)).kind).toBe('interrupt');
    keyboard.write('\x04');
    expect((await answers.next(ask)).kind).toBe('end');
    keyboard.write('next\r');
    expect(await answers.next(ask)).toEqual(line('next'));
  });

  test('Ctrl-D on a line that holds something does not end it', async () => {
    keyboard.write('ab\x04c\r');
    expect(await answers.next(ask)).toEqual(line('abc'));
  });

  test('the arrow key brings back an earlier answer', async () => {
    keyboard.write('status\r');
    await answers.next(ask);
    keyboard.write('\x1b[A\r');
    expect(await answers.next(ask)).toEqual(line('status'));
  });

  test('FO-075: what was typed ahead can be dropped before a confirmation is asked again', async () => {
    keyboard.write('y\ry\r');
    await answers.next(ask);
    answers.dropTypedAhead();
    const next = answers.next(ask);
    keyboard.write('no\r');
    expect(await next).toEqual(line('no'));
  });

  test('MON-016: a prompt is given up by time only while nothing is typed', async () => {
    expect((await answers.next({ ...ask, withinMs: 20 })).kind).toBe('late');
    const next = answers.next({ ...ask, withinMs: 40 });
    keyboard.write('3');
    await new Promise((resolve) => setTimeout(resolve, 120)); // time passing is what is tested here
    keyboard.write('0\r');
    expect(await next).toEqual(line('30'));
  });

  test('Ctrl-C while the instance is at work is heard at once, and drops what was typed before', async () => {
    let interrupts = 0;
    const stop = answers.watchInterrupts(() => {
      interrupts += 1;
    });
    keyboard.write('typed before\x03');
    await new Promise((resolve) => setImmediate(resolve));
    stop();
    expect(interrupts).toBe(1);
    keyboard.write('after\r');
    expect(await answers.next(ask)).toEqual(line('after'));
  });

  test('a terminal that goes away ends the prompt, and closing gives the terminal its mode back', async () => {
    const listeners = process.listenerCount('SIGTERM');
    const next = answers.next(ask);
    keyboard.end();
    expect((await next).kind).toBe('gone');
    expect((await answers.next(ask)).kind).toBe('gone');
    answers.close();
    expect(keyboard.modes).toEqual([true, false]);
    expect(process.listenerCount('SIGTERM')).toBeLessThan(listeners);
  });
});
