/** What the ISCAgent is built of: the doors of its rooms, chosen by main.ts (and by tests), and what it is told to be. */
import type { EventsLog, Host, InstanceConfiguration, Severity } from '../host/host.ts';
import type { Journal } from '../journal/journal.ts';
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
  readonly log: AgentLog;
  /** What it decides, also as arbiter. */
  readonly events: EventsLog;
  readonly version: string;
  /** Number of the arbiter's first session, drawn anew at each start of the process. */
  readonly firstSession: number;
}

/** One line of the agent's log (AGT-012). */
export type AgentLog = (severity: Severity, text: string) => void;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** As the system log prints it; what is less severe than `minimumSeverity` is left out (AGT-012). */
export function createAgentLog(options: {
  readonly pid: number;
  readonly minimumSeverity: Severity;
  readonly wallMs: () => number;
  readonly write: (line: string) => void;
}): AgentLog {
  return (severity, text) => {
    if (severity < options.minimumSeverity) return;
    const at = new Date(options.wallMs());
    const day = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)}`;
    const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0'));
    options.write(`${day} ${time.join(':')} ISCAgent[${options.pid}]: ${text.replace(/\s*[\r\n]+\s*/g, ' ')}\n`);
  };
}
