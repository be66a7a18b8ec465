/** The host's ISCAgent as commands handle it. What it does is src/agent's affair; here it is started, stopped and described. */
import { homePaths } from '../host/home.ts';
import { DaemonFailedError, type LockHolder } from '../host/host.ts';
import { readAgentConfiguration, writeHostFile } from '../host/host-files.ts';
import type { Address } from '../mirror/mirror-set.ts';
import { failed, unknown } from './failures.ts';
import type { Surroundings } from './surroundings.ts';

const startTimeoutMs = 15_000;
const stopTimeoutMs = 10_000;

export interface AgentReport {
  readonly running: boolean;
  readonly pid: number | null;
  readonly address: string;
  readonly port: number;
}

export function agentHolder({ home, host }: Surroundings): LockHolder | null {
  const lock = host.processes.describeLock(homePaths(home).agentStatus);
  return lock.state === 'held' ? lock.by : null;
}

export function reportAgent(surroundings: Surroundings): AgentReport {
  const configured = readAgentConfiguration(homePaths(surroundings.home).agentConfiguration);
  const holder = agentHolder(surroundings);
  const { address, port } = holder?.about ?? {};
  return {
    running: holder !== null,
    pid: holder?.pid ?? null,
    address: typeof address === 'string' ? address : configured.address,
    port: typeof port === 'number' ? port : configured.port,
  };
}

/** Address and port stay in iscagent.conf for every later start; other lines of the file are kept. */
export function configureAgent({ home, host }: Surroundings, wanted: Partial<Address>): void {
  const { agentConfiguration } = homePaths(home);
  const lines = Buffer.from(host.files.readWhole(agentConfiguration) ?? []).toString();
  const settings: readonly (readonly [string, string | number | undefined])[] = [
    ['application_server.interface_address', wanted.host],
    ['application_server.port', wanted.port],
  ];
  let kept = lines.split('\n').filter((line) => line.trim() !== '');
  for (const [key, value] of settings) {
    if (value === undefined) continue;
    kept = kept.filter((line) => line.split('=')[0]?.trim() !== key);
    kept.push(`${key}=${value}`);
  }
  host.files.makeDirectory(home);
  host.files.replace(agentConfiguration, Buffer.from(`${kept.join('\n')}\n`));
}

export function nameHost({ home, host }: Surroundings, address: string): void {
  host.files.makeDirectory(home);
  writeHostFile(host.files, homePaths(home).host, { address });
}

/** Returns when it serves. False when it ran already. */
export async function startAgent(surroundings: Surroundings): Promise<boolean> {
  if (agentHolder(surroundings) !== null) return false;
  const { home, host, programs } = surroundings;
  host.files.makeDirectory(home);
  try {
    await host.processes.startDaemon({
      program: process.execPath,
      args: [programs.agent, '--home', home],
      logPath: homePaths(home).agentLog,
      timeoutMs: startTimeoutMs,
    });
    return true;
  } catch (error) {
    if (!(error instanceof DaemonFailedError)) throw error;
    const faster = error.how === 'timed-out' ? null : agentHolder(surroundings);
    if (faster !== null && faster.pid !== error.pid) return false;
    throw error.how === 'timed-out' ? unknown(`ISCAgent: ${error.message}`) : failed(`ISCAgent: ${error.message}`);
  }
}

/** False when it was not running. */
export async function stopAgent(surroundings: Surroundings, how: 'ask' | 'force' = 'ask'): Promise<boolean> {
  const holder = agentHolder(surroundings);
  if (holder === null) return false;
  const { processes } = surroundings.host;
  if (how === 'ask') {
    processes.askToEnd(holder);
    if ((await processes.waitUntilGone(holder, stopTimeoutMs)) === 'gone') return true;
  }
  if ((await processes.forceDown(holder, stopTimeoutMs)) === 'down') return true;
  throw failed(`ISCAgent (pid ${holder.pid}) cannot be killed; see the machine's log`);
}
