/** Import and export in both forms, cut off and gone on with; transactions and MERGE from the command line. */
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SmallSuperserver } from '../client/small-superserver.ts';
import { SmallPrimary } from '../instance/small-primary.ts';
import { CommandLine } from './command-line.ts';

const line = { now: null as unknown as CommandLine };
const run = (args: readonly string[], input?: string) => line.now.run(['global', ...args], input);
beforeEach(() => {
  line.now = new CommandLine();
});
afterEach(() => line.now.remove());

const text = Array.from({ length: 2000 }, (_, i) =>
  JSON.stringify({ global: 'CITY', subscripts: ['FR', i, `n"${i}`], value: 'x'.repeat(i % 300) }),
).join('\n');

describe('import and export', () => {
  let server: SmallSuperserver;
  let target: string;
  beforeEach(async () => {
    server = await new SmallSuperserver(true).open();
    target = `mirror://127.0.0.1:${server.address.port}/M`;
  });
  afterEach(() => server.close());
  const at = (name: string) => join(line.now.home, name);

  async function exported(name: string, ...more: string[]) {
    return await run([target, 'export', '--format', 'binary', '--output', at(name), ...more]);
  }

  test('what is exported in binary form is imported again, all of it', async () => {
    await run([target, 'import', '-'], text);
    const nodes = new Map(server.nodes);
    expect(await exported('all.cmg', '--json')).toMatchObject({ code: 0, out: '{"records":2000,"before":0}\n' });
    expect(await exported('all.cmg')).toMatchObject({ code: 1, err: expect.stringContaining('exists') });
    server.nodes.clear();
    const ran = await run([target, 'import', at('all.cmg'), '--json']);
    expect(JSON.parse(ran.out)).toMatchObject({ records: 2000, acknowledged: 2000 });
    expect(server.nodes).toEqual(nodes);
  });

  test('a damaged block is refused before anything of it is used, and a file without its end is said to be cut off', async () => {
    await run([target, 'import', '-'], text);
    await exported('all.cmg');
    const bytes = readFileSync(at('all.cmg'));
    writeFileSync(at('short.cmg'), bytes.subarray(0, bytes.length - 20));
    const short = await run([target, 'import', at('short.cmg')]);
    expect(short).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cut off at byte \d+.* 2000 records before it/),
    });
    bytes[bytes.length - 100_000]! ^= 1;
    writeFileSync(at('damaged.cmg'), bytes);
    server.nodes.clear();
    const ran = await run([target, 'import', at('damaged.cmg')]);
    expect(ran).toMatchObject({
      code: 1,
      err: expect.stringMatching(/a block is damaged at byte \d+; the \d+ records/),
    });
    expect(server.nodes.size).toBeLessThan(2000);
  });

  test.each(['json', 'binary'])(
    'an import of %s that was cut off goes on where everything is durable',
    async (format) => {
      await run([target, 'import', '-'], text);
      await run([target, 'export', '--format', format, '--output', at('all')]);
      const nodes = new Map(server.nodes);
      server.nodes.clear();
      const before = server.seen.length;
      server.fate = (_request, count) =>
        count - before > 1700 ? { code: 'read-only', text: 'no', retry: false, primary: null } : 'do';
      expect((await run([target, 'import', at('all'), '--in-flight', '10'])).code).toBe(1);
      const kept = JSON.parse(readFileSync(at('all.progress'), 'utf8'));
      expect(kept.offset).toBeGreaterThan(0);
      expect(kept.records).toBeLessThanOrEqual(1700);
      server.fate = () => 'do';
      expect(await run(['mirror://127.0.0.1:1/M', 'import', at('all'), '--resume', '--timeout', '50ms'])).toMatchObject(
        {
          code: 4,
        },
      );
      const done = server.done.length;
      const ran = await run([target, 'import', at('all'), '--resume', '--json']);
      expect(JSON.parse(ran.out)).toMatchObject({ records: 2000 - kept.records });
      expect(server.done.length - done).toBe(2000 - kept.records);
      expect(server.nodes).toEqual(nodes);
      expect(existsSync(at('all.progress'))).toBe(false);
    },
  );

  test('a progress file of another file or target is refused', async () => {
    writeFileSync(at('a.jsonl'), `${text}\nno record`);
    expect((await run([target, 'import', at('a.jsonl')])).code).toBe(1);
    writeFileSync(at('a.jsonl'), text);
    const ran = await run([target, 'import', at('a.jsonl'), '--resume']);
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('another file') });
    expect((await run([target, 'import', '-', '--resume'], text)).code).toBe(2);
  });

  test.each(['json', 'binary'])(
    'an export of %s that was cut off goes on behind its last whole record',
    async (format) => {
      await run([target, 'import', '-'], text);
      const export_ = (name: string, ...more: string[]) =>
        run([target, 'export', '--format', format, '--output', at(name), ...more]);
      await export_('whole');
      const whole = readFileSync(at('whole'));
      for (const bytes of [0, 5, 20, 150_001, 300_000]) {
        writeFileSync(at('part'), whole.subarray(0, bytes));
        const ran = await export_('part', '--resume');
        expect(ran).toMatchObject({ code: 0 });
        expect(await contentOf(at('part'))).toEqual(await contentOf(at('whole')));
      }
      if (format === 'binary') expect(await export_('whole', '--resume')).toMatchObject({ code: 1 });
      truncateSync(at('whole'), 3);
    },
  );

  /** What an import of the file sets, in order. */
  async function contentOf(path: string): Promise<readonly string[]> {
    const done = server.done.length;
    expect(await run([target, 'import', path])).toMatchObject({ code: 0 });
    return server.done.slice(done);
  }
});

