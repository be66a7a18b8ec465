/**
 * Stands in for the daemon of an instance: lock, control socket, and a member that is at once what it was told to be. What
 * it was asked is in performed.jsonl; behaviour.json in its directory makes it slow to settle, refuse, or end.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sayFailed, sayReady } from '../../src/host/daemon-word.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import * as files from '../../src/host/socket-files.ts';
import type { Connection } from '../../src/network/network.ts';
import { acceptChannel } from '../../src/network/opening-exchange.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import { CONTROL, type ControlRequest, type RequestFrame } from '../../src/protocol/control-channel.ts';
import { jsonBody, parseJsonBody } from '../../src/protocol/frame.ts';

/** What it is, kept over restarts. */
interface Kept {
  role: 'Not Initialized' | 'Primary' | 'Backup' | 'Connected';
  service: boolean;
  databases: string[];
}

const opened = { version: 1, mirror: 'LAB', member: 'A', instance: 'A', epoch: { number: 1, owner: 'A', lineage: '' } };
const member = (name: string, type: string, journalTransfer: string, dejournaling: string) => ({
  name,
  type,
  journalTransfer,
  dejournaling,
});
const members = [
  member('A', 'Failover', 'N/A', 'N/A'),
  member('B', 'Failover', 'Active', 'Caught up'),
  member('C', 'Disaster Recovery', 'Caught up', 'Caught up'),
];

export async function main(args: readonly string[]): Promise<number> {
  const directory = args[args.indexOf('--directory') + 1] ?? '';
  const behaviour = existsSync(join(directory, 'behaviour.json'))
    ? JSON.parse(readFileSync(join(directory, 'behaviour.json'), 'utf8'))
    : {};
  const keptPath = join(directory, 'kept.json');
  const kept: Kept = existsSync(keptPath)
    ? JSON.parse(readFileSync(keptPath, 'utf8'))
    : { role: 'Not Initialized', service: false, databases: [] };
  const name = directory.slice(-1);
  let asked = 0;

  const statusOf = () => {
    asked += 1;
    const unsettled = asked <= (behaviour.unsettledFor ?? 0);
    return {
      instance: name,
      mirror: kept.role === 'Not Initialized' ? null : 'LAB',
      member: name,
      type: kept.role === 'Not Initialized' ? null : members.find((each) => each.name === name)?.type,
      status: behaviour.halted === true ? 'Crashed' : unsettled ? 'Synchronizing' : kept.role,
      failoverMode: kept.role === 'Connected' ? null : 'Arbiter Controlled',
      waitingFor: unsettled ? 'the journal of the primary' : null,
      members: kept.role === 'Not Initialized' ? [] : members,
      databases: [],
    };
  };

  const answerTo = (request: ControlRequest): unknown => {
    if (request.type === 'status') return statusOf();
    if (request.type === 'events') return [];
    if (request.type === 'describe') {
      const databases = kept.databases.map((database) => ({ name: database, mirrored: database }));
      return {
        serviceEnabled: kept.service,
        mirrorSet: kept.role === 'Not Initialized' ? null : {},
        member: name,
        mirrors: kept.role === 'Not Initialized' ? [] : ['LAB'],
        databases,
      };
    }
    if (request.type === 'assess') return { situation: 41, refusal: null, primary: 'A', wasActive: true };
    if (request.type !== 'perform') return null;
    appendFileSync(join(directory, 'performed.jsonl'), `${JSON.stringify(request)}\n`);
    if (behaviour.refuses === request.command) {
      return { ok: false, outcome: 'refused', refusal: { reason: 'no', text: 'the rules say no', spec: null } };
    }
    if (request.command === 'enable-mirror-service') kept.service = true;
    if (request.command === 'create-mirror') kept.role = 'Primary';
    if (request.command === 'join-mirror') kept.role = request.arguments.type === 'Failover' ? 'Backup' : 'Connected';
    if (request.command === 'create-database') kept.databases.push(request.arguments.database);
    if (request.command === 'stop-instance' && behaviour.neverStops !== true) setTimeout(() => process.exit(0), 20);
    writeFileSync(keptPath, JSON.stringify(kept));
    return { ok: true, text: `${request.command} done` };
  };

  const serve = async (connection: Connection) => {
    await acceptChannel(connection, () => opened, 2000);
    connection.onFrames((frames) => {
      for (const frame of frames) {
        const { number, request } = parseJsonBody(frame) as unknown as RequestFrame;
        connection.send(CONTROL.answer, jsonBody({ number, answer: answerTo(request) }));
      }
    });
  };

  try {
    nodeHost.processes.acquireLock(join(directory, 'instance.lock'), 'instance');
    if (behaviour.fails !== undefined) throw new Error(behaviour.fails);
    await createTcpNetwork({ files }).listenLocal(
      join(directory, 'control.sock'),
      (connection) => void serve(connection),
    );
    await sayReady();
    if (behaviour.endsWhenReady === true) process.exit(1);
    await new Promise(() => {});
    return 0;
  } catch (error) {
    await sayFailed((error as Error).message);
    return 1;
  }
}
