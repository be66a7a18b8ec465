/** `caretmirror verify`: the primary compares what the databases of all connected members hold. It changes no data. */
import type { CopyReport, VerificationReport } from '../mirror/status.ts';
import { failed, usage } from './failures.ts';
import { askInstance, onlyInstance } from './instances.ts';
import { json, table } from './output.ts';
import type { DefineGroup } from './surroundings.ts';
import { parseDuration } from './target.ts';

interface Options {
  readonly json: boolean;
  readonly quick: boolean;
  readonly deep: boolean;
  readonly timeout: string;
}

export const define: DefineGroup = (group, surroundings) => {
  group
    .argument('[name]', 'the instance that is primary; not needed where there is one')
    .option('--quick', 'only the running checksums, without reading the databases', false)
    .option('--deep', 'read every entry of every copy; this is the default', false)
    .option('--timeout <time>', 'how long members may take', '10m')
    .option('--json', 'one JSON document', false)
    .action(async (name: string | undefined, options: Options) => {
      const here = await surroundings();
      if (options.quick && options.deep) throw usage('--quick and --deep exclude each other');
      const withinMs = parseDuration(options.timeout);
      const instance = onlyInstance(here, name);
      const report = await askInstance(here, instance, (control) => control.verify(options.quick, withinMs, here.tell));
      here.print(options.json ? json(report) : reportText(report));
      if (!report.identical) throw failed(summary(report));
    });
};

type Copy = CopyReport & { readonly member: string };

function copiesOf({ members }: VerificationReport): readonly Copy[] {
  return members.flatMap(({ member, databases }) => databases.map((copy) => ({ ...copy, member })));
}

function reportText(report: VerificationReport): string {
  const how = report.allRead ? 'every entry was read' : 'running checksums only';
  const rows = report.members.flatMap(({ member, databases, notCompared }) => {
    if (notCompared !== null) return [[member, '', 'not compared', notCompared]];
    return databases.map(({ database, result, keys }) => [
      member,
      database,
      result === 'identical' ? `identical up to ${report.position}` : result,
      keys === null ? '' : `${keys} entries`,
    ]);
  });
  const faults = copiesOf(report).flatMap(({ member, database, text }) =>
    text === null ? [] : [`${database} of ${member}: ${text}\n`],
  );
  const shown = rows.length === 0 ? 'the mirror has no databases\n' : table(['Member', 'Database', 'Result', ''], rows);
  return `Mirror ${report.mirror}, ${how}\n\n${shown}${faults.length === 0 ? '' : `\n${faults.join('')}`}`;
}

function summary(report: VerificationReport): string {
  const bad = copiesOf(report).filter(({ result }) => result !== 'identical' && result !== 'left out');
  const missing = report.members.filter(({ notCompared }) => notCompared !== null);
  const parts = [
    ...bad.map(({ member, database, result }) => `${database} of ${member}: ${result}`),
    ...missing.map(({ member, notCompared }) => `${member}: ${notCompared}`),
  ];
  return `not all copies are known to be identical: ${parts.join('; ')}`;
}
