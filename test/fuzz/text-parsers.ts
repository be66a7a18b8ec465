/** Parsers of JSON and text: the messages of the other channels, the small files, what people type. */
import assert from 'node:assert/strict';
import { readRecord as readGlobalRecord } from '../../src/commands/global-records.ts';
import { createConfiguration, newConfiguration, readConfiguration } from '../../src/host/configuration-file.ts';
import { readEvents } from '../../src/host/events-log.ts';
import { parseAgentConfiguration, readHostFile, readLinks } from '../../src/host/host-files.ts';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { createRecordFiles } from '../../src/host/record-file.ts';
import { checkRequest } from '../../src/instance/control-server.ts';
import { readMark } from '../../src/journal/flushed-mark.ts';
import { firstRecord } from '../../src/mirror/member-record.ts';
import { defaultSettings } from '../../src/mirror/mirror-set.ts';
import * as agent from '../../src/protocol/agent-channel.ts';
import * as copy from '../../src/protocol/copy-channel.ts';
import { crc32c } from '../../src/protocol/crc32c.ts';
import { FrameError, parseJsonBody } from '../../src/protocol/frame.ts';
import { decodeKey, encodeKey } from '../../src/protocol/global-key.ts';
import { parseReference, parseSearchReference, printReference } from '../../src/protocol/global-reference.ts';
import * as member from '../../src/protocol/member-channel.ts';
import { agree, isRefused, makeOpen, OPENING, readOpen, readOpeningAnswer } from '../../src/protocol/opening.ts';
import { LineReader, lineLengthMax } from '../../src/terminal/line-reader.ts';
import { SimulatedDisk } from '../crash/simulated-disk.ts';
import { useDisk } from '../crash/simulated-node-fs.ts';
import { Chance } from './chance.ts';
import { jsonVariants } from './mutation.ts';
import type { Parser } from './parser.ts';

const variantsCount = 400;
const isFrameError = (error: unknown): boolean => error instanceof FrameError;
const isConfigurationError = (error: unknown): boolean => (error as { code?: unknown }).code === 'configuration';
const never = (): boolean => false;

const epoch = { number: 3, owner: 'A', lineage: 'x' };
const position = { epoch: 3, file: 1, offset: 300, sequence: 9 };
const about = { number: 1, instance: 'ONE', mirror: 'M' };

/** A first byte says which frame kind it comes as, of those the channel has. */
function kindsOf(values: readonly (readonly [number, unknown])[]): readonly Buffer[] {
  const chance = new Chance(1);
  return values.flatMap(([kind, value]) =>
    jsonVariants([value], Math.ceil(variantsCount / values.length), chance).map((json) =>
      Buffer.concat([Buffer.of(kind), json]),
    ),
  );
}

const frameOf = (bytes: Buffer) => ({ kind: bytes[0] ?? 0, body: bytes.subarray(1) });

const openings: Parser = {
  name: 'opening',
  weight: 2,
  valid: kindsOf([
    [OPENING.open, makeOpen({ channel: 'data', mirror: 'M', member: 'A', epoch, qosTimeoutMs: 8000 })],
    [OPENING.opened, { version: 1, mirror: 'M', member: 'A', instance: 'A', epoch }],
    [OPENING.refused, { reason: 'mirror', text: 'no', primary: null }],
  ]),
  parse(bytes) {
    const frame = frameOf(bytes);
    if (frame.kind !== OPENING.open) return readOpeningAnswer(frame);
    const open = readOpen(frame);
    const answer = agree(open, {
      channels: ['data', 'client'],
      mirror: 'M',
      member: 'B',
      instance: 'B',
      epoch,
      requireTls: false,
    });
    if (isRefused(answer)) assert.ok(answer.text.length > 5);
    return answer;
  },
  isExpected: isFrameError,
};

const envelope = { from: 'A', incarnation: 1, epoch };
const memberMessages: Parser = {
  name: 'member message',
  weight: 2,
  valid: [
    ...kindsOf([
      [member.MEMBER.message, { envelope, message: { type: 'set-active', term: 1, upTo: position } }],
      [member.MEMBER.message, { envelope, message: { type: 'enter-propose', term: 1, session: 2 } }],
    ]),
    ...[
      { type: 'ack', to: position, applied: position, term: 2 } as const,
      { type: 'durable-to', to: position } as const,
    ].map((message) => {
      const { kind, body } = member.encodeMessage(envelope, message);
      return Buffer.concat([Buffer.of(kind), body]);
    }),
  ],
  parse: (bytes) => member.decodeMessage(frameOf(bytes)),
  isExpected: isFrameError,
};

