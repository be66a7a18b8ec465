import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkInstanceName, homePaths, instancePaths, resolveHome } from '../../src/host/home.ts';
import {
  parseAgentConfiguration,
  readAgentConfiguration,
  readHostFile,
  readLinks,
  writeHostFile,
  writeLinks,
} from '../../src/host/host-files.ts';
import { nodeFileOperations as files } from '../../src/host/node-files.ts';
import { nodeClock } from '../../src/host/node-host.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-files-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('file operations', () => {
  test('a long file is hashed and copied piece by piece, and never over another one', async () => {
    const [from, to] = [join(directory, 'long'), join(directory, 'long-copy')];
    const content = Buffer.alloc(1_300_000, 'some text');
    writeFileSync(from, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const steps: number[] = [];
    expect(await files.digest(from, (bytes) => steps.push(bytes))).toEqual({ bytes: content.length, sha256 });
    expect(steps.at(-1)).toBe(content.length);
    expect(steps.length).toBeGreaterThan(1);
    expect(await files.copy(from, to, () => {})).toEqual({ bytes: content.length, sha256 });
    expect(readFileSync(to).equals(content)).toBe(true);
    await expect(files.copy(from, to, () => {})).rejects.toMatchObject({ code: 'EEXIST' });
    await files.flush(to);
    await expect(files.digest(join(directory, 'none'), () => {})).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a file is made, written, read, cut and renamed', () => {
    const nested = join(directory, 'a', 'b');
    files.makeDirectory(nested);
    files.makeDirectory(nested);
    expect(statSync(nested).mode & 0o777).toBe(0o700);
    const path = join(nested, 'file');
    const handle = files.open(path, 'create');
    expect(() => files.open(path, 'create')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    files.write(handle, Buffer.from('0123456789'), 0);
    files.write(handle, Buffer.from('ab'), 12);
    files.sync(handle);
    const into = Buffer.alloc(20, '.');
    expect(files.read(handle, into, 5)).toBe(9);
    expect(into.toString('latin1', 0, 10)).toBe('56789\0\0ab.');
    files.truncate(handle, 4);
    expect(files.size(handle)).toBe(4);
    files.close(handle);
    files.rename(path, `${path}2`);
    files.syncDirectory(nested);
    expect(files.list(nested)).toEqual(['file2']);
    expect(files.exists(path)).toBe(false);
    expect(files.readWhole(path)).toBeNull();
    expect(files.sizeOf(path)).toBeNull();
    expect(Buffer.from(files.readWhole(`${path}2`)!).toString()).toBe('0123');
    expect(Buffer.from(files.readStart(`${path}2`, 2)!).toString()).toBe('01');
    expect(files.sizeOf(`${path}2`)).toBe(4);
    files.remove(`${path}2`);
    files.remove(`${path}2`);
    expect(files.freeBytes(directory)).toBeGreaterThan(0);
    files.removeTree(join(directory, 'a'));
    expect(files.exists(nested)).toBe(false);
  });

  test('replace leaves the old file or the new one, and nothing else', () => {
    const path = join(directory, 'replaced');
    files.replace(path, Buffer.from('one'));
    files.replace(path, Buffer.from('two'));
    expect(Buffer.from(files.readWhole(path)!).toString()).toBe('two');
    expect(() => files.replace(join(directory, 'none', 'x'), Buffer.from('x'))).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    files.makeDirectory(join(directory, 'taken'));
    expect(() => files.replace(join(directory, 'taken'), Buffer.from('x'))).toThrow();
    expect(readdirSync(directory).filter((name) => name.endsWith('.new'))).toEqual([]);
  });
});

test('what a killed process of the same pid left behind is not in the way of replace', () => {
  const path = join(directory, 'replaced again');
  for (let number = 1; number <= 50; number += 1) writeFileSync(`${path}.${process.pid}-${number}.new`, 'left behind');
  files.replace(path, Buffer.from('one'));
  expect(Buffer.from(files.readWhole(path)!).toString()).toBe('one');
});

