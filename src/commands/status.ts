/** `caretmirror status | wait | log`: what an instance is, does and says. They only look. */
import { readMessageLine } from '../host/messages-log.ts';
import { MessagesReader } from '../host/messages-reader.ts';
import type { StatusReport } from '../mirror/status.ts';
import type { ControlClient } from '../terminal/control-client.ts';
import { type Look, monitorLines } from '../terminal/status-monitor.ts';
import { openStyle } from '../terminal/style.ts';
import { failureOf, notReachable, unknown, usage } from './failures.ts';
import { askInstance, onlyInstance, waitForStatus } from './instances.ts';
import { json } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseDuration, parseWhole } from './target.ts';

const watchSecondsDefault = '5';
const followMs = 250;

export const defineStatus: DefineGroup = (group, surroundings) => {
  group
    .argument('[name]', 'the instance; not needed where there is one')
    .option('--json', 'one JSON document', false)
    .option('--watch [seconds]', 'again every so often, until Ctrl-C')
    .action(async (name: string | undefined, options: { json: boolean; watch?: string | true }) => {
      const here = await surroundings();
      const instance = onlyInstance(here, name);
      const look = { columns: here.isTerminal ? here.columns() : 80, style: styleOf(here) };
      const ask = () => askInstance(here, instance, statuses);
      if (options.watch === undefined) {
        const reports = await ask();
        here.print(options.json ? document(reports) : pages(reports, [], look));
        return;
      }
      const seconds = options.watch === true ? watchSecondsDefault : options.watch;
      await watch(here, ask, parseDuration(seconds), options.json, look);
    });
};

function styleOf({ isTerminal, env, columns }: Surroundings): Look['style'] {
  return openStyle(isTerminal, (env.NO_COLOR ?? '') !== '', columns);
}

/** Until the process is ended. An instance that goes away meanwhile is said on standard error, and asked again. */
async function watch(
  here: Surroundings,
  ask: () => Promise<readonly StatusReport[]>,
  everyMs: number,
  asJson: boolean,
  look: Look,
): Promise<never> {
  let before: readonly StatusReport[] = [];
  for (;;) {
    const reports = await ask().catch((error: unknown) => {
      here.tell(failureOf(error).message);
      return [];
    });
    if (reports.length > 0 && asJson) here.print(document(reports));
    else if (reports.length > 0)
      here.print(`${here.isTerminal ? '\x1b[H\x1b[2J' : '\n'}${pages(reports, before, look)}`);
    before = reports;
    await here.host.clock.wait(everyMs);
  }
}

/** Of a reporting async in several mirrors one for each, unless one was asked for (MON-023). */
async function statuses(control: ControlClient): Promise<readonly StatusReport[]> {
  const report = await control.status();
  if (control.mirror !== undefined || report.mirrors === undefined) return [report];
  const reports: StatusReport[] = [];
  for (const mirror of report.mirrors) {
    control.mirror = mirror;
    reports.push(await control.status());
  }
  return reports;
}

function document(reports: readonly StatusReport[]): string {
  return json(reports.length === 1 ? reports[0] : reports);
}

function pages(reports: readonly StatusReport[], before: readonly StatusReport[], look: Look): string {
  const page = (report: StatusReport): string => {
    const previous = before.find(({ mirror }) => mirror === report.mirror) ?? null;
    return `${monitorLines(report, previous, true, look).join('\n')}\n`;
  };
  return reports.map(page).join('\n');
}

const goals: Readonly<Record<string, (report: StatusReport) => boolean>> = {
  primary: (report) => report.status === 'Primary',
  backup: (report) => report.status === 'Backup',
  connected: (report) => report.status === 'Connected',
  active: hasActiveBackup,
  'caught-up': isCaughtUp,
};

/** True of the mirror, whichever member is asked. */
export function hasActiveBackup(report: StatusReport): boolean {
  return report.members.some((member) => member.type === 'Failover' && member.journalTransfer === 'Active');
}

/** This member has everything and has applied it. */
export function isCaughtUp(report: StatusReport): boolean {
  if (report.status === 'Primary') return true;
  const self = report.members.find((member) => member.name === report.member);
  return (
    self !== undefined &&
    ['Active', 'Caught up'].includes(self.journalTransfer) &&
    self.dejournaling === 'Caught up' &&
    report.databases.every(
      (database) => !['Needs Catchup', 'Needs Activation', 'Catchup Running'].includes(database.status),
    )
  );
}

export const defineWait: DefineGroup = (group, surroundings) => {
  group
    .argument('[name]', 'the instance; not needed where there is one')
    .requiredOption('--for <what>', Object.keys(goals).join(', '))
    .option('--timeout <time>', 'how long to wait', '60s')
    .option('--json', 'print the status it ended with', false)
    .action(async (name: string | undefined, options: { for: string; timeout: string; json: boolean }) => {
      const here = await surroundings();
      const isReached = goals[options.for];
      if (isReached === undefined) throw usage(`--for ${options.for}: it is one of ${Object.keys(goals).join(', ')}`);
      const instance = onlyInstance(here, name);
      const deadlineMs = here.host.clock.nowMs() + parseDuration(options.timeout);
      const report = await waitForStatus(here, instance, isReached, deadlineMs);
      if (options.json && report !== null) here.print(json(report));
      if (report !== null && isReached(report)) return;
      const what = `${instance.name} is not ${options.for} after ${options.timeout}`;
      if (report === null) throw notReachable(`${what}: it is not running or does not answer`);
      throw unknown(
        `${what}: its status is ${report.status}${report.waitingFor === null ? '' : `, ${report.waitingFor}`}`,
      );
    });
};

export const defineLog: DefineGroup = (group, surroundings) => {
  group
    .argument('[name]', 'the instance; not needed where there is one')
    .option('--json', 'one JSON document; with --follow one a line', false)
    .option('--follow', 'go on with those to come, until Ctrl-C', false)
    .option('--severity <number>', '0 information, 1 warning, 2 severe, 3 fatal: these and worse ones', '0')
    .action(async (name: string | undefined, options: { json: boolean; follow: boolean; severity: string }) => {
      const here = await surroundings();
      const instance = onlyInstance(here, name);
      const severity = parseWhole(options.severity, '--severity', 0, 3);
      const reader = new MessagesReader(instance.paths.messages);
      const show = (lines: readonly string[], oneDocument: boolean) => {
        const kept = lines.filter((line) => (readMessageLine(line)?.severity ?? 0) >= severity);
        const messages = kept.map((line) => readMessageLine(line) ?? { text: line });
        if (oneDocument) here.print(json(messages));
        else here.print(options.json ? messages.map(json).join('') : kept.map((line) => `${line}\n`).join(''));
      };
      show(reader.next(), options.json && !options.follow);
      while (options.follow) {
        await here.host.clock.wait(followMs);
        show(reader.next(), false);
      }
    });
};