const memberData: Parser = {
  name: 'member data',
  weight: 2,
  valid: [10, 0, 900].map((length) =>
    Buffer.concat([
      Buffer.of(member.MEMBER.data),
      ...member.encodeData(
        envelope,
        { type: 'data', from: position, to: position, durableTo: position },
        { file: 1, fileName: 'MIRROR-M-20260314.001', offset: 256, timeMs: 1 },
        Buffer.alloc(length, 1),
      ),
    ]),
  ),
  parse: (bytes) => member.decodeData(frameOf(bytes)),
  isExpected: isFrameError,
};

const agentRequests: Parser = {
  name: 'agent request',
  weight: 2,
  valid: kindsOf([
    [agent.AGENT.request, { ...about, type: 'confirm-down', requester: 'B', epoch }],
    [agent.AGENT.request, { ...about, type: 'read-journal', incarnation: 2, from: position, bytesMax: 1000 }],
    [agent.AGENT.request, { ...about, type: 'tell-events', after: 0, countMax: 10 }],
    [agent.AGENT.request, { number: 1, type: 'status' }],
  ]),
  parse(bytes) {
    const frame = frameOf(bytes);
    agent.numberOfRequest(frame);
    const decoded = agent.decodeAgentRequest(frame);
    assert.deepEqual(agent.decodeAgentRequest(agent.encodeAgentRequest(decoded)), decoded);
  },
  isExpected: isFrameError,
};

const down = { says: 'down', record: { ...firstRecord, activeBackup: { member: 'B', term: 1 } } };
const answerTypes = ['confirm-down', 'offer-journal', 'tell-mirror', 'tell-events', 'status'] as const;
const event = { number: 1, at: 'x', member: 'A', what: 'y', rules: [], facts: {} };
const settings = { ...defaultSettings };
const agentAnswers: Parser = {
  name: 'agent answer',
  weight: 2,
  valid: kindsOf([
    [agent.AGENT.answer, { number: 1, answer: down }],
    [agent.AGENT.answer, { number: 1, answer: { says: 'running', primary: true, epoch } }],
    [agent.AGENT.answer, { number: 1, answer: { end: position, history: [{ ...epoch, epoch: 1, begin: position }] } }],
    [
      agent.AGENT.answer,
      {
        number: 1,
        answer: { mirrorSet: { name: 'M', settings, members: [], databases: [] }, member: 'A', primary: null },
      },
    ],
    [agent.AGENT.answer, { number: 1, answer: { events: [event], more: false, wallMs: 5 } }],
    [agent.AGENT.answer, { number: 1, error: { reason: 'no-instance', text: 'x' } }],
  ]),
  parse: (bytes, chance) => agent.decodeAgentAnswer(frameOf(bytes), chance.of(answerTypes)),
  isExpected: isFrameError,
};

const journalChunks: Parser = {
  name: 'journal chunk of an agent',
  weight: 2,
  valid: [0, 5, 700].map((length) =>
    Buffer.concat([
      Buffer.of(agent.AGENT.journalChunk),
      ...agent.encodeJournalChunk(
        { number: 1, file: 1, fileName: 'x', offset: 1, from: position, to: position, timeMs: 1 },
        Buffer.alloc(length, 7),
      ),
    ]),
  ),
  parse: (bytes) => agent.decodeJournalChunk(frameOf(bytes)),
  isExpected: isFrameError,
};

const copyMessages: Parser = {
  name: 'copy message',
  weight: 2,
  valid: kindsOf([
    [copy.COPY.request, { type: 'make', databases: ['DATA'], ofPrimary: true }],
    [copy.COPY.request, { type: 'read', copy: '0123456789abcdef', database: 'DATA', offset: 0, bytes: 1000 }],
    [copy.COPY.request, { type: 'find', copy: '0123456789abcdef' }],
    [copy.COPY.answer, { ok: true, copy: '0123456789abcdef', manifest: {} }],
    [copy.COPY.answer, { ok: false, refusal: { reason: 'x', text: 'y', spec: null } }],
    [copy.COPY.progress, { text: 'y' }],
  ]),
  parse(bytes) {
    const frame = frameOf(bytes);
    if (frame.kind !== copy.COPY.request) return copy.readCopyFrame(frame);
    const read = copy.readCopyRequest(frame);
    // A name becomes part of a path.
    if (read.type === 'read') assert.match(read.database + read.copy, /^[A-Za-z0-9_-]+$/);
    return read;
  },
  isExpected: isFrameError,
};

