/** Parsers of bytes with lengths and checksums in them: frames, client messages, journal records, headers, keys. */
import assert from 'node:assert/strict';
import { decodeFileHeader, encodeFileHeader, type FileHeader, fileHeaderBytes } from '../../src/journal/file-header.ts';
import { parseJournalLog } from '../../src/journal/file-names.ts';
import type { JournalChunk, JournalRecord } from '../../src/journal/journal.ts';
import { readRecords } from '../../src/journal/read-records.ts';
import { encodeRecord, recordBytes, viewOf } from '../../src/journal/record.ts';
import { findRecordAfter, walkRecords } from '../../src/journal/record-scan.ts';
import { CLIENT_ANSWER, CLIENT_REQUEST } from '../../src/protocol/client-channel.ts';
import {
  type ClientAnswer,
  ClientMessageError,
  type ClientRequest,
  decodeAnswer,
  decodeDatabases,
  decodeRequest,
  type EncodedMessage,
  encodeAnswer,
  encodeRequest,
  encodeSets,
} from '../../src/protocol/client-messages.ts';
import { crc32c } from '../../src/protocol/crc32c.ts';
import {
  encodeFrame,
  encodeFrameHeader,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameError,
} from '../../src/protocol/frame.ts';
import { decodeKey, encodeKey, GlobalKeyError } from '../../src/protocol/global-key.ts';
import { packLz4, unpackLz4 } from '../../src/protocol/lz4-block.ts';
import type { Chance } from './chance.ts';
import type { Parser } from './parser.ts';

const bodyOf = ({ kind, body }: EncodedMessage): Buffer =>
  Buffer.concat([Buffer.of(kind), ...(body instanceof Uint8Array ? [body] : body)]);

/** FrameDecoder takes 2 MiB on the word of a header. */
const trustedBytes = 2 * 1024 * 1024;

const frames: Parser = {
  name: 'frame',
  weight: 1,
  valid: [
    encodeFrame(16, Buffer.from('hello')),
    encodeFrame(17, Buffer.alloc(0)),
    encodeFrame(1, Buffer.alloc(900, 7)),
    Buffer.concat([encodeFrame(16, Buffer.from('one')), encodeFrame(16, Buffer.from('two'))]),
    Buffer.concat([encodeFrameHeader(17, [Buffer.alloc(500, 3)], 30), Buffer.alloc(500, 3)]),
  ],
  mend(bytes) {
    if (bytes.length < FRAME_HEADER_BYTES) return;
    bytes.writeUInt16LE(0xca7e, 10);
    const length = bytes.readUInt32LE(0);
    if (bytes[9]! * 8 >= length) bytes[9] = 0;
    const end = FRAME_HEADER_BYTES + (bytes[9] === 0 ? length : bytes[9]! * 8);
    if (end <= bytes.length)
      bytes.writeUInt32LE(crcOf(Buffer.of(bytes[8]!), bytes.subarray(FRAME_HEADER_BYTES, end)), 4);
  },
  parse(bytes, chance) {
    const decoder = new FrameDecoder();
    let out = 0;
    for (let at = 0; at < bytes.length; ) {
      const to = Math.min(bytes.length, at + 1 + chance.below(200));
      for (const { kind, body } of decoder.feed(bytes.subarray(at, to))) {
        const begin = out + FRAME_HEADER_BYTES;
        assert.equal(kind, bytes[out + 8], 'a kind comes out that did not go in');
        out = begin + body.length;
        assert.ok(body.equals(bytes.subarray(begin, out)), 'frames come out that did not go in');
      }
      at = to;
    }
    assert.ok(decoder.heldBytes <= bytes.length, 'more is held than came');
    if (decoder.fault !== null) throw decoder.fault;
    assert.equal(out + decoder.heldBytes, bytes.length, 'bytes got lost');
  },
  isExpected: (error) => error instanceof FrameError,
  bytesMax: (length) => trustedBytes + 4 * length,
};

function crcOf(...parts: readonly Buffer[]): number {
  return parts.reduce((seed, part) => crc32c(part, 0, part.length, seed), 0) >>> 0;
}

const isClientError = (error: unknown): boolean => error instanceof ClientMessageError;
const keys = [encodeKey('CITY', ['FR', '75', 'Paris']), encodeKey('A', []), Buffer.alloc(0)];

const requests: readonly ClientRequest[] = [
  { type: 'set', number: 1, database: '', key: keys[0]!, value: Buffer.from('2138551') },
  { type: 'increment', number: 2, database: 'USERS', key: keys[1]!, amount: '-1.5' },
  { type: 'get', number: 3, database: '', key: keys[0]! },
  { type: 'kill', number: 4, database: 'A', key: keys[1]! },
  { type: 'order', number: 5, database: '', key: keys[0]!, direction: 'backward' },
  { type: 'scan', number: 6, database: '', key: keys[1]!, after: keys[0]!, limit: 1000 },
  { type: 'sync', number: 7, database: '' },
  { type: 'gets', number: 8, database: 'A', keys: [keys[0]!, keys[1]!, keys[0]!] },
];
const manySets = [0, 1, 2].map((index) => ({ key: keys[index]!, value: Buffer.alloc(index * 40, 'v') }));

