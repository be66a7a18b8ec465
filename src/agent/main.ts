/**
 * The program caretmirror-iscagent: the ISCAgent of one host, which is also an arbiter for whoever asks it. Chooses the real
 * adapters, reads iscagent.conf, takes the host's agent lock (AGT-008), serves until it is told to stop.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { readConfiguration } from '../host/configuration-file.ts';
import { sayFailed, sayReady } from '../host/daemon-word.ts';
import { openEventsLog } from '../host/events-log.ts';
import { type HomePaths, homePaths, resolveHome } from '../host/home.ts';
import type { HeldLock } from '../host/host.ts';
import { type AgentConfiguration, readAgentConfiguration } from '../host/host-files.ts';
import { nodeHost } from '../host/node-host.ts';
import { ownVersion } from '../host/own-version.ts';
import { makePrivateDirectory, removeSocket } from '../host/socket-files.ts';
import { isSystemLog } from '../host/system-log.ts';
import { openDiskJournal } from '../journal/disk-journal.ts';
import type { WriteAgentLog } from '../mirror/log-messages.ts';
import { checkPort } from '../mirror/mirror-set.ts';
import { createTcpNetwork } from '../network/tcp-network.ts';
import { AgentDriver } from './driver.ts';
import { createAgentLog } from './parts.ts';

const EXIT = { ended: 0, failed: 1, usage: 2 } as const;

/** Resolves with the exit code when the agent has ended. */
export async function main(args: readonly string[]): Promise<number> {
  let log = logFrom(0);
  try {
    const options = readOptions(args);
    const paths = homePaths(await resolveHome(options.home, process.env));
    nodeHost.files.makeDirectory(paths.home);
    const configuration = { ...readAgentConfiguration(paths.agentConfiguration), ...options.override };
    log = logFrom(configuration.minimumSeverity);
    log('starting');
    for (const warning of configuration.warnings) log('configuration-doubtful', { warning });
    const told = untilTold();
    const stop = await start(paths, configuration, log);
    const { address, port } = configuration;
    await sayReady({ address, port });
    log('stopping', { because: await told });
    await stop();
    return EXIT.ended;
  } catch (error) {
    const line = (error as Error).message.replace(/\s*[\r\n]+\s*/g, ' ');
    log('failed', { reason: line });
    await sayFailed(line);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

class UsageError extends Error {}

interface Options {
  readonly home: string | undefined;
  readonly override: Partial<Pick<AgentConfiguration, 'address' | 'port'>>;
}

function readOptions(args: readonly string[]): Options {
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({ args: [...args], options: { home: text, address: text, port: text } });
    const { home, address, port } = values;
    if (port === undefined) return { home, override: address === undefined ? {} : { address } };
    const checked = checkPort(/^\d+$/.test(port) ? Number(port) : Number.NaN);
    if (!checked.ok) throw new Error(`--port ${port}: ${checked.text}`);
    return { home, override: { ...(address === undefined ? {} : { address }), port: checked.value } };
  } catch (cause) {
    throw new UsageError(
      `${(cause as Error).message}; use caretmirror-iscagent [--home DIR] [--address A] [--port P]`,
      { cause },
    );
  }
}

/** Resolves with the function that stops it. */
async function start(
  paths: HomePaths,
  configuration: AgentConfiguration,
  log: WriteAgentLog,
): Promise<() => Promise<void>> {
  const { address, port } = configuration;
  const lock = takeLock(paths, address, port);
  try {
    const events = openEventsLog(paths.agentEvents);
    const driver = new AgentDriver({
      home: paths.home,
      host: nodeHost,
      network: createTcpNetwork({ files: { makePrivateDirectory, removeSocket } }),
      openJournal: (place) => openDiskJournal({ ...place, files: nodeHost.files, readOnly: true }),
      readConfiguration,
      log,
      events,
      version: ownVersion(),
      firstSession: randomInt(1, 2 ** 31),
    });
    log('starting-server', { address, port });
    await driver.listen(address, port);
    return async () => {
      await driver.close();
      events.close();
      lock.release();
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function takeLock(paths: HomePaths, address: string, port: number): HeldLock {
  try {
    return nodeHost.processes.acquireLock(paths.agentStatus, 'agent', { address, port });
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'lock-held') throw cause;
    throw new Error(`an ISCAgent serves this host already: ${(cause as Error).message}`, { cause });
  }
}

function untilTold(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** To standard output: iscagent.log where a command has started it, the system log under systemd (docs/decisions/0059). */
function logFrom(minimumSeverity: AgentConfiguration['minimumSeverity']): WriteAgentLog {
  return createAgentLog({
    pid: process.pid,
    minimumSeverity,
    isSystemLog: isSystemLog(process.env),
    wallMs: nodeHost.clock.wallMs,
    write: (line) => process.stdout.write(line),
  });
}
