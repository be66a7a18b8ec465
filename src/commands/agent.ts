/** `caretmirror agent ...`: the host's ISCAgent. */
import { agentHolder, configureAgent, reportAgent, startAgent, stopAgent } from './agents.ts';
import { failed } from './failures.ts';
import { json } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseWhole } from './target.ts';

interface StartOptions {
  readonly address?: string;
  readonly port?: string;
}

export const define: DefineGroup = (group, surroundings) => {
  const withAddress = (name: string, description: string) =>
    group
      .command(name)
      .description(description)
      .option('--address <address>', 'address to serve on, kept in iscagent.conf (* = all)')
      .option('--port <port>', 'port to serve on, kept in iscagent.conf (2188)');
  withAddress('start', 'start it; returns when it serves').action(async (options: StartOptions) => {
    await start(await surroundings(), options);
  });
  group
    .command('stop')
    .description('stop it')
    .action(async () => {
      const here = await surroundings();
      here.tell((await stopAgent(here)) ? 'ISCAgent is down' : 'ISCAgent is down already');
    });
  withAddress('restart', 'stop it, then start it').action(async (options: StartOptions) => {
    const here = await surroundings();
    await stopAgent(here);
    await start(here, options);
  });
  group
    .command('status')
    .description('is it running, and where; exit code 4 when it is not')
    .option('--json', 'one JSON document', false)
    .action(async (options: { json: boolean }) => {
      const here = await surroundings();
      const report = reportAgent(here);
      const where = `${report.address}:${report.port}`;
      if (options.json) here.print(json(report));
      else
        here.print(
          report.running ? `ISCAgent is up on ${where}, pid ${report.pid}\n` : `ISCAgent is down (${where})\n`,
        );
      if (!report.running) here.endWith(4);
    });
  withAddress('run', 'run it in the foreground, for systemd').action(async (options: StartOptions) => {
    const here = await surroundings();
    configure(here, options);
    // The daemon's own program runs in this process, and this process ends with its code.
    process.argv.splice(2, process.argv.length, '--home', here.home);
    await import(here.programs.agent);
    here.endWith(Number(process.exitCode ?? 0));
  });
};

async function start(here: Surroundings, options: StartOptions): Promise<void> {
  const holder = agentHolder(here);
  if (holder === null) configure(here, options);
  else if (options.address !== undefined || options.port !== undefined) {
    throw failed(`ISCAgent is running (pid ${holder.pid}): stop it before its address or port is changed`);
  }
  const started = await startAgent(here);
  const { address, port } = reportAgent(here);
  here.tell(`ISCAgent ${started ? 'is up' : 'was running already'} on ${address}:${port}`);
}

function configure(here: Surroundings, { address, port }: StartOptions): void {
  if (address === undefined && port === undefined) return;
  configureAgent(here, {
    ...(address === undefined ? {} : { host: address }),
    ...(port === undefined ? {} : { port: parseWhole(port, '--port', 1, 65535) }),
  });
}