const requestKinds = Object.values(CLIENT_REQUEST);
const clientRequests: Parser = {
  name: 'client request',
  weight: 4,
  valid: [...requests.map((request) => bodyOf(encodeRequest(request))), bodyOf(encodeSets(manySets, 9, 'USERS'))],
  mend(bytes) {
    if (bytes.length > 0) bytes[0] = requestKinds[bytes[0]! % requestKinds.length]!;
  },
  parse(bytes) {
    if (bytes.length === 0) return;
    const decoded = decodeRequest(bytes[0]!, bytes.subarray(1));
    // What was understood is written again as something that is understood in the same way.
    const again = bodyOf(encodeRequest(decoded));
    const twice = bodyOf(encodeRequest(decodeRequest(again[0]!, again.subarray(1))));
    assert.ok(twice.equals(again), 'a request changes when it is written and read again');
  },
  isExpected: isClientError,
};

const answers: readonly ClientAnswer[] = [
  { type: 'done', number: 1 },
  { type: 'value', number: 2, value: null },
  { type: 'value', number: 3, value: Buffer.from('value') },
  { type: 'values', number: 6, values: [Buffer.from('value'), null, Buffer.alloc(0)] },
  {
    type: 'page',
    number: 4,
    nodes: [
      { key: keys[0]!, value: Buffer.from('1') },
      { key: keys[1]!, value: keys[0]! },
    ],
    more: true,
  },
  {
    type: 'refused',
    number: 5,
    refusal: { code: 'not-primary', text: 'it is B', retry: true, primary: '127.0.0.2:1972' },
  },
];

const answerKinds = Object.values(CLIENT_ANSWER);
const clientAnswers: Parser = {
  name: 'client answer',
  weight: 3,
  valid: answers.map((answer) => bodyOf(encodeAnswer(answer))),
  mend(bytes) {
    if (bytes.length > 0) bytes[0] = answerKinds[bytes[0]! % answerKinds.length]!;
  },
  parse(bytes) {
    if (bytes.length === 0) return;
    const decoded = decodeAnswer(bytes[0]!, bytes.subarray(1));
    const again = bodyOf(encodeAnswer(decoded));
    const twice = bodyOf(encodeAnswer(decodeAnswer(again[0]!, again.subarray(1))));
    assert.ok(twice.equals(again), 'an answer changes when it is written and read again');
  },
  isExpected: isClientError,
};

const databaseLists: Parser = {
  name: 'list of databases',
  weight: 1,
  valid: [Buffer.from('{"databases":[{"name":"A","mirrored":true}]}'), Buffer.from('{"databases":[]}')],
  parse: (bytes) => decodeDatabases(bytes),
  isExpected: isClientError,
};

const records: readonly JournalRecord[] = [
  { kind: 'set', database: 'ORDERS', key: keys[0]!, value: Buffer.from('2138551') },
  { kind: 'kill', database: 'A', key: keys[1]!, value: Buffer.alloc(0) },
  { kind: 'epoch-begun', database: '', key: Buffer.alloc(0), value: Buffer.alloc(0) },
];

function recordsAsBytes(from: readonly JournalRecord[]): Buffer {
  const bytes = Buffer.alloc(from.reduce((sum, record) => sum + recordBytes(record), 0));
  let at = 0;
  for (const [index, record] of from.entries()) at = encodeRecord(bytes, viewOf(bytes), at, record, index + 1, 1000);
  return bytes;
}

function chunkOf(bytes: Buffer): JournalChunk {
  const from = { epoch: 1, file: 1, offset: fileHeaderBytes, sequence: 0 };
  const to = { ...from, offset: fileHeaderBytes + bytes.length, sequence: 3 };
  return { file: 1, fileName: 'MIRROR-M-20260314.001', offset: fileHeaderBytes, bytes, from, to, timeMs: 1000 };
}

const journalRecords: Parser = {
  name: 'journal record',
  weight: 3,
  valid: [recordsAsBytes(records), recordsAsBytes(records.slice(0, 1)), recordsAsBytes(records.slice(1))],
  mend(bytes) {
    for (let at = 0; at + 28 <= bytes.length; ) {
      const length = bytes.readUInt32LE(at);
      if (length < 28 || at + length > bytes.length) return;
      bytes.writeUInt32LE(crc32c(bytes, at + 8, at + length, length) >>> 0, at + 4);
      at += length;
    }
  },
  parse(bytes) {
    const readAt = (offset: number, want: number) => bytes.subarray(offset, offset + want);
    const end = walkRecords(readAt, { offset: 0, sequence: 0, timeMs: 0 }, bytes.length);
    assert.ok(end.offset <= bytes.length, 'records behind the end');
    const after = findRecordAfter(readAt, end, bytes.length);
    assert.ok(after === null || (after > end.offset && after < bytes.length), 'a record after the damage');
    for (const record of readRecords(chunkOf(bytes)))
      assert.ok(record.key.length + record.value.length <= bytes.length);
  },
  isExpected: (error) => (error as { code?: unknown }).code === 'journal-damaged',
  roundTrip(chance) {
    const record: JournalRecord = {
      kind: chance.of(['set', 'kill', 'database-added', 'database-removed']),
      database: chance.text(20),
      key: chance.bytes(chance.below(100)),
      value: chance.bytes(chance.below(300)),
    };
    const bytes = recordsAsBytes([record]);
    const [read] = [...readRecords({ ...chunkOf(bytes), to: { ...chunkOf(bytes).to, sequence: 1 } })];
    const { kind, database, key, value } = read!;
    assert.deepEqual({ kind, database, key: Buffer.from(key), value: Buffer.from(value) }, record);
  },
};

