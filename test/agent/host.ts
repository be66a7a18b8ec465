/** A host of one test: a home with an instance IRIS in mirror DEMO, an agent in this process, instances as real processes. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentDriver } from '../../src/agent/driver.ts';
import type { AgentParts } from '../../src/agent/parts.ts';
import { createConfiguration, newConfiguration, readConfiguration } from '../../src/host/configuration-file.ts';
import { type OpenEventsLog, openEventsLog } from '../../src/host/events-log.ts';
import { instancePaths } from '../../src/host/home.ts';
import type { Processes } from '../../src/host/host.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { refOf } from '../../src/host/process-table.ts';
import { makePrivateDirectory, removeSocket } from '../../src/host/socket-files.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import { agentLogLine } from '../../src/mirror/log-messages.ts';
import { firstRecord, type MemberRecord } from '../../src/mirror/member-record.ts';
import { defaultSettings, type MirrorSet } from '../../src/mirror/mirror-set.ts';
import { type AgentCall, type AgentQuestion, askAgent } from '../../src/network/agent-client.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import type { AgentAnswers } from '../../src/protocol/agent-channel.ts';
import { makeOpen } from '../../src/protocol/opening.ts';
import { makeProgram } from '../host/program.ts';

export const network = createTcpNetwork({ files: { makePrivateDirectory, removeSocket } });

export const epochOf = (number: number) => ({ number, owner: number % 2 === 1 ? 'ALPHA' : 'BETA', lineage: 'x' });

export const record: MemberRecord = {
  ...firstRecord,
  incarnation: 5,
  epoch: epochOf(3),
  primaryOfEpoch: true,
  activeBackup: { member: 'BETA', term: 2 },
};

export const mirrorSet: MirrorSet = {
  name: 'DEMO',
  epoch: 3,
  revision: 1,
  settings: { ...defaultSettings, qosTimeoutMs: 2000 },
  members: [],
  databases: [],
  removed: [{ name: 'BETA', removeAttribute: true }],
};

/** Built once a test file: holds its lock and serves its control socket as the arguments say. */
export function makeInstanceProgram(directory: string): string {
  return makeProgram(
    directory,
    'instance',
    `import { acquireLock } from 'src/host/lock-file.ts';
     import { makePrivateDirectory, removeSocket } from 'src/host/socket-files.ts';
     import { acceptChannel } from 'src/network/opening-exchange.ts';
     import { createTcpNetwork } from 'src/network/tcp-network.ts';
     import { parseJsonBody, jsonBody } from 'src/protocol/frame.ts';
     import { agree } from 'src/protocol/opening.ts';
     const [lock, control, status, epoch] = process.argv.slice(2);
     acquireLock(lock, 'instance');
     const ours = { channels: ['control'], mirror: null, member: '', instance: 'IRIS', requireTls: false,
       epoch: { number: 0, owner: '', lineage: '' } };
     const network = createTcpNetwork({ files: { makePrivateDirectory, removeSocket } });
     if (status !== 'without-socket') await network.listenLocal(control, async (connection) => {
       const accepted = await acceptChannel(connection, (open) => agree(open, ours), 5000);
       if (accepted.state !== 'opened' || status === 'silent') return;
       connection.onFrames((frames) => {
         for (const frame of frames) {
           const answer = { status, epoch: Number(epoch), primary: 'ALPHA' };
           connection.send(17, jsonBody({ number: parseJsonBody(frame).number, answer }));
         }
       });
     });
     process.on('SIGTERM', () => process.exit(0));
     setInterval(() => {}, 1000);
     process.stdout.write('up');`,
  );
}

export class TestHost {
  readonly home = mkdtempSync(join(tmpdir(), 'cm-agent-'));
  readonly paths = instancePaths(this.home, 'IRIS');
  readonly logged: string[] = [];
  readonly events: OpenEventsLog = openEventsLog(join(this.home, 'agent-events.jsonl'));
  readonly #program: string;
  readonly #children = new Set<ChildProcess>();
  #driver: AgentDriver | null = null;
  #port = 0;
  #closed = false;

  constructor(program: string) {
    this.#program = program;
  }

  async open(processes: Partial<Processes> = {}): Promise<this> {
    mkdirSync(this.paths.directory, { recursive: true, mode: 0o700 });
    const superserver = { host: '127.0.0.1', port: 1972 };
    const configuration = newConfiguration('IRIS', this.paths.directory, superserver);
    await createConfiguration(this.paths.configuration, {
      ...configuration,
      member: 'ALPHA',
      memberType: 'Failover',
      mirrorSet,
    });
    this.saveRecord(record);
    const parts: AgentParts = {
      home: this.home,
      host: { ...nodeHost, processes: { ...nodeHost.processes, ...processes } },
      network,
      openJournal: (place) => openDiskJournal({ ...place, files: nodeHost.files, readOnly: true }),
      readConfiguration,
      log: (message, ...facts) => {
        const { severity, text } = agentLogLine(message, ...facts);
        this.logged.push(`${severity} ${text}`);
      },
      events: this.events,
      version: '1.2.3',
      firstSession: 700,
    };
    this.#driver = new AgentDriver(parts);
    this.#port = await freePort();
    await this.#driver.listen('127.0.0.1', this.#port);
    return this;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#driver?.close();
    this.events.close();
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }

  get port(): number {
    return this.#port;
  }

  get call(): AgentCall {
    const open = makeOpen({ channel: 'agent', mirror: 'DEMO', member: 'BETA' });
    return { host: '127.0.0.1', port: this.#port, timeoutMs: 10_000, open };
  }

  /** BETA as a member that knows a set of this revision of epoch 3. */
  askKnowing<Q extends AgentQuestion>(revision: number, question: Q): Promise<AgentAnswers[Q['type']]> {
    const { open } = this.call;
    return askAgent(network, { ...this.call, open: { ...open, knows: { epoch: 3, revision } } }, question);
  }

  ask<Q extends AgentQuestion>(question: Q): Promise<AgentAnswers[Q['type']]> {
    return askAgent(network, this.call, question);
  }

  askDown(type: 'confirm-down' | 'force-down', epochNumber: number): Promise<AgentAnswers['confirm-down']> {
    const epoch = { number: epochNumber, owner: 'BETA', lineage: 'x' };
    return this.ask({ type, instance: 'iris', mirror: 'DEMO', requester: 'BETA', epoch });
  }

  saveRecord(value: unknown): void {
    nodeHost.records.saveRecord(this.paths.member, value);
  }

  readRecord(): MemberRecord | null {
    const read = nodeHost.records.readRecord(this.paths.member);
    return read.state === 'read' ? (read.value as MemberRecord) : null;
  }

  /** Returns when it holds its lock and listens. */
  async startInstance(status: string, epoch = 3): Promise<ChildProcess> {
    const { lock, control } = this.paths;
    const child = spawn(process.execPath, [this.#program, lock, control, status, String(epoch)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.add(child);
    const [word] = await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`the instance ended at once: ${word}`);
    return child;
  }

  async kill(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL');
    await nodeHost.processes.waitUntilGone({ pid: child.pid!, startTicks: null }, 5000);
  }
}

export function isAlive(child: ChildProcess): boolean {
  return refOf(child.pid!) !== null;
}

export async function freePort(): Promise<number> {
  const listener = await network.listen('127.0.0.1', 0, () => {});
  await listener.close();
  return listener.port;
}

export function caught(promise: Promise<unknown>): Promise<{ code?: string; reason?: string; message?: string }> {
  return promise.then(
    () => ({ code: 'none' }),
    (error) => error,
  );
}
