import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openEventsLog, readEvents } from '../../src/host/events-log.ts';
import { messageLine, openMessagesLog, readMessageLine } from '../../src/host/messages-log.ts';
import { MessagesReader } from '../../src/host/messages-reader.ts';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { createRecordFiles } from '../../src/host/record-file.ts';
import { logLine } from '../../src/mirror/log-messages.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-logs-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const atMs = new Date(2026, 10, 2, 3, 4, 5, 6).getTime();
const clock = { wallMs: () => atMs };

describe('messages.log', () => {
  test('MON-024: a line has the form of the original', () => {
    expect(messageLine(atMs, 4711, logLine('dejournaling-failed', { database: 'SALES', reason: 'it is full' }))).toBe(
      '11/02/26-03:04:05:006 (4711) 2 [Utility.Event] Dejournaling into SALES failed: it is full\n',
    );
    expect(readMessageLine('11/02/26-03:04:05:006 (4711) 2 [Utility.Event] Arbiter contact lost')).toEqual({
      at: new Date(atMs).toISOString(),
      pid: 4711,
      severity: 2,
      event: 'Utility.Event',
      text: 'Arbiter contact lost',
    });
    expect(readMessageLine('  at Object.<anonymous>')).toBeNull();
  });

  test('one message is one line, whatever it holds', () => {
    const line = messageLine(
      atMs,
      1,
      logLine('filter-output', { module: 'x', line: 'two\r\n  lines\x1b[31m\u2028end\n' }),
    );
    expect(line.slice(0, -1)).toMatch(/^[^\n\r\x1b\u2028]*two lines\?\[31m\?end$/);
  });

  test('appends, and begins a new file at its limit without losing a line', () => {
    const path = join(directory, 'messages.log');
    writeFileSync(path, 'before\n');
    const log = openMessagesLog({ path, clock, bytesMax: 200 });
    for (let i = 0; i < 12; i += 1) log.write(logLine('filter-output', { module: 'z', line: `message ${i}` }));
    log.close();
    const names = readdirSync(directory).filter((name) => name.startsWith('messages.'));
    expect(names).toContain('messages.old_20261102');
    expect(names).toContain('messages.old_20261102_1');
    const all = names.map((name) => readFileSync(join(directory, name), 'utf8')).join('');
    for (const name of names) expect(readFileSync(join(directory, name)).length).toBeLessThanOrEqual(200);
    for (let i = 0; i < 12; i += 1) expect(all).toContain(`message ${i}\n`);
    expect(all).toContain('before\n');
  });

  test('who reads it as it grows gets every line once and in order, however many files were put aside meanwhile', () => {
    const own = mkdtempSync(join(directory, 'followed-'));
    const path = join(own, 'messages.log');
    const reader = new MessagesReader(path);
    expect(reader.next()).toEqual([]);
    const log = openMessagesLog({ path, clock, bytesMax: 200 });
    const seen: string[] = [];
    const written = Array.from({ length: 90 }, (_, i) => `message ${i};`);
    for (const [i, line] of written.entries()) {
      log.write(logLine('filter-output', { module: 'z', line }));
      // Now after each line, now after so many that several files lie between.
      if (i < 10 || i % 17 === 0) seen.push(...reader.next());
    }
    log.close();
    expect(readdirSync(own).length).toBeGreaterThan(20);
    appendFileSync(path, 'torn');
    seen.push(...reader.next());
    expect(seen.map((line) => /message \d+;/.exec(line)?.[0])).toEqual(written);
    appendFileSync(path, ' and mended\n');
    expect(reader.next()).toEqual(['torn and mended']);
  });
});

describe('events.jsonl', () => {
  const event = {
    at: '2026-11-02T03:04:05.006Z',
    member: 'A',
    what: 'became-primary',
    rules: ['FO-039'],
    facts: { x: 1 },
  };

  test('numbers go on over a restart, and "after" gives what is newer', () => {
    const path = join(directory, 'events.jsonl');
    const log = openEventsLog(path);
    expect(log.newest).toBe(0);
    for (let i = 0; i < 5; i += 1) log.append(event);
    expect(log.after(3).map(({ number }) => number)).toEqual([4, 5]);
    expect(log.after(0, 2).map(({ number }) => number)).toEqual([4, 5]);
    log.close();
    const again = openEventsLog(path);
    expect(again.append(event)).toEqual({ number: 6, ...event });
    expect(again.after(4).map(({ number }) => number)).toEqual([5, 6]);
    again.close();
    expect(readEvents(path, 5)).toEqual([{ number: 6, ...event }]);
    expect(readEvents(join(directory, 'none.jsonl'), 0)).toEqual([]);
  });

  test('a line cut by a crash is taken away, the next one is whole', () => {
    const path = join(directory, 'cut.jsonl');
    const log = openEventsLog(path);
    log.append(event);
    log.close();
    appendFileSync(path, '{"number":2,"at":"20');
    expect(readEvents(path, 0)).toHaveLength(1);
    const again = openEventsLog(path);
    expect(again.append(event).number).toBe(2);
    again.close();
    expect(readEvents(path, 0).map(({ number }) => number)).toEqual([1, 2]);
  });
});

describe('a record', () => {
  const records = createRecordFiles(nodeFileOperations);

  test('is read back as it was saved; the old one is replaced whole', () => {
    const path = join(directory, 'member.json');
    expect(records.readRecord(path)).toEqual({ state: 'missing' });
    for (const value of [{ b: [1, null, 'ä\u2028'], a: { 2: -0.5, 1: true } }, 'text', null]) {
      records.saveRecord(path, value);
      expect(records.readRecord(path)).toEqual({ state: 'read', value });
    }
    expect(readdirSync(directory).filter((name) => name.startsWith('member.json'))).toEqual(['member.json']);
  });

  test('a change of any byte is found', () => {
    const path = join(directory, 'changed.json');
    records.saveRecord(path, { role: 'backup', active: true, epoch: 12 });
    const good = readFileSync(path);
    for (let at = 0; at < good.length - 1; at += 1) {
      const changed = Buffer.from(good);
      changed[at] = changed[at]! ^ 1;
      writeFileSync(path, changed);
      const read = records.readRecord(path);
      expect(read.state).toBe('damaged');
      expect(read.state === 'damaged' && read.reason).toContain(path);
    }
    writeFileSync(path, good.subarray(0, 20));
    expect(records.readRecord(path).state).toBe('damaged');
  });
});
