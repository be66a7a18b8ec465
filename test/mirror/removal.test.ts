import { expect, test } from '@jest/globals';
import type { OperatorCommand } from '../../src/mirror/events.ts';
import { withoutMember } from '../../src/mirror/mirror-set.ts';
import { isOut } from '../../src/mirror/removal.ts';
import { firstSet } from '../../src/simulation/membership.ts';
import { at, Bench, epochOf, qosTimeoutMs } from './bench.ts';

const set = firstSet(qosTimeoutMs, [
  ['A', 'Failover'],
  ['B', 'Failover'],
  ['C', 'Disaster Recovery'],
]);
const without = (name: string) => ({ ...withoutMember(set, { name, removeAttribute: true }), revision: 2 });
const reignWithout = (name: string) => ({ type: 'reign', mirrorSet: without(name) }) as const;

const remove: OperatorCommand = { command: 'remove-member', member: 'B', removeAttribute: true };
const order = (command: OperatorCommand, request = 9) => ({ type: 'operator', request, order: command }) as const;
const farewell = { type: 'going-down', noFailover: false } as const;
const removed = { type: 'removed', removeAttribute: true } as const;
const force = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;

test('CFG-069: a removed active backup gives up being active and notes its removal on disk before it answers', () => {
  const bench = new Bench().active().from('A', 3, epochOf(1, 'A'), removed);
  const done: unknown[] = [];
  for (const effect of bench.effects) {
    if (effect.type === 'save-record') done.push([effect.record.wasActive, effect.record.removed]);
    if (effect.type === 'send') done.push(effect.message.type);
  }
  expect(done).toEqual([[null, null], [null, { by: 'A', removeAttribute: true }], 'going-down']);
  expect(bench.state).toMatchObject({ role: 'stopped', attachment: null });
  expect(bench.rules).toContain('CFG-069');
});

test.each([
  ['CFG-069: a removed backup', (bench: Bench) => bench.from('A', 3, epochOf(1, 'A'), removed)],
  ['SYN-022: a backup on which mirroring is stopped', (bench: Bench) => bench.post(order({ command: 'stop-mirror' }))],
])(
  '%s sends word through the arbiter, too, that it is not active: its goodbye may be lost with the link (FO-035)',
  (_, act) => {
    const bench = act(new Bench().activeWithArbiter());
    const said = bench.effects.flatMap((effect) => {
      if (effect.type === 'save-record') return [effect.record.wasActive === null ? 'not active' : 'active'];
      return effect.type === 'tell-arbiter' || effect.type === 'send' ? [effect.message.type] : [];
    });
    expect(said.filter((each) => each !== 'not active')).toEqual(['left-notice', 'going-down']);
    expect(said[0]).toBe('not active');
    expect(bench.effects.find(({ type }) => type === 'tell-arbiter')).toMatchObject({
      message: { epoch: epochOf(1, 'A'), term: 2 },
    });
    expect(new Bench().active().from('A', 3, epochOf(1, 'A'), removed).effect('tell-arbiter')).toBeUndefined();
  },
);

test('CFG-069: the primary forgets an active backup only when that has said that it is out, on disk first', () => {
  const bench = new Bench('A').primaryWithActiveBackup().post(order(remove));
  expect(bench.sent('removed')).toEqual(removed);
  expect(bench.effect('answer-operator')).toBeUndefined();
  expect(isOut(bench.state, 'B')).toBe(false);
  bench.from('B', 7, bench.state.record.epoch, farewell);
  const types = bench.effects.map(({ type }) => type);
  expect(bench.effect('save-record')?.record.activeBackup).toBeNull();
  expect(types.indexOf('save-record')).toBeLessThan(types.indexOf('answer-operator'));
  expect(bench.effect('answer-operator')).toMatchObject({ request: 9, outcome: 'done' });
  expect(isOut(bench.state, 'B')).toBe(true);
});

test('CFG-069: where the answer does not come, the right of the backup ends first', () => {
  const bench = new Bench('A').primaryWithActiveBackup().post(order(remove));
  bench.post({ type: 'closed', connection: 7, reason: 'test' });
  expect(bench.state.serving.trouble?.kind).toBe('timed');
  expect(bench.effect('answer-operator')).toBeUndefined();
  bench.woke(2 * qosTimeoutMs - 1);
  expect(bench.effect('answer-operator')).toBeUndefined();
  bench.woke(1);
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'done' });
});

test('CFG-069: a trouble without end is told, and nothing is forgotten', () => {
  const bench = new Bench('A').primaryWithArbiter().post(order(remove));
  bench.post({ type: 'arbiter-closed', reason: 'test' }).post({ type: 'closed', connection: 7, reason: 'test' });
  expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter', untilMs: null });
  bench.woke(4 * qosTimeoutMs);
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'not-known' });
  expect(isOut(bench.state, 'B')).toBe(false);
  bench.post(order(remove, 10));
  expect(bench.effect('answer-operator')).toMatchObject({ request: 10, outcome: 'refused', reason: 'in-trouble' });
});

