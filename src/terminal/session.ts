/**
 * The conversation: menus of menus/ shown, an option taken, its action carried out, the menu again. The terminal knows no
 * rule; whether an option is offered here and now is what the instance says in its description.
 */

import { backupRoutine, restoreRoutine } from '../../menus/backup.ts';
import { databaseRoutine } from '../../menus/database.ts';
import { journalRoutine } from '../../menus/journal.ts';
import { keptOut } from '../../menus/kept-out.ts';
import type { Action, Menu, MenuByPlace, Option, Place } from '../../menus/menu.ts';
import { mirrorManagement } from '../../menus/mirror-management.ts';
import { noMirror, serviceOff } from '../../menus/no-mirror.ts';
import { top } from '../../menus/top.ts';
import { trouble } from '../../menus/trouble.ts';
import { wording } from '../../menus/wording.ts';
import type { Description } from '../protocol/control-channel.ts';
import { runAction } from './actions.ts';
import type { Control, RequestRefusedError } from './control-client.ts';
import { AbandonedError, type Dialogue } from './dialogue.ts';
import type { EquivalentLine } from './equivalent-line.ts';
import type { JournalReader } from './journal-reader.ts';
import { askMirror } from './mirror-choice.ts';
import { type OptionPick, type Parsed, parseOption } from './question.ts';
import { fill, menuHelpLines, menuLines } from './screen.ts';
import { showScreen } from './status-screens.ts';

/** The instance, and what of it is read beside it. */
export interface Desk {
  readonly control: Control;
  readonly journal: JournalReader;
  readonly equivalentLine: EquivalentLine;
}

type Routine = (desk: Desk, dialogue: Dialogue) => Promise<void>;

/** Routines that are built, by the names that operators give them. */
export const routines = {
  MIRROR: mirrorRoutine,
  DATABASE: menuRoutine(databaseRoutine),
  BACKUP: menuRoutine(backupRoutine),
  DBREST: menuRoutine(restoreRoutine),
  JOURNAL: menuRoutine(journalRoutine),
} satisfies Readonly<Record<string, Routine>>;

export type RoutineName = keyof typeof routines;

export function isRoutine(name: string): name is RoutineName {
  return Object.hasOwn(routines, name);
}

function menuRoutine(menu: Menu): Routine {
  return (desk, dialogue) => inEachMirror(desk, dialogue, [() => menu]);
}

type MenuOf = (now: Description) => Menu | null;

/** ^MIRROR from its first menu until the operator leaves. Nothing is changed without a confirmed action. */
function mirrorRoutine(desk: Desk, dialogue: Dialogue): Promise<void> {
  return inEachMirror(desk, dialogue, [
    (now) => (now.indefiniteTrouble ? trouble : null),
    (now) => (now.keptOut === null ? null : keptOut),
    rootMenu,
  ]);
}

/**
 * The menus one after the other. Of a reporting async in several mirrors all of it is about one of them, which is asked for before, and
 * again when its menus are left; likewise when the instance has come into another mirror, or out of one, meanwhile.
 */
async function inEachMirror(desk: Desk, dialogue: Dialogue, menus: readonly MenuOf[]): Promise<void> {
  const { control } = desk;
  // Said where the routine was started.
  let given = control.mirror;
  for (;;) {
    control.mirror = given;
    const { mirrors } = await control.describe();
    const isOneOfSeveral = mirrors.length > 1 && given === undefined;
    given = undefined;
    if (isOneOfSeveral) {
      const chosen = await askMirror(control, mirrors, dialogue);
      if (chosen === null) return;
      control.mirror = chosen;
    }
    if ((await runMenus(desk, dialogue, menus, mirrors)) === 'left' && !isOneOfSeveral) return;
  }
}

async function runMenus(
  desk: Desk,
  dialogue: Dialogue,
  menus: readonly MenuOf[],
  mirrors: readonly string[],
): Promise<'left' | 'other-mirrors'> {
  for (const menuOf of menus) {
    if ((await runMenu(desk, dialogue, menuOf, mirrors)) === 'other-mirrors') return 'other-mirrors';
  }
  return 'left';
}

/** What can be done with the databases that the Status Monitor shows (MON-013, DB-037), under the labels it has elsewhere. */
const monitorActions: Menu = {
  title: 'Status Monitor',
  options: [...mirrorManagement.options.slice(0, 3), ...databaseRoutine.options].filter(({ label }) =>
    wording.monitorActionLabels.some((each) => each === label),
  ),
};

/** CFG-002: what is offered depends on the service and on the role. */
function rootMenu(description: Description): Menu {
  if (description.mirrorSet !== null) return top;
  return description.serviceEnabled ? noMirror : serviceOff;
}

/**
 * Asks the instance before each showing, so that the menu is that of its present role; null = it is over. `mirrors` are those that the
 * instance was in when the operator said, or need not say, which one is meant.
 */
