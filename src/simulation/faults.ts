/**
 * Every named fault of a simulated mirror. What the list of faults of a mirror has besides these belongs to other rooms, because
 * nothing of it reaches the rules: duplicated, reordered, lost and corrupted messages of one connection (TCP and the frame's
 * checksum see to that; test/protocol), torn and misdirected writes, bit flips, renames that are not durable (test/journal,
 * test/contracts), certificates, names and versions (test/network, test/protocol), a journal file's size, a merge file. A disk
 * that lies about fsync and a copied data directory break what every rule stands on; what can be noticed of them is tested in
 * test/mirror and test/agent. Memory that runs out ends the process: 'process killed'.
 * Delays and reordering between connections happen in every story and are not counted.
 */
import { asyncFaults } from './async-faults.ts';
import { directedFaults } from './directed-faults.ts';
import type { Fault } from './fault.ts';
import { arbiterFaults, clockFaults, diskFaults, hostFaults, processFaults } from './host-faults.ts';
import { linkFaults } from './link-faults.ts';
import { loadFaults, membershipFaults, operatorFaults } from './operator-faults.ts';
import { removalFaults } from './removal-faults.ts';

export const faults: readonly Fault[] = [
  ...linkFaults,
  ...processFaults,
  ...hostFaults,
  ...arbiterFaults,
  ...diskFaults,
  ...clockFaults,
  ...operatorFaults,
  ...directedFaults,
  ...membershipFaults,
  ...removalFaults,
  ...asyncFaults,
  ...loadFaults,
];

export function faultCalled(name: string): Fault {
  const fault = faults.find((candidate) => candidate.name === name);
  if (fault === undefined) throw new Error(`no fault is called ${name}`);
  return fault;
}
