/** The manual page of the program, in roff: made from what the commands say about themselves, so that it cannot fall behind them. */
import type { Command } from 'commander';
import { ownVersion } from '../host/own-version.ts';
import { subcommandsOf } from './completion-words.ts';
import { examplesOf } from './examples.ts';
import type { DefineGroup } from './surroundings.ts';

const description = `caretmirror runs a database mirror: a failover pair that keeps the same data, an arbiter that helps to tell a host that is down
from one that is cut off, and asyncs that follow from afar. Without a command it opens the menus of ^MIRROR on the instance of this host. A host is a
home: the directory that --home or CARETMIRROR_HOME names.`;

const exitCodes: readonly (readonly [string, string])[] = [
  ['0', 'done'],
  ['1', 'refused or failed; the reason is one line on standard error'],
  ['2', 'wrong usage'],
  [
    '3',
    'piped answers ended, or one did not fit, in the middle of an action, which was abandoned with nothing changed',
  ],
  ['4', 'instance, agent or mirror not reachable'],
  ['5', 'timed out; the outcome is unknown, and the line says how to find out'],
  ['130', 'interrupted'],
];

const variables: readonly (readonly [string, string])[] = [
  ['CARETMIRROR_HOME', 'the directory that stands for this host, where --home is not given'],
  ['NO_COLOR', 'no colours, also on a terminal'],
  ['CARETMIRROR_DEBUG', '1 = print where an error came from'],
];

export function defineManPage(wholeProgram: () => Promise<Command>): DefineGroup {
  return (group, surroundings) => {
    group.action(async () => {
      const page = manPage(await wholeProgram());
      (await surroundings()).print(page);
    });
  };
}

function manPage(program: Command): string {
  return [
    `.TH CARETMIRROR 1 "" "caretmirror ${ownVersion()}" "User Commands"`,
    '.SH NAME',
    'caretmirror \\- a database mirror behind the ^MIRROR menus',
    '.SH SYNOPSIS',
    '.B caretmirror',
    '[\\fIoptions\\fR] [\\fIcommand\\fR [\\fIargument\\fR...]]',
    '.SH DESCRIPTION',
    text(description),
    '.SH OPTIONS',
    ...optionsOf(program),
    '.SH COMMANDS',
    ...subcommandsOf(program).filter(isWorthAPlace).flatMap(commandLines),
    '.SH EXAMPLES',
    '.nf',
    ...examplesBelow(program).map(text),
    '.fi',
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(tagged),
    '.SH ENVIRONMENT',
    ...variables.flatMap(tagged),
    '.SH SEE ALSO',
    'docs/OPERATING.md of the package has the procedures, docs/FAILOVER.md why a member did or did not become primary.',
    '',
  ].join('\n');
}

/** A group's own line stands above its commands only where it can be called by itself. */
function commandLines(command: Command): readonly string[] {
  const below = subcommandsOf(command).filter(isWorthAPlace);
  if (below.length === 0) return entry(command);
  return [`.SS ${text(`${command.name()}: ${command.description()}`)}`, ...below.flatMap(entry)];
}

function entry(command: Command): readonly string[] {
  const help = command.createHelp();
  const own = `.SS ${text(help.commandUsage(command).replace(/^caretmirror /, ''))}`;
  const heading = command.parent?.parent === null ? own : `.TP\n\\fB${text(nameOf(command))}\\fR`;
  return [
    heading,
    text(command.description() || help.commandDescription(command)),
    '.RS',
    ...argumentsOf(command),
    ...optionsOf(command),
    '.RE',
  ];
}

/** `journal view <instance> [file]`. */
function nameOf(command: Command): string {
  const given = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.parent?.name(), command.name(), ...given].join(' ');
}

function argumentsOf(command: Command): readonly string[] {
  const described = command.registeredArguments.filter((argument) => argument.description !== '');
  return described.flatMap((argument) => tagged([argument.name(), argument.description]));
}

function optionsOf(command: Command): readonly string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter((option) => option.long !== '--help');
  return options.flatMap((option) => tagged([help.optionTerm(option), help.optionDescription(option)]));
}

function examplesBelow(command: Command): readonly string[] {
  return [...examplesOf(command), ...subcommandsOf(command).filter(isWorthAPlace).flatMap(examplesBelow)];
}

function isWorthAPlace(command: Command): boolean {
  return command.name() !== 'help';
}

function tagged([term, meaning]: readonly [string, string]): readonly string[] {
  return ['.TP', `\\fB${text(term)}\\fR`, text(meaning)];
}

/** What roff would take for its own. */
function text(plain: string): string {
  return plain
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/\^/g, '\\(ha')
    .replace(/^([.'])/gm, '\\&$1');
}
