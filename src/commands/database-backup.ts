/** `caretmirror database backup` and `restore`: hot copies of databases, and copies that take their places again. */
import { resolve } from 'node:path';
import type { RestorePlan, RestoreStep } from '../protocol/control-channel.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import { failed, usage } from './failures.ts';
import { connectInstance, findInstance } from './instances.ts';
import { json, table } from './output.ts';
import { performOn } from './perform.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

interface RestoreOptions {
  readonly from: string;
  readonly as?: string;
  readonly replace: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export const defineBackups: DefineGroup = (group, surroundings) => {
  group
    .command('backup <instance> <database...>')
    .description('copy databases, while they are in use, into a new directory')
    .requiredOption('--to <directory>', 'the directory to make')
    .option('--json', 'one JSON document', false)
    .action(async (name: string, databases: string[], options: { to: string; json: boolean }) => {
      const here = await surroundings();
      const control = await connectInstance(here, findInstance(here, name));
      try {
        const given = { databases, to: resolve(options.to) };
        const text = await performOn(here, control, 'backup-databases', given);
        here.print(options.json ? json({ ok: true, text, directory: given.to }) : `${text}\n`);
      } finally {
        control.close();
      }
    });
  group
    .command('restore <instance> [database...]')
    .description('put the copies of a backup in place; mirrored ones are activated and caught up')
    .requiredOption('--from <directory>', 'the directory of the backup')
    .option('--as <name>', 'local name here, for one database')
    .option('--replace', 'replace the present data of databases that are here already', false)
    .option('--dry-run', 'print what would be done, do nothing', false)
    .option('--json', 'one JSON document', false)
    .action(async (name: string, databases: string[], options: RestoreOptions) => {
      const here = await surroundings();
      await restore(here, name, databases, options);
    });
};

async function restore(
  here: Surroundings,
  name: string,
  databases: readonly string[],
  options: RestoreOptions,
): Promise<void> {
  const control = await connectInstance(here, findInstance(here, name));
  try {
    const given: CommandArguments['restore-databases'] = {
      from: resolve(options.from),
      ...(databases.length === 0 ? {} : { databases }),
      ...(options.as === undefined ? {} : { as: options.as }),
    };
    const plan = await control.request({ type: 'plan-restore', arguments: given });
    if (options.dryRun) here.print(options.json ? json(plan) : planText(plan));
    const no = plan.steps.find(({ refusal }) => refusal !== null)?.refusal;
    if (no != null) throw failed(options.dryRun ? `it would be refused: ${no.text}` : no.text);
    if (options.dryRun) return;
    const holding = plan.steps.filter(({ holdsData }) => holdsData).map(({ database }) => database);
    if (holding.length > 0 && !options.replace) {
      throw usage(
        `the present data of ${holding.join(', ')} on ${name.toUpperCase()} would be replaced: see --dry-run, then give --replace`,
      );
    }
    // Only what was looked at may be replaced: what has got data since then is refused.
    const replace = holding.length > 0 ? { replace: holding } : {};
    const text = await performOn(here, control, 'restore-databases', { ...given, ...replace });
    here.print(options.json ? json({ ok: true, text }) : `${text}\n`);
  } finally {
    control.close();
  }
}

function planText({ instance, mirror, takenAt, steps }: RestorePlan): string {
  const of = mirror === null ? '' : `, of mirror ${mirror}`;
  const rows = steps.map((step) => [step.database, step.mirrorDatabase ?? '-', whatOf(step), step.directory]);
  return `Backup of instance ${instance}${of}, taken at ${takenAt}\n\n${table(['Name', 'Mirror name', 'Restore', 'Directory'], rows)}`;
}

function whatOf({ isNew, holdsData, refusal }: RestoreStep): string {
  if (refusal !== null) return `refused: ${refusal.text}`;
  if (isNew) return 'makes it';
  return holdsData ? 'replaces its present data' : 'fills it';
}