async function runMenu(
  desk: Desk,
  dialogue: Dialogue,
  menuOf: MenuOf,
  mirrors: readonly string[],
): Promise<'left' | 'other-mirrors'> {
  for (;;) {
    const now = await describeChosen(desk);
    if (now === null || now.mirrors.join() !== mirrors.join()) return 'other-mirrors';
    const menu = menuOf(now);
    if (menu === null) return 'left';
    const disabled = menu.options.map((option) => disabledReason(option, now));
    if (menu.heading !== undefined) dialogue.print();
    for (const line of menu.heading ?? []) dialogue.print(dialogue.style.warn(line));
    if (menu === keptOut) dialogue.warn(fill(wording.keptOutBecause, { text: now.keptOut }));
    dialogue.print();
    menuLines(menu, disabled).forEach((line, index) => {
      dialogue.print(disabled[index] === null ? line : dialogue.style.dim(line));
    });
    dialogue.print();
    const option = await askOption(dialogue, menu, disabled);
    if (option === null) return 'left';
    const { leadsTo } = option;
    if (leadsTo === 'leave') return 'left';
    if (leadsTo === 'not-built' || leadsTo === 'not-here') continue;
    if (isAction(leadsTo)) {
      // The menu may have stood there for long, and others were at work.
      const present = await describeChosen(desk);
      if (present === null || present.mirrors.join() !== mirrors.join()) return 'other-mirrors';
      await carryOut(desk, dialogue, present, leadsTo, option.label);
    } else {
      const below: MenuOf = (later) => ('options' in leadsTo ? leadsTo : leadsTo[placeOf(later)]);
      if ((await runMenu(desk, dialogue, below, mirrors)) === 'other-mirrors') return 'other-mirrors';
    }
  }
}

/** Null = the instance is not in the chosen mirror any more. */
async function describeChosen({ control }: Desk): Promise<Description | null> {
  try {
    return await control.describe();
  } catch (error) {
    if ((error as Partial<RequestRefusedError>).refusal?.reason === 'no-such-mirror') return null;
    throw error;
  }
}

async function carryOut(
  desk: Desk,
  dialogue: Dialogue,
  now: Description,
  action: Action,
  label: string,
): Promise<void> {
  try {
    const act = () => runMenu(desk, dialogue, () => monitorActions, now.mirrors).then(() => undefined);
    if (action.kind === 'screen') await showScreen(action.screen, desk.control, dialogue, act);
    else await runAction(action, { ...desk, dialogue, description: now, label });
  } catch (error) {
    if (!(error instanceof AbandonedError)) throw error;
    dialogue.print(error.message);
  }
}

/** The option taken, or null when the operator leaves the menu. */
async function askOption(dialogue: Dialogue, menu: Menu, disabled: readonly (string | null)[]): Promise<Option | null> {
  const parse = (text: string): Parsed<OptionPick> => {
    const parsed = parseOption(menu, text);
    if (!parsed.ok || parsed.value.kind === 'leave') return parsed;
    const { index } = parsed.value;
    const because = disabled[index] ?? null;
    if (because === null) return parsed;
    return { ok: false, expected: `an option that is not disabled (${menu.options[index]?.label}: ${because})` };
  };
  try {
    const pick = await dialogue.ask({
      prompt: `${wording.optionPrompt} `,
      help: ['', ...menuHelpLines(menu, disabled, dialogue.columns), ''],
      parse,
      expected: 'an option',
      where: 'menu',
    });
    if (pick === 'late' || pick.kind === 'leave') return null;
    return menu.options[pick.index] ?? null;
  } catch (error) {
    // Ctrl-D on a terminal is RETURN at a menu.
    if (error instanceof AbandonedError) return null;
    throw error;
  }
}

/** Why an option is not offered here and now; null = it is. */
function disabledReason(option: Option, now: Description): string | null {
  const { leadsTo, runsOn } = option;
  if (leadsTo === 'not-here') return wording.notHere;
  if (leadsTo === 'not-built') {
    if (runsOn === undefined || now.mirrorSet === null || runsOn.includes(placeOf(now))) return wording.notBuilt;
    return wording.notHereNorBuilt;
  }
  if (leadsTo === 'leave' || !isAction(leadsTo) || !('command' in leadsTo)) return null;
  return now.commands[leadsTo.command]?.text ?? null;
}

function isAction(leadsTo: Menu | MenuByPlace | Action): leadsTo is Action {
  return 'kind' in leadsTo;
}

function placeOf(description: Description): Place {
  if (description.isPrimary) return 'primary';
  const self = description.mirrorSet?.members.find((member) => member.name === description.member);
  if (self?.type === 'Disaster Recovery') return 'dr';
  return self === undefined || self.type === 'Failover' ? 'backup' : 'reporting';
}
