/** What an instance offers that is in no mirror: CFG-002, and the fields of CFG-017..024, CFG-027..030 and CFG-034..037. */
import {
  agentAddress,
  agentPort,
  arbiterAddress,
  arbiterPort,
  hostsAdvice,
  otherAgentAddress,
  otherAgentPort,
  privateAddress,
  superserverAddress,
} from './addresses.ts';
import { asyncType } from './async-configuration.ts';
import { compressionAsync, compressionFailover } from './compression.ts';
import type { Menu, Option, Question } from './menu.ts';

const tlsNotBuilt = 'SSL/TLS between members is not built in this version, so only No can be taken';
const vipNotBuilt = 'a virtual IP is not built in this version, so only No can be taken';

const mirrorName = {
  kind: 'text',
  name: 'mirror',
  text: 'Mirror Name?',
  label: 'Mirror Name',
  help: '1 to 15 letters and digits; small letters become capitals. It cannot be changed later.',
  pattern: '^[A-Za-z0-9]{1,15}$',
  expected: '1 to 15 letters and digits',
  upperCase: true,
} as const;

const memberName = {
  kind: 'text',
  name: 'member',
  text: 'Mirror Member Name?',
  label: 'Mirror Member Name',
  help: 'Name of this member in the mirror: up to 32 characters, no blanks and none of : [ ] # ; / * = ^ ~ ,',
  defaultFrom: 'memberName',
  pattern: '^[^\\s:\\[\\]#;/*=^~,\\x00-\\x20\\x7f-\\uffff]{1,32}$',
  expected: '1 to 32 characters without blanks and none of : [ ] # ; / * = ^ ~ ,',
  upperCase: true,
} as const;

const ownSuperserver: Question = { ...superserverAddress, defaultFrom: 'superserverAddress' };
const ownAgentPort: Question = { ...agentPort, defaultFrom: 'agentPort' };
const ownPrivate: Question = { ...privateAddress, defaultFrom: 'answeredSuperserverAddress' };
const ownAgent: Question = { ...agentAddress, defaultFrom: 'agentAddress' };

/** CFG-049. */
export const parallelDejournaling = {
  kind: 'pick',
  name: 'parallelDejournaling',
  text: 'Allow Parallel Dejournaling?',
  label: 'Allow Parallel Dejournaling',
  help: 'More throughput, but slightly more chance of inconsistent results in queries or reports over several databases.',
  choices: [{ label: 'Failover Members and DR' }, { label: 'Failover Members' }, { label: 'All Members' }],
  default: 'Failover Members and DR',
} as const;

/** CFG-017..CFG-024, in this order; answer files rely on it. */
const createQuestions: readonly Question[] = [
  mirrorName,
  {
    kind: 'yes-no',
    name: 'requireTls',
    text: 'Require SSL/TLS?',
    label: 'Require SSL/TLS',
    help: 'Whether members must speak SSL/TLS with each other.',
    default: '<No>',
    onlyNo: tlsNotBuilt,
  },
  {
    kind: 'yes-no',
    name: 'useArbiter',
    text: 'Use Arbiter?',
    label: 'Use Arbiter',
    help: 'Recommended. The arbiter is an ISCAgent on a third host (started there with caretmirror agent start); with it failover is safe in more situations.',
    default: '<No>',
  },
  arbiterAddress,
  arbiterPort,
  {
    kind: 'yes-no',
    name: 'useVirtualIp',
    text: 'Use Virtual IP?',
    label: 'Use Virtual IP',
    help: 'Whether the primary holds an address that moves with its role.',
    default: '<No>',
    onlyNo: vipNotBuilt,
  },
  compressionFailover,
  compressionAsync,
  memberName,
  ownSuperserver,
  ownAgentPort,
  {
    kind: 'number',
    name: 'qosTimeoutMs',
    text: 'Quality of Service Timeout (msec)?',
    label: 'Quality of Service Timeout (msec)',
    help: 'How long silence of a member or the arbiter is borne. Lower reacts faster, higher tolerates more.',
    default: '<8000>',
    min: 200,
    max: 3_600_000,
  },
  parallelDejournaling,
  ownPrivate,
  ownAgent,
];

const otherInstance = {
  kind: 'text',
  name: 'otherInstance',
  text: 'InterSystems IRIS Instance Name?',
  label: 'InterSystems IRIS Instance Name',
  help: 'Name of the instance on that host which is the failover member.',
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  expected: 'the name of an instance',
  upperCase: true,
} as const;

