import { describe, expect, test } from '@jest/globals';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import type { AgentAnswer, FromArbiter, ToArbiter } from '../../src/mirror/messages.ts';
import {
  AGENT,
  type AgentRequest,
  decodeAgentAnswer,
  decodeAgentRequest,
  decodeArbiterSession,
  decodeFromArbiter,
  decodeJournalChunk,
  decodeToArbiter,
  encodeAgentAnswer,
  encodeAgentRequest,
  encodeArbiterSession,
  encodeFromArbiter,
  encodeJournalChunk,
  encodeToArbiter,
} from '../../src/protocol/agent-channel.ts';
import { jsonBody } from '../../src/protocol/frame.ts';

const epoch = { number: 4, owner: 'ALPHA', lineage: 'x' };
const about = { number: 7, instance: 'IRIS', mirror: 'DEMO' };
const position = { epoch: 4, file: 2, offset: 900, sequence: 17 };

const requests: readonly AgentRequest[] = [
  { ...about, type: 'confirm-down', requester: 'BETA', epoch },
  { ...about, type: 'force-down', requester: 'BETA', epoch },
  { ...about, type: 'offer-journal', incarnation: 3 },
  { ...about, type: 'read-journal', incarnation: 3, from: position, bytesMax: 100 },
  { ...about, type: 'tell-mirror' },
  { number: 1, type: 'status' },
];
const record = {
  incarnation: 3,
  epoch,
  primaryOfEpoch: true,
  activeBackup: { member: 'BETA', term: 2 },
  noFailover: false,
  stoppedByOperator: false,
};
const answers: readonly AgentAnswer[] = [
  { says: 'running', primary: true, epoch },
  { says: 'down', record },
  { says: 'down', record: { ...record, activeBackup: null } },
  { says: 'down', record: null },
  { says: 'unkillable' },
  { says: 'nothing', reason: 'why' },
];

function codeOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe('the agent channel', () => {
  test('AGT-002: every request comes back as it was sent', () => {
    for (const request of requests) expect(decodeAgentRequest(encodeAgentRequest(request))).toEqual(request);
  });

  test('a request that lacks any one of its fields is refused', () => {
    for (const request of requests) {
      for (const field of Object.keys(request)) {
        const cut = Object.fromEntries(Object.entries(request).filter(([name]) => name !== field));
        expect([field, codeOf(() => decodeAgentRequest({ kind: AGENT.request, body: jsonBody(cut) }))]).toEqual([
          field,
          'frame',
        ]);
      }
    }
  });

  test('AGT-003: answers come back, and a down record with a field missing does not pass for one', () => {
    for (const answer of answers) {
      expect(decodeAgentAnswer(encodeAgentAnswer({ number: 7, answer }), 'confirm-down')).toEqual({
        number: 7,
        answer,
      });
    }
    for (const field of Object.keys(record)) {
      const cut = Object.fromEntries(Object.entries(record).filter(([name]) => name !== field));
      const body = jsonBody({ number: 7, answer: { says: 'down', record: cut } });
      expect(codeOf(() => decodeAgentAnswer({ kind: AGENT.answer, body }, 'confirm-down'))).toBe('frame');
    }
    const error = { reason: 'no-instance', text: 'no' } as const;
    expect(decodeAgentAnswer(encodeAgentAnswer({ number: 7, error }), 'tell-mirror')).toEqual({ number: 7, error });
    const offer = { history: [{ epoch: 1, owner: 'A', lineage: '', begin: JOURNAL_START }], end: position };
    expect(decodeAgentAnswer(encodeAgentAnswer({ number: 7, answer: offer }), 'offer-journal')).toEqual({
      number: 7,
      answer: offer,
    });
    const mirrorSet = { name: 'DEMO', epoch: 1, revision: 4, settings: {}, members: [], databases: [] };
    const knowing = (set: object) => ({
      kind: AGENT.answer,
      body: jsonBody({ number: 7, answer: { ...offer, mirrorSet: set } }),
    });
    expect(decodeAgentAnswer(knowing(mirrorSet), 'offer-journal')).toMatchObject({ answer: { mirrorSet } });
    expect(codeOf(() => decodeAgentAnswer(knowing({ ...mirrorSet, revision: 'x' }), 'offer-journal'))).toBe('frame');
  });

  test('a journal chunk carries its bytes behind its head; a head longer than the frame is refused', () => {
    const head = { number: 5, file: 2, fileName: 'MIRROR-DEMO-20260314.002', offset: 12, timeMs: 99 };
    const places = { from: JOURNAL_START, to: position };
    const bytes = Buffer.from([0, 1, 255, 123]);
    const body = Buffer.concat(encodeJournalChunk({ ...head, ...places }, bytes));
    const { number, chunk } = decodeJournalChunk({ kind: AGENT.journalChunk, body });
    const { number: _, ...rest } = head;
    expect(number).toBe(5);
    expect({ ...chunk, bytes: Buffer.from(chunk.bytes) }).toEqual({ ...rest, ...places, bytes });
    for (const cut of [0, 3, 4, 20]) {
      expect(codeOf(() => decodeJournalChunk({ kind: AGENT.journalChunk, body: body.subarray(0, cut) }))).toBe('frame');
    }
  });

  test('FO-033: the messages to and from an arbiter come back', () => {
    const to: readonly ToArbiter[] = [
      { type: 'keep-alive' },
      { type: 'enter', epoch, term: 2, session: 8, otherSession: 9 },
      { type: 'peer-lost', epoch, term: 2 },
      { type: 'here', epoch, term: 2 },
      { type: 'left-notice', epoch, term: 2 },
    ];
    const from: readonly FromArbiter[] = [
      { type: 'keep-alive', otherConnected: true },
      ...(['call', 'entered', 'refused', 'gone', 'present', 'taken', 'never', 'left-notice'] as const).map((type) => ({
        type,
        epoch,
        term: 2,
      })),
    ];
    for (const message of to) expect(decodeToArbiter(encodeToArbiter(message))).toEqual(message);
    for (const message of from) expect(decodeFromArbiter(encodeFromArbiter(message))).toEqual(message);
    expect(decodeArbiterSession(encodeArbiterSession(77))).toBe(77);
    expect(codeOf(() => decodeFromArbiter(encodeArbiterSession(77)))).toBe('frame');
    expect(codeOf(() => decodeFromArbiter({ kind: 17, body: jsonBody({ type: 'gone', term: 2 }) }))).toBe('frame');
  });
});

test('a number that JSON wrote as -0 is 0', () => {
  const said = '{"number":-0,"type":"status"}';
  const decoded = decodeAgentRequest({ kind: AGENT.request, body: Buffer.from(said) });
  expect(Object.is(decoded.number, 0)).toBe(true);
});