const arbiterMessages: Parser = {
  name: 'arbiter message',
  weight: 2,
  valid: kindsOf([
    [agent.ARBITER.toArbiter, { type: 'enter', epoch, term: 1, session: 2, otherSession: 3 }],
    [agent.ARBITER.fromArbiter, { type: 'keep-alive', otherConnected: true }],
    [agent.ARBITER.fromArbiter, { type: 'gone', epoch, term: 1 }],
    [agent.ARBITER.session, { session: 7 }],
  ]),
  parse(bytes) {
    const frame = frameOf(bytes);
    if (frame.kind === agent.ARBITER.toArbiter) return agent.decodeToArbiter(frame);
    if (frame.kind === agent.ARBITER.session) return agent.decodeArbiterSession(frame);
    return agent.decodeFromArbiter(frame);
  },
  isExpected: isFrameError,
};

const perform = (command: string, given: unknown) => ({ type: 'perform', command, arguments: given });
const controlRequests: Parser = {
  name: 'control request',
  weight: 2,
  valid: jsonVariants(
    [
      { type: 'status' },
      { type: 'events', after: 3 },
      { type: 'assess', command: 'force-primary' },
      { type: 'look-up-mirror', mirror: 'M', agentAddress: '127.0.0.1', agentPort: 2188, instance: 'ONE' },
      perform('create-mirror', { mirror: 'M', arbiter: { host: 'x', port: 1 }, qosTimeoutMs: 800 }),
      perform('create-database', { database: 'D', mirrored: null }),
      perform('stop-instance', { noFailover: true }),
    ],
    variantsCount,
    new Chance(2),
  ),
  parse(bytes) {
    const checked = checkRequest(parseJsonBody({ kind: 16, body: bytes }));
    if (!checked.ok) assert.ok(checked.refusal.text.length > 5);
  },
  isExpected: isFrameError,
};

/** A disk with the one file. */
function diskWith(path: string, bytes: Buffer): void {
  const disk = new SimulatedDisk();
  disk.write(disk.open(path, { create: true }), bytes, 0);
  useDisk(disk);
}

function written(path: string): Buffer {
  return Buffer.from(nodeFileOperations.readWhole(path)!);
}

function validRecord(): Buffer {
  diskWith('/x', Buffer.alloc(0));
  records.saveRecord('/member.json', { ...firstRecord, incarnation: 12 });
  return written('/member.json');
}

const records = createRecordFiles(nodeFileOperations);
const memberRecords: Parser = {
  name: 'member record',
  weight: 2,
  valid: [validRecord()],
  parse(bytes) {
    diskWith('/member.json', bytes);
    const read = records.readRecord('/member.json');
    if (read.state === 'damaged') assert.match(read.reason, /member\.json/);
    else assert.equal(read.state, 'read');
  },
  isExpected: never,
};

async function configurationParser(): Promise<Parser> {
  const path = '/configuration.json';
  diskWith('/x', Buffer.alloc(0));
  await createConfiguration(path, newConfiguration('ONE', '/i', { host: '127.0.0.1', port: 1972 }));
  const valid = written(path);
  const { checksum: _, ...fields } = JSON.parse(valid.toString());
  return {
    name: 'configuration',
    weight: 1,
    valid: [valid, ...jsonVariants([fields], variantsCount, new Chance(3))],
    async parse(bytes) {
      diskWith(path, bytes);
      const { instance } = await readConfiguration(path);
      assert.ok(instance.length > 0);
    },
    isExpected: (error) => isConfigurationError(error) && !(error as Error).message.includes('\n'),
  };
}

const links: Parser = {
  name: 'links.json',
  weight: 1,
  valid: jsonVariants([{ 'a:1': { host: 'b', port: 2 }, 'c:3': { host: 'd', port: 4 } }], variantsCount, new Chance(4)),
  parse(bytes) {
    diskWith('/links.json', bytes);
    for (const { port } of readLinks('/links.json').values()) assert.ok(port > 0 && port < 65536);
  },
  isExpected: isConfigurationError,
};

const hostFiles: Parser = {
  name: 'host.json',
  weight: 1,
  valid: jsonVariants([{ address: '127.0.0.1' }], 100, new Chance(5)),
  parse(bytes) {
    diskWith('/host.json', bytes);
    assert.ok(readHostFile('/host.json').address.length > 0);
  },
  isExpected: isConfigurationError,
};