describe('a home', () => {
  test('has its places', async () => {
    expect(await resolveHome('/h', { CARETMIRROR_HOME: '/x' })).toBe('/h');
    expect(await resolveHome(undefined, { CARETMIRROR_HOME: '/x' })).toBe('/x');
    expect(await resolveHome(undefined, {})).toMatch(/caretmirror$/);
    expect(homePaths('/h').agentStatus).toBe('/h/iscagent.status');
    expect(instancePaths('/h', 'one').configuration).toBe('/h/instances/ONE/configuration.json');
  });

  test('an instance name cannot leave its directory', () => {
    for (const typed of ['', '..', 'A/B', '1A', 'A B', 'A'.repeat(33)]) expect(checkInstanceName(typed).ok).toBe(false);
    expect(() => instancePaths('/h', '../x')).toThrow(/not valid/);
    expect(checkInstanceName('hotel-1')).toEqual({ ok: true, value: 'HOTEL-1' });
  });

  test('host.json and links.json are read back; without them the host is this machine', () => {
    const paths = homePaths(directory);
    expect(readHostFile(paths.host)).toEqual({ address: '127.0.0.1' });
    expect(readLinks(paths.links).size).toBe(0);
    writeHostFile(files, paths.host, { address: '127.7.0.11' });
    expect(readHostFile(paths.host)).toEqual({ address: '127.7.0.11' });
    const links = new Map([['127.7.0.12:1972', { host: '127.0.0.1', port: 40_001 }]]);
    writeLinks(files, paths.links, links);
    expect(readLinks(paths.links)).toEqual(links);
    writeFileSync(paths.links, '{"a:1":{"host":"x"}}');
    expect(() => readLinks(paths.links)).toThrow(/field a:1/);
    writeFileSync(paths.host, '{');
    expect(() => readHostFile(paths.host)).toThrow(expect.objectContaining({ code: 'configuration' }));
  });
});

test('a changed character of host.json or links.json is found before it is used; a person takes the checksum out', () => {
  const paths = homePaths(directory);
  const links = new Map([['127.7.0.12:1972', { host: '127.0.0.1', port: 40_001 }]]);
  writeHostFile(files, paths.host, { address: '127.7.0.11' });
  writeLinks(files, paths.links, links);
  for (const [path, read] of [
    [paths.host, readHostFile],
    [paths.links, readLinks],
  ] as const) {
    const good = readFileSync(path, 'utf8');
    for (const damaged of [good.replace('127.7', '127.6'), good.replace(/"checksum": "./, '"checksum": "z')]) {
      writeFileSync(path, damaged);
      expect(() => read(path)).toThrow(/is not as it was written/);
    }
    writeFileSync(path, good.replace('127.7', '127.6').replace(/,\s*"checksum".*/, ''));
    expect(() => read(path)).not.toThrow();
  }
  expect([readHostFile(paths.host).address, [...readLinks(paths.links).keys()]]).toEqual([
    '127.6.0.11',
    ['127.6.0.12:1972'],
  ]);
});

describe('iscagent.conf', () => {
  test('AGT-010: may be absent; AGT-001: port 2188 on all interfaces then', () => {
    expect(readAgentConfiguration(join(directory, 'iscagent.conf'))).toMatchObject({
      port: 2188,
      address: '*',
      warnings: [],
    });
  });

  test('AGT-011, AGT-012, AGT-013: blanks around = are accepted', () => {
    const text = [
      '# the agent',
      'application_server.port=2190',
      '  application_server.interface_address = 10.0.0.5',
      'logging.minimum_severity= 2\r',
      'privileges.group = iscagent, dba',
      'privileges.user=irisusr',
    ].join('\n');
    expect(parseAgentConfiguration(text, 'f')).toEqual({
      port: 2190,
      address: '10.0.0.5',
      minimumSeverity: 2,
      groups: ['iscagent', 'dba'],
      user: 'irisusr',
      warnings: [],
    });
  });

  test('AGT-011: what is not understood is refused with its line; a group of another release is a warning', () => {
    const { warnings } = parseAgentConfiguration('\napplication.port=1', '/x/iscagent.conf');
    expect(warnings).toEqual([expect.stringMatching(/^\/x\/iscagent\.conf, line 2: "application\.port" is not known/)]);
    const twice = 'application_server.port=2190\n# one more\napplication_server.port=2191';
    expect(() => parseAgentConfiguration(twice, '/x')).toThrow(/^\/x, line 3: .* stands in line 1 already/);
    for (const line of [
      'application_server.port=0',
      'application_server.port=x',
      'logging.minimum_severity=9',
      'privileges.group=dba',
      'application_server.porx=2190',
      'logging.minimum-severity=1',
      'nonsense',
    ]) {
      expect(() => parseAgentConfiguration(line, '/x')).toThrow(
        expect.objectContaining({ code: 'configuration', message: expect.stringMatching(/^\/x, line 1\b/) }),
      );
    }
  });
});

describe('the clock', () => {
  test('a timer never rings early, and not after it is cancelled', async () => {
    const began = nodeClock.nowMs();
    let rung = false;
    const timer = nodeClock.after(5, () => {
      rung = true;
    });
    timer.cancel();
    expect(await nodeClock.wait(20)).toBe('elapsed');
    expect(nodeClock.nowMs() - began).toBeGreaterThanOrEqual(20);
    expect(rung).toBe(false);
    expect(Math.abs(nodeClock.wallMs() - Date.now())).toBeLessThan(1000);
  });

  test('a wait ends when it is aborted', async () => {
    const abort = new AbortController();
    const waiting = nodeClock.wait(60_000, abort.signal);
    abort.abort();
    expect(await waiting).toBe('aborted');
    expect(await nodeClock.wait(60_000, abort.signal)).toBe('aborted');
  });
});
