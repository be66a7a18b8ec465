/** Members leave, are removed, and get other addresses: entries of Mirror Configuration (CFG-056..CFG-077). */
import { agentAddress, agentPort, privateAddress, superserverAddress, superserverPort } from './addresses.ts';
import type { Option, YesNoQuestion } from './menu.ts';

/** CFG-068. */
const attribute: YesNoQuestion = {
  kind: 'yes-no',
  name: 'removeAttribute',
  text: 'Remove the mirror attribute from its mirrored databases?',
  help: 'Yes makes ordinary databases of them. No keeps the attribute: they can be activated and caught up after joining again, and are read-only and cannot be deleted until then.',
  default: '<No>',
};
const confirm: YesNoQuestion = {
  kind: 'yes-no',
  name: 'confirm',
  text: 'Do you want to continue?',
  help: 'Yes does it; anything else changes nothing.',
  default: '<No>',
};

export const removeOther: Option = {
  label: 'Remove Other Mirror Member',
  help: 'Takes another member out of the mirror for good: on the primary the backup or an async, on the backup an async. Stopping mirroring on that member is the reversible way.',
  runsOn: ['primary', 'backup'],
  leadsTo: {
    kind: 'remove-member',
    command: 'remove-member',
    member: {
      kind: 'pick',
      name: 'member',
      text: 'Member to remove?',
      help: 'The number or the beginning of a name. Its instance must be restarted afterwards.',
    },
    attribute,
    confirm,
  },
};

export const removeConfiguration: Option = {
  label: 'Remove Mirror Configuration',
  help: 'Takes this instance out of the mirror, a reporting async out of all its mirrors; it must be restarted afterwards. The primary goes last, and in three steps. Stopping mirroring is the reversible way.',
  leadsTo: { kind: 'remove-mirror', command: 'remove-mirror', which: 'all', attribute, confirm },
};

export const removeThis: Option = {
  label: 'Remove This Member From a Mirror',
  help: 'Leaves one mirror; the instance must be restarted afterwards. Stopping mirroring is the reversible way.',
  runsOn: ['dr', 'reporting'],
  leadsTo: { kind: 'remove-mirror', command: 'remove-mirror', which: 'chosen', attribute, confirm },
};

export const editAddresses: Option = {
  label: 'Edit Network Addresses',
  help: 'Changes addresses of a member: on the primary of any; elsewhere the own superserver port, and while there is no primary those of others.',
  leadsTo: {
    kind: 'edit-addresses',
    command: 'edit-addresses',
    member: {
      kind: 'pick',
      name: 'member',
      text: 'Member?',
      help: 'The number or the beginning of a name.',
    },
    port: { ...superserverPort, defaultFrom: 'presentSuperserverPort' },
    questions: [
      { ...superserverAddress, defaultFrom: 'presentSuperserverAddress' },
      { ...privateAddress, defaultFrom: 'presentPrivateAddress' },
      { ...agentAddress, defaultFrom: 'presentAgentAddress' },
      { ...agentPort, defaultFrom: 'presentAgentPort' },
    ],
    summary: 'change addresses of member {member}',
    confirm: {
      kind: 'yes-no',
      name: 'confirm',
      text: 'Save these addresses?',
      help: 'Yes saves them and hands them to all members.',
      default: '<No>',
    },
  },
};
