/** An instance whose directory was copied or moved, in files on disk: it never uses what belongs to the original. */

import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { newConfiguration } from '../../src/host/configuration-file.ts';
import type { ConfigurationStore, InstanceConfiguration } from '../../src/host/host.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { ordinaryDatabase } from '../../src/instance/catalog-parts.ts';
import { settleDirectory } from '../../src/instance/own-directory.ts';
import { logLine } from '../../src/mirror/log-messages.ts';

let root: string;
let logged: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cm-own-'));
  logged = [];
  mkdirSync(join(root, 'first'));
  for (const name of ['configuration.json', 'instance.lock']) writeFileSync(join(root, 'first', name), name);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Settled as the instance in `now`, whose configuration was written in `first`. */
function settled(now: string): InstanceConfiguration {
  const first = join(root, 'first');
  const databases = [
    ordinaryDatabase('INSIDE', join(first, 'databases', 'INSIDE')),
    ordinaryDatabase('BESIDE', join(root, 'first-too', 'BESIDE')),
  ];
  let present: InstanceConfiguration = {
    ...newConfiguration('A', first, { host: '127.0.0.1', port: 1 }),
    databases,
    alternateJournal: join(root, 'spare'),
  };
  const configuration: ConfigurationStore = {
    get: () => present,
    set: (next) => {
      present = next;
    },
  };
  const directory = join(root, now);
  const paths = {
    directory,
    configuration: join(directory, 'configuration.json'),
    lock: join(directory, 'instance.lock'),
  };
  settleDirectory({
    configuration,
    files: nodeHost.files,
    paths,
    log: (message, ...facts) => {
      const { severity, text } = logLine(message, ...facts);
      logged.push(`${severity} ${text}`);
    },
  });
  return present;
}

const places = ({ databases }: InstanceConfiguration) =>
  databases.map(({ name, directory, mounted }) => `${name} ${directory.slice(root.length)} ${mounted}`);

test('CFG-063: a copy uses what was copied with it, and leaves what lies elsewhere to the original', () => {
  cpSync(join(root, 'first'), join(root, 'copy'), { recursive: true });
  writeFileSync(join(root, 'copy', 'instance.lock'), 'another process');
  const configuration = settled('copy');
  expect(configuration).toMatchObject({ directory: join(root, 'copy'), alternateJournal: null });
  expect(places(configuration)).toEqual(['INSIDE /copy/databases/INSIDE true', 'BESIDE /first-too/BESIDE false']);
  expect(logged).toEqual([
    `1 This instance was copied from ${root}/first: it uses what lies in ${root}/copy`,
    `2 These databases lie outside of it, are those of the original as long as that is there, and are not mounted: BESIDE in ${root}/first-too/BESIDE`,
    `2 The alternate journal directory ${root}/spare is that of the original: there is none now`,
  ]);
});

test('CFG-063: one that was moved keeps what lies elsewhere', () => {
  renameSync(join(root, 'first'), join(root, 'moved'));
  const configuration = settled('moved');
  expect(configuration).toMatchObject({ directory: join(root, 'moved'), alternateJournal: join(root, 'spare') });
  expect(places(configuration)).toEqual(['INSIDE /moved/databases/INSIDE true', 'BESIDE /first-too/BESIDE true']);
  expect(logged).toEqual([`1 This instance was moved from ${root}/first: it uses what lies in ${root}/moved`]);
});

test.each(['first', 'link'])('CFG-063: one that is where it was, by whatever path, is left as it is (%s)', (now) => {
  symlinkSync(join(root, 'first'), join(root, 'link'));
  const configuration = settled(now);
  expect(configuration.directory).toBe(join(root, 'first'));
  expect(places(configuration)).toEqual(['INSIDE /first/databases/INSIDE true', 'BESIDE /first-too/BESIDE true']);
  expect(logged).toEqual([]);
});
