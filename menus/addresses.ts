/**
 * The kinds of addresses that a member has, and the arbiter's, with what each is for (CFG-055..CFG-065) and what the hosts and the network
 * between them should be like (CFG-079): asked when a mirror is made or joined, and when addresses are edited.
 */
import type { NumberQuestion, TextQuestion } from './menu.ts';

const host = {
  kind: 'text',
  pattern: '^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$',
  expected: 'a host name or an IP address',
} as const;
const port = { kind: 'number', min: 1, max: 65535 } as const;

const nameOrAddress = 'A host name or an IP address; one may serve for several purposes.';
const changedLater = 'Once in the mirror it is changed on the primary (Edit Network Addresses).';

/** Whoever makes a mirror decides about its hosts. */
export const hostsAdvice =
  'Both failover hosts should have comparable processors, memory and disks, and between them a reliable, fast network of low latency, if possible a private one; network storage and mirror traffic belong on separate links. A slow network slows both failover members, and may keep the backup from taking over.';

export const superserverAddress: TextQuestion = {
  ...host,
  name: 'superserverAddress',
  text: 'Superserver Address?',
  label: 'Superserver Address',
  help: `Address at which applications and other members reach the instance, at its superserver port. Asyncs fetch journal data there when the mirror private address does not answer. When the instance starts it looks whether it is reached at this or the private address, and stays out of the mirror otherwise. ${nameOrAddress} ${changedLater}`,
};

/** CFG-057. */
export const superserverPort: NumberQuestion = {
  ...port,
  name: 'superserverPort',
  text: 'Superserver Port?',
  label: 'Superserver Port',
  help: 'Port on which this instance serves applications and other members from now on; it is changed only here, on the member itself, and each instance of a host needs one of its own.',
};

export const privateAddress: TextQuestion = {
  ...host,
  name: 'privateAddress',
  text: 'Mirror Private Address?',
  label: 'Mirror Private Address',
  help: `Address at which the other members fetch journal data while this one is primary; it may be on a network of its own, which should be fast and of low latency. A failover member that does not reach the private address of the primary cannot become backup; an async tries the superserver address, too. ${nameOrAddress} ${changedLater}`,
};

export const agentAddress: TextQuestion = {
  ...host,
  name: 'agentAddress',
  text: 'Agent Address?',
  label: 'Agent Address',
  help: `Address at which the other members reach the ISCAgent of the member's host, to learn in a failover whether its instance is down. When it does not answer there, they try the mirror private and the superserver address. ${nameOrAddress} ${changedLater}`,
};

export const agentPort: NumberQuestion = {
  ...port,
  name: 'agentPort',
  text: 'Agent Port?',
  label: 'Agent Port',
  help: "Port of the ISCAgent of the member's host, at all of its addresses; all instances of a host share its ISCAgent.",
};

export const arbiterAddress: TextQuestion = {
  ...host,
  name: 'arbiterHost',
  when: 'useArbiter',
  text: 'Arbiter Address?',
  label: 'Arbiter Address',
  help: 'Address of the host whose ISCAgent is the arbiter, a host name or an IP address that both failover members reach: no host of a failover or disaster recovery member, and best where neither shares power or network with it.',
};

export const arbiterPort: NumberQuestion = {
  ...port,
  name: 'arbiterPort',
  when: 'useArbiter',
  text: 'Arbiter Port?',
  label: 'Arbiter Port',
  help: "Port of the ISCAgent on the arbiter's host; one arbiter may serve several mirrors.",
  default: '<2188>',
};

/** Of a failover member that is asked about the mirror before joining it (CFG-027, CFG-034). */
export const otherAgentAddress: TextQuestion = {
  ...agentAddress,
  name: 'otherAgentAddress',
  text: 'Agent Address on Other System?',
  label: 'Agent Address on Other System',
  help: 'Address of the ISCAgent on the host of a failover member of the mirror, best of its primary: it is asked what the mirror is like. A host name or an IP address that this host reaches.',
};

export const otherAgentPort: NumberQuestion = {
  ...agentPort,
  name: 'otherAgentPort',
  label: 'Agent Port on Other System',
  help: 'Port of that ISCAgent.',
  default: '<2188>',
};
