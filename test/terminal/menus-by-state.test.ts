/**
 * What an operator finds at a terminal in each state that a member can be in: labels, order, numbers and what is disabled, as the
 * instance itself says. Numbers are habits, so a change of these files is a change of what people know by heart.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { instancePaths } from '../../src/host/home.ts';
import { freePort } from '../fixtures/whole-host.ts';
import { played } from './play.ts';
import { PlayHosts } from './play-hosts.ts';
import { PlayLab } from './play-lab.ts';
import { lacks } from './screen.ts';

const describeTmux = lacks('tmux') === null ? describe : describe.skip;

/** A host that the lab does not know. */
const clone = 'clone' as 'C';

/** Status, Management and Configuration, and out. */
const threeMenus = ['1', '', '2', '', '3', '', ''];

describeTmux('in no mirror', () => {
  const hosts = new PlayHosts('N');
  beforeAll(() => hosts.start());
  afterAll(() => hosts.close());

  test('CFG-001 CFG-002: the service is off, and then on', () =>
    played('menus-no-mirror', 'an instance in no mirror', hosts, async (play) => {
      await play.terminal('N', '1', 'y', '');
    }));
});

describeTmux('in a mirror', () => {
  const lab = new PlayLab({ dr: 1, reporting: 1 });
  beforeAll(async () => {
    await lab.begin();
    await lab.whole('A', 'B');
  });
  afterAll(() => lab.close());

  test('API-030 API-031: primary, backup, DR async and reporting async', () =>
    played('menus-members', 'primary, backup, DR async and reporting async', lab, async (play) => {
      for (const label of ['A', 'B', 'C', 'R']) await play.terminal(label, ...threeMenus);
    }));

  test('CFG-064: a copy of C is kept out, and says why and what can be done before its menus', () =>
    played('menus-kept-out', 'a member that is kept out because of its address', lab, async (play) => {
      await lab.on('C', 'instance', 'stop', 'C');
      const [original, copy] = [lab.homeOf('C'), lab.homeOf(clone)];
      cpSync(original, copy, { recursive: true, filter: (path) => !/\.(sock|lock|status)$/.test(path) });
      await lab.on('C', 'instance', 'start', 'C');
      const { configuration: path } = instancePaths(copy, 'C');
      const { checksum: _, ...configuration } = JSON.parse(readFileSync(path, 'utf8').replaceAll(original, copy));
      const superserver = { host: '127.0.0.1', port: await freePort() };
      writeFileSync(path, JSON.stringify({ ...configuration, superserver }));
      const address = lab.addresses.C.host.replace(/\d+$/, '19');
      await lab.on(clone, 'agent', 'start', '--address', address);
      await lab.tryOn(clone, 'instance', 'start', 'C', '--timeout', '5s');
      try {
        const text = await play.terminal('clone', '', ...threeMenus);
        expect(text).toContain('Join the Mirror as a New Member');
      } finally {
        await lab.tryOn(clone, 'instance', 'force', 'C');
        await lab.on(clone, 'agent', 'stop');
      }
    }));

  test('FO-076: a primary in trouble without a time limit shows the two ways out before its menus', () =>
    played('menus-trouble', 'a primary in trouble state without a time limit', lab, async (play) => {
      await lab.cut(['A', 'B'], ['A', 'X'], ['B', 'X']);
      await lab.until('A', 'in indefinite trouble', (status) => status?.status === 'In Trouble');
      await lab.untilStatus('B', 'Waiting');
      await play.terminal('A', '', ...threeMenus);
      await play.terminal('B', ...threeMenus);
    }));
});
