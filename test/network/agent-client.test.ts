import { afterEach, describe, expect, test } from '@jest/globals';
import { makePrivateDirectory, removeSocket } from '../../src/host/socket-files.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import { askAgent, fetchJournal } from '../../src/network/agent-client.ts';
import type { Connection, Listener } from '../../src/network/network.ts';
import { acceptChannel } from '../../src/network/opening-exchange.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import { AGENT, decodeAgentRequest, encodeAgentAnswer } from '../../src/protocol/agent-channel.ts';
import { type Frame, jsonBody } from '../../src/protocol/frame.ts';
import { makeOpen } from '../../src/protocol/opening.ts';

const network = createTcpNetwork({ files: { makePrivateDirectory, removeSocket } });
const epoch = { number: 1, owner: 'ALPHA', lineage: '' };
const question = {
  type: 'confirm-down',
  instance: 'IRIS',
  mirror: 'DEMO',
  requester: 'BETA',
  epoch,
} as const;

const listeners: Listener[] = [];
const connections = new Set<Connection>();
afterEach(async () => {
  for (const connection of connections) connection.destroy();
  for (const listener of listeners.splice(0)) await listener.close();
});

/** An agent that does with each request what the test says. */
async function agent(act: (connection: Connection, frame: Frame) => void, accepts = true): Promise<number> {
  const listener = await network.listen('127.0.0.1', 0, async (connection) => {
    connections.add(connection);
    if (!accepts) return;
    const opened = { version: 1, mirror: '', member: '', instance: '', epoch };
    await acceptChannel(connection, () => opened, 5000);
    connection.onFrames((frames) => {
      for (const frame of frames) act(connection, frame);
    });
  });
  listeners.push(listener);
  return listener.port;
}

async function ask(port: number, timeoutMs = 5000): Promise<unknown> {
  const call = { host: '127.0.0.1', port, timeoutMs, open: makeOpen({ channel: 'agent' }) };
  return await askAgent(network, call, question).catch((error: { code: string; message: string }) => ({
    code: error.code,
    message: error.message,
  }));
}

const unreachable = (text: string) => ({ code: 'unreachable', message: expect.stringContaining(text) });

describe('asking an agent', () => {
  test('AGT-003: its answer comes back', async () => {
    const answer = { says: 'running', primary: true, epoch } as const;
    const port = await agent((connection, frame) => {
      const { number } = decodeAgentRequest(frame);
      connection.send(AGENT.answer, encodeAgentAnswer({ number, answer }).body);
    });
    expect(await ask(port)).toEqual(answer);
  });

  test('FO-027: silence, a broken connection and what is no answer are no answer', async () => {
    expect(await ask(await agent(() => {}), 200)).toEqual(unreachable('did not answer in'));
    expect(await ask(await agent(() => {}, false), 200)).toEqual(unreachable('did not answer the opening'));
    expect(await ask(await agent((connection) => connection.destroy()))).toEqual(unreachable('before it answered'));
    const says = (answer: unknown) => agent((connection) => connection.send(AGENT.answer, jsonBody(answer)));
    expect(await ask(await says({ number: 1, answer: { says: 'down' } }))).toEqual(unreachable('not understood'));
    const other = { number: 2, answer: { says: 'down', record: null } };
    expect(await ask(await says(other))).toEqual(unreachable('request 2, not 1'));
  });

  test('FO-024: a fetch that meets silence ends with a fault', async () => {
    const port = await agent(() => {});
    const call = { host: '127.0.0.1', port, timeoutMs: 200, open: makeOpen({ channel: 'agent' }) };
    const about = { instance: 'IRIS', mirror: 'DEMO', incarnation: 1 };
    await expect(fetchJournal(network, call, about, JOURNAL_START).next()).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});
