/** What an ISCAgent may say of an instance of its host, and what it does first (AGT-003; FO-009, FO-022, FO-026, FO-039). */
// biome-ignore-all format: a table is read row by row
import { decide, type Verdict } from './failover-table.ts';
import type { MemberRecord } from './member-record.ts';
import type { DownRecord } from './messages.ts';
import type { Epoch, MemberName } from './terms.ts';

/** What the agent sees: the instance answers as primary, answers otherwise, does not answer though its process lives, or has no process. */
export type InstanceState = 'serves-as-primary' | 'serves' | 'hung' | 'dead';

export type AgentFacts = {
  readonly question: 'confirm-down' | 'force-down';
  readonly instance: InstanceState;
  /** Is the instance's epoch lower than the requester's? */
  readonly epoch: 'lower' | 'not-lower';
};

export const agentTable: readonly (AgentFacts & Verdict<'running' | 'kill-then-down' | 'down'>)[] = [
  { question: 'confirm-down', instance: 'serves-as-primary', epoch: 'lower', outcome: 'kill-then-down', spec: 'FO-009', because: 'a primary of an older epoch must not go on' },
  { question: 'confirm-down', instance: 'serves-as-primary', epoch: 'not-lower', outcome: 'running', spec: 'FO-022', because: 'it operates as primary' },
  { question: 'confirm-down', instance: 'serves', epoch: 'lower', outcome: 'running', spec: 'FO-064', because: 'it runs and settles its role itself' },
  { question: 'confirm-down', instance: 'serves', epoch: 'not-lower', outcome: 'running', spec: 'FO-064', because: 'it runs and settles its role itself' },
  { question: 'confirm-down', instance: 'hung', epoch: 'lower', outcome: 'kill-then-down', spec: 'FO-026', because: 'a hung instance is forced down' },
  { question: 'confirm-down', instance: 'hung', epoch: 'not-lower', outcome: 'kill-then-down', spec: 'FO-026', because: 'a hung instance is forced down' },
  { question: 'confirm-down', instance: 'dead', epoch: 'lower', outcome: 'down', spec: 'AGT-003', because: 'its process does not exist' },
  { question: 'confirm-down', instance: 'dead', epoch: 'not-lower', outcome: 'down', spec: 'AGT-003', because: 'its process does not exist' },
  { question: 'force-down', instance: 'serves-as-primary', epoch: 'lower', outcome: 'kill-then-down', spec: 'FO-039', because: 'another member is primary of a newer epoch' },
  { question: 'force-down', instance: 'serves-as-primary', epoch: 'not-lower', outcome: 'running', spec: 'FO-002', because: 'the requester does not have a newer epoch' },
  { question: 'force-down', instance: 'serves', epoch: 'lower', outcome: 'running', spec: 'FO-064', because: 'it is not primary' },
  { question: 'force-down', instance: 'serves', epoch: 'not-lower', outcome: 'running', spec: 'FO-064', because: 'it is not primary' },
  { question: 'force-down', instance: 'hung', epoch: 'lower', outcome: 'kill-then-down', spec: 'FO-009', because: 'a hung instance is forced down' },
  { question: 'force-down', instance: 'hung', epoch: 'not-lower', outcome: 'running', spec: 'FO-002', because: 'the requester does not have a newer epoch' },
  { question: 'force-down', instance: 'dead', epoch: 'lower', outcome: 'down', spec: 'AGT-003', because: 'its process does not exist' },
  { question: 'force-down', instance: 'dead', epoch: 'not-lower', outcome: 'down', spec: 'AGT-003', because: 'its process does not exist' },
];

export function decideForAgent(facts: AgentFacts) {
  return decide(agentTable, facts);
}

/** Written into the record, under the instance's lock, before "down" is answered: no later start may skip the question below it. */
export function fenced(record: MemberRecord, requester: MemberName, epoch: Epoch): MemberRecord {
  const number = Math.max(record.fence?.epoch.number ?? 0, epoch.number + 1);
  return { ...record, fence: { epoch: { ...epoch, number }, requester } };
}

export function downRecord(record: MemberRecord): DownRecord {
  const { incarnation, epoch, primaryOfEpoch, activeBackup, noFailover, stoppedByOperator } = record;
  return { incarnation, epoch, primaryOfEpoch, activeBackup, noFailover, stoppedByOperator };
}
