/** Mirror Configuration: its entries differ from one kind of member to another. */
import { arbiterAddress, arbiterPort } from './addresses.ts';
import { clearFlags, dejournalFilter, editAsync } from './async-configuration.ts';
import { compressionAsync, compressionFailover } from './compression.ts';
import { editAddresses, removeConfiguration, removeOther, removeThis } from './members.ts';
import type { MenuByPlace, Option } from './menu.ts';
import { joinAsAsync, parallelDejournaling } from './no-mirror.ts';

const verifyCertificates: Option = {
  label: 'Verify SSL certificates',
  help: 'Checks the certificates of the members of a mirror with SSL/TLS.',
  leadsTo: 'not-built',
};
const authorizeUpdates: Option = {
  label: 'Authorize Pending DN Updates',
  help: 'Accepts a changed certificate name of a member of a mirror with SSL/TLS.',
  leadsTo: 'not-built',
};

/** CFG-043, CFG-045. */
const editMirror: Option = {
  label: 'Edit Mirror',
  help: 'Changes the arbiter, the compression modes and parallel dejournaling of the mirror.',
  runsOn: ['primary'],
  leadsTo: {
    kind: 'perform',
    command: 'edit-mirror',
    questions: [
      {
        kind: 'yes-no',
        name: 'useArbiter',
        text: 'Use Arbiter?',
        label: 'Use Arbiter',
        help: 'No takes the arbiter out of the mirror: failover is then agent controlled.',
        default: '<No>',
        defaultFrom: 'presentUseArbiter',
      },
      { ...arbiterAddress, defaultFrom: 'presentArbiterHost' },
      { ...arbiterPort, defaultFrom: 'presentArbiterPort' },
      { ...compressionFailover, defaultFrom: 'presentCompressionFailover' },
      { ...compressionAsync, defaultFrom: 'presentCompressionAsync' },
      { ...parallelDejournaling, defaultFrom: 'presentParallelDejournaling' },
    ],
    summary: 'change the settings of mirror {mirror}',
    confirm: {
      kind: 'yes-no',
      name: 'confirm',
      text: 'Save these settings?',
      help: 'Yes saves them and hands them to all members.',
      default: '<No>',
    },
  },
};

/** CFG-048. */
const adjustQos: Option = {
  label: 'Adjust Quality of Service Timeout parameter',
  help: 'Changes how long silence of a member or the arbiter is borne.',
  runsOn: ['primary'],
  leadsTo: {
    kind: 'perform',
    command: 'edit-mirror',
    questions: [
      {
        kind: 'number',
        name: 'qosTimeoutMs',
        text: 'Quality of Service Timeout (msec)?',
        label: 'Quality of Service Timeout (msec)',
        help: 'Lower reacts faster, higher tolerates more. 8000 is usual.',
        defaultFrom: 'presentQosTimeout',
        min: 200,
        max: 3_600_000,
      },
    ],
    summary: 'change the Quality of Service timeout of mirror {mirror}',
    confirm: {
      kind: 'yes-no',
      name: 'confirm',
      text: 'Save this setting?',
      help: 'Yes saves it and hands it to all members.',
      default: '<No>',
    },
  },
};

export const mirrorConfiguration: MenuByPlace = {
  primary: {
    title: 'Mirror Configuration',
    options: [
      editMirror,
      removeOther,
      removeConfiguration,
      adjustQos,
      verifyCertificates,
      {
        label: 'Authorize/Reject Pending New Members',
        help: 'Admits or turns away members that joined a mirror with SSL/TLS.',
        runsOn: ['primary'],
        leadsTo: 'not-built',
      },
      {
        label: 'Authorize/Reject Pending DN Updates',
        help: 'Accepts or turns away a changed certificate name of a member.',
        runsOn: ['primary'],
        leadsTo: 'not-built',
      },
      editAddresses,
    ],
  },
  backup: {
    title: 'Mirror Configuration',
    options: [editMirror, removeOther, removeConfiguration, verifyCertificates, authorizeUpdates, editAddresses],
  },
  dr: {
    title: 'Mirror Configuration',
    options: [editAsync, removeThis, removeConfiguration, verifyCertificates, authorizeUpdates, editAddresses],
  },
  reporting: {
    title: 'Mirror Configuration',
    options: [
      editAsync,
      {
        label: 'Join Another Mirror as Async Member',
        help: 'Makes this reporting async a member of one more mirror, with the name and the type that it has.',
        runsOn: ['reporting'],
        leadsTo: joinAsAsync.leadsTo,
      },
      removeThis,
      removeConfiguration,
      clearFlags,
      verifyCertificates,
      authorizeUpdates,
      editAddresses,
      dejournalFilter,
    ],
  },
};