test('CFG-069: one that is not connected is out at once; one that comes while it is removed is told', () => {
  const bench = new Bench('A').primary().post(order(remove));
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'done' });
  const late = new Bench('A').primaryWithActiveBackup().post(order(remove));
  late.post({ type: 'closed', connection: 7, reason: 'test' }).backupSaysHello(8, 2);
  expect(late.sent('removed')).toEqual(removed);
  late.from('B', 8, late.state.record.epoch, farewell);
  expect(late.effect('answer-operator')).toMatchObject({ outcome: 'done' });
});

test('CFG-069: only the primary removes, and one that loses that role says so', () => {
  const bench = new Bench().attached().post(order(remove));
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'not-primary' });
  const stale = new Bench('A').primaryWithActiveBackup().post(order(remove));
  stale.post(order({ command: 'stop-instance', noFailover: false }, 10));
  expect(stale.effects).toContainEqual(
    expect.objectContaining({ type: 'answer-operator', request: 9, outcome: 'failed' }),
  );
});

test.each([force, { command: 'start-mirror' }, { command: 'become-primary' }] as const)(
  'CFG-069: over a restart a removed member takes no part, and %j is refused',
  (command) => {
    const bench = new Bench().started({ record: { removed: { by: 'A', removeAttribute: false } } }).woke();
    expect(bench.state.role).toBe('stopped');
    expect(bench.effects.filter(({ type }) => type === 'dial' || type === 'ask-agent')).toEqual([]);
    bench.post(order(command));
    expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'removed' });
    expect(bench.state.role).toBe('stopped');
  },
);

test('CFG-069: a backup that was active, and whose partner is down, does not take over when the agent knows of its removal', () => {
  const bench = new Bench().active().post({ type: 'closed', connection: 3, reason: 'test' }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request, answer: { says: 'removed', removeAttribute: false } });
  expect(bench.state).toMatchObject({ role: 'stopped', record: { wasActive: null, removed: { by: 'A' } } });
});

test('CFG-069: nor when it is forced', () => {
  const bench = new Bench().started().woke().post(order(force)).woke();
  const request = bench.effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request, answer: { says: 'removed', removeAttribute: false } });
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'removed', spec: 'CFG-069' });
  expect(bench.state.role).toBe('stopped');
});

test('CFG-069: one that was forced in its ignorance halts when it learns of its removal', () => {
  const bench = new Bench().started().woke().post(order(force)).woke().woke(qosTimeoutMs);
  const end = at(bench.state.record.epoch.number, 0);
  bench.post({ type: 'file-started', end, history: [] }).post({ type: 'databases-applied', to: end });
  expect(bench.state.role).toBe('primary');
  bench.post({ type: 'removed', by: 'A', removeAttribute: false });
  expect(bench.state).toMatchObject({ role: 'halted', haltedSpec: 'CFG-069' });
  expect(bench.effect('refuse-updates')).toBeDefined();
});

const refuseAsOut = { type: 'refuse', reason: 'not-a-member', primary: null } as const;

test('CFG-069: a primary that died in between needs no word of the backup that it had removed', () => {
  const epoch = epochOf(3, 'A');
  const bench = new Bench('A').started({ record: { epoch, primaryOfEpoch: true } }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  const running = { says: 'running', primary: false, epoch } as const;
  bench.post({ type: 'agent-answered', request, answer: running }).woke();
  bench.post({ type: 'dialled', to: 'B', connection: 5 }).from('B', 5, epoch, refuseAsOut);
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'consent' });
});

