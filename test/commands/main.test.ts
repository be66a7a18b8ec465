import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CommandLine } from './command-line.ts';

let line: CommandLine;
beforeEach(() => {
  line = new CommandLine();
});
afterEach(() => line.remove());

describe('wrong usage ends with 2 and one line', () => {
  test.each([
    [['nonsense'], 'no command "nonsense"'],
    [['instance'], 'which command'],
    [['instance', 'create'], "missing required argument 'name'"],
    [['instance', 'create', 'A', '--port', '0'], '--port must be a whole number'],
    [['instance', 'create', '1A'], 'instance name "1A" is not valid'],
    [['instance', 'list', '--bogus'], "unknown option '--bogus'"],
    [['instance', 'lst'], "unknown command 'lst'"],
    [['wait', 'A', '--for', 'ever'], '--for ever'],
    [['wait', 'A'], '--for'],
    [['log', 'A', '--severity', '9'], '--severity must be'],
    [['global', 'mirror://h/M', 'get', '^X'], 'is no target'],
    [['global', 'A', 'frobnicate', '^X'], 'no operation "frobnicate"'],
    [['global', 'A', 'set', '^X'], 'set ^REFERENCE VALUE'],
    [['mirror', 'join', 'A', '--mirror', 'M'], 'required option'],
    [['lab', 'up', '--qos', '5'], '--qos must be'],
  ])('%j', async (args, text) => {
    await line.run(['instance', 'create', 'A']);
    const ran = await line.run(args);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain(text);
    expect(ran.err.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('the outcome is in the exit code', () => {
  test('help and version are 0', async () => {
    expect(await line.run(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const help = await line.run(['--help']);
    expect(help.code).toBe(0);
    expect(help.out).toMatch(/verify/);
    expect(help.out).toMatch(/completion/);
    expect(help.out).not.toMatch(/lab-cable|man-page/);
  });

  test('an instance that is not there is 1, one that is down is 4', async () => {
    expect(await line.run(['status', 'A'])).toMatchObject({ code: 1, err: expect.stringContaining('no instance A') });
    await line.run(['instance', 'create', 'A']);
    for (const args of [
      ['status', 'A'],
      ['status'],
      ['mirror', 'show', 'A'],
      ['database', 'list', 'A'],
      ['session', 'A'],
    ]) {
      expect(await line.run(args)).toMatchObject({ code: 4, err: expect.stringContaining('A is not running') });
    }
  });

  test('a mirror that cannot be reached is 4, and says what was tried', async () => {
    const ran = await line.run(['global', 'mirror://127.0.0.1:9/M', 'get', '^X', '--timeout', '100ms']);
    expect(ran).toMatchObject({ code: 4, out: '', err: expect.stringContaining('127.0.0.1:9') });
  });

  test('waiting in vain for an instance that is down is 4', async () => {
    await line.run(['instance', 'create', 'A']);
    expect(await line.run(['wait', 'A', '--for', 'primary', '--timeout', '150ms'])).toMatchObject({ code: 4 });
  });

  test('without a name the only instance is meant; with two a name is needed', async () => {
    await line.run(['instance', 'create', 'A']);
    await line.run(['instance', 'create', 'B']);
    expect(await line.run(['status'])).toMatchObject({ code: 2, err: expect.stringContaining('A, B') });
    expect(await line.run([])).toMatchObject({ code: 2 });
  });
});

describe('instances of a home', () => {
  test('names are upper-cased, ports follow each other, a second one of the same name is refused', async () => {
    expect(await line.run(['instance', 'create', 'one', '--address', '127.0.0.9'])).toMatchObject({ code: 0, out: '' });
    expect((await line.run(['instance', 'create', 'two'])).err).toContain('127.0.0.9:1973');
    expect(await line.run(['instance', 'create', 'ONE'])).toEqual({
      code: 0,
      out: '',
      err: 'instance ONE exists already, superserver 127.0.0.9:1972\n',
    });
    expect(await line.run(['instance', 'create', 'ONE', '--port', '1999'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/exists already .* with superserver 127\.0\.0\.9:1972; see caretmirror instance edit/),
    });
    const listed = JSON.parse((await line.run(['instance', 'list', '--json'])).out);
    expect(listed).toMatchObject([
      { name: 'ONE', address: '127.0.0.9', port: 1972, state: 'down', pid: null, status: null },
      { name: 'TWO', address: '127.0.0.9', port: 1973, state: 'down' },
    ]);
    expect((await line.run(['instance', 'list'])).out).toContain('127.0.0.9:1973');
  });

  test('an instance is deleted only with its name as confirmation', async () => {
    await line.run(['instance', 'create', 'A']);
    expect(await line.run(['instance', 'delete', 'A'])).toMatchObject({ code: 2 });
    expect(await line.run(['instance', 'delete', 'A', '--confirm', 'B'])).toMatchObject({ code: 2 });
    expect(JSON.parse((await line.run(['instance', 'list', '--json'])).out)).toHaveLength(1);
    expect(await line.run(['instance', 'delete', 'A', '--confirm', 'a'])).toMatchObject({ code: 0 });
    expect((await line.run(['instance', 'list', '--json'])).out).toBe('[]\n');
    const again = await line.run(['instance', 'delete', 'A', '--confirm', 'a']);
    expect(again).toMatchObject({ code: 0, err: expect.stringContaining('is deleted already') });
    expect(await line.run(['instance', 'delete', 'A'])).toMatchObject({ code: 1 });
  });

  test('stop, force and agent stop of what is down are done already', async () => {
    await line.run(['instance', 'create', 'A']);
    for (const args of [
      ['instance', 'stop', 'A'],
      ['instance', 'force', 'A'],
      ['agent', 'stop'],
    ]) {
      expect(await line.run(args)).toMatchObject({ code: 0, err: expect.stringContaining('is down already') });
    }
  });

  test('log and events of an instance that is down are read from its files', async () => {
    await line.run(['instance', 'create', 'A']);
    const directory = join(line.home, 'instances', 'A');
    writeFileSync(
      join(directory, 'messages.log'),
      '11/22/26-10:00:00:001 (7) 0 [Utility.Event] hello\n11/22/26-10:00:00:002 (7) 2 [Utility.Event] trouble\n',
    );
    expect((await line.run(['log', 'A', '--severity', '1'])).out).toMatch(/^[^\n]*trouble\n$/);
    const messages = JSON.parse((await line.run(['log', '--json'])).out);
    expect(messages).toMatchObject([
      { severity: 0, text: 'hello' },
      { severity: 2, pid: 7 },
    ]);
    const event = {
      number: 1,
      at: '2026-11-22T10:00:00.000Z',
      member: 'A',
      what: 'became primary',
      rules: ['FO-001'],
      facts: {},
    };
    writeFileSync(join(directory, 'events.jsonl'), `${JSON.stringify(event)}\n`);
    expect(JSON.parse((await line.run(['events', 'A', '--json'])).out)).toEqual([event]);
    expect((await line.run(['events', 'A', '--after', '1'])).out).toBe('');
    expect((await line.run(['events', 'A'])).out).toContain('became primary  (FO-001)');
  });

  test('AGT-001: the agent is told where it serves by iscagent.conf', async () => {
    const report = JSON.parse((await line.run(['agent', 'status', '--json'])).out);
    expect(report).toEqual({ running: false, pid: null, address: '*', port: 2188 });
    expect(await line.run(['agent', 'start', '--port', '70000'])).toMatchObject({ code: 2 });
  });
});

describe('lab', () => {
  test('without one: status says how to make it, down is done already', async () => {
    expect(await line.run(['lab', 'status'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('caretmirror lab up'),
    });
    expect(await line.run(['lab', 'down', '--delete'])).toMatchObject({ code: 0 });
    expect(await line.run(['lab', 'kill', 'A'])).toMatchObject({ code: 1 });
  });
});
