/** An ISCAgent is asked about the instance of its host: a whole simulated mirror, and the agent on one of its hosts. */
import { expect } from '@jest/globals';
import { type AgentFacts, agentTable } from '../../../src/mirror/agent.ts';
import type { AgentAnswer } from '../../../src/mirror/messages.ts';
import type { MemberHost } from '../../../src/simulation/member-host.ts';
import { mirror } from '../../simulation/scenes.ts';
import { played, type RowTest, tableTest } from './row-play.ts';

interface Asked {
  readonly host: MemberHost;
  readonly answer: AgentAnswer;
  /** Number of the fence that "down" needs on disk. */
  readonly fence: number;
}

/** A is primary and B its backup; the agent on the host of one is asked in the name of the other. */
function ask({ question, instance, epoch }: AgentFacts): Asked {
  const world = mirror({ arbiter: false, asyncs: 0 });
  const host = world.member(instance === 'serves' ? 'B' : 'A');
  if (instance === 'hung') host.process?.freeze();
  if (instance === 'dead') host.kill();
  const own = host.disk.record.epoch;
  const asker = { ...own, number: own.number + (epoch === 'lower' ? 1 : 0) };
  const answers: AgentAnswer[] = [];
  const effect = { type: 'ask-agent', request: 1, question, of: host.name, epoch: asker } as const;
  host.agent.confirmDown(effect, host.name === 'A' ? 'B' : 'A', (said) => answers.push(said));
  expect(answers).toHaveLength(1);
  return { host, answer: answers[0] as AgentAnswer, fence: asker.number + 1 };
}

/** Left alone: it says what runs, and writes and kills nothing. */
function running(facts: AgentFacts): void {
  const { host, answer } = ask(facts);
  expect(answer).toMatchObject({ says: 'running', primary: facts.instance === 'serves-as-primary' });
  expect(host.process).not.toBeNull();
  expect(host.disk.record.fence).toBeNull();
}

/** No process is there when it says so, and none can start past the fence. */
function down(facts: AgentFacts): void {
  const { host, answer, fence } = ask(facts);
  const { epoch, primaryOfEpoch, activeBackup } = host.disk.record;
  expect(answer).toMatchObject({ says: 'down', record: { epoch, primaryOfEpoch, activeBackup } });
  expect(host.process).toBeNull();
  if (facts.question === 'look-down') expect(host.disk.record.fence).toBeNull();
  else expect(host.disk.record.fence).toMatchObject({ epoch: { number: fence }, requester: 'B' });
}

const nothingToKill = { 'kill-then-down': 'there is no process to kill' };

function about(question: AgentFacts['question']): Record<string, RowTest> {
  const row = (instance: AgentFacts['instance'], epoch: AgentFacts['epoch']): AgentFacts => ({
    question,
    instance,
    epoch,
  });
  const olderPrimary = question === 'look-down' ? running : down;
  const hungAndNotLower = question === 'force-down' ? hungRuns : down;
  return {
    [`${question} serves-as-primary lower`]: played(() => olderPrimary(row('serves-as-primary', 'lower'))),
    [`${question} serves-as-primary not-lower`]: played(() => running(row('serves-as-primary', 'not-lower'))),
    [`${question} serves lower`]: played(() => running(row('serves', 'lower'))),
    [`${question} serves not-lower`]: played(() => running(row('serves', 'not-lower'))),
    [`${question} hung lower`]: played(() => down(row('hung', 'lower'))),
    [`${question} hung not-lower`]: played(() => hungAndNotLower(row('hung', 'not-lower'))),
    [`${question} dead lower`]: played(() => down(row('dead', 'lower')), nothingToKill),
    [`${question} dead not-lower`]: played(() => down(row('dead', 'not-lower')), nothingToKill),
  };
}

/** Whoever is not of a newer epoch may not have it killed. */
function hungRuns(facts: AgentFacts): void {
  const { host, answer } = ask(facts);
  expect(answer).toMatchObject({ says: 'running', primary: true });
  expect(host.process).not.toBeNull();
  expect(host.disk.record.fence).toBeNull();
}

export const agentRows = tableTest<AgentFacts>(
  agentTable,
  {
    question: ['confirm-down', 'force-down', 'look-down'],
    instance: ['serves-as-primary', 'serves', 'hung', 'dead'],
    epoch: ['lower', 'not-lower'],
  },
  { ...about('confirm-down'), ...about('force-down'), ...about('look-down') },
);