test('CFG-069: one that was not the last primary does not', () => {
  const epoch = epochOf(3, 'B');
  const bench = new Bench('A').started({ record: { epoch } }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  const running = { says: 'running', primary: false, epoch } as const;
  bench.post({ type: 'agent-answered', request, answer: running }).woke();
  bench.post({ type: 'dialled', to: 'B', connection: 5 }).from('B', 5, epoch, refuseAsOut);
  expect(bench.state.role).toBe('seeking');
});

test('CFG-069: a removed member tells the other that it is none', () => {
  const bench = new Bench().started({ record: { removed: { by: 'A', removeAttribute: false } } });
  const hello = { type: 'hello', failoverMember: true, primaryOfEpoch: true, hello: 1, journalEnd: at(1, 0) } as const;
  bench.from('A', 4, epochOf(1, 'A'), hello);
  expect(bench.sent('refuse')).toMatchObject({ reason: 'not-a-member' });
});

test('CFG-069: a channel that the removed member had opened before leads nowhere: it is not taken in as backup', () => {
  const bench = new Bench('A').primary().post(order(remove));
  expect(isOut(bench.state, 'B')).toBe(true);
  bench.knows(without('B'));
  bench.backupSaysHello(7, 1);
  expect(bench.sent('welcome')).toBeUndefined();
  expect(bench.sent('refuse')).toBeUndefined();
  expect(bench.effect('close')).toMatchObject({ connection: 7 });
  expect(bench.state.serving.members.size).toBe(0);
});

test('CFG-069 FO-078: of a removal and a change of the failover members one waits for the other', () => {
  const bench = new Bench('A').primaryWithActiveBackup().post(order({ command: 'demote-other' }, 8));
  bench.post(order(remove));
  expect(bench.effect('answer-operator')).toMatchObject({ request: 9, outcome: 'refused', reason: 'change-under-way' });
  const removing = new Bench('A').primaryWithActiveBackup().post(order(remove));
  removing.post(order({ command: 'demote-other' }, 10));
  const refusal = { request: 10, outcome: 'refused', reason: 'removal-under-way' };
  expect(removing.effect('answer-operator')).toMatchObject(refusal);
});

test.each(['seeking', 'attached', 'stopped'] as const)(
  'CFG-069: a member that is %s hears from a primary that it was removed, and answers when it is on disk',
  (role) => {
    const record = { stoppedByOperator: role === 'stopped' };
    const bench = role === 'attached' ? new Bench().active() : new Bench().started({ record }).woke();
    bench.knows(set);
    expect(bench.state.role).toBe(role);
    bench.from('C', 9, epochOf(2, 'C'), reignWithout('B'));
    expect(bench.state).toMatchObject({ role: 'stopped', record: { removed: { by: 'C', removeAttribute: true } } });
    const types = bench.effects.map((effect) => (effect.type === 'send' ? effect.message.type : effect.type));
    expect(types.indexOf('removal-heard')).toBeGreaterThan(types.lastIndexOf('save-record'));
    expect(bench.from('C', 10, epochOf(2, 'C'), reignWithout('B')).sent('removal-heard')).toBeDefined();
  },
);

test('CFG-069: a former primary, or one that was forced, halts by it, whichever epoch is higher, and says nothing of its reign', () => {
  for (const epoch of [epochOf(2, 'B'), epochOf(1, 'B', 'another'), epochOf(0, 'B')]) {
    const bench = new Bench('A').primary().knows(set);
    bench.from('B', 9, epoch, reignWithout('A'));
    expect(bench.state).toMatchObject({ role: 'halted', haltedSpec: 'CFG-069', record: { removed: { by: 'B' } } });
    expect(bench.sent('removal-heard')).toBeDefined();
    expect(bench.from('B', 10, epochOf(1, 'B', 'another'), { type: 'reign' }).sent('reign')).toBeUndefined();
    expect(bench.post({ type: 'dialled', to: 'B', connection: 11 }).sent('reign')).toBeUndefined();
  }
});

test('CFG-069: one whose set is newer has joined again, or is the mirror that goes on: it was not removed', () => {
  const bench = new Bench('A')
    .primary()
    .knows({ ...set, revision: 3 })
    .from('B', 9, epochOf(1, 'A'), reignWithout('A'));
  expect(bench.state).toMatchObject({ role: 'primary', record: { removed: null } });
});

test('CFG-069: the primary hears that it is known, whatever epoch the other has, and goes on', () => {
  const bench = new Bench('A').primary().knows(without('B'));
  const heard = { type: 'removal-heard', epoch: 0, revision: 2 } as const;
  // Said of an older set: it may have joined again since.
  expect(bench.from('B', 9, epochOf(7, 'B'), { ...heard, revision: 1 }).effect('removal-heard')).toBeUndefined();
  bench.from('B', 9, epochOf(7, 'B', 'forced'), heard);
  expect(bench.effect('removal-heard')).toEqual({ type: 'removal-heard', member: 'B' });
  expect(bench.state.role).toBe('primary');
  expect(bench.from('E', 9, epochOf(7, 'E'), heard).effect('removal-heard')).toBeUndefined();
  bench.post({ type: 'dial-failed', to: 'B', reason: 'refused' });
  expect(bench.effect('removal-heard')).toBeUndefined();
  bench.post({ type: 'dial-failed', to: 'B', reason: 'it is in no mirror', noMember: true });
  expect(bench.effect('removal-heard')).toBeDefined();
});

test('CFG-066 CFG-069: one that is in the mirror set and says that it is out is taken out when it counts for nothing', () => {
  const heard = { type: 'removal-heard', epoch: 0, revision: 1 } as const;
  const bench = new Bench('A').primaryWithActiveBackup().knows(set).from('B', 9, epochOf(1, 'A'), heard);
  expect(bench.effect('removal-heard')).toBeUndefined();
  bench.post({ type: 'closed', connection: 7, reason: 'test' });
  expect(bench.from('B', 9, epochOf(1, 'A'), heard).effect('removal-heard')).toBeUndefined();
  bench.woke(2 * qosTimeoutMs);
  expect(bench.state.serving.trouble).toBeNull();
  expect(bench.from('B', 9, epochOf(1, 'A'), heard).effect('removal-heard')).toEqual({
    type: 'removal-heard',
    member: 'B',
  });
  // That an instance is in no mirror is no word of the member.
  bench.post({ type: 'dial-failed', to: 'B', reason: 'it is in no mirror', noMember: true });
  expect(bench.effect('removal-heard')).toBeUndefined();
});