const confirmJoin = {
  kind: 'yes-no',
  name: 'confirm',
  text: 'Join this mirror?',
  help: 'Yes saves the mirror on this instance and starts mirroring.',
  default: '<No>',
} as const;

/** DB-052, DB-054. */
const removeMirrored: Option = {
  label: 'Remove one or more mirrored databases',
  help: 'Takes the mark of a mirror away from databases that kept it: they become ordinary ones, can be written and be deleted.',
  leadsTo: {
    kind: 'databases',
    command: 'remove-database',
    pick: {
      kind: 'databases',
      name: 'databases',
      text: 'Enter database, * for all, ? for a list, RETURN to end list?',
      textForMore: 'Enter database or RETURN to end list?',
      help: 'The number or the beginning of a name.',
      which: 'mirrored',
      heading: 'Databases that carry the mark of a mirror:',
      none: 'No database here carries the mark of a mirror.',
    },
    each: [],
    summary: 'make ordinary databases of {databases}',
    confirm: {
      kind: 'yes-no',
      name: 'confirm',
      text: 'Do you want to continue?',
      help: 'Yes does it; anything else changes nothing.',
      default: '<No>',
    },
  },
};

export const serviceOff: Menu = {
  title: 'Mirror Service',
  options: [
    {
      label: 'Enable Mirror Service',
      help: 'Enables %Service_Mirror, so that this instance can create or join a mirror.',
      leadsTo: {
        kind: 'perform',
        command: 'enable-mirror-service',
        questions: [],
        summary: 'enable the mirror service of this instance',
        confirm: {
          kind: 'yes-no',
          name: 'confirm',
          text: 'Enable the mirror service?',
          help: 'Yes enables it. No journal or database is touched.',
          default: '<No>',
        },
      },
    },
    removeMirrored,
  ],
};

/** DB-013: where it is in several; the choices are its mirrors. */
export const whichMirror = {
  text: 'Mirror?',
  help: 'The number or the name of the mirror that everything below is about; leaving its menus leads back here, RETURN leaves.',
} as const;

/** CFG-035..037. */
export const asAsyncQuestions: readonly Question[] = [
  {
    ...memberName,
    text: 'Async Member Name?',
    label: 'Async Member Name',
    help: 'Letters, digits, underscore and hyphen; it can never be changed.',
    defaultFrom: 'asyncMemberName',
    pattern: '^[A-Za-z0-9_-]{1,32}$',
    expected: '1 to 32 letters, digits, underscores and hyphens',
  },
  { ...ownSuperserver, text: 'Async Member Address?', label: 'Async Member Address' },
  ownAgent,
  asyncType,
];

export const joinAsAsync: Option = {
  label: 'Join Mirror as Async Member',
  help: 'Makes this instance an async member of an existing mirror, for disaster recovery or reporting.',
  leadsTo: {
    kind: 'join',
    command: 'join-mirror',
    asAsync: true,
    lookUp: [
      mirrorName,
      {
        ...otherAgentAddress,
        text: 'Agent Address on Failover System?',
        label: 'Agent Address on Failover System',
      },
      { ...otherAgentPort, label: 'Agent Port on Failover System' },
      otherInstance,
    ],
    questions: asAsyncQuestions,
    summary: 'join mirror {mirror} as async member {member}',
    confirm: confirmJoin,
  },
};

export const noMirror: Menu = {
  title: 'Create or Join a Mirror',
  options: [
    {
      label: 'Create a Mirror',
      help: `Makes a new mirror with this instance as its primary failover member. ${hostsAdvice}`,
      leadsTo: {
        kind: 'perform',
        command: 'create-mirror',
        questions: createQuestions,
        summary: 'create mirror {mirror} with this instance as its primary failover member {member}',
        confirm: {
          kind: 'yes-no',
          name: 'confirm',
          text: 'Create this mirror?',
          help: 'Yes saves the mirror and makes this instance its primary.',
          default: '<No>',
        },
      },
    },
    {
      label: 'Join Mirror as Failover Member',
      help: 'Makes this instance the second failover member of an existing mirror.',
      leadsTo: {
        kind: 'join',
        command: 'join-mirror',
        asAsync: false,
        lookUp: [mirrorName, otherAgentAddress, otherAgentPort, otherInstance],
        questions: [memberName, ownSuperserver, ownAgentPort, ownPrivate, ownAgent],
        summary: 'join mirror {mirror} as failover member {member}',
        confirm: confirmJoin,
      },
    },
    joinAsAsync,
    removeMirrored,
  ],
};
