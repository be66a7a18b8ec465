import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SmallSuperserver } from '../client/small-superserver.ts';
import { CommandLine } from './command-line.ts';

let line: CommandLine;
let server: SmallSuperserver;
let target: string;
beforeEach(async () => {
  line = new CommandLine();
  server = await new SmallSuperserver(true).open();
  target = `mirror://127.0.0.1:${server.address.port}/M`;
});
afterEach(async () => {
  await server.close();
  line.remove();
});

describe('global', () => {
  test('set, get, increment, count and kill by reference', async () => {
    expect(await line.run(['global', target, 'set', '^CITY("FR",75)', 'Paris'])).toEqual({ code: 0, out: '', err: '' });
    expect((await line.run(['global', target, 'get', '^CITY("FR","75")'])).out).toBe('Paris\n');
    expect((await line.run(['global', target, 'get', '^CITY("FR",75)', '--json'])).out).toBe('{"value":"Paris"}\n');
    expect((await line.run(['global', target, 'increment', '^N', '2.5', '--json'])).out).toBe('{"value":2.5}\n');
    expect((await line.run(['global', target, 'count', '^CITY', '--json'])).out).toBe('{"count":2}\n');
    expect(await line.run(['global', target, 'kill', '^CITY("FR",75)'])).toMatchObject({ code: 0 });
    expect((await line.run(['global', target, 'get', '^CITY("FR",75)', '--json'])).out).toBe('{"value":null}\n');
    expect(await line.run(['global', target, 'get', '^CITY("FR",75)'])).toMatchObject({ code: 1, out: '' });
  });

  test('an instance of the home is addressed by its name', async () => {
    await line.run(['instance', 'create', 'A', '--address', '127.0.0.1', '--port', String(server.address.port)]);
    expect(await line.run(['global', 'A', 'set', '^X', 'y'])).toMatchObject({ code: 0 });
    expect(server.done).toHaveLength(1);
  });

  test.each(['CITY', '^', '^CITY(', '^CITY("")', '^CITY(abc)', '^1X'])(
    'a reference that is none is 2: %s',
    async (typed) => {
      expect(await line.run(['global', target, 'get', typed])).toMatchObject({ code: 2, out: '' });
    },
  );

  test('a refusal is 1; the question which database is 2; an update that was not answered is 5', async () => {
    const refusal = { text: 'databases: D1, D2', retry: false, primary: null } as const;
    server.fate = () => ({ code: 'which-database', ...refusal });
    expect(await line.run(['global', target, 'set', '^X', '1'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('D1, D2'),
    });
    server.fate = () => ({ code: 'read-only', ...refusal });
    expect(await line.run(['global', target, 'set', '^X', '1'])).toMatchObject({ code: 1 });
    server.fate = () => 'do-and-drop';
    expect(await line.run(['global', target, 'set', '^X', '1'])).toMatchObject({ code: 5 });
    expect(server.done).toHaveLength(1);
  });
});

describe('import and export', () => {
  const records = Array.from({ length: 3000 }, (_, i) => ({
    global: 'CITY',
    subscripts: ['FR', i, `n"${i}`],
    value: i * 7,
  }));
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');

  test('what is imported is exported again, line for line', async () => {
    const ran = await line.run(['global', target, 'import', '-', '--json'], text);
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.out)).toEqual({
      records: 3000,
      acknowledged: 3000,
      seconds: expect.any(Number),
      reconnects: 0,
    });
    const exported = await line.run(['global', target, 'export']);
    expect(exported.out).toBe(text);
  });

  test('from a file, over a primary that goes away in between', async () => {
    const file = join(line.home, 'records.jsonl');
    writeFileSync(file, text.trimEnd());
    server.fate = (_request, count) => (count === 1500 ? 'do-and-drop' : 'do');
    const ran = await line.run(['global', target, 'import', file, '--json', '--in-flight', '50']);
    expect(JSON.parse(ran.out)).toMatchObject({ acknowledged: 3000, reconnects: 1 });
    expect(server.nodes.size).toBe(3000);
  });

  test.each([
    ['{"global":"X","value":null}', 'neither a string nor an exact number'],
    ['{"global":"X","value":true}', 'neither a string nor an exact number'],
    ['{"global":"X","subscripts":[""],"value":"1"}', ''],
    ['{"global":"X","value":12345678901234567890}', 'exact number'],
    ['{"global":"X","subscripts":[["a"]],"value":"1"}', 'subscript 1'],
    ['not json', 'not JSON'],
    ['{"global":"X"}', '"value"'],
    ['{"value":"1"}', '"global"'],
  ])('a line that is no record is refused with its number, after all before it are durable: %s', async (bad, why) => {
    const lines = text.split('\n').slice(0, 100).join('\n');
    const ran = await line.run(['global', target, 'import', '-', '--json'], `${lines}\n${bad}\n${text}`);
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toContain('line 101 is refused');
    expect(ran.err).toContain(why);
    expect(ran.err).toContain('100 records before it are durable');
    expect(server.nodes.size).toBe(100);
  });
});
