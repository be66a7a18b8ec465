import { describe, expect, test } from '@jest/globals';
import type { Assessment, RemovalPlan } from '../../src/protocol/assessment.ts';
import type { CommandName, Outcome } from '../../src/protocol/control-commands.ts';
import { expectTranscript, pipedSession } from '../fixtures/piped-session.ts';
import { blankAssessment, description, type Place, report, type Script } from '../fixtures/scripted-instance.ts';

const done = (text: string) => async (): Promise<Outcome> => ({ ok: true, text });

function at(place: Place, removal: RemovalPlan | null, text: string): Script {
  const assessment: Assessment = {
    ...blankAssessment,
    refusal: removal === null ? { reason: 'not-last', text: 'first remove BETA/IRIS', spec: 'CFG-070' } : null,
    removal,
  };
  const status = () => report(place as 'primary' | 'backup' | 'dr');
  const assess = (command: CommandName) => (command === 'remove-mirror' ? assessment : blankAssessment);
  return { describe: () => description(place), status, assess, perform: done(text) };
}

const plan: RemovalPlan = { step: 'leave', mirror: 'DEMO', member: 'GAMMA', isLast: false, databases: ['SALES'] };

describe('leaving and removing', () => {
  test('CFG-067, CFG-068, CFG-077: an async leaves, is told the reversible way and asked about the attribute', async () => {
    const session = await pipedSession(at('dr', plan, 'GAMMA has left mirror DEMO'), '3\nRemove This\ny\ny\n\n\n');
    expectTranscript('leave-mirror', session);
    expect(session.instance.performed).toEqual([
      { type: 'perform', command: 'remove-mirror', arguments: { removeAttribute: true }, situation: 41 },
    ]);
  });

  test('CFG-066: nothing is changed without a Yes', async () => {
    const session = await pipedSession(at('backup', plan, ''), '3\nRemove Mirror\n\n\n\n\n');
    expectTranscript('leave-declined', session);
    expect(session.instance.performed).toEqual([]);
  });

  test('CFG-071, CFG-074: the last member is warned that the mirror ends, and told of the three steps', async () => {
    const last: RemovalPlan = { ...plan, step: 'clear-join-mirror', isLast: true, member: 'ALPHA/IRIS' };
    const text = 'the JoinMirror flag has been cleared. Restart this instance to continue removing this mirror member';
    const session = await pipedSession(at('primary', last, text), '3\n3\ny\n\n\n');
    expectTranscript('remove-last', session);
    expect(session.instance.performed[0]?.arguments).toEqual({ removeAttribute: false });
  });

  test('CFG-069: the primary removes another member', async () => {
    const connected = { says: 'removed-connected', facts: { member: 'BETA/IRIS', end: '3/99' } } as const;
    const session = await pipedSession(
      {
        ...at('primary', null, 'BETA/IRIS is removed'),
        // As an instance does: only with arguments there is something to find.
        assess: (_, given) => ({ ...blankAssessment, findings: given === undefined ? [] : [connected] }),
      },
      '3\n2\nBETA\n\ny\n\n\n',
    );
    expectTranscript('remove-other', session);
    const given = { member: 'BETA/IRIS', removeAttribute: false };
    expect(session.instance.performed[0]).toMatchObject({ arguments: given, situation: 41 });
  });
});

describe('addresses', () => {
  test('CFG-056: the primary changes those of another member; only what differs is sent', async () => {
    const session = await pipedSession(
      at('primary', null, 'BETA/IRIS now has other addresses'),
      '3\nEdit Network\nBETA\n\n10.1.0.9\n\n2190\ny\n\n\n',
    );
    expectTranscript('edit-addresses', session);
    const given = { member: 'BETA/IRIS', privateAddress: '10.1.0.9', agentPort: 2190 };
    expect(session.instance.performed[0]?.arguments).toEqual(given);
  });
});
