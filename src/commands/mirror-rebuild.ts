/** `caretmirror mirror rebuild` (FO-089) and `database download` (DB-029): a member's databases anew from another member. */
import type { CommandArguments } from '../protocol/control-commands.ts';
import type { ControlClient } from '../terminal/control-client.ts';
import { unknown, usage } from './failures.ts';
import { askInstance, findInstance, type Instance, startInstance, stopInstance } from './instances.ts';
import { json } from './output.ts';
import { defineLook, type LookOptions, performOn, performOrLook } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseDuration } from './target.ts';

interface DownloadOptions {
  readonly from?: string;
  readonly as?: string;
  readonly replace: boolean;
  readonly json: boolean;
}

interface RebuildOptions extends LookOptions {
  readonly from?: string;
  readonly confirm?: string;
  readonly timeout: string;
}

const pollMs = 200;

export const defineDownload: DefineGroup = (group, surroundings) => {
  group
    .command('download <instance> [database...]')
    .description('copies of mirrored databases from another member; goes on where it was cut off')
    .option('--from <member>', 'the member whose databases are copied: the primary when left out')
    .option('--as <name>', 'local name here, for one database that is not here yet')
    .option('--replace', 'replace the present data of copies that are here already', false)
    .option('--json', 'one JSON document', false)
    .action(async (name: string, databases: string[], options: DownloadOptions) => {
      const here = await surroundings();
      await askInstance(here, findInstance(here, name), async (control) => {
        const text = await download(here, control, databases, options);
        here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
      });
    });
};

export const defineRebuild: DefineGroup = (group, surroundings) => {
  defineLook(group.command('rebuild <instance>'))
    .description('replace all mirrored databases of a member by those of another, and let it follow the mirror again')
    .option('--from <member>', 'the member whose databases are copied: the primary when left out')
    .option('--confirm <member>', "this member's name, as a confirmation")
    .option('--timeout <time>', 'how long to wait for each of stop, start and catchup', '60s')
    .action(async (name: string, options: RebuildOptions) => {
      const here = await surroundings();
      const instance = findInstance(here, name);
      const text = await rebuild(here, instance, options);
      if (text !== null) here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
    });
};

async function download(
  here: Surroundings,
  control: ControlClient,
  databases: readonly string[],
  { from, as, replace }: DownloadOptions,
): Promise<string> {
  const wanted = databases.map((each) => each.toUpperCase());
  const held = (await control.describe()).databases.filter(
    ({ mirrored, status }) =>
      mirrored !== null && status !== 'Needs Activation' && (wanted.length === 0 || wanted.includes(mirrored)),
  );
  const names = held.map(({ name }) => name);
  if (names.length > 0 && !replace) {
    throw usage(`the present data of ${names.join(', ')} would be replaced: give --replace if that is meant`);
  }
  const given: CommandArguments['download-databases'] = {
    ...(wanted.length === 0 ? {} : { databases: wanted }),
    ...(from === undefined ? {} : { from }),
    ...(as === undefined ? {} : { as }),
    ...(names.length === 0 ? {} : { replace: names }),
  };
  return await performOn(here, control, 'download-databases', given);
}

/** Asked for by the member's name, since what it holds alone is only put aside; repeated, it goes on where it was. */
async function rebuild(here: Surroundings, instance: Instance, options: RebuildOptions): Promise<string | null> {
  const timeoutMs = parseDuration(options.timeout);
  const fetched = await askInstance(here, instance, async (control) => {
    const { member } = await control.describe();
    if (member !== null && !options.dryRun && options.confirm?.toUpperCase() !== member) {
      throw usage(
        `all mirrored databases of ${member} would be replaced, and what it has alone put aside: confirm it with --confirm ${member}`,
      );
    }
    const given = options.from === undefined ? {} : { from: options.from };
    return await performOrLook(here, control, 'rebuild-member', given, options);
  });
  if (fetched === null) return null;
  here.tell(fetched);
  await stopInstance(here, instance, false, timeoutMs);
  await startInstance(here, instance, timeoutMs);
  const { clock, files } = here.host;
  const deadlineMs = clock.nowMs() + timeoutMs;
  while (files.exists(instance.paths.rebuild)) {
    if (clock.nowMs() > deadlineMs) {
      throw unknown(
        `the copies are in place on ${instance.name}, and not caught up yet; see "caretmirror status ${instance.name}" and its messages log`,
      );
    }
    await clock.wait(pollMs);
  }
  return `${instance.name} is rebuilt and caught up; its databases of before are in ${instance.paths.replaced}`;
}
