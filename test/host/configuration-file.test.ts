import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createConfiguration,
  newConfiguration,
  openConfiguration,
  readConfiguration,
} from '../../src/host/configuration-file.ts';
import { defaultSettings, type MirrorSet } from '../../src/mirror/mirror-set.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-configuration-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const held = { isHeld: () => true };
const initial = newConfiguration('ONE', '/home/one', { host: '127.0.0.1', port: 1972 });
const mirrorSet: MirrorSet = {
  name: 'DEMO',
  epoch: 1,
  revision: 2,
  settings: { ...defaultSettings, arbiter: { host: '10.0.0.3', port: 2188 } },
  members: [
    {
      name: 'HOST/ONE',
      type: 'Failover',
      instance: 'ONE',
      instanceDirectory: '/home/one',
      superserver: { host: '10.0.0.1', port: 1972 },
      privateAddress: null,
      agent: { host: '10.0.0.1', port: 2188 },
    },
  ],
  databases: [{ name: 'MDB', addedAt: { epoch: 1, sequence: 1 }, fromEmpty: true }],
};

async function created(name: string): Promise<string> {
  const path = join(directory, name);
  await createConfiguration(path, initial);
  return path;
}

describe('the configuration file', () => {
  test('is made once, only its owner may read it, and what is set is read back', async () => {
    const path = await created('configuration.json');
    await expect(createConfiguration(path, initial)).rejects.toMatchObject({ code: 'configuration' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const store = await openConfiguration(path, held);
    expect(store.get()).toEqual(initial);
    const next = {
      ...initial,
      joinMirror: true,
      member: 'HOST/ONE',
      memberType: 'Failover' as const,
      mirrorSet,
      databases: [
        {
          name: 'USER',
          directory: '/home/one/user',
          mounted: true,
          mirrorDatabase: 'MDB',
          mountRequiredAtStartup: true,
          journaled: true,
          dejournalingPaused: true,
          expansionMegabytes: 20,
          resource: '%DB_CITIES',
        },
      ],
    };
    store.set(next);
    expect(store.get()).toEqual(next);
    expect(await readConfiguration(path)).toEqual(next);
    expect((await openConfiguration(path, held)).get()).toEqual(next);
    store.set(initial);
    expect(await readConfiguration(path)).toEqual(initial);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).filter((name) => name.startsWith('configuration.json'))).toHaveLength(1);
  });

  test('SYN-022: a stop by an operator stays in force over a restart', async () => {
    const path = await created('stopped.json');
    (await openConfiguration(path, held)).set({ ...initial, mirrorStopped: true });
    expect((await openConfiguration(path, held)).get().mirrorStopped).toBe(true);
  });

  test('a value that does not fit is not written', async () => {
    const path = await created('refused.json');
    const store = await openConfiguration(path, held);
    const before = readFileSync(path, 'utf8');
    expect(() => store.set({ ...initial, superserver: { host: 'x', port: 70_000 } })).toThrow(
      /field superserver\.port/,
    );
    const one = {
      name: 'A',
      directory: '/a',
      mounted: true,
      mirrorDatabase: null,
      mountRequiredAtStartup: false,
      journaled: true,
      dejournalingPaused: false,
      expansionMegabytes: 0,
      resource: '%DB_%DEFAULT',
    };
    expect(() => store.set({ ...initial, databases: [one, { ...one, name: 'a' }] })).toThrow(/has A twice/);
    expect(store.get()).toEqual(initial);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('is not written without the lock', async () => {
    const path = await created('unlocked.json');
    const store = await openConfiguration(path, { isHeld: () => false });
    expect(() => store.set({ ...initial, joinMirror: true })).toThrow(/no longer holds the instance's lock/);
    expect((await readConfiguration(path)).joinMirror).toBe(false);
  });

  test.each([
    ['empty', '', /is damaged/],
    ['cut', '{"instance": "ONE", "dir', /is damaged/],
    ['a list', '[]', /field the whole/],
    ['wrong type', JSON.stringify({ ...initial, joinMirror: 'yes' }), /field joinMirror: .*; correct the file$/],
    ['unknown field with a newline', JSON.stringify({ ...initial, 'join\nMirror': true }), /join Mirror/],
    ['unknown field', JSON.stringify({ ...initial, joinMiror: true }), /joinMiror/],
    [
      'wrong mirror',
      JSON.stringify({ ...initial, mirrorSet: { ...mirrorSet, members: [{}] } }),
      /mirrorSet\.members\.0\./,
    ],
  ])('one that is damaged (%s) is left as it is, and the line names file and field', async (name, text, expected) => {
    const path = join(directory, `damaged ${name}.json`);
    writeFileSync(path, text);
    const error = await openConfiguration(path, held).catch((caught) => caught);
    expect(error.code).toBe('configuration');
    expect(error.message).toMatch(expected);
    expect(error.message).toContain(path);
    expect(error.message).not.toContain('\n');
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('every bit that flips is found before it is used, and the line names the file and says what to do', async () => {
    const path = await created('flipped.json');
    const whole = readFileSync(path);
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      writeFileSync(path, flipped);
      const error = await readConfiguration(path).catch((caught) => caught);
      expect([bit, error.code]).toEqual([bit, 'configuration']);
      expect(error.message).toContain(path);
      expect(error.message).toMatch(/restore it from a backup|correct the file/);
    }
  });

  test('one that was edited on purpose is taken again when its checksum is taken out', async () => {
    const path = await created('edited.json');
    const edited = readFileSync(path, 'utf8').replace('1972', '1973');
    writeFileSync(path, edited);
    await expect(openConfiguration(path, held)).rejects.toThrow(/take out its line "checksum"/);
    writeFileSync(path, edited.replace(/ *"checksum".*\n/, ''));
    expect((await readConfiguration(path)).superserver.port).toBe(1973);
  });

  test('what a crash left of one that was coming is not in the way', async () => {
    const path = await created('left-behind.json');
    writeFileSync(`${path}.coming`, '{"instance": "ON');
    const store = await openConfiguration(path, held);
    store.set({ ...initial, joinMirror: true });
    expect((await readConfiguration(path)).joinMirror).toBe(true);
    expect(readdirSync(directory).filter((name) => name.startsWith('left-behind'))).toEqual(['left-behind.json']);
  });

  test('one that is missing is not invented', async () => {
    const path = join(directory, 'missing.json');
    await expect(openConfiguration(path, held)).rejects.toThrow(/does not exist/);
    expect(readdirSync(directory)).not.toContain('missing.json');
  });

  test('fields that an older release did not write take their default', async () => {
    const path = join(directory, 'older.json');
    const { mirrorStopped: _, databases: __, ...older } = initial;
    writeFileSync(path, JSON.stringify(older));
    chmodSync(path, 0o600);
    expect(await readConfiguration(path)).toEqual(initial);
  });
});