const header: FileHeader = {
  mirror: 'M1',
  epoch: { number: 3, owner: 'ALPHA', lineage: 'first' },
  file: 7,
  fileName: 'MIRROR-M1-20260314.001',
  sequenceBefore: 99,
  previousFileEnd: 4096,
  newestBeforeMs: 5,
  createdMs: 6,
};

const fileHeaders: Parser = {
  name: 'journal file header',
  weight: 2,
  valid: [encodeFileHeader(header)],
  mend(bytes) {
    if (bytes.length >= fileHeaderBytes) bytes.writeUInt32LE(crc32c(bytes, 0, 252) >>> 0, 252);
  },
  parse(bytes) {
    const decoded = decodeFileHeader(bytes);
    if (!decoded.ok) assert.ok(decoded.problem.length > 5);
  },
  isExpected: () => false,
  roundTrip(chance) {
    const drawn = {
      ...header,
      file: chance.below(2 ** 31),
      sequenceBefore: chance.below(2 ** 31),
      mirror: `M${chance.below(9999)}`,
    };
    assert.deepEqual(decodeFileHeader(encodeFileHeader(drawn)), { ok: true, header: drawn });
  },
};

const journalLogs: Parser = {
  name: 'journal log',
  weight: 1,
  valid: [
    Buffer.from('# cut after 1/2: another history\n1,MIRROR-M1-20260314.001,1,A,x,2026-03-14T12:00:00.000Z\n'),
    Buffer.from('1,MIRROR-M1-20260314.001,1,A,x,2026-03-14T12:00:00.000Z\n2,MIRROR-M1-20260314.002,1,A,x,y\n'),
  ],
  parse(bytes) {
    const { files } = parseJournalLog(bytes.toString('utf8'));
    for (const { name } of files) assert.ok(!/[/\\]/.test(name), 'a name with a directory in it');
  },
  isExpected: () => false,
};

const drawSubscript = (chance: Chance): string =>
  chance.once(2)
    ? String((chance.below(2_000_000) - 1_000_000) / chance.of([1, 1, 8, 1000]))
    : `s${chance.text(6).replaceAll(/\p{Surrogate}/gu, '')}`;

const globalKeys: Parser = {
  name: 'global key',
  weight: 3,
  valid: [keys[0]!, keys[1]!, encodeKey('%x', ['-1.5', '0', 'a\u0000b', '1000000'])],
  parse(bytes) {
    const { global, subscripts } = decodeKey(bytes);
    assert.ok(encodeKey(global, subscripts).equals(bytes), 'what decodes is not what encodeKey writes');
  },
  isExpected: (error) => error instanceof GlobalKeyError,
  roundTrip(chance) {
    const canonical = (text: string) => (/^-?0\./.test(text) ? text.replace('0.', '.') : text);
    const subscripts = Array.from({ length: chance.below(5) }, () => canonical(drawSubscript(chance)));
    assert.deepEqual(decodeKey(encodeKey('G', subscripts)), { global: 'G', subscripts });
  },
};

const lz4Blocks: Parser = {
  name: 'LZ4 block',
  weight: 2,
  valid: [
    packLz4(Buffer.from('a journal block a journal block a journal block 0123456789')),
    packLz4(Buffer.alloc(3000, 1)),
  ],
  parse(bytes, chance) {
    const length = chance.of([59, 3000, chance.below(5000)]);
    assert.equal(unpackLz4(bytes, length).length, length);
  },
  isExpected: (error) => error instanceof RangeError && error.message.startsWith('the LZ4 block'),
  bytesMax: (length) => 16 * 1024 + 4 * length,
  roundTrip(chance) {
    const piece = chance.bytes(1 + chance.below(40));
    const bytes = Buffer.concat(
      Array.from({ length: 1 + chance.below(9) }, () => (chance.once(3) ? chance.bytes(5) : piece)),
    );
    assert.ok(unpackLz4(packLz4(bytes), bytes.length).equals(bytes));
  },
};

export const byteParsers: readonly Parser[] = [
  frames,
  clientRequests,
  clientAnswers,
  databaseLists,
  journalRecords,
  fileHeaders,
  journalLogs,
  globalKeys,
  lz4Blocks,
];
