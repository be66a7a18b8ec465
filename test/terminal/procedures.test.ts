/** A pair with a DR async: its monitors, and where the options of the menus run. The other procedures are in the -plays files. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { top } from '../../menus/top.ts';
import { connectControl } from '../../src/terminal/control-client.ts';
import { network } from '../cluster/lab.ts';
import { isAction, optionsBelow } from '../fixtures/scripted-control.ts';
import { monitor, played } from './play.ts';
import { PlayLab } from './play-lab.ts';

const lab = new PlayLab({ dr: 1, reporting: 0 });
beforeAll(() => lab.begin());
afterAll(() => lab.close());

test('PROC-001: the monitor on primary, backup and async', () =>
  played('monitors', 'the Status Monitor on primary, backup and DR async', lab, async (play) => {
    await lab.whole('A', 'B');
    await lab.settled('C');
    for (const label of ['A', 'B', 'C']) await play.menus(label, ...monitor);
  }));

const ofAnotherMember = ['is-primary', 'not-primary', 'not-a-failover-member', 'not-dr', 'not-here'];

describe('where options run', () => {
  test.each([
    ['A', 'primary'],
    ['B', 'backup'],
    ['C', 'dr'],
  ] as const)('what the menus say of %s, the %s, is what its instance says', async (label, place) => {
    const control = await connectControl(network, lab.paths(label).control, 5000);
    const { commands } = await control.describe();
    control.close();
    const wrong = optionsBelow(top, place).filter(
      ({ leadsTo, runsOn }) =>
        isAction(leadsTo) &&
        'command' in leadsTo &&
        runsOn?.includes(place) === false &&
        commands[leadsTo.command] === null,
    );
    expect(wrong.map(({ label: name }) => name)).toEqual([]);
    // And where it says that it runs, nothing that lasts stands against it.
    const promised = optionsBelow(top, place).filter(
      ({ leadsTo, runsOn }) =>
        isAction(leadsTo) &&
        'command' in leadsTo &&
        runsOn?.includes(place) === true &&
        ofAnotherMember.includes(commands[leadsTo.command]?.reason ?? ''),
    );
    expect(promised.map(({ label: name }) => name)).toEqual([]);
  });
});
