/** `caretmirror instance ...`: the instances of this home. */
import { converse } from '../terminal/routine.ts';
import { failed, usage } from './failures.ts';
import {
  createInstance,
  deleteInstance,
  editInstance,
  findInstance,
  forceInstance,
  type Instance,
  type InstanceReport,
  isThere,
  listInstances,
  reportInstance,
  startInstance,
  stopInstance,
} from './instances.ts';
import { json, table } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseDuration, parseWhole } from './target.ts';

export const define: DefineGroup = (group, surroundings) => {
  group
    .command('create <name>')
    .description('make an instance in this home')
    .option('--address <address>', 'address of its superserver; the first one given stands for the host')
    .option('--port <port>', 'port of its superserver: 1972, else the next one free in this home')
    .action(async (name: string, options: { address?: string; port?: string }) => {
      const here = await surroundings();
      const { made, configuration } = await createInstance(here, {
        name,
        ...(options.address === undefined ? {} : { address: options.address }),
        ...(options.port === undefined ? {} : { port: parseWhole(options.port, '--port', 1, 65535) }),
      });
      const { instance, superserver } = configuration;
      const what = made ? 'created' : 'exists already';
      here.tell(`instance ${instance} ${what}, superserver ${superserver.host}:${superserver.port}`);
    });
  defineEdit(group, surroundings);
  group
    .command('start <name>')
    .description('start it, and wait until its role is settled')
    .option('--timeout <time>', 'how long to wait', '60s')
    .action(async (name: string, options: { timeout: string }) => {
      const here = await surroundings();
      await start(here, findInstance(here, name), parseDuration(options.timeout));
    });
  group
    .command('stop <name>')
    .description('stop it; an active backup takes over')
    .option('--nofailover', 'keep the backup from taking over', false)
    .option('--timeout <time>', 'how long to wait', '60s')
    .action(async (name: string, options: { nofailover: boolean; timeout: string }) => {
      const here = await surroundings();
      await stop(here, findInstance(here, name), options.nofailover, parseDuration(options.timeout));
    });
  group
    .command('restart <name>')
    .description('stop it, then start it')
    .option('--nofailover', 'keep the backup from taking over', false)
    .option('--timeout <time>', 'how long to wait, each time', '60s')
    .action(async (name: string, options: { nofailover: boolean; timeout: string }) => {
      const here = await surroundings();
      const instance = findInstance(here, name);
      await stop(here, instance, options.nofailover, parseDuration(options.timeout));
      await start(here, instance, parseDuration(options.timeout));
    });
  group
    .command('force <name>')
    .description('kill its process at once')
    .action(async (name: string) => {
      const here = await surroundings();
      const instance = findInstance(here, name);
      const killed = await forceInstance(here, instance);
      here.tell(`instance ${instance.name} ${killed ? 'was killed' : 'is down already'}`);
    });
  group
    .command('delete <name>')
    .description('remove it with all its data; it must be down')
    .option('--confirm <name>', 'the name again, instead of a question')
    .action(async (name: string, options: { confirm?: string }) => {
      const here = await surroundings();
      if (options.confirm?.toUpperCase() === name.toUpperCase() && !isThere(here, name)) {
        here.tell(`there is no instance ${name.toUpperCase()} in ${here.home}: it is deleted already`);
        return;
      }
      await removeInstance(here, findInstance(here, name), options.confirm);
    });
  defineList(group, surroundings);
};

const defineEdit: DefineGroup = (group, surroundings) => {
  group
    .command('edit <name>')
    .description('where it serves from its next start on; it must be down')
    .option('--address <address>', 'address of its superserver')
    .option('--port <port>', 'port of its superserver')
    .action(async (name: string, options: { address?: string; port?: string }) => {
      const here = await surroundings();
      if (options.address === undefined && options.port === undefined) throw usage('give --address or --port');
      const { changed, host, port } = await editInstance(here, findInstance(here, name), {
        ...(options.address === undefined ? {} : { address: options.address }),
        ...(options.port === undefined ? {} : { port: parseWhole(options.port, '--port', 1, 65535) }),
      });
      here.tell(`instance ${name.toUpperCase()} will serve on ${host}:${port}${changed ? '' : ' already'}`);
    });
};

const defineList: DefineGroup = (group, surroundings) => {
  group
    .command('list')
    .description('instances of this home')
    .option('--json', 'one JSON document', false)
    .action(async (options: { json: boolean }) => {
      const here = await surroundings();
      const reports = await Promise.all(listInstances(here).map((instance) => reportInstance(here, instance)));
      here.print(options.json ? json(reports) : listTable(reports));
    });
};

async function start(here: Surroundings, instance: Instance, timeoutMs: number): Promise<void> {
  const { alreadyRan, report } = await startInstance(here, instance, timeoutMs);
  here.tell(`instance ${instance.name} ${alreadyRan ? 'was running already' : 'is up'}: ${report.status}`);
}

async function stop(here: Surroundings, instance: Instance, noFailover: boolean, timeoutMs: number): Promise<void> {
  const stopped = await stopInstance(here, instance, noFailover, timeoutMs);
  here.tell(`instance ${instance.name} is down${stopped ? '' : ' already'}`);
}

async function removeInstance(here: Surroundings, instance: Instance, typed: string | undefined): Promise<void> {
  if (typed !== undefined && typed.toUpperCase() !== instance.name) {
    throw usage(`--confirm ${typed} does not name the instance to delete, ${instance.name}`);
  }
  if (typed === undefined && !(await confirmed(here, instance))) throw failed('nothing was deleted');
  deleteInstance(here, instance);
  here.tell(`instance ${instance.name} and all its data are deleted`);
}

async function confirmed(here: Surroundings, { name, paths }: Instance): Promise<boolean> {
  if (!here.isTerminal) throw usage(`delete removes all data of ${name}: give --confirm ${name}`);
  let isConfirmed = false;
  await converse(here, async (dialogue) => {
    dialogue.print(`Instance ${name} with all its data in ${paths.directory} will be removed.`);
    const help = 'Yes removes the instance with its databases and journal files; nothing can bring them back.';
    const question = { kind: 'yes-no', name: 'sure', text: 'Do you want to continue?', help, default: '<No>' } as const;
    isConfirmed = (await dialogue.askQuestion(question, {})) === true;
  });
  return isConfirmed;
}

function listTable(reports: readonly InstanceReport[]): string {
  if (reports.length === 0) return 'no instances in this home\n';
  const rows = reports.map((report) => [
    report.name,
    report.state,
    String(report.pid ?? '-'),
    `${report.address}:${report.port}`,
    report.mirror ?? '-',
    report.member ?? '-',
    report.status ?? '-',
  ]);
  return table(['Instance', 'State', 'Pid', 'Superserver', 'Mirror', 'Member', 'Status'], rows);
}
