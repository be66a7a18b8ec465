import { expect, test } from '@jest/globals';
import { backupRoutine, restoreRoutine } from '../../menus/backup.ts';
import { databaseRoutine } from '../../menus/database.ts';
import type { Menu } from '../../menus/menu.ts';
import { mirrorConfiguration } from '../../menus/mirror-configuration.ts';
import { mirrorManagement } from '../../menus/mirror-management.ts';
import { mirrorStatus } from '../../menus/mirror-status.ts';
import { noMirror, serviceOff } from '../../menus/no-mirror.ts';
import { top } from '../../menus/top.ts';
import { trouble } from '../../menus/trouble.ts';
import { monitorPrompt, wording } from '../../menus/wording.ts';
import { menuHelpLines, menuLines } from '../../src/terminal/screen.ts';

const menus: readonly Menu[] = [
  ...[serviceOff, noMirror, top, mirrorStatus, mirrorManagement, trouble],
  ...[databaseRoutine, backupRoutine, restoreRoutine],
  ...Object.values(mirrorConfiguration),
];

test('every menu fits a screen of 80x24, each option disabled or not', () => {
  for (const menu of menus) {
    const disabled = menu.options.map(() => wording.notHereNorBuilt);
    expect((menu.heading ?? []).length + menuLines(menu, disabled).length + 4).toBeLessThan(24);
    for (const line of [...menuLines(menu, disabled), ...menuHelpLines(menu, disabled, 80)]) {
      expect(line.length).toBeLessThan(80);
    }
  }
});

test('texts of several lines fit 80 columns where they hold no fact', () => {
  const texts = [trouble.heading ?? [], wording.forceWasActive, wording.forceWasNotActive, monitorPrompt.split('\n')];
  for (const line of texts.flat()) if (!line.includes('{')) expect(line.length).toBeLessThanOrEqual(80);
});

test('labels of one menu differ, so that a whole label is always enough', () => {
  for (const menu of menus) {
    const labels = menu.options.map((option) => option.label.toLowerCase());
    expect(new Set(labels).size).toBe(labels.length);
  }
});

test('numbers stand right-justified in two columns, and a disabled option keeps its number', () => {
  const lines = menuLines(
    mirrorManagement,
    mirrorManagement.options.map((_, index) => (index === 12 ? 'why' : null)),
  );
  expect(lines[0]).toBe(' 1) Add mirrored database(s)');
  expect(lines[9]).toBe('10) Promote Async DR Member to Failover Member');
  expect(lines[12]).toBe('13) Manage mirror dejournaling on async member (disabled)');
});
