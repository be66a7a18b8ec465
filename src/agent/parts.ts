/** What the ISCAgent is built of: the doors of its rooms, chosen by main.ts (and by tests), and what it is told to be. */
import type { EventsLog, Host, InstanceConfiguration, Severity } from '../host/host.ts';
import { systemLogLine } from '../host/system-log.ts';
import type { Journal } from '../journal/journal.ts';
import { agentLogLine, type WriteAgentLog } from '../mirror/log-messages.ts';
import type { Network } from '../network/network.ts';

/** Where an instance keeps its mirror journal. */
export interface JournalPlace {
  readonly directory: string;
  readonly mirror: string;
  readonly logPath: string;
  readonly lostAndFoundDirectory: string;
}

export interface AgentParts {
  readonly home: string;
  readonly host: Host;
  readonly network: Network;
  /** For reading while the instance is down; changes nothing on disk. */
  readonly openJournal: (place: JournalPlace) => Journal;
  readonly readConfiguration: (path: string) => Promise<InstanceConfiguration>;
  readonly log: WriteAgentLog;
  /** What it decides, also as arbiter. */
  readonly events: EventsLog;
  readonly version: string;
  /** Number of the arbiter's first session, drawn anew at each start of the process. */
  readonly firstSession: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** As the system log takes it, or prints it; what is less severe than `minimumSeverity` is left out (AGT-012). */
export function createAgentLog(options: {
  readonly pid: number;
  readonly minimumSeverity: Severity;
  /** Is it the system log that is written to? */
  readonly isSystemLog: boolean;
  readonly wallMs: () => number;
  readonly write: (line: string) => void;
}): WriteAgentLog {
  return (message, ...facts) => {
    const { severity, text: said } = agentLogLine(message, ...facts);
    if (severity < options.minimumSeverity) return;
    const text = said.replace(/\s*[\r\n]+\s*/g, ' ');
    if (options.isSystemLog) return options.write(systemLogLine(severity, text));
    const at = new Date(options.wallMs());
    const day = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)}`;
    const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0'));
    options.write(`${day} ${time.join(':')} ISCAgent[${options.pid}]: ${text}\n`);
  };
}
