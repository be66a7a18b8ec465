/**
 * What a lab is: its hosts with their homes, addresses and ports, the wires between them, and the file lab.json that keeps
 * it. Names and numbers only; building it is lab-building.ts.
 */
import { join } from 'node:path';
import { agentPortDefault, membersMax, superserverPortDefault } from '../mirror/limits.ts';
import type { Address } from '../mirror/mirror-set.ts';
import type { MemberType } from '../mirror/terms.ts';
import type { WirePlan } from '../network/cable.ts';
import { failed } from './failures.ts';

export interface LabHost {
  readonly label: string;
  readonly home: string;
  readonly agent: Address;
  /** Null on the arbiter's host, which has an agent only. Instance and member have the label as their name. */
  readonly superserver: Address | null;
  readonly type: MemberType | 'Arbiter';
}

export interface LabPlan {
  readonly mirror: string;
  /** The one mirrored database, to which all globals go. */
  readonly database: string;
  readonly qosTimeoutMs: number;
  readonly hosts: readonly LabHost[];
}

export interface LabPaths {
  readonly directory: string;
  readonly plan: string;
  readonly cableLock: string;
  readonly cableControl: string;
  readonly cableLog: string;
}

export const labQosTimeoutMs = 2000;
/** Blocks 127.N.0.11-14 are tried from the first N to the last. */
export const labBlocks = { first: 1, last: 250 } as const;
/** Taken while a lab is being built, so that two that start together do not choose the same block. */
export const labClaimPort = 1971;

/** How many asyncs a lab has besides its failover pair. */
export interface LabAsyncs {
  readonly dr: number;
  readonly reporting: number;
}

export const labAsyncsDefault: LabAsyncs = { dr: 1, reporting: 0 };

/** A, B, C and X keep their addresses, however many there are: C2, C3 and so on, R, R2 and so on follow behind. */
function labelsOf({ dr, reporting }: LabAsyncs): readonly (readonly [string, LabHost['type']])[] {
  const numbered = (letter: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => (index === 0 ? letter : `${letter}${index + 1}`));
  const [first, ...others] = numbered('C', dr);
  return [
    ['A', 'Failover'],
    ['B', 'Failover'],
    ...(first === undefined ? [] : [[first, 'Disaster Recovery'] as const]),
    ['X', 'Arbiter'],
    ...others.map((label) => [label, 'Disaster Recovery'] as const),
    ...numbered('R', reporting).map((label) => [label, 'Read-Only Reporting'] as const),
  ];
}

const firstHostNumber = 11;
/** Of a lab on ports: as many as the largest one needs. */
export const labPortsMax = 2 * (membersMax + 1);

export function labPaths(home: string): LabPaths {
  const directory = join(home, 'lab');
  return {
    directory,
    plan: join(directory, 'lab.json'),
    cableLock: join(directory, 'cable.lock'),
    cableControl: join(directory, 'cable.sock'),
    cableLog: join(directory, 'cable.log'),
  };
}

/** Each host has an address of its own in block N and uses the default ports. */
export function planBlock(
  directory: string,
  block: number,
  qosTimeoutMs: number,
  asyncs: LabAsyncs = labAsyncsDefault,
): LabPlan {
  return plan(directory, qosTimeoutMs, asyncs, (index) => {
    const host = `127.${block}.0.${firstHostNumber + index}`;
    return { superserver: { host, port: superserverPortDefault }, agent: { host, port: agentPortDefault } };
  });
}

/** Where other loopback addresses do not exist: ports on 127.0.0.1, two for each host from `firstPort` on. */
export function planPorts(
  directory: string,
  firstPort: number,
  qosTimeoutMs: number,
  asyncs: LabAsyncs = labAsyncsDefault,
): LabPlan {
  const firstAgentPort = firstPort + labelsOf(asyncs).length;
  return plan(directory, qosTimeoutMs, asyncs, (index) => ({
    superserver: { host: '127.0.0.1', port: firstPort + index },
    agent: { host: '127.0.0.1', port: firstAgentPort + index },
  }));
}

export function asyncsOf({ hosts }: LabPlan): LabAsyncs {
  const count = (letter: string): number => hosts.filter(({ label }) => label.startsWith(letter)).length;
  return { dr: count('C'), reporting: count('R') };
}

function plan(
  directory: string,
  qosTimeoutMs: number,
  asyncs: LabAsyncs,
  place: (index: number) => { superserver: Address; agent: Address },
): LabPlan {
  const hosts = labelsOf(asyncs).map(([label, type], index): LabHost => {
    const { superserver, agent } = place(index);
    return { label, home: join(directory, label), agent, superserver: type === 'Arbiter' ? null : superserver, type };
  });
  return { mirror: 'LAB', database: 'DATA', qosTimeoutMs, hosts };
}

/** Everything a host's programs listen on. */
export function addressesOf(host: LabHost): readonly Address[] {
  return host.superserver === null ? [host.agent] : [host.superserver, host.agent];
}

/** Between each two hosts, to each address of the other. */
export function wirePlans({ hosts }: LabPlan): readonly WirePlan[] {
  return hosts.flatMap((from) =>
    hosts
      .filter((to) => to.label !== from.label)
      .flatMap((to) =>
        addressesOf(to).map((target) => ({ from: from.label, to: to.label, target, fromAddress: from.agent.host })),
      ),
  );
}

export function members({ hosts }: LabPlan): readonly (LabHost & { readonly superserver: Address })[] {
  return hosts.filter((host): host is LabHost & { readonly superserver: Address } => host.superserver !== null);
}

export function hostLabelled(lab: LabPlan, typed: string): LabHost {
  const found = lab.hosts.find(({ label }) => label === typed.toUpperCase());
  if (found === undefined)
    throw failed(`no host ${typed} in this lab: ${lab.hosts.map(({ label }) => label).join(', ')}`);
  return found;
}

/** Homes are those beside the file, wherever it was moved to. @throws CommandFailure when it is damaged. */
export function readPlan(directory: string, text: string): LabPlan {
  try {
    const { mirror, database, qosTimeoutMs, hosts } = JSON.parse(text) as LabPlan;
    if (typeof mirror !== 'string' || typeof qosTimeoutMs !== 'number') throw new Error('fields are missing');
    return {
      mirror,
      database,
      qosTimeoutMs,
      hosts: hosts.map((host) => ({ ...host, home: join(directory, host.label) })),
    };
  } catch (error) {
    const why = (error as Error).message;
    const path = join(directory, 'lab.json');
    throw failed(`${path} is damaged (${why}); restore it, or stop the lab's processes and remove ${directory}`);
  }
}

export function printPlan(lab: LabPlan): string {
  return `${JSON.stringify(lab, null, 2)}\n`;
}
