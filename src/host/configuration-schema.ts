/**
 * What a valid configuration is, field by field. Loaded only when a configuration is: zod costs a program's start more than
 * all the rest. The mirror set may hold fields of a newer release, since it comes from other members; the rest may not.
 */
import * as z from 'zod';
import { checkInstanceName } from './home.ts';
import type { InstanceConfiguration } from './host.ts';

const name = z.string().min(1);
const directory = z.string().startsWith('/', 'must be an absolute path');
const port = z.int().min(1).max(65535);
const address = z.object({ host: name, port });
const memberType = z.enum(['Failover', 'Disaster Recovery', 'Read-Only Reporting', 'Read-Write Reporting']);
const compression = z.enum([
  'System Selected',
  'Uncompressed',
  'Compressed',
  'Compressed with Zstd',
  'Compressed with LZ4',
]);

const member = z.looseObject({
  name,
  type: memberType,
  instance: name,
  instanceDirectory: z.string(),
  superserver: address,
  privateAddress: z.string().nullable(),
  agent: address,
});

const mirrorSet = z.looseObject({
  name,
  epoch: z.int().min(0),
  revision: z.int().min(0),
  settings: z.looseObject({
    requireTls: z.boolean(),
    arbiter: address.nullable(),
    compressionFailover: compression,
    compressionAsync: compression,
    verifyEveryMinutes: z.number().int().min(0).optional(),
    qosTimeoutMs: z.int().positive(),
    parallelDejournaling: z.enum(['Failover Members and DR', 'Failover Members', 'All Members']),
    journal: z
      .looseObject({
        keepDays: z.int().min(0).optional(),
        limitBytes: z.int().positive().nullable().optional(),
        limitDays: z.int().positive().nullable().optional(),
        switchDaily: z.boolean().optional(),
      })
      .optional(),
  }),
  members: z.array(member),
  listed: z.object({ epoch: z.int().min(0), number: z.int().min(0) }).optional(),
  databases: z.array(
    z.looseObject({
      name,
      addedAt: z.object({ epoch: z.int(), sequence: z.int() }),
      fromEmpty: z.boolean(),
      properties: z
        .looseObject({
          maximumBytes: z.int().min(0),
          expansionMegabytes: z.int().min(0),
          resource: name,
        })
        .optional(),
    }),
  ),
  removed: z.array(z.looseObject({ name, removeAttribute: z.boolean() })).optional(),
  untold: z.array(member).optional(),
});

const database = z.strictObject({
  name,
  directory,
  mounted: z.boolean(),
  mirrorDatabase: name.nullable(),
  mountRequiredAtStartup: z.boolean().default(false),
  journaled: z.boolean().default(true),
  dejournalingPaused: z.boolean().default(false),
  expansionMegabytes: z.int().min(0).default(0),
  resource: name.default('%DB_%DEFAULT'),
  furtherMirror: name.optional(),
});

/** Of one mirror that the instance is in. */
const membership = {
  joinMirror: z.boolean().default(false),
  mirrorStopped: z.boolean().default(false),
  dejournalingPaused: z.boolean().default(false),
  member: name.nullable().default(null),
  memberType: memberType.nullable().default(null),
  purgeAtOnce: z.boolean().default(false),
  dejournalFilter: name.nullable().default(null),
  mirrorSet: mirrorSet.nullable().default(null),
  formerMirror: z.strictObject({ name, removeAttribute: z.boolean() }).nullable().default(null),
};

const configuration = z
  .strictObject({
    instance: z.string().refine((typed) => checkInstanceName(typed).ok, 'is not a valid instance name'),
    directory,
    superserver: address,
    serviceEnabled: z.boolean().default(false),
    agent: z.strictObject({ address: name.nullable(), port }),
    alternateJournal: directory.nullable().default(null),
    ...membership,
    furtherMirrors: z.array(z.strictObject({ ...membership, name })).default([]),
    databases: z.array(database).default([]),
    deletedDatabases: z.array(name).default([]),
  })
  .check((context) => {
    const { databases, furtherMirrors, mirrorSet: first } = context.value;
    const named = {
      databases: databases.map((one) => one.name.toUpperCase()),
      furtherMirrors: [...furtherMirrors.map((one) => one.name), ...(first === null ? [] : [first.name])],
    };
    for (const [field, names] of Object.entries(named)) {
      const double = names.find((one, index) => names.indexOf(one) !== index);
      if (double === undefined) continue;
      context.issues.push({ code: 'custom', path: [field], message: `has ${double} twice`, input: names });
    }
  });

export type Parsed =
  | { readonly ok: true; readonly configuration: InstanceConfiguration }
  | { readonly ok: false; readonly field: string; readonly problem: string };

export function parseConfiguration(value: unknown): Parsed {
  const parsed = configuration.safeParse(value);
  // The schema holds at least what the type names; a mirror set may hold more.
  if (parsed.success) return { ok: true, configuration: parsed.data as InstanceConfiguration };
  const issue = parsed.error.issues[0]!;
  const field = issue.path.map(String).join('.');
  return { ok: false, field: field === '' ? 'the whole' : field, problem: issue.message };
}
