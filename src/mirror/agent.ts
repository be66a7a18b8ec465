/** What an ISCAgent may say of an instance of its host, and what it does first (AGT-003; FO-009, FO-022, FO-026, FO-039). */
// biome-ignore-all format: a table is read row by row
import { isNewerList } from './failover-members.ts';
import { decide, type Verdict } from './failover-table.ts';
import type { MemberRecord } from './member-record.ts';
import type { DownRecord, StateQuestion } from './messages.ts';
import type { Epoch, FailoverMembers, MemberName } from './terms.ts';

/** What the agent sees: the instance answers as primary, answers otherwise, does not answer though its process lives, or has no process. */
export type InstanceState = 'serves-as-primary' | 'serves' | 'hung' | 'dead';

export type AgentFacts = {
  readonly question: StateQuestion;
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
  { question: 'look-down', instance: 'serves-as-primary', epoch: 'lower', outcome: 'running', spec: 'FO-077', because: 'it operates as primary' },
  { question: 'look-down', instance: 'serves-as-primary', epoch: 'not-lower', outcome: 'running', spec: 'FO-077', because: 'it operates as primary' },
  { question: 'look-down', instance: 'serves', epoch: 'lower', outcome: 'running', spec: 'FO-077', because: 'it runs and settles its role itself' },
  { question: 'look-down', instance: 'serves', epoch: 'not-lower', outcome: 'running', spec: 'FO-077', because: 'it runs and settles its role itself' },
  { question: 'look-down', instance: 'hung', epoch: 'lower', outcome: 'kill-then-down', spec: 'FO-026', because: 'a hung instance is forced down' },
  { question: 'look-down', instance: 'hung', epoch: 'not-lower', outcome: 'kill-then-down', spec: 'FO-026', because: 'a hung instance is forced down' },
  { question: 'look-down', instance: 'dead', epoch: 'lower', outcome: 'down', spec: 'AGT-003', because: 'its process does not exist' },
  { question: 'look-down', instance: 'dead', epoch: 'not-lower', outcome: 'down', spec: 'AGT-003', because: 'its process does not exist' },
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
  const { fence } = record;
  const number = Math.max(fence?.epoch.number ?? 0, epoch.number + 1);
  // Who takes the fence away answers for everybody to whom "down" was told (FO-063).
  const isOther = fence !== null && fence.epoch.number > record.epoch.number && fence.requester !== requester;
  return { ...record, fence: { epoch: { ...epoch, number }, requester: isOther ? 'several members' : requester } };
}

/**
 * FO-083, FO-084: with the fence goes the requester's list of failover members, where it is newer than the one that is here. A member
 * that is none by it has ValidatedMember 0 until a primary takes it in.
 */
export function withList(record: MemberRecord, list: FailoverMembers | undefined, member: MemberName): MemberRecord {
  const present = record.failoverMembers ?? { epoch: record.epoch.number, number: 0, names: [] };
  if (list === undefined || !isNewerList(list, present)) return record;
  if (list.names.includes(member)) return { ...record, failoverMembers: list, validatedMember: true };
  return { ...record, failoverMembers: list, validatedMember: false, wasActive: null };
}

export function downRecord(record: MemberRecord, listed?: readonly MemberName[]): DownRecord {
  const { incarnation, epoch, primaryOfEpoch, activeBackup, noFailover, stoppedByOperator } = record;
  const known = { incarnation, epoch, primaryOfEpoch, activeBackup, noFailover, stoppedByOperator, ...(listed && { listed }) };
  return record.failoverMembers == null ? known : { ...known, failoverMembers: record.failoverMembers };
}