const agentConfigurations: Parser = {
  name: 'iscagent.conf',
  weight: 1,
  valid: [
    Buffer.from('# agent\napplication_server.port = 2188\nlogging.minimum_severity=1\n; x\nprivileges.user=me\n'),
    Buffer.from('application_server.interface_address=*\r\nprivileges.group=iscagent, x\r\n'),
  ],
  parse(bytes) {
    const { port } = parseAgentConfiguration(bytes.toString('utf8'), '/iscagent.conf');
    assert.ok(port > 0 && port < 65536);
  },
  isExpected: isConfigurationError,
};

const eventFiles: Parser = {
  name: 'events.jsonl',
  weight: 1,
  valid: [Buffer.from(`${JSON.stringify(event)}\n${JSON.stringify({ ...event, number: 2 })}\n`)],
  parse(bytes) {
    diskWith('/events.jsonl', bytes);
    for (const { number } of readEvents('/events.jsonl', 0)) assert.ok(Number.isSafeInteger(number));
  },
  isExpected: never,
  // The end of the file is read back.
  bytesMax: (length) => 64 * 1024 + 4 * length,
};

function validMark(): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeDoubleLE(3, 0);
  bytes.writeDoubleLE(4096, 8);
  bytes.writeUInt32LE(crc32c(bytes, 0, 16) >>> 0, 16);
  return bytes;
}

const marks: Parser = {
  name: 'flushed mark',
  weight: 1,
  valid: [validMark()],
  mend(bytes) {
    if (bytes.length >= 20) bytes.writeUInt32LE(crc32c(bytes, 0, 16) >>> 0, 16);
  },
  parse(bytes) {
    diskWith('/flushed-M.mark', bytes);
    readMark(nodeFileOperations, '/flushed-M.mark');
  },
  isExpected: never,
};

const references: Parser = {
  name: 'global reference',
  weight: 2,
  valid: ['^CITY("FR",75,"Paris")', '^A', '^%x(-1.5,0,"a""b")', '^X( 1 , "" )', '^'].map((text) => Buffer.from(text)),
  parse(bytes) {
    const text = bytes.toString('utf8');
    for (const parse of [parseReference, parseSearchReference]) {
      const parsed = parse(text);
      if (!parsed.ok) assert.ok(parsed.text.length > 5);
      else if (parse === parseReference) {
        const { global, subscripts } = parsed.value;
        assert.deepEqual(parseReference(printReference(global, subscripts)), parsed);
        assert.deepEqual(decodeKey(encodeKey(global, subscripts)), parsed.value);
      }
    }
  },
  isExpected: never,
};

const globalLines: Parser = {
  name: 'line of an import',
  weight: 1,
  valid: jsonVariants([{ global: 'CITY', subscripts: ['FR', 75], value: '1' }], variantsCount, new Chance(6)),
  parse: (bytes) => readGlobalRecord(bytes.toString('utf8')),
  isExpected: never,
};

const answerFiles: Parser = {
  name: 'answers',
  weight: 2,
  valid: [
    Buffer.from('2\n9\ny\n\n\n'),
    Buffer.from('# comment\r\nyes # more\r\n'),
    Buffer.from('\ufeffno end of line'),
  ],
  async parse(bytes, chance) {
    const listeners = new Map<string, (chunk: Uint8Array) => void>();
    const reader = new LineReader({
      on: (name: string, listener: (chunk: Uint8Array) => void) => listeners.set(name, listener),
      off: () => {},
      pause: () => {},
      resume: () => {},
    } as never);
    const first = reader.next();
    for (let at = 0; at < bytes.length; ) {
      const to = Math.min(bytes.length, at + 1 + chance.below(50));
      listeners.get('data')!(bytes.subarray(at, to));
      at = to;
    }
    listeners.get('end')!(Buffer.alloc(0));
    let lines = 0;
    for (let line = await first; line !== null; line = await reader.next()) {
      lines += 1;
      assert.equal(line.number, lines);
      assert.ok(line.text.length <= lineLengthMax && !line.text.includes('\n'));
    }
    const expected = bytes.toString('utf8').split('\n').length - (bytes.at(-1) === 10 || bytes.length === 0 ? 1 : 0);
    assert.equal(lines, expected, 'lines got lost');
  },
  isExpected: never,
};

export async function textParsers(): Promise<readonly Parser[]> {
  return [
    openings,
    memberMessages,
    memberData,
    agentRequests,
    agentAnswers,
    journalChunks,
    copyMessages,
    arbiterMessages,
    controlRequests,
    memberRecords,
    await configurationParser(),
    links,
    hostFiles,
    agentConfigurations,
    eventFiles,
    marks,
    references,
    globalLines,
    answerFiles,
  ];
}