describe('on a primary', () => {
  let primary: SmallPrimary;
  let target: string;
  beforeEach(async () => {
    primary = await new SmallPrimary().open();
    target = `mirror://127.0.0.1:${primary.address.port}/M`;
  });
  afterEach(() => primary.close());
  const onD1 = (...args: string[]) => run([target, ...args, '--database', 'D1']);

  test('SYN-005: lines of updates are done as one transaction, or not at all', async () => {
    const lines =
      '# a comment\nset ^X("a b",1) two words\nset ^X(2) 5\nincrement ^X(2) 2\nmerge ^Y ^X\nkill ^X(2)\nlock ^L 1s\n';
    const ran = await run([target, 'transaction', '-', '--database', 'D1', '--json'], lines);
    expect(ran).toMatchObject({ code: 0, out: '{"updates":6}\n' });
    expect((await onD1('get', '^X("a b",1)')).out).toBe('two words\n');
    expect((await onD1('get', '^Y(2)')).out).toBe('7\n');
    expect((await onD1('get', '^X(2)')).code).toBe(1);
    const bad = await run([target, 'transaction', '-', '--database', 'D1'], 'set ^X(3) 1\nset ^X(4 1\n');
    expect(bad).toMatchObject({ code: 2, err: expect.stringMatching(/line 2: .*rolled back/) });
    expect((await onD1('get', '^X(3)')).code).toBe(1);
    const unknown = await run([target, 'transaction', '-', '--database', 'D1'], 'drop ^X\n');
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('none of set, kill') });
  });

  test('SYN-005: MERGE and write levels from the command line', async () => {
    await onD1('set', '^X(1)', 'a', '--level', 'buffered');
    expect(await onD1('set', '^X(1)', 'a', '--level', 'sure')).toMatchObject({ code: 2 });
    expect((await onD1('merge', '^Z', '^X', '--json')).out).toBe('{"nodes":1}\n');
    expect((await run([target, 'merge', '^Z', '^X', '--database', 'D2', '--from-database', 'D1'])).out).toBe('1\n');
    expect((await run([target, 'get', '^Z(1)', '--database', 'D2'])).out).toBe('a\n');
  });
});
